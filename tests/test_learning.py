"""What a run leaves in memory, once, whoever dies in between and whatever the extractor or the memory does."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from sessions.agent_work import agent_run_of
from sessions.errors import RunFolderError
from sessions.learned import Learned
from sessions.learning import extract_once, read_learned, remember_once
from sessions.learning_retry import retry_learning
from sessions.locks import held
from sessions.memory import open_memory
from sessions.memory.changes import CHANGE, CloseThread, WriteJournal
from sessions.memory.sqlite import SqliteMemory
from sessions.memory.things import JournalEntry
from sessions.offline import Script, open_offline_model
from sessions.pending_changes import FILE_NAME
from sessions.redaction import process_redactor
from sessions.run_folder import RunFolder, close_run, read_record
from sessions.settings import Settings
from sessions.transcript import Transcript
from tests.fakes.changes import a_change
from tests.fakes.extractions import ENTRIES, answers, observed, thread
from tests.fakes.observations import an_observation
from tests.fakes.records import FINISHED, RUN_ID, SLOT, a_folder

LATER = SLOT + timedelta(minutes=5)
#: A new fact, one in place of another, and a thread.
ANSWER = answers(
    observed("The door is green."),
    observed("It is green.", text="The door got green.", action="SUPERSEDE", id="o1"),
    parts={"threads": [thread("Look at the door.", text="Who painted the door?")]},
)
#: What the model says when it is asked a second time; a run must not learn both.
OTHER_WORDS = answers(observed("The door is green.", text="Green is the door."))


@pytest.fixture(autouse=True)
def _clean_redactor() -> None:
    process_redactor.cache_clear()


def a_finished_run(home: Path, **fields: object) -> RunFolder:
    """A run whose agent has ended and from which nothing was learned yet."""
    given = {"agent_end": FINISHED, "steps": {"agent_started": SLOT, "agent_ended": SLOT + timedelta(minutes=2)}}
    run = a_folder(home, **given | fields)
    transcript = Transcript(run.transcript_path, process_redactor())
    for entry in ENTRIES:
        transcript.append(entry)
    return run


def settings_for(home: Path, url: str = "http://127.0.0.1:9") -> Settings:
    return Settings(home=home, anthropic_base_url=url, anthropic_api_key="k", model_retries=0)


async def learn(home: Path, settings: Settings) -> RunFolder:
    """What a run's finisher does of it, from the files alone."""
    path = home / "runs" / RUN_ID
    run = RunFolder(path, read_record(path))
    learned = await extract_once(run, agent_run_of(run, settings), settings=settings, now=LATER)
    remember_once(run, learned, settings=settings, now=LATER)
    run.save()
    return run


def held_in(settings: Settings) -> list[str]:
    """All that a memory holds, in words."""
    with open_memory(settings.memory_address) as memory:
        log = [change.model_dump_json() for change in memory.changes(agent="main")]
        active = [item.text for item in memory.latest(agent="main", limit=100)]
        state = memory.state(agent="main")
    return [*log, *sorted(active), state.model_dump_json()]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_when(owner: object, name: str, *, after: bool, matters: Callable[..., bool] = lambda *_: True) -> None:
    original = getattr(owner, name)

    def deadly(*args: object, **kwargs: object) -> object:
        if not after and matters(*args):
            die()
        result = original(*args, **kwargs)
        if matters(*args):
            die()
        return result

    setattr(owner, name, deadly)


def _before_the_answer_is_written() -> None:
    die_when(RunFolder, "write", after=False, matters=lambda run, path, _: path == run.learned_path)


def _after_the_answer_is_written() -> None:
    die_when(RunFolder, "write", after=True, matters=lambda run, path, _: path == run.learned_path)


def _after_extracted() -> None:
    die_when(RunFolder, "mark", after=True, matters=lambda _, step, __: step == "extracted")


def _while_the_memory_writes() -> None:
    import sessions.memory.sqlite as adapter  # noqa: PLC0415 - patched in the child alone

    die_when(adapter, "index_observation", after=True)


def _before_the_memory_is_asked() -> None:
    die_when(SqliteMemory, "apply", after=False)


def _after_the_memory_wrote() -> None:
    die_when(SqliteMemory, "apply", after=True)


def _after_remembered() -> None:
    die_when(RunFolder, "mark", after=True, matters=lambda _, step, __: step == "remembered")


MOMENTS = {
    "before the answer is written": _before_the_answer_is_written,
    "the answer is written, not marked": _after_the_answer_is_written,
    "extracted": _after_extracted,
    "before the memory is asked": _before_the_memory_is_asked,
    "in the middle of the memory's writing": _while_the_memory_writes,
    "the memory has it, not marked": _after_the_memory_wrote,
    "remembered": _after_remembered,
}


def _live_and_die(home: Path, url: str, moment: str) -> None:
    MOMENTS[moment]()
    asyncio.run(learn(home, settings_for(home, url)))


def killed(home: Path, url: str, moment: str) -> bool:
    """Learn in a process of its own, which dies at the moment; whether it came to that."""
    process = multiprocessing.get_context("fork").Process(target=_live_and_die, args=(home, url, moment))
    process.start()
    process.join(60)
    return process.exitcode == -signal.SIGKILL


