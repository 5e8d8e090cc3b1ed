"""What a person reads about a run in the morning."""

from datetime import datetime

from pydantic import AwareDatetime, BaseModel

from sessions.channels.base import Receipt
from sessions.memory.base import JournalEntry, Observation
from sessions.models import Usage
from sessions.outcome import Delivery, Outcome
from sessions.runners.base import Denial
from sessions.runners.questions import AskedQuestion
from sessions.safe_markdown import code, fenced, folded, plain, quoted, safe, shortened, table

_MARKS = {"COMPLETED": "✅", "CANCELLED": "⚪", "FAILED": "❌", "CRASHED": "❌"}
_MINUTE, _HOUR = 60, 3600
_ARGUMENT_CHARACTERS = 1000
#: By whether the agent had a turn.
_SILENT = {True: "_The agent said nothing at the end._", False: "_No word came from the agent._"}


class CommittedWork(BaseModel, frozen=True):
    """What became of the changes in one repository. `note` says why something was not done."""

    repo: str
    branch: str = ""
    sha: str = ""
    pushed: bool = False
    note: str = ""


class SessionReport(BaseModel, frozen=True):
    """One run, told to a person; every text in it is redacted already.

    `reason` is a sentence without a full stop. `slot_at` is when the schedule was due, or when somebody asked.
    `notes` are things that went wrong beside the agent's work. `extraction_cost_usd` comes on top of `cost_usd`, which
    is the agent's. `learned_in_short` counts what the run changed in the memory. `full_report` says where it all is,
    for messages that have to be cut.
    """

    session: str
    run_id: str
    run_name: str = ""
    slot_at: AwareDatetime
    started_at: AwareDatetime
    ended_at: AwareDatetime
    outcome: Outcome
    reason: str = ""
    agent: str = "main"
    runner: str = ""
    model: str = ""
    final_text: str = ""
    turns: int = 0
    usage: Usage = Usage()
    cost_usd: float = 0.0
    extraction_cost_usd: float = 0.0
    denials: tuple[Denial, ...] = ()
    questions: tuple[AskedQuestion, ...] = ()
    learned: tuple[Observation, ...] = ()
    learned_in_short: str = ""
    journal: JournalEntry | None = None
    commits: tuple[CommittedWork, ...] = ()
    notes: tuple[str, ...] = ()
    delivery: Delivery | None = None
    receipts: tuple[Receipt, ...] = ()
    full_report: str = ""
    workflow: str = ""


def headline(report: SessionReport) -> str:
    """The report in one line: mark, session, outcome."""
    return f"{_MARKS[report.outcome.state_type]} {report.session}: {_words(report.outcome)}"


def render_report(report: SessionReport) -> str:
    """The whole report as Markdown."""
    sections = [
        f"# {_MARKS[report.outcome.state_type]} {plain(report.session)}: {_words(report.outcome)}",
        _opening(report),
        safe(report.final_text, deeper=2) or _SILENT[report.turns > 0],
        _section("Questions", _bullets([_question(asked) for asked in report.questions])),
        _section("What went wrong beside", _bullets([plain(note) for note in report.notes])),
        _section("What it learned", _learned(report)),
        _section("Commits", _bullets([_commit(commit) for commit in report.commits])),
        _section("What it was not allowed to do", render_denials(report.denials)),
        _section("Delivery", _bullets([_receipt(receipt) for receipt in report.receipts])),
        _section("The run", table(("", ""), [(row["metric"], plain(row["value"])) for row in usage_rows(report)])),
    ]
    return "\n\n".join(filter(None, sections)) + "\n"


def _opening(report: SessionReport) -> str:
    said = f"{_sentence(plain(report.reason))}\n\n" if report.reason else ""
    return f"{said}Slot {_moment(report.slot_at)} · run {code(report.run_id)} · agent {plain(report.agent)}"


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""


