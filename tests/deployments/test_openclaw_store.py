import json
from pathlib import Path

import pytest
from pydantic import JsonValue

from deployments.check import check_files
from deployments.openclaw.draft import Place
from deployments.openclaw.importing import Import, import_jobs
from sessions.errors import SpecError
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
