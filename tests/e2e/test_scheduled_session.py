"""The main job on a real server and a real worker, as people and programs use it."""

import json
import subprocess
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import FlowRun

from sessions.memory import open_memory
from sessions.memory.base import Observation
from sessions.run_folder import RunFolder
from tests.fakes.stack import SESSION, Stack

DELIVERY = [{"channel": "file", "to": "reports/night-watch.md"}]
RUN_ROW = {"id", "name", "phase", "outcome", "delivery", "started_at", "duration_seconds", "error", "cost_usd"}
STATE = {"next_run_at", "last_run_at", "last_outcome", "last_duration_seconds", "last_error", "consecutive_errors"}


def as_json(done: subprocess.CompletedProcess[str]) -> Any:  # noqa: ANN401 - whatever the command prints
    return json.loads(done.stdout)


@dataclass(frozen=True)
class Night:
    """Two runs: the first started with Prefect's own command and overrides, the second with ours."""

    first: FlowRun
    first_folder: RunFolder
    second: dict[str, Any]
    second_folder: RunFolder
    learned: list[Observation]


@pytest.fixture(scope="module")
def night(stack: Stack) -> Night:
    overrides = {"model": "claude-haiku-4-5", "prompt": "RUN: echo the door is green", "delivery": DELIVERY}
    given = [part for name, value in overrides.items() for part in ("--param", f"{name}={json.dumps(value)}")]
    started = stack.command(
        "prefect", "deployment", "run", f"scheduled-session/{SESSION}", *given, "--watch", check=False
    )
    assert started.returncode == 0, started.stdout + started.stderr
    second = as_json(stack.command("sessions", "trigger", SESSION, "-p", "runner=claude-agent-sdk", "--wait", "--json"))
    first_id = as_json(stack.command("sessions", "runs", SESSION, "--json"))[1]["id"]
    with stack.client() as client:
        first = client.read_flow_run(first_id)
    with open_memory(f"sqlite:///{stack.home / 'memory.sqlite3'}") as memory:
        learned = memory.latest(agent="main", limit=10)
    return Night(first, stack.folder(first_id), second, stack.folder(second["id"]), learned)


def test_a_run_started_with_prefects_command_completes_on_the_worker(night: Night) -> None:
    state = night.first.state
    assert state is not None
    assert (state.name, state.type) == ("Completed", "COMPLETED")
    assert "the agent finished after 2 turns" in (state.message or "")
    assert (state.message or "").endswith("; delivered")


def test_the_model_saw_the_overrides_of_the_run(night: Night, stack: Stack) -> None:
    asked = stack.asked("the door is green")
    assert {request.model for request in asked} == {"claude-haiku-4-5"}
    assert night.first_folder.record.spec.model == "claude-haiku-4-5"


def test_the_run_is_named_after_its_session_and_slot(night: Night) -> None:
    slot = night.first_folder.record.slot_at.astimezone(ZoneInfo("Europe/Berlin"))
    assert night.first.name == f"{SESSION} · {slot:%Y-%m-%d %H:%M %Z}"
    assert slot == night.first.expected_start_time


def test_tags_and_labels_say_what_became_of_the_run(night: Night) -> None:
    wanted = {f"session:{SESSION}", "agent:main", "completed", "delivered"}
    assert wanted <= set(night.first.tags)
    labels = night.first.labels
    assert (labels["sessions.outcome"], labels["sessions.delivery"]) == ("completed", "delivered")
    assert float(labels["sessions.cost_usd"]) == pytest.approx(night.first_folder.record.cost_usd)


def test_the_runs_page_shows_context_report_transcript_and_numbers(night: Night, stack: Stack) -> None:
    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[night.first.id]))
    with stack.client() as client:
        shown = {
            str(item.key).removeprefix(f"{SESSION}-"): item for item in client.read_artifacts(artifact_filter=of_run)
        }
    assert {name: item.type for name, item in shown.items()} == {
        "context": "markdown",
        "learned": "markdown",
        "report": "markdown",
        "transcript": "markdown",
        "numbers": "table",
    }
    assert str(shown["context"].data).startswith(night.first_folder.context_path.read_text().strip())
    assert "the door is green" in str(shown["report"].data)
    assert "<details>" in str(shown["transcript"].data)
    assert {row["metric"] for row in json.loads(str(shown["numbers"].data))} >= {"Turns", "Cost", "Outcome", "Delivery"}


