"""Scripts in which the extraction model keeps one thing, if it is said in what it reads."""

import json
from collections.abc import Sequence
from typing import Any

from sessions.offline import Script

_JOURNAL = {"built": "", "noticed": "", "changed": "", "assumptions": "", "next": ""}


def keeps(quote: str, text: str, *, theme: str = "Talked", beliefs: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """A rule for the offline model: where `quote` was said, the observation `text` is worth keeping, and `beliefs`."""
    kept = {"action": "ADD", "kind": "fact", "text": text, "quote": quote, "importance": 0.8}
    return _rule({"prompt_contains": quote}, [kept], theme, beliefs)


def keeps_nothing() -> dict[str, Any]:
    """A rule for all that no other rule is about: only the journal is written."""
    return _rule({}, [], "Talked of nothing")


def _rule(
    when: dict[str, Any], kept: list[dict[str, Any]], theme: str, beliefs: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    answer = {"observations": kept, "beliefs": beliefs, "threads": [], "journal": {"theme": theme, **_JOURNAL}}
    # As a template is read, two braces in a row would begin an expression.
    return {"when": {"json_schema": True, **when}, "answer": {"blocks": [{"text": json.dumps(answer, indent=1)}]}}


def with_extraction(agent: Script, *rules: dict[str, Any]) -> Script:
    """The script of an agent, with `rules` for the extraction before it."""
    return Script.model_validate(
        {"rules": [*rules, keeps_nothing(), *agent.model_dump(exclude_defaults=True)["rules"]]}
    )
