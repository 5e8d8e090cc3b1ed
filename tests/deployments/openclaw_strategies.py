"""Jobs of OpenClaw as property tests draw them: in every spelling, with whatever stands beside."""

from hypothesis import strategies as st
from pydantic import JsonValue

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
        "threadId": st.integers(1, 99) | st.just("7"),
        "bestEffort": st.booleans(),
        "accountId": TEXT,
    },
)
#: The only one that a job for the main conversation may have, beside none.
WEBHOOKS = st.fixed_dictionaries(
    {"mode": st.sampled_from(["webhook", "Webhook", "none"]), "to": st.just("https://example.org/in")},
    optional={"channel": st.sampled_from(["telegram", "last"]), "threadId": st.integers(1, 99), "x": JSON},
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
    {"schedule": SCHEDULES, "payload": TURNS},
    optional={**COMMON, **HINTS, **TURN_FIELDS, "delivery": DELIVERIES | WEBHOOKS},
)
MAIN = st.fixed_dictionaries(
    {"schedule": SCHEDULES, "payload": EVENTS}, optional={**COMMON, "delivery": WEBHOOKS, "channel": TEXT}
)
JOBS = st.lists(st.one_of(ISOLATED, MAIN), min_size=1, max_size=3).map(
    lambda rows: [{"id": f"job-{number}", **row} for number, row in enumerate(rows)]
)
