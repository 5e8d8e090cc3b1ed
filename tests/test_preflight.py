"""What keeps a session from running, all of it and before a token is spent."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from sessions.errors import PreflightError, RepositoryError
from sessions.preflight import Readiness, examine_repos, examine_spec, gather_faults
from sessions.settings import Settings
from sessions.spec import SessionSpec
from tests.fakes.chat_servers import free_port_that_refuses
from tests.workspace.people import bare_repository


def settings_in(tmp_path: Path, **fields: object) -> Settings:
    given = {"home": tmp_path, "anthropic_base_url": f"http://127.0.0.1:{free_port_that_refuses()}"} | fields
    return Settings.model_validate(given)


async def look(tmp_path: Path, settings: Settings | None = None, **parameters: object) -> Readiness:
    spec = SessionSpec.model_validate({"prompt": "Look."} | parameters)
    return await examine_spec(spec, settings=settings or settings_in(tmp_path), root=tmp_path, environment={})


async def test_a_session_with_all_it_needs_has_neither_faults_nor_doubts(tmp_path: Path) -> None:
    assert await look(tmp_path, delivery=[{"channel": "file", "to": "report.md"}]) == Readiness()


async def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, anthropic_base_url="", anthropic_api_key=SecretStr(""))
    found = await look(
        tmp_path,
        settings,
        prompt="",
        prompt_file="none.md",
        model="claude-sonet-4-5",
        delivery=[{"channel": "telegram", "to": "-100"}],
    )
    with pytest.raises(PreflightError) as caught:
        found.require()
    for words in ("none.md cannot be read", "claude-sonet-4-5", "ANTHROPIC_API_KEY", "TELEGRAM_BOT_TOKEN is not set"):
        assert words in str(caught.value)


async def test_a_target_that_is_down_is_a_doubt_since_it_is_tried_when_there_is_a_report(tmp_path: Path) -> None:
    down = {"channel": "webhook", "to": f"http://127.0.0.1:{free_port_that_refuses()}/hook"}
    found = await look(tmp_path, failure_delivery=[down])
    assert (found.faults, len(found.doubts)) == ((), 1)
    assert found.doubts[0].startswith("delivery to webhook 127.0.0.1:")


async def test_a_wrong_target_of_best_effort_is_a_doubt_and_one_that_is_off_is_not_looked_at(tmp_path: Path) -> None:
    wrong = {"channel": "telegram", "to": "-100"}
    assert not (await look(tmp_path, delivery=[{**wrong, "best_effort": True}])).faults
    assert await look(tmp_path, delivery=[{**wrong, "mode": "none"}]) == Readiness()


async def test_what_agents_may_not_have_of_the_environment_is_told_before_one_starts(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, agent_env=("TELEGRAM_BOT_TOKEN",))
    spec, proxy = SessionSpec(prompt="Look."), {"HTTPS_PROXY": "http://user:hunter2@proxy:3128"}
    found = await examine_spec(spec, settings=settings, root=tmp_path, environment=proxy)
    assert [fault.partition(";")[0] for fault in found.faults] == [
        "SESSIONS_AGENT_ENV: TELEGRAM_BOT_TOKEN is not for the agent"
    ]
    assert found.doubts[0].startswith("HTTPS_PROXY: its user name and password are kept from agents")
    assert "hunter2" not in str(found)


async def test_each_repository_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    origin = bare_repository(tmp_path / "origin.git")
    urls = [str(origin), str(tmp_path / "nowhere"), "https://user:pw@127.0.0.1:1/x.git"]
    spec = SessionSpec.model_validate({"prompt": "Look.", "repos": [{"url": url} for url in urls]})
    found = await examine_repos(spec, settings=settings_in(tmp_path), root=tmp_path)
    assert len(found.faults) == 2
    assert "nowhere: there is no git repository" in found.faults[0]
    assert "credentials" in found.faults[1]


async def test_steps_side_by_side_fail_with_all_their_sentences() -> None:
    async def fail(error: Exception) -> None:
        raise error

    async def work() -> int:
        return 1

    repository, key = RepositoryError("no repository", url="x"), PreflightError("no key")
    with pytest.raises(PreflightError, match="no repository; no key"):
        await gather_faults(fail(repository), work(), fail(key))
    with pytest.raises(RepositoryError):
        await gather_faults(fail(repository), work())
    with pytest.raises(ZeroDivisionError):
        await gather_faults(fail(repository), fail(ZeroDivisionError()))
    assert await gather_faults(work(), work()) == [1, 1]
