"""Addresses of a session: where reports go, and where repositories come from."""

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from deployments.problems import Finding
from sessions.channels.address import fill_in
from sessions.channels.telegram_chat import parse_chat
from sessions.errors import DeliveryError
from sessions.parameter_values import DeliveryTarget, Repo
from sessions.spec import SessionSpec, is_address

_ENVIRONMENT = "keep it in the environment of the worker and write ${NAME} here"
#: Services of apprise whose addresses hold a host and nothing secret, unless there is a name in front of it.
_OPEN_SERVICES = {"json", "jsons", "xml", "xmls", "form", "forms", "ntfy", "ntfys", "apprise", "apprises", "syslog"}
_PLACES = {"{session}", "{slot}", "{run}"}


class _AnyVariable(dict[str, str]):
    """An environment in which every variable is set."""

    def get(self, _key: str, _default: object = None) -> str:
        return "1"


def check_addresses(spec: SessionSpec) -> Iterator[Finding]:
    """What is wrong with the targets and repositories of a session."""
    for field, targets in (("delivery", spec.delivery), ("failure_delivery", spec.failure_delivery)):
        for index, target in enumerate(targets):
            if fault := _target_fault(target):
                yield Finding((field, index, "to"), fault)
    for index, repo in enumerate(spec.repos):
        if fault := _repo_fault(repo):
            yield Finding(("repos", index, "url"), fault)


def check_workflow(spec: SessionSpec) -> Iterator[Finding]:
    """What is wrong with the address of a workflow; its file is read by `sessions preview` and by each run."""
    url = spec.workflow.git_url
    if url and (fault := _repo_fault(Repo(url=url))):
        yield Finding(("workflow", "git_url"), fault)


def check_gate(spec: SessionSpec) -> Iterator[Finding]:
    """What is wrong with a change gate that is an address."""
    gate = spec.change_gate
    if not is_address(gate):
        return
    if "${" in gate:
        yield Finding(("change_gate",), "is not filled in from the environment; write a command, such as `curl …`")
    elif fault := _password_fault(gate) or _web_fault(gate):
        yield Finding(("change_gate",), fault.replace(_ENVIRONMENT, "write a command that reads it from a file"))


def _target_fault(target: DeliveryTarget) -> str:
    to = target.to.strip()
    if re.fullmatch(r"\$[A-Za-z_]\w*", to):
        return f"{to} is not filled in; write ${{{to[1:]}}}"
    try:
        sample = fill_in(to, _AnyVariable())
    except DeliveryError as error:
        return str(error)
    if to == sample and (fault := _password_fault(to)):
        return fault
    rules = {"file": _file_fault, "telegram": _chat_fault, "apprise": _apprise_fault}
    return rules.get(target.channel, _web_fault)(to)


def _file_fault(to: str) -> str:
    unknown = [found for found in re.findall(r"(?<!\$)\{[^{}]*\}", to) if found not in _PLACES]
    return f"holds {unknown[0]}, which is not known; known are {{session}}, {{slot}} and {{run}}" if unknown else ""


def _chat_fault(to: str) -> str:
    try:
        parse_chat(fill_in(to, _AnyVariable()))
    except DeliveryError as error:
        return str(error)
    return ""


def _apprise_fault(to: str) -> str:
    scheme, found, _ = to.partition("://")
    if "${" in to or (found and scheme.lower() in _OPEN_SERVICES):
        return ""
    if not found:
        return "is no address that apprise knows; write scheme://… or, since it may hold a token, ${NAME}"
    return f"an address of {scheme} holds a token; {_ENVIRONMENT}"


def _web_fault(to: str) -> str:
    if not to or to.startswith("${"):
        return ""
    parts = _split(to)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        return f"{to!r} is not a web address; write https://… or ${{NAME}}"
    if re.search(r"(^|&)[^=]*(token|key|secret|password|sig)[^=]*=(?!\$\{)", parts.query, re.IGNORECASE):
        return f"holds a secret behind its question mark; {_ENVIRONMENT}"
    return ""


def _password_fault(address: str) -> str:
    parts = _split(address)
    return f"holds a name or password in front of the host; {_ENVIRONMENT}" if parts and parts.username else ""


def _repo_fault(repo: Repo) -> str:
    parts = _split(repo.url)
    if "${" in repo.url:
        return "is not filled in from the environment; write the address, and let git's credential helper log in"
    # A name alone is how ssh addresses are written; with https it is a token.
    if parts and (parts.password or (parts.username and parts.scheme in ("http", "https"))):
        return "holds credentials; take them out, and let git's credential helper or an ssh key log in"
    return ""


def _split(address: str) -> SplitResult | None:
    try:
        return urlsplit(address)
    except ValueError:
        return None
