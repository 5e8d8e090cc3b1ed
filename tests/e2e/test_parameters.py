"""From every field of a definition to the value that the model, the process or the store saw."""

import inspect
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from prefect.exceptions import PrefectHTTPStatusError
from prefect.utilities.callables import parameter_schema

from flows.scheduled_session import scheduled_session
from sessions.outcome import Outcome
from sessions.parameters import RunnerName
from sessions.runners.base import Stop
from sessions.runners.tools import TOOL_NAMES
from sessions.spec import SessionSpec
from tests.e2e.scheduling import deploy_once, make_runs, runs_of
from tests.fakes import mcp_doors
from tests.fakes.house import House
from tests.fakes.obedient import obedient_script
from tests.workspace.people import Person, bare_repository, git

Check = Callable[[House], Awaitable[None]]
CHECKS: dict[str, Check] = {}
LONG_AGO_SECONDS = 3 * 24 * 3600


def sees(field: str) -> Callable[[Check], Check]:
    """The check that `field` takes effect."""

    def register(check: Check) -> Check:
        CHECKS[field] = check
        return check

    return register


@pytest.mark.parametrize("field", SessionSpec.model_fields)
async def test_the_field_reaches_what_it_is_about(house: House, field: str) -> None:
    await CHECKS[field](house)


@sees("prompt")
async def _(house: House) -> None:
    await house.run(prompt="SAY: good morning")
    assert house.asked()[0].prompt == "SAY: good morning"


@sees("prompt_file")
async def _(house: House) -> None:
    (house.root / "prompts").mkdir()
    (house.root / "prompts" / "night.md").write_text("SAY: from a file\n")
    await house.run(prompt="", prompt_file="prompts/night.md")
    assert house.asked()[0].prompt == "SAY: from a file"


@sees("maintenance_file")
async def _(house: House) -> None:
    (house.root / "maintenance.md").write_text("# Weekly\n- Oil the hinges.\n")
    await house.run(maintenance_file="maintenance.md")
    assert "Suggestions, not orders." in house.asked()[0].system_text
    assert "> - Oil the hinges." in house.asked()[0].system_text


@sees("kind")
async def _(house: House) -> None:
    await house.run(prompt="RUN: echo green")
    ran = await house.run(prompt="Tidy up.", kind="consolidation", allowed_tools=[], model="claude-haiku-4-5")
    assert "It was green." in house.model.requests[-1].body["messages"][0]["content"]
    assert [entry.kind for entry in ran.transcript] == ["prompt", "text", "usage"]


@sees("agent")
async def _(house: House) -> None:
    await house.run(agent="owl")
    assert [entry.agent for entry in house.journal("owl")] == ["owl"]
    assert house.journal("main") == []


@sees("runner")
async def _(house: House) -> None:
    clients = {"anthropic": "AsyncAnthropic/Python", "claude-agent-sdk": "claude-cli", "gemini": "google-genai-sdk"}
    assert set(clients) == set(get_args(RunnerName))
    for runner, client in clients.items():
        model = "gemini-2.5-flash" if runner == "gemini" else ""
        await house.run(runner=runner, model=model, prompt=f"SAY: {runner}")
        asked = [request for request in house.model.requests if request.body.get("tools")]
        assert client in asked[-1].headers["user-agent"]


@sees("model")
async def _(house: House) -> None:
    await house.run(model="anthropic/claude-opus-4-5")
    assert {request.model for request in house.asked()} == {"claude-opus-4-5"}


@sees("temperature")
async def _(house: House) -> None:
    await house.run(temperature=0.25)
    assert house.model.requests[0].body["temperature"] == 0.25


@sees("max_tokens")
async def _(house: House) -> None:
    await house.run(max_tokens=321)
    assert house.model.requests[0].body["max_tokens"] == 321


@sees("timeout_seconds")
async def _(house: House) -> None:
    ran = await house.run(prompt="RUN: sleep 600", timeout_seconds=1)
    assert ran.record.outcome is Outcome.TIMED_OUT
    assert "timeout_seconds 1" in ran.record.reason


@sees("inactivity_timeout_seconds")
async def _(house: House) -> None:
    ran = await house.run(prompt="RUN: sleep 600", inactivity_timeout_seconds=1, timeout_seconds=60)
    assert ran.record.agent_end is not None
    assert ran.record.agent_end.stop is Stop.INACTIVE


@sees("max_turns")
async def _(house: House) -> None:
    ran = await house.run(prompt="RUN: echo 1\nRUN: echo 2\nRUN: echo 3", max_turns=2)
    assert (len(house.asked()), ran.record.outcome) == (2, Outcome.STOPPED)


@sees("max_cost_usd")
async def _(house: House) -> None:
    ran = await house.run(prompt="RUN: echo 1\nRUN: echo 2", max_cost_usd=0.002)
    assert (len(house.asked()), ran.record.outcome) == (1, Outcome.OVER_BUDGET)


