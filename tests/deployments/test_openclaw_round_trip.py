import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from deployments.new import NewSession, write_definition
from deployments.openclaw.draft import Place
from deployments.openclaw.exporting import export_jobs
from deployments.openclaw.fates import fates_of, kept_fields
from deployments.openclaw.importing import Import, import_jobs
from deployments.openclaw.job import parse_job
from deployments.openclaw.legacy import read_job
from deployments.openclaw.parts import SessionParts, parts_of_job
from sessions.errors import SpecError
from sessions.schedule import describe
from sessions.settings import Settings
from tests.deployments.openclaw_jobs import FULL, NOW, exported, import_rows, import_text, jobs_in, written
from tests.deployments.openclaw_strategies import (
    COMMON,
    HINTS,
    ISOLATED,
    JOBS,
    JSON,
    LINES,
    MAIN,
    MILLIS,
    MODELS,
    SCHEDULES,
    TEXT,
    TURN_FIELDS,
    TURNS,
    ZONES,
)


@given(JOBS)
@settings(max_examples=40, deadline=None)
def test_import_export_and_import_again_give_the_same_files(
    tmp_path_factory: pytest.TempPathFactory, rows: list[JsonValue]
) -> None:
    first, second = (tmp_path_factory.mktemp(name) for name in ("first", "second"))
    report = import_rows(first, *rows)
    again = import_text(second, json.dumps(exported(first).store))

    assert len(report.imported) + len(report.quarantined) == len(rows)
    assert (again.quarantined, len(again.imported)) == ([], len(report.imported))
    assert written(second) == written(first)
    assert jobs_in(second) == jobs_in(first)


@given(st.one_of(ISOLATED, MAIN))
@settings(max_examples=300, deadline=None)
def test_what_is_in_the_normal_form_is_read_as_it_is(row: dict[str, JsonValue]) -> None:
    try:
        once = read_job(row, now=NOW).job
    except SpecError:
        return
    again = read_job(once.document, now=NOW)

    assert again.job.document == once.document
    assert again.notes == []
    assert parse_job(once.document) == once


@given(st.one_of(ISOLATED, MAIN))
@settings(max_examples=300, deadline=None)
def test_no_field_of_a_job_is_lost_in_silence(row: dict[str, JsonValue]) -> None:
    try:
        read = read_job(row, now=NOW)
    except SpecError:
        return
    spoken = {note.field for note in read.notes}
    for place in ("", "payload", "schedule", "delivery"):
        before, after = (part.get(place) if place else part for part in (row, read.job.document))
        if isinstance(before, dict) and isinstance(after, dict):
            blank = {field for field, value in before.items() if isinstance(value, str) and not value.strip()}
            lost = set(before) - set(after) - blank
            assert {f"{place}.{field}".strip(".") for field in lost} <= spoken


@given(st.one_of(ISOLATED, MAIN))
@settings(max_examples=300, deadline=None)
def test_each_field_of_a_schedule_and_a_delivery_takes_effect_or_is_kept_and_named(row: dict[str, JsonValue]) -> None:
    try:
        job = read_job(row, now=NOW).job
        parts = parts_of_job(job, ANOTHER_ZONE)
    except SpecError:
        return
    named = {note.field for note in fates_of(job, name="x", timezone=ANOTHER_ZONE, now=NOW)} | set(kept_fields(job))
    for place in ("schedule", "delivery"):
        part = job.document.get(place)
        for field, value in part.items() if isinstance(part, dict) else ():
            says_nothing = value is False or (field == "anchorMs" and value == job.created_at_ms)
            if not says_nothing and not {place, f"{place}.{field}"} & named:
                without = {key: other for key, other in part.items() if key != field}
                assert parts_of(job.document | {place: without}) != parts, f"{place}.{field} does nothing"


#: No schedule that is drawn names it.
ANOTHER_ZONE = "Pacific/Apia"


