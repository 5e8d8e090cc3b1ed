"""Agents in a sandbox reach the server, so it asks for a password that they are not told."""

import asyncio
import stat
import time
from pathlib import Path

import httpx
import pytest
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from pydantic import SecretStr

from deployments.bring_up import StackOptions, run_stack
from deployments.server import open_client
from deployments.server_password import CLIENT_VARIABLE, NO_PASSWORD, SERVER_VARIABLE, choose_password
from sessions.agent_environment import agent_environment
from sessions.settings import Settings
from tests.fakes.stack import CHECKOUT, a_definition


def test_there_is_none_where_agents_are_in_no_sandbox(tmp_path: Path) -> None:
    assert choose_password(Settings(home=tmp_path, sandbox="off")) == NO_PASSWORD
    assert list(tmp_path.iterdir()) == []


def test_with_a_sandbox_one_is_made_for_this_user_alone_and_kept(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", sandbox="auto")
    password = choose_password(settings).get_secret_value()
    assert password.startswith("sessions:")
    assert len(password) > 30
    assert choose_password(settings).get_secret_value() == password
    assert stat.S_IMODE((settings.home / "server-password").stat().st_mode) == 0o600


def test_the_environments_own_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SERVER_VARIABLE, "ann:secret")
    assert choose_password(Settings(home=tmp_path, sandbox="on")) == SecretStr("ann:secret")


def test_no_agent_is_told(tmp_path: Path) -> None:
    told = {SERVER_VARIABLE: "a:b", CLIENT_VARIABLE: "a:b", "PATH": "/bin"}
    seen = agent_environment(Settings(), told, run_id="r", home=tmp_path)
    assert "a:b" not in seen.values()


async def the_worker_is_online() -> None:
    give_up = time.monotonic() + 30
    async with open_client() as client:
        assert (await client.read_deployment_by_name("scheduled-session/guarded")).name == "guarded"
        while not await client.read_workers_for_work_pool("sessions"):
            assert time.monotonic() < give_up, "the worker never said that it is there"
            await asyncio.sleep(0.2)


def test_a_stack_with_a_password_works_for_those_who_know_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = StackOptions(
        home=tmp_path / "home",
        port=0,
        root=CHECKOUT,
        definitions=[a_definition("guarded")],
        password=SecretStr("sessions:a-password-of-tests"),
    )
    monkeypatch.setenv("SESSIONS_HOME", str(options.home))
    with run_stack(options, say=lambda _: None) as running:
        refused = httpx.post(f"{running.address.api_url}/deployments/count", json={})
        assert refused.status_code == httpx.codes.UNAUTHORIZED
        written = options.home / "stack.json"
        assert stat.S_IMODE(written.stat().st_mode) == 0o600
        # What another process of the same person finds there.
        with temporary_settings(restore_defaults={PREFECT_API_URL, PREFECT_API_AUTH_STRING}):
            asyncio.run(the_worker_is_online())
            # As `sessions up` tells them to say to `prefect`.
            monkeypatch.setenv("PREFECT_API_URL", running.address.api_url)
            asyncio.run(the_worker_is_online())
