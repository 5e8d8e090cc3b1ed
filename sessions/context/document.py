"""The document an agent starts with: what it knows, what it did, where things stand, and the rules of working alone."""

import re
from datetime import timedelta

from sessions.context.freshness import render_freshness
from sessions.context.git_section import render_git
from sessions.context.manifest import NO_ROOM, NOT_AMONG, Candidate, Context, Manifest
from sessions.context.material import Material
from sessions.context.rules import render_rules
from sessions.context.sections import Item, Section, Title, all_sections
from sessions.spec import SessionSpec

#: A rough measure that errs on the safe side for English and code, and counts other scripts by their bytes.
BYTES_PER_TOKEN = 4
MOST_LINES = 150
#: The sections, the one that gives way last first.
_STAYS = tuple(reversed(Title))
#: For the line that counts what is left out.
_LAST_LINE_BYTES = 560
#: What stands between the git state and the observations.
_BETWEEN = (
    Title.BELIEFS,
    Title.FADED,
    Title.THREADS,
    Title.JOURNAL,
    Title.PROJECTS,
    Title.VITALS,
    Title.MAINTENANCE,
)
#: Where it is said how many stand beyond those that may. Observations are all counted, and a journal is long.
_COUNTED = tuple(title for title in _STAYS if title not in {Title.RELEVANT, Title.LATEST, Title.JOURNAL})


class _Room:
    """What is left of the context, in bytes and in lines."""

    def __init__(self, most_tokens: int, most_lines: int) -> None:
        self._bytes, self._lines = most_tokens * BYTES_PER_TOKEN, most_lines

    def spend(self, *texts: str) -> None:
        """Take what stands in any case."""
        for text in texts:
            self._bytes -= _size(text) + 2
            self._lines -= text.count("\n") + 2

    def has(self, text: str) -> bool:
        """Whether one more block of lines fits, which is then taken."""
        if self._bytes < _size(text) + 1 or self._lines < text.count("\n") + 1:
            return False
        self._bytes -= _size(text) + 1
        self._lines -= text.count("\n") + 1
        return True

    def close(self) -> None:
        """Let nothing more in."""
        self._bytes = 0


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def compose(material: Material, *, most_tokens: int, stale_after: timedelta) -> Context:
    """The context within its budget: the same for the same material.

    Who and when, the rules, the limits, the ages and the git state always stand. The other sections give way in the
    order of `Title`, each from its end, and the last line counts what is left out.

    Args:
        material: what is known.
        most_tokens: the longest that it may be; it has about 150 lines at most.
        stale_after: from which age on it is said loudly that something is old.
    """
    sections = all_sections(material)
    head = _title(material)
    standing = [
        render_rules(attended=material.occasion.attended),
        *_limits(material.occasion.limits),
        render_freshness(material, stale_after=stale_after),
        render_git(material.git, attended=material.occasion.attended),
    ]
    room = _Room(most_tokens, MOST_LINES)
    room.spend(head, *standing, " " * _LAST_LINE_BYTES)
    fitted = _fit(sections, room)
    blocks = [
        head,
        *_shown(fitted[Title.FLAGGED]),
        *standing,
        *(block for title in _BETWEEN for block in _shown(fitted[title])),
        *(_shown(fitted[Title.RELEVANT]) or ["## What you know\n\nNothing yet."] * (not material.known.total)),
        *_shown(fitted[Title.LATEST]),
        *_last_line(material, fitted),
    ]
    text = "\n\n".join(blocks) + "\n"
    return Context(text=text, manifest=_manifest(material, fitted, text, most_tokens))


def _fit(sections: dict[Title, Section], room: _Room) -> dict[Title, Section]:
    """The sections with what there is no room for marked as left out, from the one that gives way last."""
    fitted = {}
    for title in _STAYS:
        section = sections[title]
        fitted[title] = section.model_copy(update={"items": _fit_items(section, room)})
    return fitted


def _fit_items(section: Section, room: _Room) -> list[Item]:
    fitted: list[Item] = []
    heading = f"\n\n{_heading(section)}\n"
    for item in section.items:
        first = heading * (not any(not each.candidate.left_out for each in fitted))
        if item.candidate.left_out or room.has(first + item.text):
            fitted.append(item)
        else:
            room.close()
            left_out = item.candidate.model_copy(update={"left_out": NO_ROOM})
            fitted.append(item.model_copy(update={"candidate": left_out}))
    return fitted


def _heading(section: Section) -> str:
    return "\n".join([f"## {section.title}", *(["", section.note] if section.note else [])])


def _shown(section: Section) -> list[str]:
    lines = [item.text for item in section.items if not item.candidate.left_out]
    return ["\n".join([_heading(section), "", *lines])] if lines else []


def _title(material: Material) -> str:
    occasion = material.occasion
    before = (
        "You have run before; see below." if material.known.journal else "This is your first run that is remembered."
    )
    due = f"This run was due at {occasion.minute(occasion.due_at)} {occasion.due_at:%Z}."
    if occasion.attended:
        due = f"It is {occasion.minute(occasion.now)} {occasion.due_at:%Z}."
    return f"# Session state: {occasion.session}\n\nYou are agent `{occasion.agent}`. {due} {before}"


def _limits(spec: SessionSpec | None) -> list[str]:
    if spec is None:
        return []
    limits = [
        f"{spec.timeout_seconds} s in all" * bool(spec.timeout_seconds),
        f"{spec.max_turns} turns" * bool(spec.max_turns),
        f"{spec.max_cost_usd} USD" * bool(spec.max_cost_usd),
    ]
    named = ", ".join(limit for limit in limits if limit) or "none"
    return [f"## Limits of this run\n\n{named}. When one is reached you are ended at once: report early, then refine."]


def _last_line(material: Material, fitted: dict[Title, Section]) -> list[str]:
    """How much is not shown, where something is not."""
    observations = sum(_count(fitted[title], "") for title in (Title.RELEVANT, Title.LATEST))
    more = material.known.total - observations
    said = [
        f"{more} more observations are in memory." * (more > 0),
        _counted("No room for", [(title, _count(fitted[title], NO_ROOM)) for title in _STAYS]),
        _counted("Not shown either:", [(title, _count(fitted[title], NOT_AMONG)) for title in _COUNTED]),
    ]
    return [" ".join(filter(None, said))] if any(said) else []


def _counted(what: str, counts: list[tuple[Title, int]]) -> str:
    named = [f"{count} of “{re.split('[:,]', title)[0]}”" for title, count in counts if count]
    return f"{what} {', '.join(named)}." * bool(named)


def _count(section: Section, left_out: str) -> int:
    """How many were left out for a reason that begins so; with none, how many were not."""
    reasons = [item.candidate.left_out for item in section.items]
    return sum(reason.startswith(left_out) if left_out else not reason for reason in reasons)


def _manifest(material: Material, fitted: dict[Title, Section], text: str, most_tokens: int) -> Manifest:
    occasion = material.occasion
    candidates: list[Candidate] = [item.candidate for title in _STAYS for item in fitted[title].items]
    weighed = {each.id for each in candidates if each.kind == "observation"}
    return Manifest(
        session=occasion.session,
        agent=occasion.agent,
        at=occasion.now,
        tokens=-(-_size(text) // BYTES_PER_TOKEN),
        most_tokens=most_tokens,
        lines=text.count("\n"),
        candidates=candidates,
        not_weighed=max(material.known.total - len(weighed), 0),
    )
