"""Addresses of targets: filled in from the environment when a report is sent, and shown without their secrets."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from sessions.errors import DeliveryError
from sessions.parameter_values import DeliveryTarget

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def fill_in(to: str, environment: Mapping[str, str]) -> str:
    """`to` with each `${NAME}` replaced by that variable's value, which stands there as it is.

    Raises:
        DeliveryError: a variable is not set, is empty, or is written in another way.
    """

    def value_of(match: re.Match[str]) -> str:
        value = environment.get(match[1], "").strip()
        if not value:
            raise DeliveryError(
                f"`to` needs the variable {match[1]}, which is not set; set it in the environment of the worker",
                retryable=False,
            )
        return value

    if "${" in _VARIABLE.sub("", to):
        raise DeliveryError(
            "`to` holds a `${` that is no variable; write it as ${NAME}, in letters, digits and _", retryable=False
        )
    return _VARIABLE.sub(value_of, to.strip())


def describe_target(target: DeliveryTarget) -> str:
    """What a person calls the target, such as `telegram -100123:topic:42` or `webhook hooks.example.org`.

    Only a file's path and a chat's number are shown whole: the path of an address is often the secret itself.
    """
    if target.channel in ("file", "telegram"):
        return f"{target.channel} {target.to}"
    if not target.to:
        return target.channel
    if target.channel == "apprise":
        return f"apprise {_beginning(target.to)}"
    return f"{target.channel} {shown_host(target.to)}"


def shown_host(address: str) -> str:
    """The host of an address, without names, passwords, path and query; the variable's name if it is one."""
    if address.startswith("${"):
        return _beginning(address)
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(not an address)"
    return f"{parts.hostname}{port}" if parts.hostname else "(not an address)"


def _beginning(address: str) -> str:
    """The variable or the scheme that an address begins with; nothing else of it is safe to show."""
    variable = _VARIABLE.match(address)
    if variable:
        return variable[0]
    scheme, found, _ = address.partition("://")
    return f"{scheme}://…" if found and scheme.isalnum() else "(not an address)"
