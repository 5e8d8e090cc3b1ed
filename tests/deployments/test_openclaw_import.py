from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from deployments.check import check_files
from deployments.definitions import Definition
from sessions.schedule import CronSchedule, IntervalSchedule, MomentSchedule, Schedule
from sessions.settings import Settings
from tests.deployments.openclaw_jobs import (
    FULL,
    NAME,
    NOW,
    import_one,
    import_rows,
    job,
    notes_of,
    turn,
    written,
)

CREATED = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=1771115087622)


def schedule_of(definition: Definition) -> Schedule:
    return definition.schedules[0].schedule


def test_the_full_example_becomes_a_session_that_passes_the_check(tmp_path: Path) -> None:
    definition, imported = import_one(tmp_path, FULL)

    assert check_files([imported.definition], Settings(), root=tmp_path, now=NOW) == []
    assert definition.name == NAME
    assert definition.description == "Daily 8AM session reset + memory capture reminder"
    assert definition.tags == ["display-name:Daily 8AM session reset + memory capture reminder"]
    assert schedule_of(definition) == CronSchedule(cron="0 8 * * *", timezone="Asia/Taipei")
    assert definition.parameters == {
        "prompt_file": f"deployments/prompts/{NAME}.md",
        "agent": "main",
        "timeout_seconds": 600,
        "delivery": [{"mode": "announce", "channel": "telegram", "to": "YOUR_TELEGRAM_ID", "best_effort": True}],
    }
    assert imported.schedule == "At 08:00 (Asia/Taipei)"
    assert imported.kept == ["id", "createdAtMs", "updatedAtMs", "sessionTarget", "wakeMode"]


def test_the_prompt_is_led_by_the_jobs_id_and_name(tmp_path: Path) -> None:
    import_one(tmp_path, job(id="j1", name="Reset"))

    assert written(tmp_path)["prompts/reset.md"] == "[cron:j1 Reset] Execute daily reset routine.\n"


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"kind": "at", "at": "2027-02-01T16:00:00Z"}, MomentSchedule(at=datetime(2027, 2, 1, 16, tzinfo=UTC))),
        ({"kind": "at", "at": "2027-02-01T17:00:00+01:00"}, MomentSchedule(at=datetime(2027, 2, 1, 16, tzinfo=UTC))),
        # No offset means UTC, whatever the host's zone is.
        ({"kind": "at", "at": "2027-02-01T16:00"}, MomentSchedule(at=datetime(2027, 2, 1, 16, tzinfo=UTC))),
        ({"kind": "at", "at": "2027-02-01"}, MomentSchedule(at=datetime(2027, 2, 1, tzinfo=UTC))),
        ({"atMs": 1801497600000}, MomentSchedule(at=datetime(2027, 2, 1, 16, tzinfo=UTC))),
        ({"kind": "at", "atMs": "1801497600000"}, MomentSchedule(at=datetime(2027, 2, 1, 16, tzinfo=UTC))),
        (
            {"kind": "every", "everyMs": 3600000},
            IntervalSchedule(interval=timedelta(hours=1), anchor_date=CREATED),
        ),
        (
            {"everyMs": "90000", "anchorMs": 1000},
            IntervalSchedule(interval=timedelta(seconds=90), anchor_date=datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
        ),
        ({"kind": "cron", "expr": "0 8 1 * MON"}, CronSchedule(cron="0 8 1 * MON", timezone="Europe/Berlin")),
        ({"kind": "CRON", "cron": " 0 8 * * * ", "tz": "UTC"}, CronSchedule(cron="0 8 * * *", timezone="UTC")),
        ("*/15 * * * *", CronSchedule(cron="*/15 * * * *", timezone="Europe/Berlin")),
    ],
)
def test_every_kind_of_schedule_is_read_in_all_its_spellings(
    tmp_path: Path, schedule: JsonValue, expected: Schedule
) -> None:
    definition, _ = import_one(tmp_path, job(schedule=schedule))

    assert schedule_of(definition) == expected


def test_a_job_without_a_zone_gets_that_of_the_host_by_name_and_says_so(tmp_path: Path) -> None:
    notes = notes_of(tmp_path, job(schedule={"kind": "cron", "expr": "0 8 * * *"}))

    assert notes["schedule.tz"] == "is missing, which means the host's zone; Europe/Berlin is written"


