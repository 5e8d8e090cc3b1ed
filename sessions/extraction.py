"""Turns what an agent said and did into what is worth remembering, by one model call whose answer is checked."""

import asyncio
from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from sessions.errors import ExtractionError, SettingsError
from sessions.extraction_answer import Extracted, ExtractedJournal
from sessions.extraction_checks import Checks, Item, said_in
from sessions.extraction_evidence import Evidence, NotKeptError
from sessions.extraction_prompt import (
    INSTRUCTIONS,
    MOST_BELIEFS,
    MOST_OBSERVATIONS,
    MOST_THREADS,
    KnownMemories,
    render_question,
)
from sessions.extraction_written import checked_writing, flag_left_out
from sessions.json_call import JsonAnswer, JsonQuestion, ModelCallError, ask_for_json
from sessions.learned import Learned, LeftOut, LeftOutKind, Who, said_by
from sessions.memory.changes import (
    Add,
    Believe,
    Change,
    CloseThread,
    Confirm,
    OpenThread,
    Strengthen,
    WriteJournal,
    identity,
)
from sessions.memory.things import JournalEntry
from sessions.models import Model, Usage
from sessions.pending_changes import MOST_CHANGES
from sessions.redaction import Redactor
from sessions.runners.base import AgentRun
from sessions.settings import Settings

ANSWER_TOKENS = 6_000
#: Several times what these tokens can come to; a longer answer is none.
ANSWER_CHARACTERS = 200_000


async def extract(
    run: AgentRun,
    known: KnownMemories,
    written: Sequence[Change] = (),
    *,
    who: Who,
    model: Model,
    settings: Settings,
    redact: Redactor,
) -> Learned:
    """Ask `model` what is worth keeping of `run`, and keep what the transcript bears out.

    A run in which the agent said nothing and heard nothing costs no call; what it wrote itself is kept all the same.

    Args:
        run: what the agent did.
        known: what it knew before.
        written: what it wrote to its memory itself; its own journal entry stands in place of the model's.
        who: whose memory it becomes.
        model: which model is asked.
        settings: for the model's address, key and retries.
        redact: takes secrets out of what is kept.

    Raises:
        ExtractionError: the call failed or its answer cannot be used; nothing was kept, so it can be tried again.
    """
    keeping = Keeping(run, known, who, redact)
    if not any(entry.kind in ("text", "tool_result") for entry in run.transcript):
        return await asyncio.to_thread(keeping.keep, None, written)
    answer, usage = await _ask(render_question(run, known), model, settings)
    learned = await asyncio.to_thread(keeping.keep, answer, written)
    return learned.model_copy(update={"usage": usage, "cost_usd": model.cost_usd(usage)})


async def _ask(prompt: str, model: Model, settings: Settings) -> tuple[Extracted, Usage]:
    question = JsonQuestion(
        model=model,
        system=INSTRUCTIONS,
        prompt=prompt,
        answer=Extracted,
        max_tokens=min(ANSWER_TOKENS, model.max_output_tokens),
    )
    try:
        answer = await ask_for_json(question, settings)
    except ModelCallError as error:
        raise ExtractionError(f"the extraction call to {model.id} failed: {error}") from error
    except SettingsError as error:
        raise ExtractionError(f"{error}, or choose another SESSIONS_EXTRACTION_MODEL than {model.id}") from error
    if other := model.why_not_from(answer.answered_by):
        raise ExtractionError(other)
    return _parsed(answer, model), answer.usage


def _parsed(answer: JsonAnswer, model: Model) -> Extracted:
    if len(answer.text) > ANSWER_CHARACTERS:
        raise ExtractionError(
            f"the extraction answer of {model.id} is {len(answer.text):,} characters long, more than it was asked "
            "for; it is tried again with the next run"
        )
    try:
        return Extracted.model_validate_json(answer.text)
    except ValidationError as error:
        why = "was cut off" if answer.cut_off else "does not follow its schema"
        raise ExtractionError(
            f"the extraction answer of {model.id} {why}; it is tried again with the next run"
        ) from error


