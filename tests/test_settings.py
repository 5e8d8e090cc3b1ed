from pathlib import Path

import pytest

from sessions.errors import SettingsError
from sessions.models import SHIPPED, find_model, require_enabled
from sessions.settings import Settings, read_settings


def test_without_any_variable_there_is_a_home_a_memory_in_it_and_a_model() -> None:
    settings = read_settings()
    assert settings.home.is_absolute()
    assert settings.memory_address == f"sqlite:///{settings.home / 'memory.sqlite3'}"
    assert settings.model_for("main") == "claude-sonnet-4-5"


def test_variables_are_read_under_their_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {
        "SESSIONS_HOME": str(tmp_path),
        "SESSIONS_MEMORY_URL": "sqlite:////data/m.sqlite3",
        "SESSIONS_ENABLED_MODELS": " claude-opus-4-6 , gemini-2.5-pro,",
        "SESSIONS_AGENT_MODELS": '{"owl": "claude-haiku-4-5"}',
        "ANTHROPIC_API_KEY": "sk-x",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:1",
        "GEMINI_API_KEY": "g-x",
        "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:2",
    }.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    assert (settings.home, settings.memory_address) == (tmp_path, "sqlite:////data/m.sqlite3")
    assert settings.enabled_models == ("claude-opus-4-6", "gemini-2.5-pro")
    assert settings.anthropic_api_key.get_secret_value() == "sk-x"
    assert settings.anthropic_base_url == "http://127.0.0.1:1"
    assert settings.gemini_api_key.get_secret_value() == "g-x"
    assert settings.gemini_base_url == "http://127.0.0.1:2"


def test_the_model_is_the_asked_one_then_the_agents_then_the_projects() -> None:
    settings = Settings(model="project", agent_models={"owl": "agents"})
    chosen = [settings.model_for("owl", "asked"), settings.model_for("owl"), settings.model_for("dove")]
    assert chosen == ["asked", "agents", "project"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SESSIONS_CONTEXT_TOKENS", "12"),
        ("SESSIONS_DELIVERY_RETRIES", "-1"),
        ("SESSIONS_WEBHOOK_TIMEOUT_SECONDS", "0"),
        ("SESSIONS_MODEL_RETRIES", "many"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name}: "):
        read_settings()


def test_gated_models_are_enabled_in_any_of_their_spellings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(SHIPPED.read_text().replace("aliases = []", 'aliases = ["own"]', 1))
    monkeypatch.setenv("SESSIONS_MODELS_FILE", str(tmp_path / "models.toml"))
    monkeypatch.setenv("SESSIONS_ENABLED_MODELS", "google/gemini-2.5-pro, own")
    settings = read_settings()
    own = find_model("own", settings.models_file)
    assert settings.enabled_models == ("gemini-2.5-pro", own.id)
    for name in ("gemini-2.5-pro", "own"):
        require_enabled(name, enabled=settings.enabled_models, extra_file=settings.models_file)


def test_a_gated_model_that_nobody_knows_is_refused_with_the_nearest_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSIONS_ENABLED_MODELS", "gemini-2.5-por")
    with pytest.raises(
        SettingsError, match=r"^SESSIONS_ENABLED_MODELS: 'gemini-2\.5-por' is not a known model; did you"
    ):
        read_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SESSIONS_AGENT_COST_PER_DAY_USD", '{"Main": 2}'),
        ("SESSIONS_AGENT_RUNS_PER_DAY", '{"main agent": 2}'),
        ("SESSIONS_AGENT_MODELS", '{"": "claude-haiku-4-5"}'),
    ],
)
def test_a_limit_for_a_name_that_no_agent_can_have_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name}: '.*' is no agent's name; those are of lower-case letters"):
        read_settings()


def test_an_agent_models_that_is_no_json_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSIONS_AGENT_MODELS", "owl=haiku")
    with pytest.raises(SettingsError, match="SESSIONS_AGENT_MODELS"):
        read_settings()


def test_a_model_can_be_reached_with_a_key_or_an_address() -> None:
    Settings(anthropic_api_key="k").require_model_access()
    Settings(anthropic_base_url="http://127.0.0.1:1").require_model_access()
    with pytest.raises(SettingsError, match="ANTHROPIC_API_KEY, or ANTHROPIC_BASE_URL"):
        Settings().require_model_access()


def test_a_model_of_one_provider_is_not_reached_with_the_key_of_another() -> None:
    settings = Settings(gemini_api_key="g", gemini_base_url="http://127.0.0.1:2")
    assert settings.require_model_access("google").base_url == "http://127.0.0.1:2"
    assert settings.require_model_access().api_key.get_secret_value() == "g"
    with pytest.raises(SettingsError, match="no model of anthropic can be reached: set ANTHROPIC_API_KEY"):
        settings.require_model_access("anthropic")
    with pytest.raises(SettingsError, match="set GEMINI_API_KEY, or GOOGLE_GEMINI_BASE_URL"):
        Settings(anthropic_api_key="k").require_model_access("google")


def test_a_key_is_not_shown() -> None:
    assert "sk-secret" not in repr(Settings(anthropic_api_key="sk-secret"))


@pytest.mark.parametrize("line", ["Signed-off-by", "Session: other", "session-run: x", "A b: c", ": c", "Sign: "])
def test_what_is_no_trailer_or_one_of_ours_is_refused(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setenv("SESSIONS_GIT_TRAILERS", f"Reviewed-by: nobody; {line};")
    with pytest.raises(SettingsError, match="SESSIONS_GIT_TRAILERS"):
        read_settings()


def test_trailers_are_separated_by_semicolons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSIONS_GIT_TRAILERS", "Signed-off-by: Night, Bot <b@example.com>; Sessions: yes")
    assert read_settings().git_trailers == ("Signed-off-by: Night, Bot <b@example.com>", "Sessions: yes")