@sees("runs_per_day")
async def _(house: House) -> None:
    outcomes = [(await house.run(prompt="SAY: hello", runs_per_day=2)).record.outcome for _ in range(3)]
    assert outcomes == [Outcome.COMPLETED, Outcome.COMPLETED, Outcome.OVER_BUDGET]
    assert len(house.asked()) == 2


@sees("cost_per_day_usd")
async def _(house: House) -> None:
    outcomes = [(await house.run(prompt="SAY: hello", cost_per_day_usd=0.002)).record.outcome for _ in range(2)]
    assert outcomes == [Outcome.COMPLETED, Outcome.OVER_BUDGET]
    assert len(house.asked()) == 1


@sees("repos")
async def _(house: House) -> None:
    origin = bare_repository(house.home.parent / "origin.git")
    person = Person.cloning(origin, house.home.parent / "clone")
    person.pushes("door.txt", "green\n", "Paint the door")
    git(person.clone, "switch", "-q", "-c", "night")
    person.pushes("lamp.txt", "on\n", "Light the lamp")
    repo = {"url": str(origin), "branch": "night", "auto_push": True}
    await house.run(prompt="RUN: git log -1 --format=%s\nRUN: echo off > lamp.txt", repos=[repo])
    assert house.asked()[-1].results[0].strip() == "Light the lamp"
    assert git(origin, "show", "night:lamp.txt") == "off"
    assert git(origin, "log", "-1", "--format=%s", "main") == "Paint the door"


@sees("workflow")
async def _(house: House) -> None:
    person = Person.cloning(bare_repository(house.home.parent / "origin.git"), house.home.parent / "clone")
    git(person.clone, "switch", "-q", "-c", "night")
    person.pushes("watch/.ambient/ambient.json", json.dumps({"startupPrompt": "SAY: led"}))
    folder = {"git_url": str(house.home.parent / "origin.git"), "branch": "night", "path": "watch"}
    await house.run(prompt="Look.", workflow=folder)
    assert house.asked()[0].prompt == "SAY: led\n\nLook."


@sees("change_gate")
async def _(house: House) -> None:
    for number, (gate, outcome) in enumerate((("echo 1", Outcome.NO_CHANGE), ("date +%N", Outcome.COMPLETED))):
        given = {"change_gate": gate, "starting_deadline_seconds": 0}
        name = await house.deploy(f"{house.session}-{number}", **given)
        await house.run(session=name)
        assert (await house.finish(await house.miss_a_slot(session=name))).record.outcome is outcome


@sees("delivery")
async def _(house: House) -> None:
    kept, unused = {"channel": "file", "to": "a/report.md"}, {"channel": "file", "to": "b.md", "mode": "none"}
    await house.run(prompt="SAY: all is well", delivery=[kept, unused])
    assert "all is well" in (house.home / "a" / "report.md").read_text()
    assert not (house.home / "b.md").exists()


@sees("failure_delivery")
async def _(house: House) -> None:
    target = {"channel": "file", "to": "alarm.md"}
    await house.run(failure_delivery=[target])
    assert not (house.home / "alarm.md").exists()
    await house.run(prompt="RUN: sleep 600", timeout_seconds=1, failure_delivery=[target])
    assert "timeout_seconds" in (house.home / "alarm.md").read_text()


@sees("allowed_tools")
async def _(house: House) -> None:
    ran = await house.run(prompt="RUN: touch made", allowed_tools=["Read", "Bash(git log:*)"])
    assert {name for name in house.asked()[0].tool_names if name in TOOL_NAMES} == {"Read", "Bash"}
    assert house.asked()[-1].failed == [True]
    assert "touch made" in ran.report


@sees("disallowed_tools")
async def _(house: House) -> None:
    await house.run(
        prompt="RUN: touch made", allowed_tools=["Bash", "Write"], disallowed_tools=["Bash(touch:*)", "Write"]
    )
    own = [name for name in house.asked()[0].tool_names if name in TOOL_NAMES]
    assert own == ["Bash"]
    assert house.asked()[-1].failed == [True]


@sees("mcp_servers")
async def _(house: House) -> None:
    server = {"command": sys.executable, "args": [mcp_doors.__file__, str(house.home.parent / "started.json")]}
    await house.run(runner="claude-agent-sdk", mcp_servers={"door": server})
    assert {"mcp__door__open", "mcp__door__shut"} <= set(house.asked()[0].tool_names)


