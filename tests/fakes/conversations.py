"""Conversations as Claude Code 2.1 writes them down, line by line; seen by running it."""

import json
from pathlib import Path

from pydantic import JsonValue

Line = dict[str, JsonValue]
_AT = "2026-11-20T09:{minute:02}:00.000Z"


class Written:
    """A transcript file that grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._count = 0

    def add(self, kind: str, **fields: JsonValue) -> None:
        """One line, a minute after the last."""
        self._count += 1
        line: Line = {
            "parentUuid": None,
            "isSidechain": False,
            "type": kind,
            "uuid": f"line-{self._count}",
            "timestamp": _AT.format(minute=self._count),
            "userType": "external",
            "sessionId": "s",
            "version": "2.1.327",
        }
        with self.path.open("a") as file:
            file.write(json.dumps(line | fields) + "\n")

    def typed(self, text: JsonValue, source: str = "typed", **fields: JsonValue) -> None:
        """What the person typed."""
        self.add("user", message={"role": "user", "content": text}, promptSource=source, **fields)

    def under_users_name(self, content: JsonValue, **fields: JsonValue) -> None:
        """What Claude Code writes as the user's, though nobody typed it."""
        self.add("user", message={"role": "user", "content": content}, **fields)

    def says(self, *blocks: Line, message: str = "", model: str = "claude-opus-4-5") -> None:
        """What the model answered, a line for each block."""
        id_ = message or f"msg-{self._count}"
        for block in blocks:
            self.add("assistant", message={"id": id_, "model": model, "role": "assistant", "content": [block]})

    def returned(self, tool_use_id: str, content: JsonValue, *, is_error: bool = False) -> None:
        """What a tool gave back."""
        block: Line = {"type": "tool_result", "tool_use_id": tool_use_id, "content": content, "is_error": is_error}
        self.under_users_name([block], toolUseResult={})


def text(words: str) -> Line:
    """A block of words."""
    return {"type": "text", "text": words}


def call(tool: str, id_: str, **arguments: JsonValue) -> Line:
    """A block that calls a tool."""
    return {"type": "tool_use", "id": id_, "name": tool, "input": arguments}