def test_a_job_without_a_zone_is_set_aside_where_the_hosts_zone_is_not_known(tmp_path: Path) -> None:
    report = import_rows(tmp_path, job(schedule="0 8 * * *"), job(id="other", name="Other"), timezone="")

    assert [each.reason for each in report.quarantined] == [
        "schedule.tz: is missing, and the zone of this host has no name; say it with --timezone"
    ]
    assert [each.session for each in report.imported] == ["other"]


def test_a_moment_that_is_past_and_never_ran_is_said_to_be_due_still(tmp_path: Path) -> None:
    notes = notes_of(tmp_path, job(schedule={"kind": "at", "at": "2026-02-01T16:00:00Z"}))
    assert f"`sessions trigger {NAME}` runs it" in notes["schedule.at"]


def test_a_moment_that_is_past_and_ran_does_not_come_again(tmp_path: Path) -> None:
    row = job(schedule={"kind": "at", "at": "2026-02-01T16:00:00.5Z"}, state={"lastRunAtMs": 1771200000010})
    _, imported = import_one(tmp_path, row)
    assert [note.message for note in imported.notes if note.field == "schedule.at"] == [
        "is cut to the whole second",
        "is past; it does not come again",
    ]


@pytest.mark.parametrize(("given", "expected"), [({}, 600), ({"timeoutSeconds": 0}, 0), ({"timeoutSeconds": 120}, 120)])
def test_timeout_seconds_absent_is_ten_minutes_and_zero_is_none(
    tmp_path: Path, given: dict[str, JsonValue], expected: int
) -> None:
    definition, _ = import_one(tmp_path, job(payload=turn(**given)))

    assert definition.parameters["timeout_seconds"] == expected


def test_a_model_is_kept_as_it_is_spelled_and_none_leaves_the_agents_default(tmp_path: Path) -> None:
    named, _ = import_one(tmp_path, job(name="a", payload=turn(model="anthropic/claude-haiku-4-5")))
    unnamed, _ = import_one(tmp_path, job(id="b", name="b"))

    assert named.parameters["model"] == "anthropic/claude-haiku-4-5"
    assert "model" not in unnamed.parameters
    assert "runner" not in named.parameters


def test_a_gemini_model_brings_the_runner_that_runs_it(tmp_path: Path) -> None:
    definition, imported = import_one(tmp_path, job(payload=turn(model="google/gemini-2.5-flash")))

    assert (definition.parameters["model"], definition.parameters["runner"]) == ("google/gemini-2.5-flash", "gemini")
    assert check_files([imported.definition], Settings(), root=tmp_path, now=NOW) == []


@pytest.mark.parametrize(
    ("delivery", "target"),
    [
        (
            {"mode": "announce", "channel": "telegram", "to": "-1001234567890"},
            ("announce", "telegram", "-1001234567890"),
        ),
        ({"channel": "telegram", "to": -1001234567890}, ("announce", "telegram", "-1001234567890")),
        (
            {"mode": "announce", "channel": "telegram", "to": "-1001234567890:topic:123"},
            ("announce", "telegram", "-1001234567890:topic:123"),
        ),
        (
            {"mode": "deliver", "channel": "Telegram", "to": "-1001234567890:123"},
            ("announce", "telegram", "-1001234567890:123"),
        ),
        (
            {"channel": "telegram", "to": "telegram:-1001234567890", "threadId": 7},
            ("announce", "telegram", "-1001234567890:topic:7"),
        ),
        ({"mode": "none", "channel": "telegram", "to": "-1001234567890"}, ("none", "telegram", "-1001234567890")),
        ({"mode": "webhook", "to": "https://example.org/in"}, ("announce", "webhook", "https://example.org/in")),
    ],
)
def test_a_target_that_a_session_can_reach_is_carried_over(
    tmp_path: Path, delivery: JsonValue, target: tuple[str, str, str]
) -> None:
    definition, _ = import_one(tmp_path, job(delivery=delivery))

    mode, channel, to = target
    assert definition.parameters["delivery"] == [{"mode": mode, "channel": channel, "to": to, "best_effort": False}]


