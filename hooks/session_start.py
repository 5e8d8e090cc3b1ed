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
from sessions.context import Context
from sessions.errors import RunFolderError
from sessions.interactive_context import interactive_context
from sessions.interactive_told import keep_context
from sessions.settings import Settings, read_settings


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
    """The form that Claude Code reads; it shows `system_message` to the person, who sees nothing of the rest."""

    hook_specific_output: StartAnswer
    system_message: str | None = None


def begin(event: StartEvent, agent: str) -> str:
    """The answer to the event: the context as JSON, or nothing."""
    settings = read_settings()
    learn_in_background(settings, None)
    if event.source == "resume":
        return ""
    found = interactive_context(agent, event.cwd, settings=settings, now=datetime.now(UTC).astimezone())
    said = [*found.for_person, *_keep(found.context, event, settings)]
    told = Answer(
        hook_specific_output=StartAnswer(additional_context=found.context.text), system_message="\n".join(said) or None
    )
    return told.model_dump_json(by_alias=True, exclude_none=True) + "\n"


def _keep(context: Context, event: StartEvent, settings: Settings) -> list[str]:
    """Why it could not be kept, if it could not: no reason to leave the person without it."""
    try:
        keep_context(settings.home, event.session_id, context)
    except RunFolderError as error:
        return [f"sessions: {error}"]
    return []


if __name__ == "__main__":
    sys.exit(answer(StartEvent, begin))