class Keeping:
    """What is kept of one run: at most 40 changes, the agent's own first."""

    def __init__(self, run: AgentRun, known: KnownMemories, who: Who, redact: Redactor) -> None:
        self._run = run
        self._known = known
        self._who = who
        self._redact = redact
        self._left_out: list[LeftOut] = []

    def keep(self, answer: Extracted | None, written: Sequence[Change]) -> Learned:
        """What of `answer`, and of what the agent wrote itself, the transcript bears out."""
        items = self._items(answer) if answer else []
        texts = [*said_in(items), *map(said_by, written)]
        evidence = Evidence(
            self._run.transcript,
            self._known.observations,
            texts,
            self._redact,
            workflow_prompt=self._who.workflow_prompt,
        )
        own = list(self._own(written, evidence))
        checked = list(self._checked(items, Checks(self._known, self._who, evidence)))
        journal = self._journal(answer.journal, own, evidence) if answer else []
        checked.sort(key=lambda group: isinstance(group[0], Add | Confirm))  # beliefs and threads are few
        changes = _in_order(self._at_most([journal, *([change] for change in own), *checked]))
        learned = Learned(changes=changes, texts=self._texts(changes))
        return learned.leaving_out(self._left_out)

    def _items(self, answer: Extracted) -> list[Item]:
        """What the answer holds, as far as it keeps to what was asked for: observations, threads, beliefs."""
        asked: list[Item] = [
            *answer.observations[:MOST_OBSERVATIONS],
            *answer.threads[:MOST_THREADS],
            *answer.beliefs[:MOST_BELIEFS],
        ]
        given: list[Item] = [*answer.observations, *answer.threads, *answer.beliefs]
        surplus = len(given) - len(asked)
        self._left_out += [LeftOut(kind="change", text="", why="it is more than was asked for")] * surplus
        return asked

    def _own(self, written: Sequence[Change], evidence: Evidence) -> Iterator[Change]:
        own_threads = self._opened_by(written)
        for change in written:
            try:
                if isinstance(change, CloseThread):
                    self._known.require_own_queue(change.thread, self._who)
                checked = checked_writing(
                    change, evidence, self._who, began_at=self._run.started_at, own_threads=own_threads
                )
            except NotKeptError as error:
                self._leave_out("change", said_by(change), error)
                continue
            if why := flag_left_out(change, checked):
                self._leave_out("change", f"the flag of {said_by(change)}", NotKeptError(why))
            yield checked

    def _opened_by(self, written: Sequence[Change]) -> set[str]:
        """The threads that the run opened itself: none is its own for being named so by who wrote the file."""
        others = {thread.id for thread in self._known.threads if thread.run != self._who.run}
        return {change.thread for change in written if isinstance(change, OpenThread)} - others

    def _checked(self, items: Sequence[Item], checks: Checks) -> Iterator[list[Change]]:
        for item in items:
            try:
                yield checks.changes(item)
            except NotKeptError as error:
                self._leave_out(item.what, item.text or item.quote, error)

    def _leave_out(self, kind: LeftOutKind, text: str, why: NotKeptError) -> None:
        self._left_out.append(LeftOut(kind=kind, text=self._redact(text), why=str(why)))

    def _journal(self, told: ExtractedJournal, own: Sequence[Change], evidence: Evidence) -> list[Change]:
        if any(isinstance(change, WriteJournal) for change in own):
            return []
        who, fields = self._who, told.model_dump()
        for name, text in fields.items():
            if why := evidence.why_hidden(text, origin="agent"):
                self._leave_out("journal", text, NotKeptError(why))
                fields[name] = ""
        entry = JournalEntry(id=who.run, agent=who.agent, session=who.session, at=self._run.ended_at, **fields)
        id_ = identity("write_journal", who.run)
        span = evidence.last_span  # what the model says of the run as a whole rests on no single words
        return [WriteJournal(id=id_, agent=who.agent, run=who.run, at=who.now, span=span, entry=entry)]

    def _at_most(self, groups: Sequence[list[Change]]) -> list[Change]:
        """The groups that fit, whole; a change that stands in two is one."""
        kept: dict[str, Change] = {}
        for group in groups:
            new = {change.id: change for change in group if change.id not in kept}
            if len(kept) + len(new) <= MOST_CHANGES:
                kept |= new
            else:
                self._left_out.append(
                    LeftOut(kind="change", text=said_by(group[0]), why=f"a run changes at most {MOST_CHANGES} things")
                )
        return list(kept.values())

    def _texts(self, changes: Sequence[Change]) -> dict[str, str]:
        """What the known things are that the changes speak of, by id."""
        known = self._known
        texts = {item.id: item.text for item in known.observations}
        texts |= {item.id: item.text for item in known.beliefs} | {item.id: item.text for item in known.threads}
        named = {getattr(change, field, None) for change in changes for field in ("observation", "belief", "thread")}
        return {id_: text for id_, text in texts.items() if id_ in named}


def _in_order(changes: Sequence[Change]) -> list[Change]:
    """New observations first, for the others speak of them; and of those only."""
    added = [change for change in changes if isinstance(change, Add)]
    ids = {change.observation.id for change in added}
    others = (change for change in changes if not isinstance(change, Add))
    return [*added, *(_resting_on_kept(change, ids) for change in others)]


def _resting_on_kept(change: Change, ids: set[str]) -> Change:
    if not isinstance(change, Believe | Strengthen):
        return change
    return change.model_copy(update={"evidence": tuple(id_ for id_ in change.evidence if id_ in ids)})