@pytest.mark.parametrize(
    ("delivery", "part"),
    [
        (None, "announces to the chat that was used last"),
        ({"mode": "announce"}, "goes to the chat that was used last"),
        ({"mode": "announce", "channel": "last", "to": "x"}, "goes to the chat that was used last"),
        ({"mode": "announce", "channel": "whatsapp", "to": "+491"}, "channel 'whatsapp' cannot be reached"),
        ({"mode": "announce", "channel": "slack", "to": "channel:C1"}, "set SLACK_WEBHOOK_URL"),
        ({"mode": "announce", "channel": "telegram"}, "names no chat"),
        ({"mode": "announce", "channel": "telegram", "to": "not a chat"}, "is no Telegram target"),
    ],
)
def test_a_target_that_a_session_cannot_reach_is_kept_and_said(tmp_path: Path, delivery: JsonValue, part: str) -> None:
    definition, imported = import_one(tmp_path, job(delivery=delivery))

    assert "delivery" not in definition.parameters
    assert part in next(note.message for note in imported.notes if note.field == "delivery")
    assert ("delivery" in imported.kept) is (delivery is not None)


def test_mode_none_without_a_target_is_nothing_to_speak_of(tmp_path: Path) -> None:
    definition, imported = import_one(tmp_path, job(delivery={"mode": "none"}))

    assert "delivery" not in definition.parameters
    assert "delivery" not in [note.field for note in imported.notes]


LEGACY_DELIVERIES: list[tuple[dict[str, JsonValue], dict[str, JsonValue]]] = [
    ({"deliver": True, "channel": "telegram", "to": "-1001"}, {"mode": "announce", "to": "-1001"}),
    ({"deliver": False, "channel": "telegram", "to": "-1001"}, {"mode": "none", "to": "-1001"}),
    ({"provider": "telegram", "to": "-1001", "bestEffortDeliver": True}, {"to": "-1001", "best_effort": True}),
    ({"channel": "telegram", "to": "-1001", "threadId": "9"}, {"to": "-1001:topic:9"}),
]


@pytest.mark.parametrize(("hints", "expected"), LEGACY_DELIVERIES)
@pytest.mark.parametrize("at_top", [True, False], ids=["at the top", "in the payload"])
def test_delivery_hints_of_earlier_versions_become_a_target(
    tmp_path: Path, hints: dict[str, JsonValue], expected: dict[str, JsonValue], *, at_top: bool
) -> None:
    row = job(delivery=None, **hints) if at_top else job(delivery=None, payload=turn(**hints))

    definition, imported = import_one(tmp_path, row)

    whole = {"mode": "announce", "channel": "telegram", "best_effort": False} | expected
    assert definition.parameters["delivery"] == [whole]
    said = {note.field.removeprefix("payload.") for note in imported.notes}
    assert set(hints) <= said


def test_hints_count_more_than_the_delivery_beside_them(tmp_path: Path) -> None:
    delivery = {"mode": "announce", "channel": "telegram", "to": "-1001"}

    definition, _ = import_one(tmp_path, job(delivery=delivery, payload=turn(to="-1002", deliver=False)))

    assert definition.parameters["delivery"] == [
        {"mode": "none", "channel": "telegram", "to": "-1002", "best_effort": False}
    ]


def test_fields_at_the_top_belong_to_the_payload(tmp_path: Path) -> None:
    row = job(payload=None, name=None, message="Look.\nTwice.", model="claude-haiku-4-5", timeoutSeconds="90")

    definition, imported = import_one(tmp_path, row)

    assert definition.parameters["model"] == "claude-haiku-4-5"
    assert definition.parameters["timeout_seconds"] == 90
    assert imported.job == "Look."
    assert {"message", "model", "timeoutSeconds"} <= {note.field for note in imported.notes}


def test_what_the_payload_says_already_counts_and_the_other_is_named(tmp_path: Path) -> None:
    row = job(payload=turn(model="claude-haiku-4-5"), model="claude-opus-4-5")

    definition, imported = import_one(tmp_path, row)

    assert definition.parameters["model"] == "claude-haiku-4-5"
    assert "model: 'claude-opus-4-5' beside payload is left out; payload.model counts" in map(str, imported.notes)


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (job(name=None), "Execute daily reset routine."),
        (job(name=" ", payload={"text": "  \n" + "x" * 80}, sessionTarget=None, delivery=None), "x" * 59 + "…"),
    ],
)
def test_a_name_that_is_missing_is_made_of_the_text(tmp_path: Path, row: JsonValue, name: str) -> None:
    assert import_one(tmp_path, row)[1].job == name


def test_job_id_is_the_id_and_a_missing_one_is_made_and_said(tmp_path: Path) -> None:
    _, named = import_one(tmp_path, job(id=None, jobId="j1", name="a"))
    _, unnamed = import_one(tmp_path, job(id=None, name="b"))

    assert named.id == "j1"
    assert f"id: was missing; it is {unnamed.id} now" in map(str, unnamed.notes)