@sees("thinking")
async def _(house: House) -> None:
    await house.run(thinking=True, temperature=1, max_tokens=4000)
    assert house.model.requests[0].body["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    refused = await house.run(thinking=True, temperature=0.5)
    assert (refused.record.outcome, "temperature: 1" in refused.record.reason) == (Outcome.FAILED, True)


@sees("unattended")
async def _(house: House) -> None:
    outcomes = [(await house.run(prompt="ASK: why?", unattended=way)).record.outcome for way in ("assume", "fail")]
    house.monkeypatch.setenv("SESSIONS_ANSWER_WAIT_SECONDS", "1")
    paused = await house.run(prompt="ASK: why?", unattended="pause")
    assert outcomes == [Outcome.COMPLETED, Outcome.NEEDS_INPUT]
    assert "nobody answered within 1 s" in paused.record.reason


@sees("starting_deadline_seconds")
async def _(house: House) -> None:
    for deadline, outcome in ((300, Outcome.MISSED), (LONG_AGO_SECONDS, Outcome.COMPLETED), (0, Outcome.COMPLETED)):
        name = await house.deploy(f"{house.session}-{deadline}", starting_deadline_seconds=deadline)
        ran = await house.finish(await house.miss_a_slot(session=name))
        assert ran.record.outcome is outcome


@sees("backoff_seconds")
async def _(house: House) -> None:
    for delays, outcome in (([7200], Outcome.BACKING_OFF), ([], Outcome.COMPLETED)):
        name = await house.deploy(f"{house.session}-{len(delays)}", backoff_seconds=delays, starting_deadline_seconds=0)
        with house.answering(obedient_script(FAULT)):
            await house.run(session=name)
        ran = await house.finish(await house.miss_a_slot(session=name))
        assert ran.record.outcome is outcome


@sees("delete_after_run")
async def _(house: House) -> None:
    at = datetime.now(UTC) - timedelta(hours=1)
    window = {"start_time": (at - timedelta(minutes=1)).isoformat(), "end_time": datetime.now(UTC).isoformat()}
    for deletes, count in ((False, 0), (True, 1)):
        name = f"{house.session}-{count}"
        deployment_id = await deploy_once(house, name, at, delete_after_run=deletes, starting_deadline_seconds=0)
        async with house.client() as client:
            await make_runs(client, deployment_id, **window)
        (run,) = await runs_of(house, deployment_id)
        await house.finish(run.id)
        assert f"{count} sessions deleted after their run" in await house.keep_house()


@sees("keep_successful")
async def _(house: House) -> None:
    await house.keep_house()  # what other tests left on this server
    await house.deploy(keep_successful=1)
    older, newer = [await house.run() for _ in range(2)]
    assert "1 old runs deleted" in await house.keep_house()
    assert (older.folder.path.exists(), newer.folder.path.exists()) == (False, True)


@sees("keep_failed")
async def _(house: House) -> None:
    await house.keep_house()  # what other tests left on this server
    await house.deploy(keep_failed=1)
    with house.answering(obedient_script(FAULT)):
        older, newer = [await house.run() for _ in range(2)]
    completed = await house.run()
    assert "1 old runs deleted" in await house.keep_house()
    assert [ran.folder.path.exists() for ran in (older, newer, completed)] == [False, True, True]


FAULT: dict[str, Any] = {
    "when": {"has_tools": True},
    "answer": {"error": {"type": "authentication_error", "message": "no"}},
}


async def test_the_model_is_the_runs_then_the_definitions_then_the_agents_then_the_projects(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSIONS_MODEL", "claude-opus-4-5")
    monkeypatch.setenv("SESSIONS_AGENT_MODELS", json.dumps({"owl": "claude-haiku-4-5"}))
    with_model = await house.deploy(f"{house.session}-m", model="claude-sonnet-4-5")
    await house.run(session=with_model, agent="owl", model="claude-opus-4-5")
    await house.run(session=with_model, agent="owl")
    await house.run(agent="owl")
    await house.run(agent="dove")
    asked = [request.model for request in house.asked() if request.turn == 0]
    assert asked == ["claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-5"]


def test_the_flow_takes_exactly_the_fields_of_a_session_with_their_defaults() -> None:
    taken = {name: item.default for name, item in inspect.signature(scheduled_session.fn).parameters.items()}
    fields = {name: item.default for name, item in SessionSpec.model_fields.items()}
    assert taken == fields
    assert list(taken) == list(fields)


def test_the_form_shows_every_description_choice_and_bound() -> None:
    shown = parameter_schema(scheduled_session).model_dump()["properties"]
    wanted = SessionSpec.model_json_schema()["properties"]
    assert list(shown) == list(wanted)
    for name, field in wanted.items():
        kept = {key: field[key] for key in field if key in ("minimum", "maximum", "enum", "pattern", "default", "type")}
        assert {key: shown[name].get(key) for key in kept} == kept
        assert str(field.get("description", "")) in shown[name]["description"]
    assert shown["runner"]["enum"] == list(get_args(RunnerName))
    assert (shown["temperature"]["minimum"], shown["temperature"]["maximum"]) == (0, 2)


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": 2.5}, {"runner": "bard"}, {"max_tokens": 0}, {"agent": "Main Agent"}, {"repos": "."}],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_the_server_refuses_a_run_with_a_wrong_parameter(house: House, wrong: dict[str, Any]) -> None:
    await house.deploy()
    with pytest.raises(PrefectHTTPStatusError, match=next(iter(wrong))):
        await house.ask_for(**wrong)
