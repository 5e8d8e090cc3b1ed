import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from prefect.blocks.system import Secret
from prefect.client.orchestration import PrefectClient, get_client
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from pydantic import JsonValue

from deployments.apply import Applied, apply_definitions
from deployments.definitions import load_definitions
from deployments.local_stack import api_url, free_port, run_server
from deployments.prefect_schedules import from_prefect
from sessions.errors import ServerError, SpecError
from sessions.schedule import describe
from tests.deployments.definition_files import GOOD, changed, write_definition_file, write_repository

FLOW = '''\
from typing import Annotated, Literal

from prefect import flow
from pydantic import Field


@flow(name="scheduled-session")
async def scheduled_session(
    prompt: Annotated[str, Field(title="Prompt")] = "",
    prompt_file: str = "",
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7,
    max_tokens: int = 4000,
    timeout_seconds: int = 300,
    runner: Literal["claude-agent-sdk", "anthropic"] = "anthropic",
) -> None:
    """Run one session."""
'''
SCHEDULE = '{cron: "0 2 * * *", timezone: Europe/Berlin, slug: "nightly"}'
REPOSITORY = Path(__file__).resolve().parents[2]
#: What two deployments of one definition never have in common.
OWN = {"id", "created", "updated", "created_by", "updated_by", "last_polled", "deployment_id", "version_id"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home, port = tmp_path_factory.mktemp("home"), free_port()
    with run_server(home, port), temporary_settings({PREFECT_API_URL: api_url(port)}):
        yield api_url(port)


@pytest.fixture
async def client(server: str) -> AsyncIterator[PrefectClient]:
    assert server
    async with get_client() as opened:
        yield opened
        for deployment in await opened.read_deployments():
            await opened.delete_deployment(deployment.id)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    flows = tmp_path / "flows"
    flows.mkdir()
    (flows / "scheduled_session.py").write_text(FLOW, encoding="utf-8")
    # Entrypoints of `prefect deploy` begin at the working directory.
    monkeypatch.chdir(tmp_path)
    return write_repository(tmp_path)


async def apply_text(root: Path, client: PrefectClient, text: str = GOOD) -> Applied:
    path = write_definition_file(root, text)
    applied = await apply_definitions(load_definitions(path), client, root=root)
    return applied[0]


def prefect_deploy(path: Path, root: Path, server: str, home: Path) -> None:
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--prefect-file", str(path), "--all"]
    environment = {**os.environ, "PREFECT_API_URL": server, "PREFECT_HOME": str(home), "DO_NOT_TRACK": "1"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "successfully created" in done.stdout


async def as_stored(client: PrefectClient, name: str, flow: str = "scheduled-session") -> JsonValue:
    response = await client._client.get(f"/deployments/name/{flow}/{name}")
    return without_own(response.raise_for_status().json())


def without_own(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {key: without_own(item) for key, item in value.items() if key not in OWN}
    if isinstance(value, list):
        return [without_own(item) for item in value]
    # The limit of a deployment is named by its id.
    return "deployment:" if isinstance(value, str) and value.startswith("deployment:") else value


VARIANTS = {
    "as it is": GOOD,
    "with everything": changed(
        SCHEDULE,
        '{interval: PT6H, anchor_date: "2026-01-01T00:00:00+01:00", timezone: Asia/Tokyo, slug: "six-hourly"}\n'
        '      - {cron: "0 9 1 * FRI", day_or: false, slug: "odd", parameters: {max_tokens: 500}}\n'
        '      - {rrule: "DTSTART:20270131T090000\\nRRULE:FREQ=DAILY;COUNT=1", timezone: Europe/Paris, slug: "once"}',
        changed(
            "    work_pool: {name: sessions}",
            "    tags: [a, b]\n    version: v7\n"
            "    pull:\n      - prefect.deployments.steps.git_clone:\n          repository: https://example.org/x.git\n"
            '          access_token: "{{ prefect.blocks.secret.token }}"\n'
            "    work_pool: {name: sessions, work_queue_name: fast, job_variables: {env: {A: b}}}",
        ),
    ),
    "without zone, description and slug": changed(
        ', timezone: Europe/Berlin, slug: "nightly"', "", changed("    description: Looks at the code.\n", "")
    ),
}


@pytest.mark.parametrize("variant", VARIANTS)
async def test_the_deployment_is_the_one_that_prefect_deploy_makes(
    root: Path, client: PrefectClient, server: str, tmp_path: Path, variant: str
) -> None:
    text = VARIANTS[variant]
    # `prefect deploy` insists on the block, though it leaves its name in the pull step.
    await Secret(value="made up").save("token", overwrite=True)
    first = await apply_text(root, client, text)
    ours = await as_stored(client, "nightly")
    await client.delete_deployment(first.deployment_id)

    prefect_deploy(root / "deployments" / "nightly.yaml", root, server, tmp_path / "prefect")
    theirs = await as_stored(client, "nightly")
    assert ours == theirs

    again = await apply_text(root, client, text)
    assert not again.created
    assert await as_stored(client, "nightly") == theirs


@pytest.mark.parametrize("file", ["deployments/nightly-code-health.yaml", "deployments/dispatch.yaml", "prefect.yaml"])
async def test_what_is_shipped_is_deployed_as_prefect_deploy_does_it(
    client: PrefectClient, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    monkeypatch.chdir(REPOSITORY)
    applied = (await apply_definitions(load_definitions(REPOSITORY / file), client))[0]
    ours = await as_stored(client, applied.name, applied.flow_name)
    await client.delete_deployment(applied.deployment_id)

    prefect_deploy(REPOSITORY / file, REPOSITORY, server, tmp_path / "prefect")

    assert ours == await as_stored(client, applied.name, applied.flow_name)


async def test_a_missing_work_pool_is_created_as_a_process_pool_and_said(root: Path, client: PrefectClient) -> None:
    text = changed("name: sessions", "name: brand-new")

    assert (await apply_text(root, client, text)).work_pool_created
    assert not (await apply_text(root, client, text)).work_pool_created
    pool = await client.read_work_pool("brand-new")
    assert pool.type == "process"
    assert "env" in pool.base_job_template["variables"]["properties"]


@pytest.mark.parametrize("slug", [', slug: "nightly"', ""])
async def test_a_suspended_schedule_stays_suspended_and_an_active_one_active(
    root: Path, client: PrefectClient, slug: str
) -> None:
    two = changed(
        f"      - {SCHEDULE}",
        f'      - {{cron: "0 2 * * *"{slug}}}\n      - {{cron: "0 8 * * *"{slug.replace("nightly", "morning")}}}',
    )
    first = await apply_text(root, client, two)
    await suspend(client, first, "0 2 * * *")

    again = await apply_text(root, client, two)

    assert not again.suspended
    assert await active_by_words(client) == {"At 02:00 (UTC)": False, "At 08:00 (UTC)": True}


@pytest.mark.parametrize("slug", [', slug: "nightly"', ""])
async def test_a_suspended_session_stays_suspended_when_its_schedule_changes(
    root: Path, client: PrefectClient, slug: str
) -> None:
    before = changed(SCHEDULE, f'{{cron: "0 2 * * *"{slug}}}')
    await suspend(client, await apply_text(root, client, before), "0 2 * * *")

    again = await apply_text(root, client, changed("0 2", "0 4", before))

    assert again.suspended
    assert await active_by_words(client) == {"At 04:00 (UTC)": False}


async def test_a_session_that_begins_suspended_stays_resumed_once_it_is(root: Path, client: PrefectClient) -> None:
    text = changed('slug: "nightly"', 'slug: "nightly", active: false')

    first = await apply_text(root, client, text)
    assert first.suspended
    assert await active_by_words(client) == {"At 02:00 (Europe/Berlin)": False}
    await set_active(client, first, "0 2 * * *", active=True)

    assert not (await apply_text(root, client, text)).suspended
    assert await active_by_words(client) == {"At 02:00 (Europe/Berlin)": True}


async def test_a_schedule_that_joins_a_session_begins_as_it_says(root: Path, client: PrefectClient) -> None:
    await apply_text(root, client)

    joined = f'{SCHEDULE}\n      - {{cron: "0 8 * * *", timezone: UTC, slug: "morning", active: false}}'
    again = await apply_text(root, client, changed(SCHEDULE, joined))

    assert not again.suspended
    assert await active_by_words(client) == {"At 02:00 (Europe/Berlin)": True, "At 08:00 (UTC)": False}


async def test_a_deployment_paused_in_the_ui_stays_paused(root: Path, client: PrefectClient) -> None:
    first = await apply_text(root, client)
    await client.pause_deployment(first.deployment_id)

    assert (await apply_text(root, client)).suspended
    assert (await client.read_deployment(first.deployment_id)).paused


async def test_a_schedule_that_left_the_definition_leaves_the_server(root: Path, client: PrefectClient) -> None:
    await apply_text(root, client)

    await apply_text(root, client, changed('slug: "nightly"', 'slug: "evening"', changed("0 2", "0 20")))
    assert await active_by_words(client) == {"At 20:00 (Europe/Berlin)": True}

    await apply_text(root, client, changed(', slug: "nightly"', ""))
    assert await active_by_words(client) == {"At 02:00 (Europe/Berlin)": True}

    await apply_text(root, client, changed(f"    schedules:\n      - {SCHEDULE}\n", ""))
    assert await active_by_words(client) == {}


async def test_an_interval_without_an_anchor_goes_on_from_where_it_was_counted(
    root: Path, client: PrefectClient
) -> None:
    text = changed(SCHEDULE, '{interval: 86400, slug: "daily"}')
    first = await apply_text(root, client, text)
    before = (await client.read_deployment(first.deployment_id)).schedules[0].schedule

    await apply_text(root, client, text)

    assert (await client.read_deployment(first.deployment_id)).schedules[0].schedule == before


async def test_parameters_that_leave_the_definition_leave_the_server(root: Path, client: PrefectClient) -> None:
    own = changed('slug: "nightly"', 'slug: "nightly", parameters: {max_tokens: 9}')
    first = await apply_text(root, client, own)

    await apply_text(root, client, changed("      temperature: 0.7\n", ""))

    deployment = await client.read_deployment(first.deployment_id)
    assert "temperature" not in deployment.parameters
    assert deployment.schedules[0].parameters == {}


async def test_a_flow_that_cannot_be_loaded_stops_everything(root: Path, client: PrefectClient) -> None:
    (root / "flows" / "scheduled_session.py").write_text("raise ValueError('broken')\n", encoding="utf-8")

    with pytest.raises(SpecError, match=r"entrypoint flows/scheduled_session\.py:scheduled_session cannot be loaded"):
        await apply_text(root, client)
    assert await client.read_deployments() == []


async def test_what_the_server_refuses_is_said_with_the_sessions_name(root: Path, client: PrefectClient) -> None:
    text = changed("temperature: 0.7", "temperature: warm")

    with pytest.raises(ServerError, match=r"nightly: the Prefect server refuses it: .*warm"):
        await apply_text(root, client, text)


async def test_a_server_that_is_not_there_is_said_with_what_to_do(root: Path) -> None:
    with temporary_settings({PREFECT_API_URL: api_url(free_port()), PREFECT_CLIENT_MAX_RETRIES: 0}):
        async with get_client() as unreachable:
            with pytest.raises(ServerError, match=r"no Prefect server answers at .*; start one with `sessions up`"):
                await apply_text(root, unreachable)


async def suspend(client: PrefectClient, applied: Applied, cron: str) -> None:
    await set_active(client, applied, cron, active=False)


async def set_active(client: PrefectClient, applied: Applied, cron: str, *, active: bool) -> None:
    deployment = await client.read_deployment(applied.deployment_id)
    schedule = next(item for item in deployment.schedules if item.schedule.cron == cron)
    await client.update_deployment_schedule(applied.deployment_id, schedule.id, active=active)


async def active_by_words(client: PrefectClient) -> dict[str, bool]:
    deployment = await client.read_deployment_by_name("scheduled-session/nightly")
    found = [(from_prefect(item.schedule), item.active) for item in deployment.schedules]
    return {describe(schedule): active for schedule, active in found if schedule}
