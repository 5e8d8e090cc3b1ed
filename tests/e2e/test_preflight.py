"""What is missing is found before the first token, and told once: to whom, until when, and again when it is another."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployments.doctor import examine
from sessions.outcome import Delivery, Outcome
from sessions.settings import read_settings
from tests.fakes.chat_servers import Answer, ChatServers, chat_servers
from tests.fakes.git_servers import read_by_all
from tests.fakes.house import House, Ran
from tests.fakes.pages import open_pages
from tests.fakes.stack import a_definition
from tests.workspace.people import Person, bare_repository


@pytest.fixture
def alarm() -> Iterator[ChatServers]:
    with chat_servers() as servers:
        yield servers


def told(alarm: ChatServers) -> dict[str, object]:
    return {"failure_delivery": [{"channel": "webhook", "to": alarm.url("/alarm")}]}


def expect_failed_unasked(house: House, ran: Ran, words: str) -> None:
    assert (ran.state.name, ran.record.outcome) == ("Failed", Outcome.FAILED)
    assert words in (ran.state.message or "")
    assert "failed before the first answer of a model" in (ran.state.message or "")
    assert house.model.requests == []


async def test_all_that_is_wrong_is_in_one_sentence_and_nothing_is_asked(house: House, alarm: ChatServers) -> None:
    repos, delivery = [{"url": "/nowhere/at/all"}], [{"channel": "slack"}]
    ran = await house.run(model="claude-opus-4-6", repos=repos, delivery=delivery, **told(alarm))
    for words in ("/nowhere/at/all", "SESSIONS_ENABLED_MODELS=claude-opus-4-6", "SLACK_WEBHOOK_URL is not set"):
        expect_failed_unasked(house, ran, words)
    assert len(alarm.texts) == 1


async def test_a_key_that_is_refused_is_found_before_the_agent_starts(house: House) -> None:
    with open_pages() as pages:
        pages.texts["/v1/models"], pages.status = "{}", 401
        house.monkeypatch.setenv("ANTHROPIC_BASE_URL", pages.url())
        ran = await house.run()
    expect_failed_unasked(house, ran, "the key of anthropic is refused (401); check ANTHROPIC_API_KEY")
    assert [path for path, _ in pages.asked] == ["/v1/models?limit=1"]


async def test_a_repository_that_is_read_and_takes_no_push_is_found_before_the_agent_starts(
    house: House, alarm: ChatServers, tmp_path: Path
) -> None:
    origin = bare_repository(tmp_path / "origin.git")
    Person.cloning(origin, tmp_path / "ada").pushes("door.txt", "green\n")
    with read_by_all(origin, password="nobody-has-it") as url:
        ran = await house.run(repos=[{"url": url, "auto_push": True}], **told(alarm))
        expect_failed_unasked(house, ran, "it can be read and not be pushed to, which auto_push needs")
        assert len(alarm.texts) == 1
        assert (await house.run(repos=[{"url": url}])).record.outcome is Outcome.COMPLETED


async def test_one_alert_is_sent_until_a_run_succeeds_or_the_trouble_is_another(
    house: House, alarm: ChatServers, tmp_path: Path
) -> None:
    origin = bare_repository(tmp_path / "origin.git")
    Person.cloning(origin, tmp_path / "ada").pushes("door.txt", "green\n")
    await house.deploy(repos=[{"url": str(origin)}], **told(alarm))
    away = origin.rename(tmp_path / "away.git")
    first, second, third = [await house.run() for _ in range(3)]
    assert len(alarm.texts) == 1
    assert [ran.record.delivery for ran in (first, second, third)] == [
        Delivery.DELIVERED,
        Delivery.NOTHING_TO_DELIVER,
        Delivery.NOTHING_TO_DELIVER,
    ]
    assert "so nobody is told again" in (third.state.message or "")
    assert "so nobody is told again" not in (first.state.message or "")
    await house.run(model="claude-opus-4-6")
    assert len(alarm.texts) == 2, "another trouble is told"
    away.rename(origin)
    assert (await house.run()).record.outcome is Outcome.COMPLETED
    shutil.rmtree(origin)
    await house.run()
    assert len(alarm.texts) == 3, "after a success the same trouble is news"


async def test_an_alert_that_did_not_get_through_is_sent_by_the_next_run(house: House, alarm: ChatServers) -> None:
    alarm.next_answers = [Answer(400)]
    outcomes = [(await house.run(model="claude-opus-4-6", **told(alarm))).record.delivery for _ in range(3)]
    assert outcomes == [Delivery.DELIVERY_FAILED, Delivery.DELIVERED, Delivery.NOTHING_TO_DELIVER]
    assert len(alarm.texts) == 1


async def test_a_run_that_is_refused_for_its_settings_is_told_once_too(house: House, alarm: ChatServers) -> None:
    await house.deploy(**told(alarm))
    broken = {"prompt": "", "prompt_file": ""}
    first, second = [await house.run(**broken) for _ in range(2)]
    assert len(alarm.texts) == 1
    assert {"failed", "delivered"} <= set(first.flow_run.tags)
    assert {"failed", "nothing_to_deliver"} <= set(second.flow_run.tags)
    assert "so nobody is told again" in (second.state.message or "")


async def test_a_model_that_fails_before_its_first_answer_is_told_once(house: House, alarm: ChatServers) -> None:
    house.monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:1")
    for _ in range(2):
        assert (await house.run(**told(alarm))).record.outcome is Outcome.FAILED
    assert len(alarm.texts) == 1


async def test_the_doctor_tells_the_same_without_running_anything(house: House) -> None:
    (house.root / "deployments").mkdir()
    session = a_definition(house.session, repos=[{"url": "/nowhere/at/all"}], delivery=[{"channel": "slack"}])
    text = f"deployments:\n  - {session.model_dump_json(exclude_none=True)}\n"
    (house.root / "deployments" / "session.yaml").write_text(text)
    house.monkeypatch.setenv("PREFECT_API_URL", house.url)
    lines = {line.subject: line for line in await examine(read_settings(), house.root, datetime.now(UTC))}
    line = lines[f"session {house.session}"]
    assert line.status == "fail"
    assert "/nowhere/at/all: there is no git repository" in line.found
    assert "SLACK_WEBHOOK_URL is not set" in line.found
    assert house.model.requests == []
