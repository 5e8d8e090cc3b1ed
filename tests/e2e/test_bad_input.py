"""What people and the world get wrong: each ends in its outcome, with a sentence, and without a traceback."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from sessions.outcome import Delivery, Outcome
from sessions.run_folder import PATIENCE, unfinished_runs
from tests.e2e.dying import Mortal, Order, open_mortal
from tests.fakes.chat_servers import Answer, ChatServers, chat_servers, free_port_that_refuses
from tests.fakes.house import House, Ran
from tests.fakes.obedient import extraction_rule, obedient_script
from tests.fakes.stack import Stack

SECRET = "sk-ant-api03-" + "q" * 40


def expect_plain(ran: Ran, outcome: Outcome, *words: str) -> None:
    """The run ended so, says why in one line that holds `words`, and shows no code to people."""
    assert ran.state.name == outcome.state_name
    message = ran.state.message or ""
    assert "\n" not in message
    for word in words:
        assert word in message
    for trace in ("Traceback (most recent call last)", 'File "'):
        assert trace not in ran.said_to_people


def fails(kind: str) -> dict[str, Any]:
    return {"when": {"has_tools": True}, "answer": {"error": {"type": kind}}}


def nonsense(fault: str) -> dict[str, Any]:
    return {"when": {"has_tools": True}, "answer": {"blocks": [{"text": "I was"}], "fault": fault}}


async def test_without_key_and_address_nothing_is_asked_and_both_are_named(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.delenv("ANTHROPIC_BASE_URL")
    ran = await house.run()
    expect_plain(ran, Outcome.FAILED, "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL")
    assert ran.transcript == []


def test_the_stack_does_not_start_without_a_way_to_a_model(stack: Stack) -> None:
    ways = [name for name in stack.environment if name.endswith(("_API_KEY", "_BASE_URL"))]
    another = str(stack.home.parent / "another")
    done = stack.command("sessions", "up", "--port", "0", check=False, SESSIONS_HOME=another, **dict.fromkeys(ways, ""))
    assert done.returncode == 1
    assert "no model can be reached" in done.stderr
    assert "Starting" not in done.stdout


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        (fails("authentication_error"), "check ANTHROPIC_API_KEY"),
        (fails("rate_limit_error"), "rate limit"),
        (fails("overloaded_error"), "overloaded"),
        (nonsense("invalid_json"), "ANTHROPIC_BASE_URL"),
        (nonsense("not_a_message"), "ANTHROPIC_BASE_URL"),
        (nonsense("cut_stream"), "broke off"),
    ],
    ids=["401", "429", "529", "no-json", "no-message", "cut-stream"],
)
async def test_a_model_that_does_not_answer_fails_the_run_with_the_remedy(
    house: House, rule: dict[str, Any], word: str
) -> None:
    with house.answering(obedient_script(rule)):
        ran = await house.run(delivery=[{"channel": "file", "to": "report.md"}])
    expect_plain(ran, Outcome.FAILED, word)
    assert word in (house.home / "report.md").read_text()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"model": "claude-sonet-4-5"}, ("'claude-sonet-4-5' is not a known model", "did you mean claude-sonnet-4-5?")),
        ({"model": "claude-opus-4-6"}, ("gated", "SESSIONS_ENABLED_MODELS=claude-opus-4-6")),
        ({"model": "gemini-2.5-flash"}, ("runner anthropic cannot run Gemini 2.5 Flash",)),
        ({"temperature": 1.5}, ("1.5 is too high for Claude Sonnet 4.5; it takes 0 to 1",)),
        ({"max_tokens": 100_000}, ("it takes 1 to 64,000",)),
        ({"prompt": "", "prompt_file": "prompts/none.md"}, ("prompts/none.md cannot be read",)),
        ({"prompt": "", "prompt_file": "blank.md"}, ("blank.md is blank",)),
        ({"prompt": "", "prompt_file": "outside.md"}, ("outside.md leads out of the repository",)),
        ({"prompt": "a", "prompt_file": "b.md"}, ("give either prompt or prompt_file, not both",)),
        ({"prompt": "  "}, ("prompt: is blank",)),
        ({"repos": [{"url": "/nowhere/at/all"}]}, ("/nowhere/at/all",)),
        ({"allowed_tools": ["Bsh"]}, ("'Bsh' names a tool that this runner lacks",)),
    ],
    ids=lambda value: (
        "-".join(f"{name}={json.dumps(given)[:24]}" for name, given in value.items()) if isinstance(value, dict) else ""
    ),
)
async def test_a_wrong_value_fails_the_run_before_a_token_is_spent(
    house: House, parameters: dict[str, Any], words: tuple[str, ...]
) -> None:
    (house.root / "blank.md").write_text(" \n")
    (house.home.parent / "secret.md").write_text("SAY: secret")
    (house.root / "outside.md").symlink_to(house.home.parent / "secret.md")
    ran = await house.run(**parameters)
    expect_plain(ran, Outcome.FAILED, *words)
    assert house.model.requests == []
    assert unfinished_runs(house.home) == []


async def test_a_run_with_a_wrong_value_keeps_the_next_from_nothing(house: House) -> None:
    await house.run(model="claude-sonet-4-5")
    assert (await house.run(prompt="SAY: well")).state.name == "Completed"


async def test_a_setting_that_cannot_be_used_is_named(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSIONS_CONTEXT_TOKENS", "many")
    expect_plain(await house.run(), Outcome.FAILED, "SESSIONS_CONTEXT_TOKENS")


async def test_a_memory_file_that_is_not_one_is_left_as_it_is(house: House) -> None:
    house.home.mkdir()
    file = house.home / "memory.sqlite3"
    file.write_bytes(b"These are my holiday notes.\n" * 400)
    before = file.read_bytes()
    ran = await house.run()
    expect_plain(ran, Outcome.FAILED, "memory.sqlite3 is not a memory", "SESSIONS_MEMORY_URL")
    assert house.model.requests == []
    assert file.read_bytes() == before
    file.unlink()
    assert (await house.run()).state.name == "Completed"


async def test_a_record_that_cannot_be_read_keeps_no_other_run_from_running(house: House) -> None:
    ran = await house.run()
    broken = ran.folder.path.parent / "0-broken"
    broken.mkdir()
    (broken / "run.json").write_text('{"run_id": 1')
    following = await house.run()
    expect_plain(following, Outcome.COMPLETED)
    assert "0-broken/run.json is not a run record" in following.log


@pytest.fixture
def receiver() -> Iterator[ChatServers]:
    with chat_servers() as servers:
        yield servers


async def test_a_webhook_that_is_down_is_a_failed_delivery_of_a_completed_run(
    house: House, receiver: ChatServers
) -> None:
    down = f"http://127.0.0.1:{free_port_that_refuses()}/hook"
    ran = await house.run(
        delivery=[{"channel": "webhook", "to": down}, {"channel": "file", "to": "report.md"}],
        failure_delivery=[{"channel": "webhook", "to": receiver.url("/alarm")}],
    )
    expect_plain(ran, Outcome.COMPLETED, "delivery_failed")
    assert ran.record.delivery is Delivery.DELIVERY_FAILED
    assert {"completed", "delivery_failed"} <= set(ran.flow_run.tags)
    assert sorted(receipt.status for receipt in ran.record.receipts) == ["delivered", "delivered", "failed"]
    assert next(receipt for receipt in ran.record.receipts if receipt.status == "failed").attempts == 3
    assert "could not be delivered" in receiver.texts[0]
    assert (house.home / "report.md").exists()


async def test_a_webhook_that_stumbles_is_tried_again_with_the_same_key(house: House, receiver: ChatServers) -> None:
    receiver.next_answers = [Answer(503), Answer(503)]
    ran = await house.run(delivery=[{"channel": "webhook", "to": receiver.url("/hook")}])
    assert ran.record.delivery is Delivery.DELIVERED
    assert len(receiver.requests) == 3
    assert len({request["key"] for request in receiver.requests}) == 1


async def test_a_webhook_of_best_effort_is_tried_once_and_alarms_nobody(house: House, receiver: ChatServers) -> None:
    receiver.next_answers = [Answer(503)]
    ran = await house.run(
        delivery=[{"channel": "webhook", "to": receiver.url("/hook"), "best_effort": True}],
        failure_delivery=[{"channel": "file", "to": "alarm.md"}],
    )
    assert ran.record.delivery is Delivery.DELIVERY_FAILED
    assert len(receiver.requests) == 1
    assert not (house.home / "alarm.md").exists()


@pytest.mark.parametrize(
    "answer",
    [
        {"error": {"type": "overloaded_error"}},
        {"blocks": [{"text": "I learned a lot."}]},
        {"fault": "invalid_json"},
        {"fault": "not_a_message"},
    ],
    ids=["529", "no-schema", "no-json", "no-message"],
)
async def test_an_extraction_that_fails_is_noted_and_made_up_for_by_the_next_run(
    house: House, answer: dict[str, Any]
) -> None:
    with house.answering(obedient_script(extraction_rule(**answer))):
        ran = await house.run(delivery=[{"channel": "file", "to": "report.md"}])
    expect_plain(ran, Outcome.COMPLETED, "delivered")
    assert "Not remembered yet; the next run tries again" in (house.home / "report.md").read_text()
    assert house.observations() == []
    await house.run(prompt="SAY: next")
    assert [item.source.run for item in house.observations()] == [ran.record.run_id]
    made_up = await house.look_at(ran.record.run_id)
    assert made_up.record.done("closed")
    assert made_up.flow_run.state_name == "Completed"


async def test_what_cannot_be_remembered_for_ever_is_given_up_after_a_week_and_says_so(house: House) -> None:
    with house.answering(obedient_script(extraction_rule(error={"type": "api_error"}))):
        first = await house.run()
        await house.run(prompt="SAY: next")
        assert first.folder.path in unfinished_runs(house.home)
        first.folder.record.steps["agent_ended"] -= PATIENCE + timedelta(days=1)
        first.folder.save()
        await house.run(prompt="SAY: the one after")
    assert first.folder.path not in unfinished_runs(house.home)
    assert "given up" in first.folder.report_path.read_text()
    assert (await house.look_at(first.record.run_id)).flow_run.state_name == "Completed"


async def test_no_secret_leaves_the_process(
    house: House, receiver: ChatServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
    ran = await house.run(
        prompt=f"RUN: echo {SECRET} ghp_{'a1B2' * 9}\nSAY: the key is {SECRET}",
        delivery=[{"channel": "webhook", "to": receiver.url("/hook")}],
    )
    written = [path for path in house.home.rglob("*") if path.is_file() and path.name != "run.json"]
    assert len(written) > 4
    everything = b"".join(path.read_bytes() for path in written) + receiver.requests[0]["raw"].encode()
    assert SECRET.encode() not in everything
    assert b"ghp_" not in everything
    assert b"[redacted]" in everything
    assert SECRET not in ran.said_to_people


@pytest.fixture(scope="module")
def mortal(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortal]:
    with open_mortal(stack.url, tmp_path_factory.mktemp("mortal") / "log") as opened:
        yield opened


async def on_a_full_disk(house: House, mortal: Mortal, file_bytes: int, **parameters: Any) -> Ran:  # noqa: ANN401
    run_id = await house.ask_for(**parameters)
    order = Order(run_id=run_id, cwd=house.root, environment=house.environment, file_bytes=file_bytes)
    assert mortal.run(order) == 0
    async with house.client() as client:
        flow_run = await client.read_flow_run(run_id)
    assert flow_run.state is not None
    return await house.look_at(run_id)


async def test_a_disk_that_is_full_before_the_run_begins_is_said_in_a_sentence(house: House, mortal: Mortal) -> None:
    ran = await on_a_full_disk(house, mortal, file_bytes=1)
    assert ran.state.name == "Failed"
    assert "cannot be written: File too large; free some space or mend it" in (ran.state.message or "")


async def test_a_disk_that_fills_up_under_the_agent_ends_it_and_nothing_is_lost(house: House, mortal: Mortal) -> None:
    await house.run()  # so that there is a memory, which is longer than what may be written then
    ran = await on_a_full_disk(
        house,
        mortal,
        file_bytes=50_000,
        prompt="RUN: echo blue\nRUN: seq 20000\nRUN: seq 20000",
        delivery=[{"channel": "file", "to": "report.md"}],
    )
    assert (ran.state.name, "\n" in (ran.state.message or "")) == ("Failed", False)
    assert "transcript.jsonl cannot be written: File too large" in (ran.state.message or "")
    assert "cannot be written" in (house.home / "report.md").read_text()
    await house.run(prompt="SAY: there is space again")
    made_up = await house.look_at(ran.record.run_id)
    assert made_up.record.done("closed")
    assert "It was blue." in [item.text for item in house.observations() if item.source.run == ran.record.run_id]
