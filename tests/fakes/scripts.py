"""Scripts for the offline model, written as the answers in their order."""

from typing import Any

from sessions.offline import Script

Answer = dict[str, Any]


def says(text: str, **more: object) -> Answer:
    """An answer of one text; `more` are further fields of it, such as `usage`."""
    return {"blocks": [{"text": text}], **more}


def calls(tool: str, text: str = "", **arguments: object) -> Answer:
    """An answer that calls one tool, after a text if there is one."""
    said = [{"text": text}] if text else []
    return {"blocks": [*said, {"tool": tool, "input": arguments}]}


def script(*answers: Answer) -> Script:
    """The answers in turn; the last one stays. Requests without tools are not the agent's and get a word."""
    last = len(answers) - 1
    rules = [{"when": {"has_tools": True, "turn": turn}, "answer": answer} for turn, answer in enumerate(answers[:-1])]
    rules.append({"when": {"has_tools": True, "turn_at_least": last}, "answer": answers[-1]})
    rules.append({"when": {"has_tools": False}, "answer": says("offline")})
    return Script.model_validate({"rules": rules})