def parts_of(document: dict[str, JsonValue]) -> SessionParts | None:
    try:
        return parts_of_job(parse_job(document), ANOTHER_ZONE)
    except SpecError:
        return None


SESSIONS = st.fixed_dictionaries(
    {"prompt": LINES},
    optional={
        "description": TEXT,
        "timezone": ZONES,
        "parameters": st.fixed_dictionaries(
            {},
            optional={
                "agent": st.sampled_from(["main", "night"]),
                "model": MODELS.filter(str.strip),
                "timeout_seconds": st.integers(0, 4000),
                "temperature": st.floats(0, 1),
                "delivery": st.lists(
                    st.sampled_from(
                        [
                            {"channel": "telegram", "to": "-1:7", "best_effort": True},
                            {"channel": "file", "to": "a.md"},
                            {"channel": "webhook", "to": "https://example.org", "mode": "none"},
                            {"channel": "webhook", "to": "https://example.org"},
                        ]
                    ),
                    max_size=3,
                ),
            },
        ),
    },
)
TIMES = st.sampled_from([{}, {"cron": "0 8 1 * MON"}, {"every": "90m"}, {"every": "2d"}, {"at": "2027-01-31T09:00"}])


@given(st.lists(st.tuples(SESSIONS, TIMES), min_size=1, max_size=2))
@settings(max_examples=25, deadline=None)
def test_export_import_and_export_again_give_the_same_jobs(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[tuple[dict[str, object], dict[str, str]]]
) -> None:
    first, second = (tmp_path_factory.mktemp(name) for name in ("first", "second"))
    for number, (asked, time) in enumerate(wanted):
        session = NewSession.model_validate({"name": f"Session {number}"} | asked | time)
        try:
            write_definition(session, Settings(), root=first, now=NOW)
        except SpecError:
            return
    store = exported(first).store

    report = import_text(second, json.dumps(store), timezone="Asia/Tokyo")

    assert report.quarantined == []
    assert exported(second).store == store


@pytest.mark.parametrize("elsewhere", [True, False], ids=["beside the repository", "in the repository"])
def test_the_prompt_comes_back_from_wherever_it_stands(tmp_path: Path, *, elsewhere: bool) -> None:
    root = tmp_path / "repository"
    folder = (tmp_path if elsewhere else root) / "mine"
    store = tmp_path / "jobs.json"
    row = FULL | {"payload": {"kind": "agentTurn", "message": "One.\r\n  Two { }  and\n\nthree"}, "state": {}}
    store.write_text(json.dumps([row]), encoding="utf-8")

    import_jobs(store, Import(place=Place(folder=folder, root=root), settings=Settings(), now=NOW, timezone="UTC"))

    assert export_jobs(folder, root=root).store["jobs"] == [row]


ANY = JSON | MILLIS.map(float) | st.sampled_from(["x", "1e400", "-1", "nan", "0", "9" * 30])
MESSY_SCHEDULE = st.dictionaries(
    st.sampled_from(["kind", "at", "atMs", "everyMs", "anchorMs", "expr", "cron", "tz"]), ANY
)
MESSY_PART = st.dictionaries(st.sampled_from(["kind", "message", "text", "model", "timeoutSeconds", *HINTS]), ANY)
MESSY = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys((*COMMON, *HINTS, *TURN_FIELDS, "id", "jobId", "sessionTarget", "delivery"), ANY),
        "schedule": SCHEDULES | MESSY_SCHEDULE | ANY,
        "payload": TURNS | MESSY_PART | ANY,
    },
)


@given(MESSY)
@settings(max_examples=300, deadline=None)
def test_whatever_stands_in_a_row_it_is_a_job_or_set_aside_with_a_sentence(row: dict[str, JsonValue]) -> None:
    reason = "is a job"
    try:
        job = read_job(row, now=NOW).job
        fates_of(job, name="x", timezone="UTC", now=NOW)
        describe(parts_of_job(job, "UTC").schedule)
    except SpecError as error:
        reason = str(error)
    assert reason
    assert "\n" not in reason
