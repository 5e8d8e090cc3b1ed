"""What a run learned, told to a person: each change with the words it rests on, and what was not kept."""

from collections.abc import Iterator, Mapping

from sessions.disguises import without_invisible
from sessions.extraction_evidence import WHOSE
from sessions.learned import Learned, journal_fields
from sessions.learning import read_learned
from sessions.memory.changes import (
    Add,
    Believe,
    Change,
    CloseThread,
    Confirm,
    Fade,
    FadeBelief,
    OpenThread,
    SetProject,
    SetVital,
    Strengthen,
    Supersede,
    subject_of,
)
from sessions.memory_tools_answers import short
from sessions.run_folder import RunFolder
from sessions.safe_markdown import code, plain, quoted, shortened

_QUOTE_CHARACTERS = 300


def show_learned(run: RunFolder) -> str:
    """What the run learned as Markdown, or why nothing is known of it yet.

    Raises:
        RunFolderError: what was kept of it cannot be read.
    """
    if not run.learned_path.exists():
        why = run.record.notes.get("extracted", "its transcript was not looked at")
        return f"Nothing was learned from this run yet: {_plain(why)}."
    return render_what_it_learned(read_learned(run), not_stored=run.record.notes.get("remembered", ""))


def render_what_it_learned(learned: Learned, *, not_stored: str = "") -> str:
    """All that changed, by what became of it.

    Args:
        learned: the changes.
        not_stored: why the memory does not have them yet; empty if it does.
    """
    head = f"**Not in memory yet**: {_plain(not_stored)}." if not_stored else _how_to_open(learned)
    sections = [f"## {title}\n\n" + "\n".join(lines) for title, lines in _sections(learned).items() if lines]
    return "\n\n".join(filter(None, (head, *sections))) or "Nothing was worth keeping."


def _how_to_open(learned: Learned) -> str:
    if not learned.changes:
        return ""
    back = code(f"sessions memory revert --run {learned.changes[0].run}")
    return f"`sessions memory show ID` opens a line, and a project or vital by its name; {back} takes all of it back."


def _sections(learned: Learned) -> dict[str, list[str]]:
    added = {change.observation.id: change for change in learned.of_kind(Add)}
    successors = {change.successor for change in learned.of_kind(Supersede)}
    shown = (change for id_, change in added.items() if id_ not in successors and not change.quarantined)
    name = _Names(learned.texts)
    return {
        "Added": [_line(each, f"**{each.observation.kind}**: {_plain(each.observation.text)}") for each in shown],
        "Confirmed": [_line(each, name(each.observation)) for each in learned.of_kind(Confirm)],
        "Superseded": [_superseded(each, added, name) for each in learned.of_kind(Supersede)],
        "Beliefs": [*_beliefs(learned, name)],
        "Faded": [
            *(_line(each, f"{name(each.observation)} {_because(each)}") for each in learned.of_kind(Fade)),
            *(_line(each, f"{name(each.belief)} {_because(each)}") for each in learned.of_kind(FadeBelief)),
        ],
        "Threads": [*_threads(learned, name)],
        "Projects": [_set(each, each.name, each.status) for each in learned.of_kind(SetProject)],
        "Vitals": [_set(each, each.name, each.value) for each in learned.of_kind(SetVital)],
        "Journal": [*_journal(learned)],
        "Quarantined: listed for you, never shown to an agent": [_quarantined(each) for each in learned.quarantined],
        "Not kept": [*_left_out(learned)],
    }


class _Names:
    """Says what an id means."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def __call__(self, id_: str) -> str:
        text = self._texts.get(id_)
        return _plain(text) if text else code(id_)


def _line(change: Change, said: str) -> str:
    named = "" if isinstance(change, SetProject | SetVital) else f"{code(short(_opened_by(change)))} "
    line = f"- {named}{said} ({WHOSE[change.origin]})"
    return f"{line}\n  {_quote(change.quote)}" if change.quote else line


def _opened_by(change: Change) -> str:
    """The id by which what the change left is opened; of an observation that gave way, that of the new one."""
    return (change.successor if isinstance(change, Supersede) else "") or subject_of(change)


def _set(change: Change, name: str, value: str) -> str:
    return _line(change, f"{_plain(name)}: {_plain(value)}")


def _quote(quote: str) -> str:
    return quoted(_plain(shortened(quote, _QUOTE_CHARACTERS)))


def _superseded(change: Supersede, added: Mapping[str, Add], name: _Names) -> str:
    new = added.get(change.successor)
    return _line(change, f"{name(change.observation)} → {_plain(new.observation.text) if new else 'nothing'}")


def _beliefs(learned: Learned, name: _Names) -> Iterator[str]:
    for new in learned.of_kind(Believe):
        yield _line(new, f"new, {new.confidence:.0%} sure: {_plain(new.text)}")
    for stronger in learned.of_kind(Strengthen):
        yield _line(stronger, f"stronger: {name(stronger.belief)} {_because(stronger)}")


def _threads(learned: Learned, name: _Names) -> Iterator[str]:
    for opened in learned.of_kind(OpenThread):
        yield _line(opened, f"opened, {opened.tag}: {_plain(opened.text)}")
    for closed in learned.of_kind(CloseThread):
        yield _line(closed, f"closed: {name(closed.thread)} {_because(closed)}")


def _because(change: Strengthen | Fade | FadeBelief | CloseThread) -> str:
    return f"— {_plain(change.reason)}" if change.reason else ""


def _journal(learned: Learned) -> Iterator[str]:
    if learned.journal:
        for field, text in journal_fields(learned.journal).items():
            yield f"- **{field.capitalize()}**: {_plain(text)}"


def _quarantined(change: Add) -> str:
    return _line(change, f"{_plain(change.observation.text)}, because {_plain(change.quarantined)}")


def _left_out(learned: Learned) -> Iterator[str]:
    for each in learned.left_out:
        yield f"- {each.kind}: {_plain(each.text) or '(no text)'}, because {_plain(each.why)}"
    if more := learned.left_out_count - len(learned.left_out):
        yield f"- {more:,} more"


def _plain(text: str) -> str:
    return plain(without_invisible(text))
