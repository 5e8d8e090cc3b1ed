from pathlib import Path

import pytest

from sessions.agent_environment import agent_environment, proxies_in_part
from sessions.errors import SettingsError
from sessions.process_tree import MARKER
from sessions.settings import Settings

HOME = Path("/nowhere/home")


def environment(source: dict[str, str], **settings: object) -> dict[str, str]:
    return agent_environment(Settings.model_validate(settings), source, run_id="run-1", home=HOME)


@pytest.mark.parametrize(
    "name", ["PATH", "LANG", "LC_ALL", "LC_TIME", "TZ", "TERM", "TMPDIR", "SSL_CERT_FILE", "HTTPS_PROXY", "no_proxy"]
)
def test_what_tools_need_is_passed_on(name: str) -> None:
    assert environment({name: "as it was"})[name] == "as it was"


@pytest.mark.parametrize(
    "name",
    [
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_BASE_URL",
        "GEMINI_API_KEY",
        "GOOGLE_GEMINI_BASE_URL",
        "AWS_SECRET_ACCESS_KEY",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GITHUB_TOKEN",
        "SLACK_WEBHOOK_URL",
        "TELEGRAM_BOT_TOKEN",
        "PREFECT_API_KEY",
        "PREFECT_API_URL",
        "SESSIONS_MEMORY_URL",
        "SSH_AUTH_SOCK",
        "VIRTUAL_ENV",
        "SOMETHING_NEW",
    ],
)
def test_nothing_else_is_passed_on(name: str) -> None:
    assert name not in environment({name: "a secret"})


def test_the_home_is_the_runs_own_and_the_marker_names_the_run() -> None:
    made = environment({"HOME": "/home/somebody", MARKER: "an outer run"})
    assert (made["HOME"], made[MARKER]) == (str(HOME), "run-1")


def test_variables_that_a_setting_names_are_passed_on() -> None:
    source = {"NPM_CONFIG_REGISTRY": "here", "DATABASE_URL": "there"}
    made = environment(source, agent_env="NPM_CONFIG_REGISTRY, MISSING")
    assert made["NPM_CONFIG_REGISTRY"] == "here"
    assert not {"DATABASE_URL", "MISSING"} & set(made)


@pytest.mark.parametrize(
    "name",
    [
        "ANTHROPIC_API_KEY",
        "GEMINI_API_KEY",
        "GOOGLE_GEMINI_BASE_URL",
        "PREFECT_API_KEY",
        "SESSIONS_MEMORY_URL",
        "HOME",
        "FIRESTORE_EMULATOR_HOST",
        "TELEGRAM_BOT_TOKEN",
        "telegram_bot_token",
        "SLACK_WEBHOOK_URL",
        "DISCORD_WEBHOOK_URL",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "AWS_SECRET_ACCESS_KEY",
        "AZURE_CLIENT_SECRET",
        "LANGFUSE_SECRET_KEY",
        "OTEL_EXPORTER_OTLP_HEADERS",
    ],
)
def test_a_setting_cannot_pass_on_what_is_not_for_the_agent(name: str) -> None:
    with pytest.raises(SettingsError, match=f"SESSIONS_AGENT_ENV: {name} is not for the agent"):
        environment({}, agent_env=name)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"])
@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ("http://user:pass@proxy:3128", "http://proxy:3128"),
        ("http://user@proxy:3128/", "http://proxy:3128/"),
        ("user:p@ss/word@proxy:3128", "proxy:3128"),
        ("socks5h://proxy:1080", "socks5h://proxy:1080"),
    ],
)
def test_of_a_proxy_the_agent_sees_the_address_without_the_password(name: str, told: str, seen: str) -> None:
    assert environment({name: told})[name] == seen
    assert proxies_in_part(Settings(), {name: told}) == ([name] if told != seen else [])


def test_the_password_of_a_proxy_is_told_where_a_setting_names_it() -> None:
    told = {"HTTPS_PROXY": "http://user:pass@proxy:3128"}
    assert environment(told, agent_env="HTTPS_PROXY")["HTTPS_PROXY"] == told["HTTPS_PROXY"]
    assert proxies_in_part(Settings(agent_env=("HTTPS_PROXY",)), told) == []


def test_git_knows_the_author_and_never_waits_for_anyone() -> None:
    made = environment({}, git_name="Night Shift", git_email="night@localhost")
    assert (made["GIT_AUTHOR_NAME"], made["GIT_COMMITTER_EMAIL"]) == ("Night Shift", "night@localhost")
    assert (made["GIT_TERMINAL_PROMPT"], made["GIT_PAGER"]) == ("0", "cat")


def test_without_a_path_the_systems_own_is_used() -> None:
    assert "/bin" in environment({})["PATH"]
