import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from deployments.new import NewSession, write_definition
from deployments.openclaw.draft import Place
from deployments.openclaw.exporting import export_jobs
from deployments.openclaw.fates import fates_of
from deployments.openclaw.importing import Import, import_jobs
from deployments.openclaw.job import parse_job
from deployments.openclaw.legacy import read_job
from deployments.openclaw.parts import parts_of_job
from sessions.errors import SpecError
from sessions.schedule import describe
from sessions.settings import Settings
from tests.deployments.openclaw_jobs import FULL, NOW, exported, import_rows, import_text, jobs_in, written

MILLIS = st.integers(0, 4_000_000_000_000)
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30).filter(str.strip)
LINES = st.lists(TEXT, min_size=1, max_size=3).map("\n".join)
ZONES = st.sampled_from(["UTC", "Asia/Taipei", "America/New_York"])
CRONS = st.sampled_from(["0 8 * * *", "*/15 9-17 * * MON-FRI", "5 4 1,15 JAN *", " 0 0 * * 0 "])
MOMENTS = st.sampled_from(["2027-02-01T16:00:00Z", "2027-02-01", "2026-01-01T00:00:00.25+02:00", "1801497600000"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
SCHEDULES = st.one_of(
    st.fixed_dictionaries({"kind": st.just("cron"), "expr": CRONS}, optional={"tz": ZONES, "staggerMs": MILLIS}),
    st.fixed_dictionaries({"cron": CRONS}),
    CRONS,
    st.fixed_dictionaries(
        {"kind": st.just("every"), "everyMs": st.integers(60, 10**6).map(lambda seconds: seconds * 1000)},
        optional={"anchorMs": MILLIS, "x": JSON},
    ),
    st.fixed_dictionaries({"kind": st.sampled_from(["at", "AT"]), "at": MOMENTS}),
    st.fixed_dictionaries({"atMs": MILLIS}),
)
MODELS = st.sampled_from(["anthropic/claude-haiku-4-5", "claude-opus-4-5", "google/gemini-2.5-flash", " "])
CHATS = st.sampled_from(["-1001234567890", "-1001:topic:7", "-1001:7", "@channel", "tg:-1001", "no chat"])
HINTS: dict[str, st.SearchStrategy[JsonValue]] = {
    "deliver": st.booleans(),
    "channel": st.sampled_from(["telegram", "Telegram", "whatsapp", "last"]),
    "provider": st.just("telegram"),
    "to": CHATS,
    "threadId": st.integers(1, 99),
    "bestEffortDeliver": st.booleans(),
}
TURN_FIELDS: dict[str, st.SearchStrategy[JsonValue]] = {
    "model": MODELS,
    "timeoutSeconds": st.integers(0, 4000) | st.integers(0, 4000).map(str),
    "thinking": TEXT,
}
TURNS = st.fixed_dictionaries({"message": LINES}, optional={"kind": st.just("agentTurn"), **TURN_FIELDS, **HINTS})
EVENTS = st.fixed_dictionaries({"text": LINES}, optional={"kind": st.just("systemEvent"), "y": JSON})
DELIVERIES = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(["announce", "none", "deliver", "Announce"]),
        "channel": st.sampled_from(["telegram", "slack", "last"]),
        "to": CHATS,
        "bestEffort": st.booleans(),
        "accountId": TEXT,
    },
)
COMMON: dict[str, st.SearchStrategy[JsonValue]] = {
    "name": TEXT,
    "description": TEXT,
    "agentId": st.sampled_from(["main", "My_Agent", "日本", "ops", ""]),
    "enabled": st.booleans() | st.sampled_from(["true", "False"]),
    "createdAtMs": MILLIS,
    "updatedAtMs": MILLIS,
    "wakeMode": st.sampled_from(["now", "next-heartbeat"]),
    "deleteAfterRun": st.booleans(),
    "notify": st.booleans(),
    "state": st.fixed_dictionaries({}, optional={"lastRunAtMs": JSON, "lastStatus": TEXT, "z": JSON}),
    "sessionKey": TEXT,
    "extra": JSON,
}
ISOLATED = st.fixed_dictionaries(
    {"schedule": SCHEDULES, "payload": TURNS}, optional={**COMMON, **HINTS, **TURN_FIELDS, "delivery": DELIVERIES}
)
MAIN = st.fixed_dictionaries({"schedule": SCHEDULES, "payload": EVENTS}, optional=COMMON)
JOBS = st.lists(st.one_of(ISOLATED, MAIN), min_size=1, max_size=3).map(
    lambda rows: [{"id": f"job-{number}", **row} for number, row in enumerate(rows)]
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


@given(ISOLATED)
@settings(max_examples=200, deadline=None)
def test_no_field_of_a_job_is_lost_in_silence(row: dict[str, JsonValue]) -> None:
    try:
        read = read_job(row, now=NOW)
    except SpecError:
        return
    spoken = {note.field for note in read.notes}
    for place, before, after in (
        ("", row, read.job.document),
        ("payload.", row["payload"], read.job.document["payload"]),
    ):
        assert isinstance(before, dict)
        assert isinstance(after, dict)
        blank = {field for field, value in before.items() if isinstance(value, str) and not value.strip()}
        assert {place + field for field in set(before) - set(after) - blank} <= spoken


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
