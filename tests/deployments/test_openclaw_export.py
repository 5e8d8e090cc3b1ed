import json
import os
from pathlib import Path

import jsonschema
import pytest
from pydantic import JsonValue

from deployments.new import NewSession, write_definition
from deployments.openclaw.exporting import export_jobs, write_store
from deployments.openclaw.sidecar import sidecar_path
from sessions.errors import SpecError
from sessions.settings import Settings
from tests.deployments.definition_files import GOOD, changed, write_definition_file, write_repository
from tests.deployments.openclaw_jobs import FULL, NAME, NOW, exported, import_rows, job, jobs_in, turn

CHANGED_AT_MS = 1790000000000


def _object(required: str, **properties: JsonValue) -> JsonValue:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required.split(),
        "properties": properties,
    }


TEXT: JsonValue = {"type": "string", "minLength": 1}
WHOLE: JsonValue = {"type": "integer", "minimum": 0}
YES_OR_NO: JsonValue = {"type": "boolean"}
#: What OpenClaw takes for a job: no field beside these.
SCHEMA: JsonValue = _object(
    "id name enabled createdAtMs updatedAtMs schedule sessionTarget wakeMode payload state",
    id=TEXT,
    agentId=TEXT,
    name=TEXT,
    description={"type": "string"},
    enabled=YES_OR_NO,
    createdAtMs=WHOLE,
    updatedAtMs=WHOLE,
    deleteAfterRun=YES_OR_NO,
    notify=YES_OR_NO,
    sessionTarget={"enum": ["main", "isolated"]},
    wakeMode={"enum": ["now", "next-heartbeat"]},
    schedule={
        "oneOf": [
            _object("kind at", kind={"const": "at"}, at=TEXT),
            _object("kind everyMs", kind={"const": "every"}, everyMs={"type": "integer", "minimum": 1}, anchorMs=WHOLE),
            _object("kind expr", kind={"const": "cron"}, expr=TEXT, tz={"type": "string"}),
        ]
    },
    payload={
        "oneOf": [
            _object("kind text", kind={"const": "systemEvent"}, text=TEXT),
            _object("kind message", kind={"const": "agentTurn"}, message=TEXT, model=TEXT, timeoutSeconds=WHOLE),
        ]
    },
    delivery=_object(
        "mode", mode={"enum": ["announce", "none", "webhook"]}, channel=TEXT, to=TEXT, bestEffort=YES_OR_NO
    ),
    state={"type": "object"},
)


def new(root: Path, **asked: object) -> Path:
    """A definition that did not come from OpenClaw, last changed at a known time."""
    wanted = NewSession.model_validate({"name": "Nightly scan", "prompt": "Look at it."} | asked)
    path = write_definition(wanted, Settings(), root=root, now=NOW).definition
    os.utime(path, (CHANGED_AT_MS / 1000, CHANGED_AT_MS / 1000))
    return path


def edit(root: Path, old: str, new_text: str) -> None:
    """Change the imported definition as a person would."""
    path = root / "deployments" / f"{NAME}.yaml"
    path.write_text(changed(old, new_text, path.read_text(encoding="utf-8")), encoding="utf-8")
    os.utime(path, (CHANGED_AT_MS / 1000, CHANGED_AT_MS / 1000))


def test_a_session_becomes_a_job_that_openclaws_schema_takes(tmp_path: Path) -> None:
    delivery = [{"channel": "telegram", "to": "-1001:topic:4", "best_effort": True}]
    parameters = {"agent": "night", "model": "claude-haiku-4-5", "timeout_seconds": 120, "delivery": delivery}
    new(tmp_path, cron="0 2 * * MON", timezone="Europe/Berlin", parameters=parameters)

    (written,) = jobs_in(tmp_path)

    jsonschema.validate(written, SCHEMA)
    assert written | {"id": ""} == {
        "id": "",
        "agentId": "night",
        "name": "Nightly scan",
        "description": "Nightly scan",
        "enabled": True,
        "createdAtMs": CHANGED_AT_MS,
        "updatedAtMs": CHANGED_AT_MS,
        "schedule": {"kind": "cron", "expr": "0 2 * * MON", "tz": "Europe/Berlin"},
        "sessionTarget": "isolated",
        "wakeMode": "now",
        "payload": {
            "kind": "agentTurn",
            "message": "Look at it.",
            "model": "anthropic/claude-haiku-4-5",
            "timeoutSeconds": 120,
        },
        "delivery": {"mode": "announce", "channel": "telegram", "to": "-1001:topic:4", "bestEffort": True},
        "deleteAfterRun": False,
        "state": {},
    }


