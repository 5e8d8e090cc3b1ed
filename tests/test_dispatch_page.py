"""The example of docs/dispatch.md, followed through two weeks, and its table held against the code."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deployments.check import check_files
from deployments.definitions import Definition, load_definitions
from sessions.dispatch import decide, history_at
from sessions.dispatch_rules import DispatchParameters, DispatchRule
from sessions.ledger import RunRow, slots_between
from sessions.outcome import Outcome
from sessions.settings import Settings
from tests.deployments.definition_files import GOOD, write_definition_file, write_repository

PAGE = (Path(__file__).parent.parent / "docs" / "dispatch.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SESSIONS = ("strategist", "trader", "content")
TOOK = timedelta(minutes=20)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def example(tmp_path: Path) -> Definition:
    """The example, in a repository where its sessions are defined and nothing is wrong."""
    write_repository(tmp_path)
    for name in SESSIONS:
        text = GOOD.replace("name: nightly", f"name: {name}").replace("schedules:\n", "schedules: []\n")
        write_definition_file(tmp_path, re.sub(r"      - \{cron.*\n", "", text), f"{name}.yaml")
    path = write_definition_file(tmp_path, EXAMPLE, "dispatch.yaml")
    assert check_files([path], Settings(), root=tmp_path, now=datetime(2026, 11, 1, tzinfo=UTC)) == []
    (definition,) = load_definitions(path)
    return definition


def follow(definition: Definition, since: datetime, days: int, failing: int = 0) -> dict[str, list[datetime]]:
    """When each session ran, at the slots of the definition, if all runs succeed but the first `failing` of content."""
    given = DispatchParameters.model_validate(definition.parameters)
    runs: dict[str, list[RunRow]] = {name: [] for name in SESSIONS}
    for slot in slots_between(definition.schedules[0].schedule, since - SECOND, since + days * DAY - SECOND):
        histories = {name: history_at(rows, at=slot, now=slot, delays=[]) for name, rows in runs.items()}
        turn = decide(given.rules, slot, histories).session
        if turn:
            fails = turn == "content" and len(runs[turn]) < failing
            runs[turn].append(
                RunRow(
                    id=f"{turn}-{slot}",
                    name=turn,
                    phase="Completed",
                    slot_at=slot,
                    started_at=slot,
                    ended_at=slot + TOOK,
                    outcome=Outcome.FAILED if fails else Outcome.COMPLETED,
                )
            )
    return {name: [row.slot_at for row in rows if row.slot_at] for name, rows in runs.items()}


def test_each_has_its_turns_in_a_week(example: Definition) -> None:
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    turns = follow(example, monday, 7)
    assert turns["strategist"] == [monday.replace(hour=10)]
    # From 09:30 until 16:00 in New York, which are 14:30 until 21:00 here in winter.
    assert turns["trader"] == [
        monday + day * DAY + hour * timedelta(hours=1) for day in range(5) for hour in range(15, 21)
    ]
    assert turns["content"] == [monday + day * DAY for day in range(7)]


def test_the_market_opens_an_hour_later_here_once_new_york_has_changed_its_clocks(example: Definition) -> None:
    turns = follow(example, datetime(2026, 10, 26, tzinfo=UTC), 14)
    hours = {f"{slot:%b %d}": slot.hour for slot in reversed(turns["trader"])}
    assert (hours["Oct 30"], hours["Nov 02"]) == (14, 15)
    assert set(Counter(slot.date() for slot in turns["trader"]).values()) == {6}


def test_content_is_tried_again_until_it_succeeds_but_not_in_the_others_turns(example: Definition) -> None:
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    turns = follow(example, monday, 1, failing=11)
    assert [slot.hour for slot in turns["content"]] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12]
    assert [slot.hour for slot in turns["strategist"]] == [10]


def test_the_table_names_every_field_of_a_rule_and_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", PAGE, re.MULTILINE))
    assert set(rows) == set(DispatchRule.model_fields)
    assert rows["hours"].strip("`") == DispatchRule.model_fields["hours"].default
    assert [f"`{name}`" in PAGE for name in DispatchParameters.model_fields] == [True, True, True]
