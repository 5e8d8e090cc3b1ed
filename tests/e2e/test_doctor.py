"""What is missing or stale, said before any token is spent."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.client.orchestration import PrefectClient
from pydantic import SecretStr

from deployments.automations import ensure_automations, unbegun_automation
from deployments.doctor import examine
from deployments.doctor_sessions import examine_sessions
from deployments.examination import Examined
from sessions.settings import read_settings
from tests.fakes.house import POOL_WITHOUT_WORKER, House
from tests.fakes.stack import Stack, a_definition

NO_MODEL: dict[str, object] = {
    f"{provider}_{part}": empty
    for provider in ("anthropic", "gemini")
    for part, empty in (("api_key", SecretStr("")), ("base_url", ""))
}


def by_subject(lines: list[Examined]) -> dict[str, Examined]:
    return {line.subject: line for line in lines}


async def look(house: House, **settings: object) -> dict[str, Examined]:
    house.monkeypatch.setenv("PREFECT_API_URL", house.url)
    changed = read_settings().model_copy(update=settings)
    return by_subject(await examine(changed, house.root, datetime.now(UTC)))


async def test_a_healthy_stack_fails_nowhere_but_for_what_is_not_deployed(house: House) -> None:
    await house.run()
    lines = await look(house)
    assert [line.subject for line in lines.values() if line.status == "fail"] == [f"pool {POOL_WITHOUT_WORKER}"]
    assert set(lines) >= {"home", "memory", "model", "git", "agent", "sandbox", "definitions", "server", "leases"}
    assert lines["leases"].found.startswith("durable")
    assert (lines["event order"].status, lines["event order"].found) == ("ok", "deployments.event_order")
    assert lines["automations"].status == "ok"
    assert "seen from" in lines["heartbeats"].found
    assert lines["pool sessions"].found.startswith("online: ")
    assert "no worker is online" in lines[f"pool {POOL_WITHOUT_WORKER}"].found


async def test_a_server_that_anybody_may_use_is_a_doubt_where_agents_are_in_a_sandbox(house: House) -> None:
    assert "password" not in await look(house)
    line = (await look(house, sandbox="auto"))["password"]
    assert (line.status, "PREFECT_SERVER_API_AUTH_STRING" in line.remedy) == ("warn", True)


async def test_a_server_whose_leases_do_not_outlive_it_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = PrefectClient.request

    async def as_prefect_starts_it(self: PrefectClient, method: str, path: str, **given: Any) -> httpx.Response:  # noqa: ANN401
        answer = await ask(self, method, path, **given)  # type: ignore[arg-type]
        durable, usual = (f"prefect.server.concurrency.lease_storage.{kind}" for kind in ("filesystem", "memory"))
        return httpx.Response(200, text=answer.text.replace(durable, usual)) if path == "/admin/settings" else answer

    monkeypatch.setattr(PrefectClient, "request", as_prefect_starts_it)
    line = (await look(house))["leases"]
    assert (line.status, "lease_storage.memory" in line.found) == ("fail", True)
    assert "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE" in line.remedy


async def test_a_missing_automation_is_told_and_a_deploy_puts_it_right(house: House) -> None:
    name = unbegun_automation().name
    async with house.client() as client:
        (found,) = await client.read_automations_by_name(name)
        await client.update_automation(found.id, unbegun_automation(silence_seconds=10))
        line = (await look(house))["automations"]
        assert (line.status, name in line.found, "sessions deploy" in line.remedy) == ("fail", True, True)
        await ensure_automations(client)
        assert (await look(house))["automations"].status == "ok"
        await client.pause_automation(found.id)
        await ensure_automations(client)
        assert (await look(house))["automations"].status == "fail"
        await client.resume_automation(found.id)


async def test_definitions_that_differ_from_what_is_deployed_are_named_with_the_difference(house: House) -> None:
    await house.deploy()
    changed = a_definition(house.session, pool=POOL_WITHOUT_WORKER, cron="0 3 * * *", max_tokens=7)
    fresh = a_definition(f"{house.session}-new", pool=POOL_WITHOUT_WORKER)
    async with house.client() as client:
        lines = by_subject(await examine_sessions(client, [changed, fresh], house.root))
        same = a_definition(house.session, pool=POOL_WITHOUT_WORKER)
        good = by_subject(await examine_sessions(client, [same], house.root))
    assert f"{house.session} (parameters, schedules)" in lines["deployed"].found
    assert f"{house.session}-new (not deployed)" in lines["deployed"].found
    assert good["deployed"].status == "ok"


@pytest.mark.parametrize(
    ("settings", "subject", "words"),
    [
        ({"home": Path("/proc/nowhere")}, "home", "SESSIONS_HOME"),
        ({"memory_url": "sqlite:////proc/version"}, "memory", "SESSIONS_MEMORY_URL"),
        ({"memory_url": "mysql://x"}, "memory", "SESSIONS_MEMORY_URL"),
        (NO_MODEL, "model", "ANTHROPIC_API_KEY"),
    ],
    ids=["home", "memory file", "memory kind", "model"],
)
async def test_what_this_machine_lacks_is_told_with_its_remedy(
    house: House, settings: dict[str, object], subject: str, words: str
) -> None:
    line = (await look(house, **settings))[subject]
    assert line.status == "fail"
    assert words in f"{line.found} {line.remedy}"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"anthropic_base_url": "", "anthropic_api_key": SecretStr("")}, "set ANTHROPIC_API_KEY"),
        ({"extraction_model": "gemini-2.5-pro"}, "SESSIONS_ENABLED_MODELS=gemini-2.5-pro"),
        ({"extraction_model": "gpt-9"}, "'gpt-9' is not a known model"),
    ],
    ids=["no key", "gated", "unknown"],
)
async def test_runs_that_would_learn_nothing_are_told_before_they_run(
    house: House, settings: dict[str, object], words: str
) -> None:
    line = (await look(house, **settings))["extraction"]
    assert (line.status, words in line.found) == ("warn", True)
    assert "SESSIONS_EXTRACTION_MODEL" in line.remedy


def test_without_a_server_it_says_so_in_a_line_and_exits_1(stack: Stack) -> None:
    done = stack.command("sessions", "doctor", "--json", check=False, PREFECT_API_URL="http://127.0.0.1:1/api")
    lines = {line["subject"]: line for line in json.loads(done.stdout)}
    assert done.returncode == 1
    assert (lines["server"]["status"], "sessions up" in lines["server"]["remedy"]) == ("fail", True)


def test_a_person_reads_a_line_for_each_thing(stack: Stack) -> None:
    done = stack.command("sessions", "doctor", check=False)
    said = [line.split()[:2] for line in done.stdout.splitlines()]
    assert {status for status, _ in said} <= {"ok", "warn", "fail"}
    assert {subject for _, subject in said} >= {"home:", "memory:", "git:", "server:", "leases:", "automations:"}
    assert "Traceback" not in done.stderr
