import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from deployments.check import check_files
from deployments.definitions import Definition
from deployments.openclaw.draft import Place
from deployments.openclaw.importing import Import, import_jobs
from sessions.errors import SpecError
from sessions.schedule import CronSchedule, IntervalSchedule, MomentSchedule, Schedule
from sessions.settings import Settings
from tests.deployments.openclaw_jobs import (
    FULL,
    NAME,
    NOW,
    import_one,
    import_rows,
    import_text,
    job,
    reason,
    turn,
    written,
)

CREATED = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=1771115087622)


def schedule_of(definition: Definition) -> Schedule:
    return definition.schedules[0].schedule


def notes_of(root: Path, row: JsonValue) -> dict[str, str]:
    return {note.field: note.message for note in import_one(root, row)[1].notes}


def test_the_full_example_becomes_a_session_that_passes_the_check(tmp_path: Path) -> None:
    definition, imported = import_one(tmp_path, FULL)

    assert check_files([imported.definition], Settings(), root=tmp_path, now=NOW) == []
    assert definition.name == NAME
    assert definition.description == "Daily 8AM session reset + memory capture reminder"
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


@pytest.mark.parametrize(
    ("changes", "field", "part"),
    [
        ({"notify": True}, "notify", "cron.webhook"),
        ({"wakeMode": "next-heartbeat"}, "wakeMode", "no heartbeat"),
        ({"deleteAfterRun": True}, "deleteAfterRun", "means nothing to a job that is due again"),
        ({"agentId": "My_Agent"}, "agentId", "'My_Agent' is called my-agent here"),
        ({"colour": "red"}, "colour", "has no place in a session"),
        ({"sessionKey": "agent:main"}, "sessionKey", "a conversation of its own"),
        ({"payload": turn(thinking="high")}, "payload.thinking", "level of thinking"),
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


def test_the_state_is_shown_and_kept_but_not_carried_over(tmp_path: Path) -> None:
    state = {"lastRunAtMs": 1771200000010, "lastStatus": "error", "consecutiveErrors": 3, "lastError": None}

    _, imported = import_one(tmp_path, job(state=state))

    notes = {note.field: note.message for note in imported.notes}
    assert "2026-02-16 00:00 UTC: error, 3 errors in a row" in notes["state"]
    assert json.loads(written(tmp_path)[f"imported/{NAME}.json"])["job"]["state"] == state


BAD_ROWS: dict[str, tuple[JsonValue, str]] = {
    "a text": ("oops", "is not an object"),
    "no schedule": (job(schedule=None), "has no schedule"),
    "no payload": (job(payload=None), "has no payload"),
    "a payload without text": (job(payload={}), "payload.kind: is missing"),
    "an unknown payload": (job(payload={"kind": "toolCall"}), "it is one of agentTurn, systemEvent"),
    "a blank message": (job(payload={"kind": "agentTurn", "message": "  "}), "payload.message: is missing"),
    "an unknown schedule": (job(schedule={"kind": "solar"}), "it is one of at, every, cron"),
    "a bad cron": (job(schedule="99 * * * *"), "'99' is not a valid minute"),
    "a cron that never comes": (job(schedule="0 0 31 2 *"), "never comes"),
    "six fields": (job(schedule="0 0 8 * * *"), "has 6 fields"),
    "an unknown zone": (job(schedule={"kind": "cron", "expr": "0 8 * * *", "tz": "Mars"}), "not a known time zone"),
    "under a minute": (job(schedule={"kind": "every", "everyMs": 59000}), "under a minute; write 60000 or more"),
    "half seconds": (job(schedule={"kind": "every", "everyMs": 90500}), "not whole seconds"),
    "no number": (job(schedule={"kind": "every", "everyMs": "often"}), "'often' is not a number"),
    "too long": (job(schedule={"kind": "every", "everyMs": 10**15}), "it takes"),
    "no moment": (job(schedule={"kind": "at", "at": "tomorrow"}), "is not a date and time"),
    "main with a turn": (job(sessionTarget="main"), "sessionTarget main takes a systemEvent payload"),
    "isolated with an event": (
        job(payload={"kind": "systemEvent", "text": "x"}),
        "sessionTarget isolated takes a agentTurn payload",
    ),
    "announce on main": (
        job(payload={"kind": "systemEvent", "text": "x"}, sessionTarget="main"),
        "announce goes with sessionTarget isolated only",
    ),
    "an unknown target": (job(sessionTarget="somewhere"), "sessionTarget: 'somewhere' is not one of"),
    "an unknown wake mode": (job(wakeMode="later"), "wakeMode: 'later' is not one of"),
    "an unknown delivery": (job(delivery={"mode": "shout"}), "delivery.mode: is 'shout'"),
    "a delivery that is a text": (job(delivery="telegram"), "delivery: is 'telegram', not an object"),
    "a webhook without address": (job(delivery={"mode": "webhook"}), "delivery.to: is missing"),
    "a webhook with a token": (job(delivery={"mode": "webhook", "to": "https://x.org/?token=1"}), "holds a secret"),
    "deliver as a text": (job(payload=turn(deliver="no")), "deliver: is 'no'; write true or false"),
    "enabled as a number": (job(enabled=0), "enabled: is 0; write true or false"),
    "an unknown model": (job(payload=turn(model="gpt-9")), "'gpt-9' is not a known model"),
    "a gated model": (job(payload=turn(model="anthropic/claude-opus-4-6")), "SESSIONS_ENABLED_MODELS=claude-opus-4-6"),
    "a gated Gemini model": (job(payload=turn(model="gemini-2.5-pro")), "SESSIONS_ENABLED_MODELS=gemini-2.5-pro"),
    "a negative timeout": (job(payload=turn(timeoutSeconds=-1)), "payload.timeoutSeconds: is -1"),
    "a secret": (job(payload=turn(message="use sk-ant-api03-" + "a1B2" * 12)), "what looks like a secret"),
    "a lone surrogate": (job(payload=turn(message="\ud800")), "half of a character"),
    "a nul": (job(payload=turn(message="a\0b")), "is not text"),
    "a control character": (job(description="a\x7fb"), "not YAML"),
    "NaN": (job(x=float("nan")), "holds NaN or Infinity"),
    "too deep": (job(x=[[[[[[[[[[[[[[[[[[[[[[["deep"]]]]]]]]]]]]]]]]]]]]]]]), "nested more than 20 levels deep"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_set_aside_with_its_reason_and_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    row, part = BAD_ROWS[name]

    assert part in reason(tmp_path, row)


def test_good_rows_go_on_beside_bad_ones_and_every_row_is_accounted_for(tmp_path: Path) -> None:
    report = import_rows(tmp_path, "oops", FULL, job(id="x", name="X", schedule="no"), job(id="y", name="Y"))

    assert [(row.row, row.id, row.job) for row in report.quarantined] == [(1, "", ""), (3, "x", "X")]
    assert [(row.row, row.session) for row in report.imported] == [(2, NAME), (4, "y")]


def test_two_rows_with_one_id_are_one_job_and_a_row_that_is_set_aside(tmp_path: Path) -> None:
    report = import_rows(tmp_path, FULL, job(name="Other"))

    assert [row.session for row in report.imported] == [NAME]
    assert "is also the id of row 1" in report.quarantined[0].reason


def test_jobs_of_one_name_are_told_apart_by_their_ids_whatever_their_order_is(tmp_path: Path) -> None:
    first, second = job(id="a", name="Report"), job(id="b", name="report!")
    names = {row.id: row.session for row in import_rows(tmp_path / "1", first, second).imported}

    assert names == {row.id: row.session for row in import_rows(tmp_path / "2", second, first).imported}
    assert len(set(names.values())) == 2
    assert all(name.startswith("report-") for name in names.values())


def test_a_long_name_becomes_a_short_one_and_stays_in_the_description(tmp_path: Path) -> None:
    definition, _ = import_one(tmp_path, job(name="Wort " * 20))

    assert len(definition.name) <= 50
    assert definition.description == ("Wort " * 20).strip()


@pytest.mark.parametrize(
    "text",
    [
        f"[{json.dumps(FULL)}]",
        json.dumps({"version": 1, "jobs": [FULL]}),
        json.dumps({"jobs": [FULL]}),
        f"\ufeff// comment\n{{version: 1, /* and */ jobs: [{json.dumps(FULL)},],}}",
    ],
    ids=["a bare array", "version 1", "no version", "JSON5"],
)
def test_a_store_is_read_in_all_its_forms(tmp_path: Path, text: str) -> None:
    assert [row.session for row in import_text(tmp_path, text).imported] == [NAME]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('{"version": 1,\n "jobs": [}', r"jobs\.json:2:\d+: is not JSON: unexpected .*; nothing was imported"),
        ('[{"a": 1', r"jobs\.json:1:\d+: is not JSON"),
        ("", "is empty"),
        ("7", "is no store of jobs"),
        ('{"version": 1}', "is no store of jobs"),
        ('{"version": 2, "jobs": []}', "has version 2; only version 1 is known"),
        ("[" * 3000, "nested too deeply"),
    ],
)
def test_a_broken_store_fails_whole_and_writes_nothing(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(SpecError, match=part):
        import_text(tmp_path, text)
    assert written(tmp_path) == {}


def test_what_stands_beside_the_jobs_or_twice_in_one_is_said(tmp_path: Path) -> None:
    twice = json.dumps(FULL)[:-1] + ', "name": "Second"}'

    report = import_text(tmp_path, f'{{"version": 1, "owner": "me", "jobs": [{twice}]}}')

    assert report.notes == [
        "'owner' beside the jobs is not known and was left out",
        "'name' stands more than once in one object; the last is read, as OpenClaw does",
    ]
    assert report.imported[0].job == "Second"


def test_nothing_is_overwritten_unless_it_is_asked_for_and_then_only_what_was_imported(tmp_path: Path) -> None:
    import_rows(tmp_path, FULL)
    before = written(tmp_path)

    refused = import_rows(tmp_path, job(schedule="0 9 * * *"))
    assert "--replace writes it anew" in refused.quarantined[0].reason
    assert written(tmp_path) == before

    replaced = import_rows(tmp_path, job(schedule="0 9 * * *", name="Renamed"), replace=True)
    assert replaced.imported[0].session == NAME
    assert "0 9 * * *" in written(tmp_path)[f"{NAME}.yaml"]


def test_a_session_of_that_name_that_did_not_come_from_the_job_is_never_replaced(tmp_path: Path) -> None:
    import_rows(tmp_path, FULL)
    before = written(tmp_path)

    report = import_rows(tmp_path, job(id="another"), replace=True)

    assert "is a session of that name already" in report.quarantined[0].reason
    assert written(tmp_path) == before


def test_outside_of_the_repository_the_prompt_stands_in_the_definition(tmp_path: Path) -> None:
    store = tmp_path / "jobs.json"
    store.write_text(json.dumps([FULL]), encoding="utf-8")
    root, folder = tmp_path / "repository", tmp_path / "elsewhere"
    asked = Import(place=Place(folder=folder, root=root), settings=Settings(), now=NOW, timezone="UTC")

    report = import_jobs(store, asked)

    assert check_files([report.imported[0].definition], Settings(), root=root, now=NOW) == []
    assert 'prompt: "[cron:5857be7f' in (folder / f"{NAME}.yaml").read_text(encoding="utf-8")
    assert not (folder / "prompts").exists()
