"""From a line of a run's context to the words that it came from, and back out of the memory."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.fakes.extracting import keeps, with_extraction
from tests.fakes.house import House
from tests.fakes.scripts import says, script

GREEN = "the door was painted green"
SCRIPT = with_extraction(script(says("I took note.")), keeps(GREEN, "The front door is green since Tuesday."))


def memory(*words: str) -> str:
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["memory", *words])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def entry_of(files: dict[str, Any]) -> str:
    """The words of the transcript's entry that a thing was taken from."""
    line = Path(files["transcript"]).read_text().splitlines()[files["entry"]]
    return str(json.loads(line)["text"])


@pytest.fixture(params=["sqlite", "firestore"])
def store(request: pytest.FixtureRequest, house: House) -> str:
    """The memory of the house, which is a file unless it is told another."""
    if request.param == "firestore":
        emulator = request.getfixturevalue("firestore_emulator")
        house.monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator.host)
        house.monkeypatch.setenv("SESSIONS_MEMORY_URL", emulator.place().url)
    return str(request.param)


async def test_a_line_of_a_context_leads_to_its_words_and_can_be_taken_back(house: House, store: str) -> None:
    with house.answering(SCRIPT):
        first = await house.run(prompt=f"For the record: {GREEN} on Tuesday.")
        second = await house.run(prompt="What colour is the front door?")
        (line,) = [line for line in second.context.splitlines() if "The front door is green since Tuesday." in line]
        id_ = line.split("`")[1]

        shown = json.loads(memory("show", id_, "--json"))
        assert (shown["named"]["kind"], shown["files"]["run"]) == ("observation", first.record.run_id)
        assert GREEN in entry_of(shown["files"])
        assert f"For the record: {GREEN} on Tuesday." in memory("show", id_)

        said = memory("revert", "--run", first.record.run_id, "--yes", "--reason", "It is blue.")
        assert f"added observation {id_[:8]}: The front door is green since Tuesday." in said
        third = await house.run(prompt="What colour is the front door?")
    assert "green" not in third.context
    assert f"run {first.record.run_id[:8]}" not in third.context
    assert memory("show", id_).startswith(f"observation {shown['named']['id']} of agent main: reverted\n")
    assert (house.home / "memory.sqlite3").exists() == (store == "sqlite")


async def test_every_id_in_a_context_can_be_opened(house: House) -> None:
    with house.answering(SCRIPT):
        await house.run(prompt=f"For the record: {GREEN} on Tuesday.")
        memory("thread", "open", "Shall the gate be green too?", "--tag", "solo")
        memory("thread", "open", "Shall the roof be green too?", "--tag", "discuss")
        second = await house.run(prompt="What colour is the front door?")
    manifest = json.loads(second.folder.manifest_path.read_text())
    opened = [each for each in manifest["candidates"] if each["kind"] not in ("signal", "maintenance")]
    assert {each["kind"] for each in opened} == {"observation", "thread", "journal"}
    for each in opened:
        assert memory("show", each["id"])