def _learned(report: SessionReport) -> str:
    in_short = plain(_sentence(report.learned_in_short)) if report.learned_in_short else ""
    return "\n\n".join(filter(None, (in_short, render_learned(report.learned, report.journal))))


def _bullets(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def render_learned(learned: tuple[Observation, ...], journal: JournalEntry | None = None) -> str:
    """What the run learned and from which words, and its journal entry; empty if there is neither."""
    parts = [_observation(observation) for observation in learned]
    told = _journal_rows(journal) if journal else []
    return "\n".join([*parts, *([""] if parts and told else []), *told])


def _observation(observation: Observation) -> str:
    line = f"- **{observation.kind}**: {plain(observation.text)}"
    return f"{line}\n  {quoted(plain(shortened(observation.quote, 300)))}" if observation.quote else line


def _journal_rows(journal: JournalEntry) -> list[str]:
    fields = ("theme", "built", "noticed", "changed", "assumptions", "next")
    return [f"- **{name.capitalize()}**: {plain(getattr(journal, name))}" for name in fields if getattr(journal, name)]


def _question(asked: AskedQuestion) -> str:
    kept = "; it waits to be discussed" if asked.thread else "; it is kept here alone"
    became = {
        "assumed": f"nobody was asked, and the agent went on by an assumption of its own{kept}",
        "waiting": f"the run ended before somebody answered{kept}",
        "answered": f"answered: {plain(asked.answer)}",
        "unanswered": f"nobody answered{kept}",
    }
    return f"{plain(asked.question)} ({became[asked.became]})"


def _commit(commit: CommittedWork) -> str:
    where = f"{code(commit.repo)}" + (f" branch {code(commit.branch)}" if commit.branch else "")
    what = f" {code(commit.sha[:12])} {'pushed' if commit.pushed else 'kept here, not pushed'}" if commit.sha else ""
    return f"{where}:{what}" + (f" ({plain(commit.note)})" if commit.note else "") if what or commit.note else where


def render_denials(denials: tuple[Denial, ...]) -> str:
    """Each refused tool call, its arguments folded; empty if there was none."""
    return "\n\n".join(
        folded(f"{denial.tool} was refused", fenced(shortened(_arguments(denial), _ARGUMENT_CHARACTERS), "json"))
        for denial in denials
    )


def _arguments(denial: Denial) -> str:
    return denial.model_dump_json(include={"arguments"}, indent=1)


def _receipt(receipt: Receipt) -> str:
    tries = f", {receipt.attempts} tries" if receipt.attempts > 1 else ""
    return f"{plain(receipt.target)}: {receipt.status}{tries}" + (
        f" ({plain(receipt.detail)})" if receipt.detail else ""
    )


def usage_rows(report: SessionReport) -> list[dict[str, str]]:
    """What the run took, as rows of a table with the columns `metric` and `value`."""
    usage = report.usage
    rows = {
        "Outcome": _words(report.outcome),
        "Delivery": _words(report.delivery) if report.delivery else "",
        "Model": report.model,
        "Runner": report.runner,
        "Workflow": report.workflow,
        "Turns": f"{report.turns:,}",
        "Tokens in": f"{usage.input_tokens:,}",
        "Tokens out": f"{usage.output_tokens:,}",
        "Tokens read from cache": f"{usage.cache_read_tokens:,}",
        "Tokens written to cache": f"{usage.cache_write_tokens:,}",
        "Cost": f"{report.cost_usd:.4f} USD",
        "Cost of extraction": f"{report.extraction_cost_usd:.4f} USD" if report.extraction_cost_usd else "",
        "Duration": _duration((report.ended_at - report.started_at).total_seconds()),
    }
    return [{"metric": metric, "value": value} for metric, value in rows.items() if value]


def _words(word: Outcome | Delivery) -> str:
    return word.value.replace("_", " ")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M %Z}"


def _duration(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    hours, rest = divmod(round(seconds), _HOUR)
    minutes, left = divmod(rest, _MINUTE)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {left} s"
