"""MCP servers that a session names, written as in Claude Code's `.mcp.json`. No secret stands in a definition."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    Discriminator,
    Field,
    HttpUrl,
    StringConstraints,
    Tag,
    TypeAdapter,
    ValidationError,
)

from sessions.redaction import Redactor, is_secret_name

#: The server with the agent's memory, which every run has.
MEMORY_SERVER = "memory"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:-[^}]*)?\}")
#: A variable may hold the beginning of an address.
_LEADING = re.compile(rf"^{_VARIABLE.pattern}")
_SHAPES = Redactor({})
_URL: TypeAdapter[HttpUrl] = TypeAdapter(HttpUrl)
#: Shorter values are no secret that could be told from a word such as `Bearer`.
_SHORTEST_SECRET = 8
_REMEDY = "write ${NAME} in its place, and allow the variable with SESSIONS_AGENT_ENV=NAME"


def _without_secret(value: str) -> str:
    if "${" in _VARIABLE.sub("", value):
        raise ValueError("has a ${ that names no variable; write ${NAME} or ${NAME:-default}")
    if _SHAPES(value) != value:
        raise ValueError(f"looks like a secret; {_REMEDY}")
    return value


def _is_secret(name: str, value: str) -> bool:
    """Whether a value is a secret by its name: all of it that does not come from the environment."""
    written = _VARIABLE.sub(lambda match: (match[2] or "")[2:], value)
    return is_secret_name(name) and len(written.strip()) >= _SHORTEST_SECRET


def _without_named_secrets(values: dict[str, str]) -> dict[str, str]:
    for name, value in values.items():
        if _is_secret(name, value):
            raise ValueError(f"{name} looks like a secret; {_REMEDY}")
    return values


def _without_secret_options(arguments: list[str]) -> list[str]:
    for option, value in pairwise(arguments):
        if option.startswith("-") and not value.startswith("-") and _is_secret(option.lstrip("-"), value):
            raise ValueError(f"what follows {option} looks like a secret; {_REMEDY}")
    return arguments


def _address(value: str) -> str:
    try:
        _URL.validate_python(_VARIABLE.sub("x", _LEADING.sub("https://x", value)))
    except ValidationError as error:
        raise ValueError("is no address; write https://HOST/PATH") from error
    return value


Value = Annotated[str, AfterValidator(_without_secret)]
Values = Annotated[dict[str, Value], AfterValidator(_without_named_secrets)]


class StdioServer(BaseModel, frozen=True, extra="forbid"):
    """A program that is started for the run, and ends with it."""

    type: Literal["stdio"] = Field("stdio", description="Need not be written.")
    command: Annotated[Value, Field(min_length=1)] = Field(description="The program, found by the agent's PATH.")
    args: Annotated[list[Value], AfterValidator(_without_secret_options)] = Field([], description="Its arguments.")
    env: Values = Field({}, description="Variables that it gets beside those of the agent.")


class RemoteServer(BaseModel, frozen=True, extra="forbid"):
    """A server that runs elsewhere."""

    type: Literal["http", "sse"] = Field(description="How it speaks.")
    url: Annotated[Value, AfterValidator(_address)] = Field(description="Its address.")
    headers: Values = Field({}, description="What goes with every request, such as `Authorization`.")


def _kind_of(server: object) -> str | None:
    if isinstance(server, Mapping):
        kind = server.get("type", "" if "url" in server else "stdio")
    else:
        kind = getattr(server, "type", None)
    return {"stdio": "stdio", "http": "remote", "sse": "remote"}.get(str(kind))


McpServer = Annotated[
    Annotated[StdioServer, Tag("stdio")] | Annotated[RemoteServer, Tag("remote")],
    Discriminator(
        _kind_of,
        custom_error_type="mcp_server",
        custom_error_message="a server needs a command, or a type of http or sse and a url",
    ),
]


def _not_ours(name: str) -> str:
    if name == MEMORY_SERVER:
        raise ValueError(f"{MEMORY_SERVER} is the agent's own memory; give the server another name")
    return name


#: Without `_`, which stands between server and tool in a tool's name.
ServerName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"), AfterValidator(_not_ours)
]


def missing_variables(servers: Mapping[str, StdioServer | RemoteServer], environment: Mapping[str, str]) -> list[str]:
    """The variables that the servers need and `environment` does not have, each as `NAME (server)`."""
    needed = {(name, server) for server, definition in servers.items() for name in _names_in(definition)}
    return [f"{name} ({server})" for name, server in sorted(needed) if name not in environment]


def _names_in(server: StdioServer | RemoteServer) -> Iterator[str]:
    for text in _texts(server.model_dump()):
        yield from (match[1] for match in _VARIABLE.finditer(text) if match[2] is None)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        yield from _texts(part)
