"""Claude Code's SessionStart hook: a conversation begins with what the agent knows and what waits to be discussed.

`sessions hooks install` writes it into Claude Code's settings. A conversation that is taken up again has its context
already; one that was cleared or shortened has lost it and gets it again.
"""

import sys
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from hooks.background import learn_in_background
from hooks.claude_event import ConversationEvent, answer
from sessions.interactive_context import interactive_context
from sessions.settings import read_settings


class StartEvent(ConversationEvent):
    """A conversation begins; `source` is `startup`, `resume`, `clear` or `compact`."""

    source: str = "startup"


class _Spoken(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class StartAnswer(_Spoken):
    """What goes before the conversation."""

    hook_event_name: str = "SessionStart"
    additional_context: str


class Answer(_Spoken):
    """The form that Claude Code reads."""

    hook_specific_output: StartAnswer


def begin(event: StartEvent, agent: str) -> str:
    """The answer to the event: the context as JSON, or nothing."""
    settings = read_settings()
    learn_in_background(settings, None)
    if event.source == "resume":
        return ""
    context = interactive_context(agent, event.cwd, settings=settings, now=datetime.now(UTC).astimezone())
    told = Answer(hook_specific_output=StartAnswer(additional_context=context.text))
    return told.model_dump_json(by_alias=True) + "\n"


if __name__ == "__main__":
    sys.exit(answer(StartEvent, begin))
