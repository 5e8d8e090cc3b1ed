"""Claude Code's Stop and SessionEnd hook: what was said is learned from, in the background.

`sessions hooks install` writes it into Claude Code's settings for both events. Stop comes after each answer: it notes
the conversation and leaves a process that waits until nothing was said for a while, since a terminal that is closed
ends a conversation without a word. SessionEnd ends that wait. Nobody waits for either.
"""

import sys

from hooks.background import learn_in_background
from hooks.claude_event import ConversationEvent, answer
from sessions.interactive import note_conversation
from sessions.settings import read_settings


def note(event: ConversationEvent, agent: str) -> str:
    """Write the conversation down, and see to it that it is learned from."""
    settings = read_settings()
    path = note_conversation(settings.home, event.conversation(agent), ended=event.hook_event_name == "SessionEnd")
    learn_in_background(settings, path)
    return ""


if __name__ == "__main__":
    sys.exit(answer(ConversationEvent, note))