def with_what_was_known(home: Path) -> Settings:
    settings = settings_for(home)
    with open_memory(settings.memory_address) as memory:
        memory.remember([an_observation(1, "The door is red.")])
    return settings


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the memory holds after a run that nothing happened to."""
    home = tmp_path_factory.mktemp("undisturbed")
    with_what_was_known(home)
    a_finished_run(home)
    with open_offline_model(ANSWER) as model:
        settings = settings_for(home, model.base_url)
        asyncio.run(learn(home, settings))
    return held_in(settings)


# A fork of a process with threads is what these children are; they load nothing new after it.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("moment", MOMENTS)
def test_learning_that_is_killed_three_times_and_then_is_not_leaves_the_same_memory(
    moment: str, tmp_path: Path, undisturbed: list[str]
) -> None:
    with_what_was_known(tmp_path)
    a_finished_run(tmp_path)
    with open_offline_model(ANSWER) as model:
        deaths = [killed(tmp_path, model.base_url, moment) for _ in range(3)]
        settings = settings_for(tmp_path, model.base_url)
        run = asyncio.run(learn(tmp_path, settings))
    assert deaths[0]
    assert run.record.done("remembered")
    assert held_in(settings) == undisturbed


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_model_that_answers_otherwise_the_second_time_teaches_a_run_nothing_twice(
    moment: str, tmp_path: Path
) -> None:
    with_what_was_known(tmp_path)
    a_finished_run(tmp_path)
    with open_offline_model(ANSWER) as model:
        assert killed(tmp_path, model.base_url, moment)
    with open_offline_model(OTHER_WORDS) as model:
        settings = settings_for(tmp_path, model.base_url)
        asyncio.run(learn(tmp_path, settings))
    with open_memory(settings.memory_address) as memory:
        texts = sorted(item.text for item in memory.latest(agent="main", limit=100))
    first = ["The door got green.", "The door is green."]
    other = ["Green is the door.", "The door is red."]
    assert texts == (other if moment == "before the answer is written" else first)


BROKEN = {
    "nonsense": {"blocks": [{"text": "I learned a lot."}]},
    "empty": {"blocks": [{"text": ""}]},
    "megabytes": {"blocks": [{"text": "x" * 2_000_000}]},
    "overloaded": {"error": {"type": "overloaded_error"}},
    "cut off": {"blocks": [{"text": '{"observations": ['}], "stop_reason": "max_tokens"},
}


@pytest.mark.parametrize("answer", BROKEN)
async def test_an_extractor_that_fails_loses_nothing_and_is_asked_again(answer: str, tmp_path: Path) -> None:
    settings = with_what_was_known(tmp_path)
    run = a_finished_run(tmp_path)
    before, transcript = held_in(settings), run.transcript_path.read_bytes()
    with open_offline_model(Script.model_validate({"rules": [{"answer": BROKEN[answer]}]})) as model:
        tried = await learn(tmp_path, settings_for(tmp_path, model.base_url))
    assert tried.record.notes["extracted"].startswith("the extraction")
    assert (held_in(settings), run.transcript_path.read_bytes()) == (before, transcript)
    with open_offline_model(ANSWER) as model:
        (again,) = await retry_learning(settings=settings_for(tmp_path, model.base_url), now=lambda: LATER)
    assert (again.run_id, again.agent, again.problem) == (RUN_ID, "main", "")
    assert again.learned.summary() == "1 added, 1 superseded, 1 thread"
    assert read_record(run.path).done("remembered")


async def test_a_memory_that_cannot_be_read_is_waited_for_so_that_nothing_is_learned_twice(tmp_path: Path) -> None:
    (tmp_path / "memory.sqlite3").write_bytes(b"my holiday notes" * 100)
    a_finished_run(tmp_path)
    with open_offline_model(ANSWER) as model:
        run = await learn(tmp_path, settings_for(tmp_path, model.base_url))
        assert model.requests == []
    assert "is not a memory" in run.record.notes["extracted"]
    assert not run.record.done("extracted")


def own_journal(run: RunFolder, theme: str) -> None:
    """What the memory tools leave when the agent writes its journal."""
    entry = JournalEntry(id=RUN_ID, agent="main", session="doors", at=SLOT, theme=theme)
    change = WriteJournal(id="w1", agent="main", run=RUN_ID, at=SLOT, entry=entry)
    (run.path / FILE_NAME).write_text(change.model_dump_json() + "\n" + '{"torn', encoding="utf-8")


async def test_a_run_that_wrote_its_own_journal_keeps_it_whatever_the_extractor_says(tmp_path: Path) -> None:
    own_journal(a_finished_run(tmp_path), "In my words")
    with open_offline_model(ANSWER) as model:
        settings = settings_for(tmp_path, model.base_url)
        await learn(tmp_path, settings)
    with open_memory(settings.memory_address) as memory:
        assert [entry.theme for entry in memory.journal(agent="main")] == ["In my words"]


async def test_what_the_agent_wrote_itself_is_remembered_although_the_extractor_fails(tmp_path: Path) -> None:
    own_journal(a_finished_run(tmp_path), "In my words")
    settings = settings_for(tmp_path)
    run = await learn(tmp_path, settings)
    assert (run.record.done("extracted"), run.record.done("remembered")) == (False, False)
    with open_memory(settings.memory_address) as memory:
        assert [entry.theme for entry in memory.journal(agent="main")] == ["In my words"]
    with open_offline_model(ANSWER) as model:
        run = await learn(tmp_path, settings_for(tmp_path, model.base_url))
    assert run.record.done("remembered")
    with open_memory(settings.memory_address) as memory:
        assert [entry.theme for entry in memory.journal(agent="main")] == ["In my words"]
        assert memory.count(agent="main") == 1


async def test_what_the_memory_would_not_take_is_told_with_the_run(tmp_path: Path) -> None:
    settings = with_what_was_known(tmp_path)
    run = a_finished_run(tmp_path)
    learned = await learned_of(run, tmp_path)
    with open_memory(settings.memory_address) as memory:
        memory.forget(agent="main")
    taken = remember_once(run, learned, settings=settings, now=LATER)
    assert [each.why for each in taken.left_out] == ["there is no observation o1"]
    assert read_learned(run) == taken
    assert run.record.done("remembered")


@pytest.mark.parametrize(("where", "closed"), [(Path(), 0), (Path("interactive"), 1)], ids=["run", "conversation"])
async def test_only_a_conversation_closes_a_question_that_waits_for_a_person(
    tmp_path: Path, where: Path, closed: int
) -> None:
    run, question = a_finished_run(tmp_path / where), {"thread": "which-door", "tag": "discuss", "text": "Which door?"}
    done = thread("The door is green.", action="CLOSE", id="which-door", reason="It is green.")
    with open_offline_model(answers(parts={"threads": [done]})) as model:
        settings = settings_for(tmp_path, model.base_url)
        with open_memory(settings.memory_address) as memory:
            memory.apply([a_change("open_thread", 1, **question)])
        learned = await extract_once(run, agent_run_of(run, settings), settings=settings, now=LATER)
    assert len(learned.of_kind(CloseThread)) == closed


async def learned_of(run: RunFolder, home: Path) -> Learned:
    with open_offline_model(ANSWER) as model:
        settings = settings_for(home, model.base_url)
        return await extract_once(run, agent_run_of(run, settings), settings=settings, now=LATER)


async def test_a_run_is_retried_only_when_its_agent_has_ended_and_nobody_works_on_it(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    running = a_finished_run(tmp_path, steps={"agent_started": SLOT}, agent_end=None)
    assert await retry_learning(settings=settings, now=lambda: LATER) == []
    ended = a_finished_run(tmp_path)
    assert running.path == ended.path
    assert await retry_learning(settings=settings, now=lambda: LATER, agent="owl") == []
    with held(ended.path):
        (other,) = await retry_learning(settings=settings, now=lambda: LATER)
    assert "at work, or being finished" in other.problem


@pytest.mark.parametrize("where", [Path(), Path("interactive")])
async def test_what_was_given_up_is_retried_with_all_others(tmp_path: Path, where: Path) -> None:
    run = a_finished_run(tmp_path / where)
    close_run(run, LATER)
    with open_offline_model(ANSWER) as model:
        settings = settings_for(tmp_path, model.base_url)
        (tried,) = await retry_learning(settings=settings, now=lambda: LATER)
        assert await retry_learning(settings=settings, now=lambda: LATER) == []
    assert (tried.problem, tried.session) == ("", "doors")
    with open_memory(settings.memory_address) as memory:
        assert [item.text for item in memory.latest(agent="main")] == ["The door is green."]


async def test_a_retry_that_fails_again_says_why_and_one_of_no_run_is_refused(tmp_path: Path) -> None:
    a_finished_run(tmp_path)
    settings = settings_for(tmp_path)
    (tried,) = await retry_learning(settings=settings, now=lambda: LATER)
    assert "cannot be reached" in tried.problem
    with pytest.raises(RunFolderError, match="there is no run nobody"):
        await retry_learning(settings=settings, now=lambda: LATER, run_id="nobody")


async def test_a_record_that_cannot_be_read_keeps_no_other_run_from_being_retried(tmp_path: Path) -> None:
    a_finished_run(tmp_path)
    broken = tmp_path / "runs" / "a-broken-one"
    broken.mkdir()
    (broken / "run.json").write_text("{}")
    with open_offline_model(ANSWER) as model:
        tried = await retry_learning(settings=settings_for(tmp_path, model.base_url), now=lambda: LATER)
    assert sorted((each.run_id, bool(each.problem)) for each in tried) == [(RUN_ID, False), ("a-broken-one", True)]


def test_every_change_of_a_run_is_read_back_from_its_folder(tmp_path: Path) -> None:
    run = a_finished_run(tmp_path)
    learned = asyncio.run(learned_of(run, tmp_path))
    assert [CHANGE.validate_python(change.model_dump()) for change in read_learned(run).changes] == learned.changes
