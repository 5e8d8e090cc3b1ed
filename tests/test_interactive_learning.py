"""A conversation is learned from once for each part, however often it is tried and wherever that dies."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sessions import interactive_learning
from sessions.errors import RunFolderError
from sessions.forgetting import forget_agent
from sessions.interactive import (
    Conversation,
    conversations,
    interactive_home,
    is_over,
    note_conversation,
    read_conversation_file,
)
from sessions.interactive_learning import learn_conversation, learn_what_is_left, open_parts
from sessions.memory import open_memory
from sessions.memory.things import Observation
from sessions.offline import open_offline_model
from sessions.offline.running import OfflineModel
from sessions.provenance import files_of, words_around
from sessions.run_folder import runs_folder
from sessions.settings import Settings
from sessions.transcript import read_transcript
from tests.fakes.conversations import Written, text
from tests.fakes.extracting import keeps, with_extraction
from tests.fakes.scripts import says, script

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PORT, HOST = "the port is 8443", "the host is gate"
SCRIPT = with_extraction(
    script(says("done")), keeps(PORT, "The API listens on port 8443."), keeps(HOST, "The API runs on host gate.")
)


@pytest.fixture
def model() -> Iterator[OfflineModel]:
    with open_offline_model(SCRIPT) as opened:
        yield opened


@pytest.fixture
def settings(tmp_path: Path, model: OfflineModel) -> Settings:
    return Settings(home=tmp_path, anthropic_base_url=model.base_url, anthropic_api_key="sk-test")


@pytest.fixture
def written(tmp_path: Path) -> Written:
    said = Written(tmp_path / "transcript.jsonl")
    said.typed(f"For later: {PORT}.")
    said.says(text("I noted it."))
    return said


@pytest.fixture
def conversation(settings: Settings, written: Written) -> Path:
    return noted(settings, written.path)


def noted(settings: Settings, transcript: Path, agent: str = "main", *, ended: bool = True) -> Path:
    seen = Conversation(session_id="abc", agent=agent, transcript=transcript)
    return note_conversation(settings.home, seen, ended=ended)


def known(settings: Settings, agent: str = "main") -> list[Observation]:
    with open_memory(settings.memory_address) as memory:
        return memory.latest(agent=agent)


async def test_what_the_person_said_is_remembered_as_the_owners(conversation: Path, settings: Settings) -> None:
    done = await learn_conversation(conversation, settings=settings, now=NOW)
    (kept,) = known(settings)
    assert done
    assert (kept.text, kept.source.origin, kept.source.run) == (
        "The API listens on port 8443.",
        "owner",
        done.run_id,
    )
    files = files_of(done.run_id, settings.home, span=kept.source.span)
    assert files.session == "interactive"
    assert words_around(files) == f"For later: {PORT}."


async def test_the_same_state_is_learned_from_once(conversation: Path, settings: Settings, model: OfflineModel) -> None:
    for _ in range(3):
        await learn_conversation(conversation, settings=settings, now=NOW)
        await learn_what_is_left(settings, NOW)
    assert len(model.requests) == 1
    assert len(known(settings)) == 1


async def test_what_comes_later_is_a_part_of_its_own(
    conversation: Path, settings: Settings, written: Written, model: OfflineModel
) -> None:
    first = await learn_conversation(conversation, settings=settings, now=NOW)
    written.typed(f"And {HOST}.")
    written.says(text("Noted too."))
    second = await learn_conversation(conversation, settings=settings, now=NOW)
    assert {item.text for item in known(settings)} == {"The API listens on port 8443.", "The API runs on host gate."}
    assert first
    assert second
    assert first.run_id != second.run_id
    assert PORT not in str(model.requests[-1].body["messages"])


async def test_nothing_that_the_person_said_is_no_call(
    conversation: Path, settings: Settings, written: Written, model: OfflineModel
) -> None:
    await learn_conversation(conversation, settings=settings, now=NOW)
    written.add("system", subtype="stop_hook_summary")
    written.under_users_name("<local-command-stdout>Bye</local-command-stdout>")
    assert await learn_conversation(conversation, settings=settings, now=NOW) is None
    assert len(model.requests) == 1


@pytest.mark.parametrize("step", ["save_conversation", "extract_once", "remember_once", "close_run"])
@pytest.mark.usefixtures("conversation")
async def test_a_part_whose_process_died_is_gone_on_with(
    settings: Settings, written: Written, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class DiedError(BaseException):
        """As a kill: nothing catches it."""

    def die(*_arguments: object, **_more: object) -> None:
        raise DiedError

    with monkeypatch.context() as dying:
        dying.setattr(interactive_learning, step, die)
        for _ in range(3):
            with pytest.raises(DiedError):
                await learn_what_is_left(settings, NOW)
    written.typed(f"And {HOST}.")
    written.says(text("Noted too."))
    await learn_what_is_left(settings, NOW)
    await learn_what_is_left(settings, NOW)
    assert sorted(item.text for item in known(settings)) == [
        "The API listens on port 8443.",
        "The API runs on host gate.",
    ]
    assert len(list(runs_folder(interactive_home(settings.home)).iterdir())) == 2
    assert open_parts(settings.home) == []


async def test_a_model_that_cannot_be_reached_is_tried_again(conversation: Path, settings: Settings) -> None:
    unset = settings.model_copy(update={"anthropic_base_url": "", "anthropic_api_key": Settings().anthropic_api_key})
    done = await learn_conversation(conversation, settings=unset, now=NOW)
    assert done
    assert "ANTHROPIC_API_KEY" in done.problem
    assert [record.run_id for record in open_parts(settings.home)] == [done.run_id]
    (again,) = await learn_what_is_left(settings, NOW)
    assert (again.run_id, again.problem) == (done.run_id, "")
    assert len(known(settings)) == 1


async def test_secrets_do_not_get_into_the_run(settings: Settings, written: Written, model: OfflineModel) -> None:
    key = "sk-ant-api03-" + "A1b2" * 20
    written.typed(f"My key is {key}.")
    done = await learn_conversation(noted(settings, written.path), settings=settings, now=NOW)
    assert done
    transcript = files_of(done.run_id, settings.home).transcript
    assert transcript
    assert len(list(read_transcript(transcript))) == 3
    assert key not in transcript.read_text()
    assert key not in str(model.requests[-1].body)


async def test_a_conversation_belongs_to_the_agent_that_it_began_with(settings: Settings, written: Written) -> None:
    noted(settings, written.path, "docs")
    await learn_conversation(noted(settings, written.path, "main"), settings=settings, now=NOW)
    assert (len(known(settings, "docs")), known(settings)) == (1, [])


async def test_a_transcript_that_is_not_one_is_a_sentence(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("nothing like it")
    with pytest.raises(RunFolderError, match="is no transcript of Claude Code"):
        await learn_conversation(noted(settings, tmp_path / "x"), settings=settings, now=NOW)


async def test_one_broken_conversation_does_not_keep_the_others_from_being_learned(
    settings: Settings, written: Written, tmp_path: Path
) -> None:
    (tmp_path / "x").write_text("nothing like it")
    note_conversation(
        settings.home, Conversation(session_id="aaa", agent="main", transcript=tmp_path / "x"), ended=True
    )
    noted(settings, written.path)
    done = await learn_what_is_left(settings, NOW)
    assert len(known(settings)) == 1
    assert [bool(each.problem) for each in done] == [True, False]


def test_a_conversation_is_over_when_it_ended_or_was_quiet(settings: Settings, written: Written) -> None:
    path = noted(settings, written.path, ended=False)
    last = written.path.stat().st_mtime
    assert not is_over(path, now=last + 59, quiet_seconds=60)
    assert is_over(path, now=last + 60, quiet_seconds=60)
    noted(settings, written.path, ended=True)
    assert is_over(path, now=last, quiet_seconds=60)
    noted(settings, written.path, ended=False)
    assert not is_over(path, now=last, quiet_seconds=60)


async def test_what_was_said_to_an_agent_that_forgot_is_not_learned_any_more(
    conversation: Path, settings: Settings, written: Written
) -> None:
    unset = settings.model_copy(update={"anthropic_base_url": ""})
    await learn_conversation(conversation, settings=unset, now=NOW)
    written.typed(f"And {HOST}.")
    written.says(text("Noted."))
    forget_agent("main", settings, NOW)
    assert await learn_what_is_left(settings, NOW) == []
    written.typed(f"Once more, {PORT}.")
    written.says(text("Noted."))
    await learn_what_is_left(settings, NOW)
    assert [item.text for item in known(settings)] == ["The API listens on port 8443."]


async def test_one_that_still_goes_on_is_left_alone(settings: Settings, written: Written) -> None:
    noted(settings, written.path, ended=False)
    os.utime(written.path, (time.time(),) * 2)
    assert await learn_what_is_left(settings, NOW) == []


async def test_what_is_older_than_claude_code_keeps_it_is_forgotten(
    conversation: Path, settings: Settings, written: Written
) -> None:
    done = await learn_conversation(conversation, settings=settings, now=NOW)
    assert done
    assert read_conversation_file(conversation).learned_through == "line-2"
    written.path.unlink()
    await learn_what_is_left(settings, datetime.now(UTC) + timedelta(days=31))
    assert list(conversations(settings.home)) == []
    assert files_of(done.run_id, settings.home).folder is None
    assert len(known(settings)) == 1