@pytest.mark.parametrize(
    ("asked", "schedule"),
    [
        ({"every": "6h"}, {"kind": "every", "everyMs": 21600000, "anchorMs": 1793707200000}),
        ({"at": "2027-01-31T09:00", "timezone": "America/New_York"}, {"kind": "at", "at": "2027-01-31T14:00:00Z"}),
    ],
)
def test_every_kind_of_schedule_has_its_counterpart(
    tmp_path: Path, asked: dict[str, object], schedule: JsonValue
) -> None:
    new(tmp_path, **asked)

    (written,) = jobs_in(tmp_path)
    jsonschema.validate(written, SCHEMA)
    assert written["schedule"] == schedule


def test_without_a_target_nothing_is_announced(tmp_path: Path) -> None:
    new(tmp_path)

    assert jobs_in(tmp_path)[0]["delivery"] == {"mode": "none"}


def test_a_webhook_is_a_webhook(tmp_path: Path) -> None:
    new(tmp_path, parameters={"delivery": [{"channel": "webhook", "to": "https://example.org/in"}]})

    assert jobs_in(tmp_path)[0]["delivery"] == {"mode": "webhook", "to": "https://example.org/in"}


def test_what_openclaw_has_no_place_for_is_said(tmp_path: Path) -> None:
    targets = [
        {"channel": "file", "to": "report.md"},
        {"channel": "webhook", "to": "${ADDRESS}"},
        {"channel": "telegram", "to": "-1"},
        {"channel": "telegram", "to": "-2"},
    ]
    new(tmp_path, parameters={"temperature": 0.2, "repos": [{"url": "."}], "max_turns": 0, "delivery": targets})

    (row,) = exported(tmp_path).report.exported

    assert [str(note) for note in row.notes] == [
        "delivery: file report.md is left out: OpenClaw cannot send there",
        "delivery: webhook ${ADDRESS} is left out: OpenClaw cannot send there",
        "delivery: telegram -2 is left out: a job has one target, and another comes first",
        "temperature: is left out: OpenClaw has no such setting of a job",
        "repos: is left out: OpenClaw has no such setting of a job",
    ]


def test_the_id_of_a_job_is_the_same_in_every_export(tmp_path: Path) -> None:
    new(tmp_path / "1")
    new(tmp_path / "2", prompt="Other.")

    assert jobs_in(tmp_path / "1")[0]["id"] == jobs_in(tmp_path / "2")[0]["id"]


def test_each_schedule_of_a_session_is_a_job_with_its_own_parameters(tmp_path: Path) -> None:
    second = 'slug: "nightly"}\n      - {cron: "0 8 * * *", slug: "off", parameters: {timeout_seconds: 60}}'
    write_definition_file(write_repository(tmp_path), changed('slug: "nightly"}', second))

    jobs = {str(each["name"]): each for each in jobs_in(tmp_path)}

    assert set(jobs) == {"nightly (nightly)", "nightly (off)"}
    payload = jobs["nightly (off)"]["payload"]
    assert isinstance(payload, dict)
    assert payload["timeoutSeconds"] == 60


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            changed('      - {cron: "0 2 * * *", timezone: Europe/Berlin, slug: "nightly"}\n', "").replace(
                "schedules:", "schedules: []"
            ),
            "has no schedule",
        ),
        (changed('slug: "nightly"', 'slug: "nightly", day_or: false'), "`day_or: false` has no counterpart"),
        (changed("prompts/nightly.md", "prompts/gone.md"), "cannot be read"),
        (changed("temperature: 0.7", "temperature: 9"), "temperature: "),
        ("deployments: 7\n", "must be a list"),
    ],
)
def test_what_cannot_be_a_job_is_left_out_with_its_reason(tmp_path: Path, text: str, reason: str) -> None:
    write_definition_file(write_repository(tmp_path), text)
    write_definition_file(tmp_path, GOOD.replace("name: nightly", "name: other"), "other.yaml")

    report = exported(tmp_path).report

    assert [row.session for row in report.exported] == ["other"]
    assert [reason in left.reason for left in report.left_out] == [True]


#: That of OpenClaw's own description of its jobs.
STATE: dict[str, JsonValue] = {
    "nextRunAtMs": 1771286400000,
    "lastRunAtMs": 1771200000010,
    "lastStatus": "ok",
    "lastDurationMs": 5186,
    "lastError": None,
    "consecutiveErrors": 0,
}


