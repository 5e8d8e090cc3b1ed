"""What our hooks for Claude Code have in common: the event that they read, and how they say what is wrong."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, StringConstraints, ValidationError

from hooks.installation import has_own
from sessions.errors import SessionError
from sessions.interactive import Conversation
from sessions.process_tree import MARKER

SessionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}$")]


class ConversationEvent(BaseModel):
    """What Claude Code says of a conversation that begins, waits or ends."""

    hook_event_name: str
    session_id: SessionId
    transcript_path: Path
    cwd: Path

    def conversation(self, agent: str) -> Conversation:
        """The conversation, as one whose memory is that of `agent`."""
        return Conversation(session_id=self.session_id, agent=agent, transcript=self.transcript_path)


Event = TypeVar("Event", bound=ConversationEvent)


def answer(kind: type[Event], act: Callable[[Event, str], str], environment: Mapping[str, str] = os.environ) -> int:
    """Read the event on standard input, act, and print what came of it; returns the exit code.

    What goes wrong is exit code 1 with a sentence, which Claude Code shows and does not act upon. Within the agent of a
    scheduled run nothing is done: that run has its context, and is learned from, without hooks.
    """
    if environment.get(MARKER):
        return 0
    parser = ArgumentParser(prog=f"python -m hooks.{Path(sys.argv[0]).stem}")
    parser.add_argument("--agent", default="main", help="whose memory the conversation reads and feeds")
    parser.add_argument("--user", action="store_true", help="leave it to the project's own hooks, where it has some")
    given = parser.parse_args()
    try:
        event = kind.model_validate_json(sys.stdin.buffer.read())
        if given.user and has_own(Path(environment.get("CLAUDE_PROJECT_DIR") or event.cwd)):
            return 0
        said = act(event, given.agent)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "standard input"
        return _complain(f"this is not the event of a conversation: {where}: {first['msg']}")
    except SessionError as error:
        return _complain(str(error))
    sys.stdout.write(said)
    return 0


def _complain(sentence: str) -> int:
    sys.stderr.write(f"sessions: {sentence}\n")
    return 1
