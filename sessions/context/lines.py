"""Each thing of a memory as a line of the context, with the id by which a reader opens it."""

from sessions.context.material import Occasion
from sessions.context.quoting import ShortIds, as_data, one_line
from sessions.memory.things import Belief, JournalEntry, Observation, Project, Thread, Vital
from sessions.signals import Signal

_TEXT, _QUOTE, _FIELD, _NAME, _WHOLE = 400, 200, 240, 80, 1000
_TOLD = {"built": "Built", "noticed": "Noticed", "changed": "Changed", "assumptions": "Assumed", "next": "Next"}


class Lines:
    """Writes things down for one occasion. `short` shortens the ids of all of them."""

    def __init__(self, occasion: Occasion, short: ShortIds) -> None:
        self._occasion = occasion
        self._short = short

    def observation(self, item: Observation, *, with_quote: bool) -> str:
        """Its text, date and source, and the words it came from where they say more."""
        source = f"{item.kind}, from {item.source.origin} in run {self._short(item.source.run)}"
        line = f"{self._id(item.id)} {self._occasion.day(item.event_at)}, {source}: {as_data(item.text, _TEXT)}"
        quote = item.quote if with_quote and item.quote.strip() not in item.text else ""
        return f"{line}\n  > {as_data(quote, _QUOTE)}" if quote else line

    def weighed(self, item: Observation) -> str:
        """The same with how much it matters, for who decides what becomes of it."""
        source = f"{item.kind}, from {item.source.origin} in run {self._short(item.source.run)}"
        head = f"{self._id(item.id)} {self._occasion.day(item.event_at)}, {source}, importance {item.importance:.1f}"
        return f"{head}: {as_data(item.text, _WHOLE)}"

    def belief(self, belief: Belief) -> str:
        """How sure the agent is now, and of what."""
        sure = f"{belief.confidence_at(self._occasion.now):.0%} sure"
        grounds = len(belief.evidence)
        resting = f", on {grounds} observation{'s' if grounds != 1 else ''}" if grounds else ""
        return f"{self._id(belief.id)} {sure}{resting}: {as_data(belief.text, _TEXT)}"

    def faded(self, belief: Belief) -> str:
        """What is not believed any more, and why."""
        when = f" since {self._occasion.day(belief.faded_at)}" if belief.faded_at else ""
        words = f"{as_data(belief.text, _FIELD)}, because: {as_data(belief.reason, _FIELD)}"
        return f"{self._id(belief.id)} not held{when}: {words}"

    def thread(self, thread: Thread) -> str:
        """Its queue, its age and its words."""
        return f"{self._id(thread.id)} {thread.tag}, open since {self._occasion.day(thread.opened_at)}: " + as_data(
            thread.text, _TEXT
        )

    def journal(self, entry: JournalEntry) -> str:
        """An entry under a heading of its own."""
        told = {name: getattr(entry, field) for field, name in _TOLD.items()}
        when = f"{self._occasion.minute(entry.at)} · {one_line(entry.session)}"
        head = f"{self._id(entry.id)} {when}: {as_data(entry.theme, _FIELD)}"
        return "\n".join(
            [head, *(f"  - {name}: {as_data(text, _FIELD)}" for name, text in told.items() if text.strip())]
        )

    def project(self, project: Project) -> str:
        """Where it stands, what blocks it and whom it waits for."""
        parts = [
            f"{as_data(project.name, _NAME)}: {as_data(project.status, _FIELD)}",
            f"blocked by {as_data(project.blocking, _FIELD)}" * bool(project.blocking.strip()),
            f"waits for {as_data(project.waiting_for, _FIELD)}" * bool(project.waiting_for.strip()),
        ]
        return f"- {'; '.join(filter(None, parts))} (as of {self._occasion.day(project.changed_at)})"

    def vital(self, vital: Vital) -> str:
        """What the agent set."""
        note = f", {as_data(vital.note, _FIELD)}" if vital.note.strip() else ""
        said = f"{as_data(vital.name, _NAME)}: {as_data(vital.value, _FIELD)}{note}"
        return f"- {said} (set {self._occasion.day(vital.changed_at)} by run {self._short(vital.run)})"

    def signal(self, signal: Signal) -> str:
        """What code found out, and what it is about."""
        about = f" ({', '.join(f'`{self._short(each)}`' for each in signal.ids)})" if signal.ids else ""
        return f"- {signal.name}: {as_data(signal.value, _TEXT)}{about}"

    def _id(self, whole: str) -> str:
        return f"- `{self._short(whole)}`"