def test_what_an_import_kept_comes_back_as_it_was(tmp_path: Path) -> None:
    rows: list[JsonValue] = [
        job(
            agentId="My_Agent",
            description="Why.",
            wakeMode="next-heartbeat",
            notify=True,
            deleteAfterRun=True,
            schedule={"kind": "cron", "expr": "0 8 * * *", "staggerMs": 5},
            delivery={"mode": "announce", "channel": "whatsapp", "to": "+491", "accountId": "a"},
            payload=turn(thinking="low", timeoutSeconds=0),
            state=STATE,
            colour={"of": ["the", 1, None]},
        ),
        job(
            id="b",
            name="B",
            delivery=None,
            sessionTarget="main",
            payload={"kind": "systemEvent", "text": "x"},
            state={},
        ),
        job(id="c", name="C", delivery=None, schedule={"kind": "at", "at": "2027-02-01T16:00:00.500+01:00"}, state={}),
    ]

    import_rows(tmp_path, *rows)

    assert jobs_in(tmp_path) == rows


@pytest.mark.parametrize(
    ("old", "new_text", "expected"),
    [
        (
            'description: "Daily 8AM',
            'description: "Each 8AM',
            {"description": str(FULL["name"]).replace("Daily", "Each")},
        ),
        (
            f"display-name:{FULL['name']}",
            "display-name:Each 8AM",
            {"name": "Each 8AM"},
        ),
        ('"0 8 * * *"', '"0 9 * * *"', {"schedule": {"kind": "cron", "expr": "0 9 * * *", "tz": "Asia/Taipei"}}),
        ('slug: "schedule"', 'slug: "schedule"\n        active: false', {"enabled": False}),
        ('agent: "main"', 'agent: "night"', {"agentId": "night"}),
        ("timeout_seconds: 600", "timeout_seconds: 60", {"payload": turn(timeoutSeconds=60)}),
        (
            "timeout_seconds: 600",
            "timeout_seconds: 600\n      model: claude-haiku-4-5",
            {"payload": turn(model="anthropic/claude-haiku-4-5")},
        ),
        ("timeout_seconds: 600", "timeout_seconds: 600\n      delete_after_run: true", {"deleteAfterRun": True}),
        (
            '"to": "YOUR_TELEGRAM_ID", "best_effort": true',
            '"to": "-1"',
            {"delivery": {"mode": "announce", "channel": "telegram", "to": "-1"}},
        ),
    ],
)
def test_what_was_changed_since_the_import_is_new_and_all_else_is_as_it_was(
    tmp_path: Path, old: str, new_text: str, expected: dict[str, JsonValue]
) -> None:
    import_rows(tmp_path, job(colour="red", state={"lastRunAtMs": 5}))

    edit(tmp_path, old, new_text)

    before = job(colour="red", state={"lastRunAtMs": 5}, updatedAtMs=CHANGED_AT_MS)
    assert jobs_in(tmp_path) == [before | expected]


def test_a_changed_prompt_loses_the_lead_that_openclaw_puts_in_front_itself(tmp_path: Path) -> None:
    import_rows(tmp_path, FULL)
    prompt = tmp_path / "deployments" / "prompts" / f"{NAME}.md"
    prompt.write_text(prompt.read_text(encoding="utf-8") + "And more.\n", encoding="utf-8")

    assert jobs_in(tmp_path)[0]["payload"] == turn(message="Execute daily reset routine.\nAnd more.")


def test_a_job_for_the_main_conversation_takes_no_model_and_no_announcement(tmp_path: Path) -> None:
    row = job(delivery=None, sessionTarget="main", payload={"kind": "systemEvent", "text": "x"}, state={})
    import_rows(tmp_path, row)
    edit(
        tmp_path,
        "timeout_seconds: 600",
        'timeout_seconds: 60\n      model: claude-haiku-4-5\n      delivery: [{channel: telegram, to: "-1"}]',
    )

    done = exported(tmp_path)

    assert done.store["jobs"] == [row | {"updatedAtMs": CHANGED_AT_MS}]
    assert {note.field for note in done.report.exported[0].notes} == {"model", "timeout_seconds", "delivery"}


def test_a_kept_file_that_was_spoilt_leaves_the_session_out(tmp_path: Path) -> None:
    import_rows(tmp_path, FULL)
    sidecar_path(tmp_path / "deployments", NAME).write_text("{}", encoding="utf-8")

    assert "restore it, or delete it" in exported(tmp_path).report.left_out[0].reason


def test_a_store_that_is_there_is_not_overwritten_unless_it_is_asked_for(tmp_path: Path) -> None:
    new(tmp_path)
    out = tmp_path / "jobs.json"
    out.write_text("mine", encoding="utf-8")

    with pytest.raises(SpecError, match="is there already and may be the store that OpenClaw uses"):
        write_store(exported(tmp_path), out, replace=False)
    assert out.read_text(encoding="utf-8") == "mine"

    write_store(exported(tmp_path), out, replace=True)
    assert json.loads(out.read_text(encoding="utf-8"))["version"] == 1


def test_a_folder_that_is_not_there_is_no_empty_store(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="is no folder"):
        export_jobs(tmp_path / "gone", root=tmp_path)
