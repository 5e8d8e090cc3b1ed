"""Texts that must not stand in a definition: what Prefect would replace or delete, and secrets."""

import re
from collections.abc import Iterator, Mapping

from deployments.documents import Location, texts_in
from deployments.problems import Finding
from sessions.redaction import Redactor

#: What Prefect takes for a placeholder.
_PLACEHOLDER = re.compile(r"{{\s*([\w.\-\[\]$]+)\s*}}")
_SECRET_KEY = re.compile(r"(^|[_-])(api[_-]?key|token|secret|password|credentials?)$", re.IGNORECASE)
_NO_SECRETS = Redactor({})


def check_texts(deployment: Mapping[str, object]) -> Iterator[Finding]:
    """Placeholders and secrets, in every text of one deployment."""
    for location, text in texts_in(deployment):
        fault = _pull_fault(text) if location[0] == "pull" else _placeholder_fault(location, text)
        if fault := fault or _secret_fault(location, text):
            yield Finding(location, fault)


def _placeholder_fault(location: Location, text: str) -> str:
    if not (match := _PLACEHOLDER.search(text)):
        return ""
    if location[-1] == "prompt":
        remedy = "put the prompt into a file and name it in prompt_file"
    elif match[1].startswith("prefect."):
        remedy = "its value would be stored in clear text; give it to the worker as a variable of its environment"
    else:
        remedy = "write the value itself, without double braces"
    return f"{match[0]} would be replaced or deleted by Prefect on deploy; {remedy}"


def _pull_fault(text: str) -> str:
    match = _PLACEHOLDER.search(text)
    if match and match[1].startswith("$"):
        remedy = "use a Secret block, as in {{ prefect.blocks.secret.NAME }}"
        return f"{match[0]} would be stored in clear text on deploy; {remedy}"
    return ""


def _secret_fault(location: Location, text: str) -> str:
    if "mcp_servers" in location:
        return ""  # looked at by the parameter itself, which knows `${NAME}`
    named = bool(_SECRET_KEY.search(str(location[-1]))) and text and not _PLACEHOLDER.search(text)
    if not named and _NO_SECRETS(text) == text:
        return ""
    remedy = "keep it in the environment of the worker"
    if location[0] == "pull":
        remedy = "keep it in a Secret block, as in {{ prefect.blocks.secret.NAME }}"
    elif location[-1] == "to":
        remedy = "keep it in the environment of the worker and write ${NAME} here"
    return f"holds what looks like a secret; {remedy}"
