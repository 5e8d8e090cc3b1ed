"""`sessions check` on models: what is available, what is gated, and with which runner."""

from pathlib import Path

import pytest

from sessions.settings import Settings
from tests.deployments.checking import check_text, only
from tests.deployments.definition_files import GOOD, changed, write_repository


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_repository(tmp_path)


def test_a_gated_model_passes_once_its_setting_enables_it(root: Path) -> None:
    settings = Settings(enabled_models=("claude-opus-4-6",))

    assert check_text(root, changed("temperature: 0.7", "model: claude-opus-4-6"), settings) == []


GENERALLY_AVAILABLE = {
    "Claude Sonnet 4.5": ("anthropic/claude-sonnet-4-5", "claude-agent-sdk"),
    "Claude Opus 4.5": ("anthropic/claude-opus-4-5", "anthropic"),
    "Claude Haiku 4.5": ("anthropic/claude-haiku-4-5", "claude-agent-sdk"),
    "Gemini 2.5 Flash": ("google/gemini-2.5-flash", "gemini"),
}
GATED = {
    "Claude Opus 4.6": ("anthropic/claude-opus-4-6", "claude-agent-sdk"),
    "Claude Sonnet 4.6": ("anthropic/claude-sonnet-4-6", "anthropic"),
    "Gemini 2.5 Pro": ("google/gemini-2.5-pro", "gemini"),
}


def running(model: str, runner: str) -> str:
    return changed("temperature: 0.7", f"temperature: 0.7\n      runner: {runner}\n      model: {model}")


@pytest.mark.parametrize("name", GENERALLY_AVAILABLE)
def test_each_generally_available_model_passes_with_a_runner_of_its_provider(root: Path, name: str) -> None:
    model, runner = GENERALLY_AVAILABLE[name]
    assert check_text(root, running(model, runner)) == []
    assert check_text(root, running(model.partition("/")[2], runner)) == []


@pytest.mark.parametrize("name", GATED)
def test_each_gated_model_is_refused_with_its_setting_and_passes_with_it(root: Path, name: str) -> None:
    model, runner = GATED[name]
    id_ = model.partition("/")[2]
    problem = only(check_text(root, running(model, runner)))
    assert (problem.field, problem.message) == (
        "parameters.model",
        f"{name} is gated; enable it with SESSIONS_ENABLED_MODELS={id_}",
    )
    assert check_text(root, running(model, runner), Settings(enabled_models=(id_,))) == []


def test_a_gemini_session_without_a_model_is_told_to_name_one(root: Path) -> None:
    problem = only(check_text(root, changed("temperature: 0.7", "temperature: 0.7\n      runner: gemini")))
    assert "runner gemini cannot run Claude Sonnet 4.5" in problem.message
    assert "such as gemini-2.5-flash" in problem.message


def test_a_gemini_model_takes_a_temperature_up_to_two(root: Path) -> None:
    warm = running("gemini-2.5-flash", "gemini").replace("temperature: 0.7", "temperature: 2.0")
    assert check_text(root, warm) == []


def test_a_tool_that_only_claude_code_has_is_refused_for_gemini(root: Path) -> None:
    text = running("gemini-2.5-flash", "gemini\n      allowed_tools: [WebFetch]")
    assert "names a tool that this runner lacks" in only(check_text(root, text)).message


def test_the_agents_default_model_is_checked_where_none_is_given(root: Path) -> None:
    settings = Settings(agent_models={"main": "claude-sonnet-4-6"})

    assert "SESSIONS_ENABLED_MODELS" in only(check_text(root, GOOD, settings)).message