def test_what_was_found_out_is_remembered_with_its_source(night: Night) -> None:
    green = next(item for item in night.learned if item.source.run == str(night.first.id))
    assert (green.text, green.quote) == ("It was the door is green.", "I found: the door is green")
    assert green.source.origin == "agent"


def test_the_second_run_is_told_what_the_first_learned(night: Night, stack: Stack) -> None:
    assert "It was the door is green." not in night.first_folder.context_path.read_text()
    assert "It was the door is green." in night.second_folder.context_path.read_text()
    told = [request.system_text for request in stack.asked("RUN: echo green")]
    assert any("It was the door is green." in text for text in told)


def test_the_report_is_delivered_to_its_file(night: Night, stack: Stack) -> None:
    delivered = (stack.home / "reports" / "night-watch.md").read_text()
    assert delivered.startswith("# ✅ night-watch: completed")
    assert "the door is green" in delivered
    assert [receipt.status for receipt in night.first_folder.record.receipts] == ["delivered"]


def test_the_second_run_used_the_default_runner(night: Night) -> None:
    assert (night.second["outcome"], night.second["delivery"]) == ("completed", "nothing_to_deliver")
    assert night.second_folder.record.spec.runner == "claude-agent-sdk"


def test_show_tells_a_program_everything_about_a_session(night: Night, stack: Stack) -> None:
    shown = as_json(stack.command("sessions", "show", SESSION, "--json"))
    assert (shown["name"], shown["status"]) == (SESSION, "Active")
    assert {"kind": "cron", "expr": "0 2 * * *", "timezone": "Europe/Berlin"}.items() <= shown["schedule"].items()
    assert "02:00" in shown["schedule"]["description"]
    assert len(shown["next_runs"]) == 3
    assert shown["next_runs"][0] == shown["state"]["next_run_at"]
    assert set(shown["last_run"]) >= RUN_ROW
    assert shown["last_run"]["id"] == night.second["id"]
    assert set(shown["state"]) >= STATE
    assert (shown["state"]["last_outcome"], shown["state"]["consecutive_errors"]) == ("completed", 0)
    assert shown["parameters"]["runner"] == "anthropic"


def test_list_and_runs_tell_a_program_the_same(night: Night, stack: Stack) -> None:
    listed = as_json(stack.command("sessions", "list", "--json"))
    mine = next(view for view in listed if view["name"] == SESSION)
    rows = as_json(stack.command("sessions", "runs", SESSION, "--json"))
    assert mine["last_run"] == rows[0]
    assert [row["id"] for row in rows][:2] == [night.second["id"], str(night.first.id)]


def test_people_get_tables(night: Night, stack: Stack) -> None:
    assert SESSION in stack.command("sessions", "list").stdout
    assert night.second["id"] in stack.command("sessions", "show", SESSION).stdout
    assert night.second["id"][:8] in stack.command("sessions", "runs", SESSION).stdout


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("show", "nobody"), f"there is no session 'nobody'; deployed are: {SESSION}"),
        (("trigger", SESSION, "-p", "temperature=3"), "temperature"),
        (("trigger", SESSION, "-p", "modle=x"), "modle: is no parameter"),
        (("trigger", SESSION, "-p", "prompt="), "prompt: is blank"),
    ],
    ids=["unknown-session", "out-of-bounds", "unknown-parameter", "blank-prompt"],
)
def test_the_command_refuses_in_a_sentence(stack: Stack, argv: tuple[str, ...], said: str) -> None:
    done = stack.command("sessions", *argv, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_that_is_not_there_is_named_in_a_sentence(stack: Stack) -> None:
    nowhere = {"PREFECT_API_URL": "http://127.0.0.1:9/api", "PREFECT_CLIENT_MAX_RETRIES": "0"}
    done = stack.command("sessions", "list", check=False, **nowhere)
    assert done.returncode == 1
    assert "no Prefect server answers at http://127.0.0.1:9/api" in done.stderr
    assert "Traceback" not in done.stderr
