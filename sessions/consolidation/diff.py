"""A consolidation as a diff: what went, what came, on what it rests and why, and what was refused."""

from collections.abc import Iterator, Sequence

from sessions.consolidation.plan import Plan, Step, Words
from sessions.context.quoting import ShortIds
from sessions.safe_markdown import fenced, plain, shortened

_TITLES = {
    "merge": "Merged",
    "insight": "Insights",
    "belief": "New beliefs",
    "fade": "Faded",
    "fade belief": "Faded beliefs",
    "close thread": "Closed threads",
}
_TEXT_CHARACTERS = 300
_HOW_TO_UNDO = "`sessions memory show ID` opens a line; `sessions memory revert --run {run}` takes all of it back."


def render_diff(plan: Plan, *, run: str) -> str:
    """The plan as Markdown; `run` is on whose account."""
    short = ShortIds(words.id for step in plan.steps for words in (*step.gone, *step.come, *step.rests_on))
    sections = [f"{plan.in_words[:1].upper()}{plan.in_words[1:]}."]
    for kind, title in _TITLES.items():
        if steps := [step for step in plan.taken if step.kind == kind]:
            sections.append("\n\n".join([f"## {title}", *(_step(step, short) for step in steps)]))
    if refused := [step for step in plan.steps if step.refused]:
        sections.append("\n".join(["## Refused", "", *map(_refused, refused)]))
    return "\n\n".join([*sections, *([_HOW_TO_UNDO.format(run=run)] if plan.taken else [])])


def _step(step: Step, short: ShortIds) -> str:
    block = fenced("\n".join(_lines(step, short)), "diff")
    return f"{block}\nWhy: {plain(step.reason)}" if step.reason else block


def _lines(step: Step, short: ShortIds) -> Iterator[str]:
    yield from _marked("-", step.gone, short)
    yield from _marked("+", step.come, short)
    yield from _marked(" rests on", step.rests_on, short)


def _marked(mark: str, words: Sequence[Words], short: ShortIds) -> Iterator[str]:
    return (f"{mark} [{short(each.id)}] {' '.join(shortened(each.text, _TEXT_CHARACTERS).split())}" for each in words)


def _refused(step: Step) -> str:
    asked = " ".join(shortened(words.text, _TEXT_CHARACTERS) for words in step.come)
    return f"- {step.kind}: {plain(asked)} ({plain(step.refused)})"
