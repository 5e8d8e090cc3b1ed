"""From a line of a run's context to the words that it came from, and back out of the memory."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from sessions.context import Candidate, Manifest
from sessions.offline import Script
from tests.fakes.extracting import keeps, with_extraction
from tests.fakes.house import House, Ran
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


def calls(turn: int, tool: str, **arguments: object) -> dict[str, object]:
    """The rule by which the agent calls a memory tool in its turn."""
    block = {"tool": f"mcp__memory__{tool}", "input": arguments}
    return {"when": {"has_tools": True, "turn": turn, "prompt_contains": "Look after"}, "answer": {"blocks": [block]}}


BELIEVES = {"action": "BELIEVE", "text": "Green doors last longest.", "quote": "green doors last longest"}
TAUGHT = with_extraction(
    Script.model_validate(
        {
            "rules": [
                {
                    "when": {"has_tools": True, "prompt_contains": "Break off"},
                    "answer": {"error": {"type": "invalid_request_error"}},
                },
                calls(0, "note_thread", text="Oil the hinge of the cellar door.", tag="solo"),
                calls(1, "set_vital", name="squeaking doors", value="2 of 9", flagged=True),
                calls(2, "set_project", name="new doors", status="ordered at the joiner"),
                *script(says("I took note: green doors last longest.")).model_dump(exclude_defaults=True)["rules"],
            ]
        }
    ),
    keeps(GREEN, "The front door is green since Tuesday.", beliefs=[BELIEVES]),
)


def weighed_for(ran: Ran) -> list[Candidate]:
    """All that was weighed for the context of a run, each by the id by which it is opened."""
    return Manifest.model_validate_json(ran.folder.manifest_path.read_bytes()).candidates


async def test_every_line_of_a_context_can_be_opened_and_all_of_a_run_taken_back(house: House) -> None:
    roof = json.loads(memory("thread", "open", "Shall the roof be green too?", "--tag", "discuss", "--json"))["id"]
    with house.answering(TAUGHT):
        first = await house.run(prompt=f"Look after the doors. For the record: {GREEN} on Tuesday.")
        broken = await house.run(prompt="Break off.")
        third = await house.run(prompt="What colour is the front door?")
    weighed = {each.id: each for each in weighed_for(third)}
    kinds = {each.kind for each in weighed.values() if not each.left_out}
    assert kinds == {"observation", "belief", "thread", "journal", "vital", "project", "signal"}
    assert weighed["failing streak"].about == (broken.record.run_id,)
    opened = {id_: memory("show", id_) for each in weighed.values() for id_ in each.about or (each.id,)}
    of_first = {id_: said for id_, said in opened.items() if first.record.run_id in said.partition("take back")[2]}
    assert set(opened) - set(of_first) == {broken.record.run_id, roof}
    for said in of_first.values():
        assert "  said in     " in said
        assert f"{first.folder.transcript_path}:" in said
    memory("revert", "--run", first.record.run_id, "--yes")
    for id_ in of_first:
        assert ": reverted\n" in memory("show", id_)
    with house.answering(TAUGHT):
        again = await house.run(prompt="What colour is the front door?")
    assert not {each.id for each in weighed_for(again)} & set(of_first)
