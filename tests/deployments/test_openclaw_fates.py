"""What becomes of the fields of a job that a session has no exact counterpart for."""

import json
from pathlib import Path

import pytest
from pydantic import JsonValue

from deployments.check import check_files
from deployments.names import display_name_of
from sessions.settings import Settings
from tests.deployments.openclaw_jobs import FULL, NAME, NOW, import_one, job, notes_of, reason, turn, written


def test_a_system_event_for_the_main_conversation_runs_isolated_and_says_so(tmp_path: Path) -> None:
    row = job(payload={"kind": "systemEvent", "text": "Wake up."}, sessionTarget="main", delivery=None)

    _, imported = import_one(tmp_path, row)

    assert written(tmp_path)[f"prompts/{NAME}.md"] == "Wake up.\n"
    assert "runs isolated" in next(note.message for note in imported.notes if note.field == "sessionTarget")
    assert "delivery" not in [note.field for note in imported.notes]


def test_a_disabled_job_begins_suspended(tmp_path: Path) -> None:
    definition, imported = import_one(tmp_path, job(enabled=False))

    assert imported.suspended
    assert definition.schedules[0].active is False
    assert check_files([imported.definition], Settings(), root=tmp_path, now=NOW) == []


def test_an_enabled_job_says_nothing_of_it_so_that_suspending_survives_a_deploy(tmp_path: Path) -> None:
    import_one(tmp_path, FULL)

    assert "active" not in written(tmp_path)[f"{NAME}.yaml"]


WEBHOOK: dict[str, JsonValue] = {"mode": "webhook", "to": "https://example.org/in"}


@pytest.mark.parametrize(
    ("changes", "field", "part"),
    [
        ({"notify": True}, "notify", "cron.webhook"),
        ({"wakeMode": "next-heartbeat"}, "wakeMode", "no heartbeat"),
        ({"deleteAfterRun": True}, "deleteAfterRun", "means nothing to a job that is due again"),
        ({"agentId": "My_Agent"}, "agentId", "'My_Agent' is called my-agent here"),
        ({"colour": "red"}, "colour", "has no place in a session"),
        ({"sessionKey": "agent:main"}, "sessionKey", "a conversation of its own"),
        ({"payload": turn(thinking="high")}, "payload.thinking", "write `thinking: true`"),
        ({"delivery": WEBHOOK | {"channel": "slack"}}, "delivery.channel", "means nothing to a webhook"),
        ({"delivery": WEBHOOK | {"threadId": "7"}}, "delivery.threadId", "means nothing to a webhook"),
        (
            {"delivery": {"mode": "announce", "channel": "telegram", "to": "-1001:topic:7", "threadId": "9"}},
            "delivery.threadId",
            "stands beside the topic in delivery.to",
        ),
        ({"schedule": {"kind": "cron", "expr": "0 8 * * *", "staggerMs": 300000}}, "schedule.staggerMs", "exact time"),
        ({"delivery": {"channel": "telegram", "to": "-1", "accountId": "a"}}, "delivery.accountId", "one account"),
    ],
)
def test_what_has_no_counterpart_is_kept_beside_the_definition_and_said(
    tmp_path: Path, changes: dict[str, JsonValue], field: str, part: str
) -> None:
    _, imported = import_one(tmp_path, job(**changes))

    assert part in next(note.message for note in imported.notes if note.field == field)
    assert field in imported.kept
    kept = json.loads(written(tmp_path)[f"imported/{NAME}.json"])
    value = kept["job"]
    for key in field.split("."):
        value = value[key]
    given = changes[field.partition(".")[0]]
    assert value == (given[field.partition(".")[2]] if isinstance(given, dict) else given)


def test_a_job_that_is_due_once_is_deleted_after_its_run_if_it_says_so(tmp_path: Path) -> None:
    moment: JsonValue = {"kind": "at", "at": "2027-02-01T16:00:00Z"}
    deleted, _ = import_one(tmp_path, job(name="a", schedule=moment, deleteAfterRun=True))
    left, _ = import_one(tmp_path, job(id="b", name="b", schedule=moment))

    assert deleted.parameters["delete_after_run"] is True
    assert "delete_after_run" not in left.parameters


def test_a_job_that_says_why_keeps_its_name_as_the_display_name(tmp_path: Path) -> None:
    definition, imported = import_one(tmp_path, job(description="Why."))

    assert definition.description == "Why."
    assert display_name_of(definition.tags, definition.name) == FULL["name"]
    assert "name" not in imported.kept


def test_a_name_that_is_too_long_to_be_shown_is_kept_and_said(tmp_path: Path) -> None:
    definition, imported = import_one(tmp_path, job(name="n" * 51, description="Why."))

    assert definition.tags == []
    assert "name" in imported.kept
    assert "at most 50 characters" in next(note.message for note in imported.notes if note.field == "name")


def test_delivery_is_for_isolated_jobs_only_but_for_a_webhook(tmp_path: Path) -> None:
    main: dict[str, JsonValue] = {"sessionTarget": "main", "payload": {"kind": "systemEvent", "text": "x"}}
    announced = reason(tmp_path, job(**main))
    definition, _ = import_one(tmp_path, job(**main, delivery=WEBHOOK))

    assert announced == "delivery: announce goes with sessionTarget isolated only; take it out"
    assert definition.parameters["delivery"] == [
        {"mode": "announce", "channel": "webhook", "to": "https://example.org/in", "best_effort": False}
    ]


NOW_MS = int(NOW.timestamp() * 1000)


@pytest.mark.parametrize(
    ("created", "updated", "expected"),
    [(None, None, (NOW_MS, NOW_MS)), (5, None, (5, 5)), (None, 7, (7, 7)), (5, 7, (5, 7))],
)
def test_created_at_ms_and_updated_at_ms_stand_in_for_each_other_and_the_import_for_both(
    tmp_path: Path, created: int | None, updated: int | None, expected: tuple[int, int]
) -> None:
    notes = notes_of(tmp_path, job(createdAtMs=created, updatedAtMs=updated))

    kept = json.loads(written(tmp_path)[f"imported/{NAME}.json"])["job"]
    assert (kept["createdAtMs"], kept["updatedAtMs"]) == expected
    assert ("createdAtMs" in notes, "updatedAtMs" in notes) == (created is None, updated is None)


def test_the_state_is_shown_and_kept_but_not_carried_over(tmp_path: Path) -> None:
    state = {
        "nextRunAtMs": 1771286400000,
        "lastRunAtMs": 1771200000010,
        "lastStatus": "error",
        "lastDurationMs": 5186,
        "lastError": None,
        "consecutiveErrors": 3,
    }

    _, imported = import_one(tmp_path, job(state=state))

    notes = {note.field: note.message for note in imported.notes}
    assert "2026-02-16 00:00 UTC: error, 3 errors in a row" in notes["state"]
    assert json.loads(written(tmp_path)[f"imported/{NAME}.json"])["job"]["state"] == state
