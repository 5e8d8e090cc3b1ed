from pathlib import Path
from typing import get_args

import pytest

from sessions.errors import ModelError, SettingsError
from sessions.models import RUNNER_PROVIDERS, Model, Usage, find_model, known_models, require_model
from sessions.parameters import RunnerName


@pytest.mark.parametrize("name", ["claude-haiku-4-5", "claude-haiku-4-5-20251001", "anthropic/claude-haiku-4-5"])
def test_a_model_is_found_by_id_alias_and_with_its_provider(name: str) -> None:
    assert find_model(name).id == "claude-haiku-4-5"


@pytest.mark.parametrize("name", ["claude-haiku", "google/claude-haiku-4-5", "", "anthropic/"])
def test_an_unknown_model_is_refused_with_those_that_are_known(name: str) -> None:
    with pytest.raises(ModelError, match=r"is not a known model; .*known are .*claude-sonnet-4-5"):
        find_model(name)


def test_what_the_seeds_enable_is_enabled_and_what_they_gate_is_gated() -> None:
    gated = {model.id for model in known_models().values() if model.gate}
    assert gated == {"claude-opus-4-6", "claude-sonnet-4-6", "gemini-2.5-pro"}
    assert set(known_models()) - gated == {
        "claude-sonnet-4-5",
        "claude-opus-4-5",
        "claude-haiku-4-5",
        "gemini-2.5-flash",
    }


@pytest.mark.parametrize(
    ("spelled", "name", "runner"),
    [
        ("anthropic/claude-sonnet-4-5", "Claude Sonnet 4.5", "claude-agent-sdk"),
        ("anthropic/claude-opus-4-5", "Claude Opus 4.5", "claude-agent-sdk"),
        ("anthropic/claude-haiku-4-5", "Claude Haiku 4.5", "anthropic"),
        ("google/gemini-2.5-flash", "Gemini 2.5 Flash", "gemini"),
    ],
)
def test_each_generally_available_model_runs_as_it_comes(spelled: str, name: str, runner: str) -> None:
    assert require_model(spelled, runner=runner).name == name
    assert require_model(spelled.partition("/")[2], runner=runner).name == name


@pytest.mark.parametrize(
    ("spelled", "name", "runner"),
    [
        ("anthropic/claude-opus-4-6", "Claude Opus 4.6", "claude-agent-sdk"),
        ("anthropic/claude-sonnet-4-6", "Claude Sonnet 4.6", "anthropic"),
        ("google/gemini-2.5-pro", "Gemini 2.5 Pro", "gemini"),
    ],
)
def test_each_gated_model_is_refused_with_its_setting_in_every_spelling(spelled: str, name: str, runner: str) -> None:
    id_ = spelled.partition("/")[2]
    for given in (spelled, id_):
        with pytest.raises(ModelError) as refused:
            require_model(given, runner=runner)
        assert str(refused.value) == f"{name} is gated; enable it with SESSIONS_ENABLED_MODELS={id_}"
        assert require_model(given, runner=runner, enabled=[id_]).id == id_


def test_a_gated_model_is_refused_until_its_id_is_enabled() -> None:
    with pytest.raises(ModelError, match="SESSIONS_ENABLED_MODELS=claude-opus-4-6"):
        require_model("claude-opus-4-6", runner="anthropic")
    assert require_model("claude-opus-4-6", runner="anthropic", enabled=["claude-opus-4-6"]).id == "claude-opus-4-6"


def test_every_runner_has_a_provider_whose_models_it_runs() -> None:
    assert set(RUNNER_PROVIDERS) == set(get_args(RunnerName))
    assert set(RUNNER_PROVIDERS.values()) == {model.provider for model in known_models().values()}


def test_a_runner_of_another_provider_is_refused() -> None:
    with pytest.raises(ModelError, match=r"runner anthropic cannot run Gemini 2\.5 Flash"):
        require_model("gemini-2.5-flash", runner="anthropic")
    with pytest.raises(ModelError, match=r"use runner gemini, or another model, such as claude-sonnet-4-5$"):
        require_model("gemini-2.5-flash", runner="claude-agent-sdk")
    with pytest.raises(ModelError, match=r"use runner claude-agent-sdk, or another model, such as gemini-2.5-flash$"):
        require_model("claude-sonnet-4-5", runner="gemini")


def test_numbers_beyond_the_models_are_refused_and_not_clipped() -> None:
    model = find_model("claude-sonnet-4-5")
    model.require_limits(temperature=1.0, max_tokens=model.max_output_tokens)
    with pytest.raises(ModelError, match="it takes 0 to 1") as too_hot:
        model.require_limits(temperature=1.01, max_tokens=1)
    with pytest.raises(ModelError, match="it takes 1 to 64,000") as too_long:
        model.require_limits(temperature=0, max_tokens=64_001)
    assert (too_hot.value.field, too_long.value.field) == ("temperature", "max_tokens")


def test_every_kind_of_token_has_its_price() -> None:
    usage = Usage(input_tokens=1_000_000, output_tokens=1_000_000, cache_read_tokens=1_000_000)
    assert find_model("claude-sonnet-4-5").cost_usd(usage) == pytest.approx(3.0 + 15.0 + 0.30)
    assert (usage + usage).total_tokens == 6_000_000


def test_an_answer_to_a_long_prompt_has_its_own_price_and_short_ones_beside_it_keep_theirs() -> None:
    pro = find_model("gemini-2.5-pro")
    short = Usage(input_tokens=150_000, cache_read_tokens=50_000, output_tokens=1_000_000)
    long = Usage(input_tokens=150_000, cache_read_tokens=50_001, output_tokens=1_000_000)
    assert pro.cost_usd(short) == pytest.approx(0.15 * 1.25 + 0.05 * 0.125 + 10.0)
    assert pro.cost_usd(long) == pytest.approx(0.15 * 2.5 + 0.050001 * 0.25 + 15.0)
    assert pro.cost_usd(short, long, short) == pytest.approx(2 * pro.cost_usd(short) + pro.cost_usd(long))
    assert pro.cost_usd() == 0


def test_a_project_adds_models_and_replaces_shipped_ones(tmp_path: Path) -> None:
    shipped = (Path(__file__).parent.parent / "sessions" / "models.toml").read_text()
    block = shipped.split("[[models]]")[1]
    mine = tmp_path / "models.toml"
    mine.write_text(
        "[[models]]"
        + block.replace("20250929", "1").replace('"claude-sonnet-4-5"', '"my-model"')
        + "[[models]]"
        + block.replace("input = 3.0", "input = 4.0")
    )
    assert find_model("my-model", mine).max_output_tokens == 64_000
    assert find_model("claude-sonnet-4-5", mine).price.input == 4.0
    assert find_model("claude-haiku-4-5", mine).price.input == 1.0


@pytest.mark.parametrize(
    "text",
    [
        "[[models]]\nid = 7",
        "[[models]]\nid = 'x'\nprovider = 'acme'",
        "not = toml = at all",
        "[[models]]\nid = 'x'\nspeed = 3",
    ],
)
def test_a_models_file_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    mine = tmp_path / "models.toml"
    mine.write_text(text)
    with pytest.raises(SettingsError, match="not a models file"):
        find_model("claude-haiku-4-5", mine)


def test_a_misspelled_model_is_not_answered_by_one_that_is_refused_next() -> None:
    with pytest.raises(ModelError) as refused:
        find_model("claude-sonnet-4-7")
    said = str(refused.value)
    assert "did you mean claude-sonnet-4-5?" in said
    assert "claude-sonnet-4-6 (gated)" in said


@pytest.mark.parametrize(
    ("asked", "answered_by"),
    [
        ("claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
        ("claude-sonnet-4-5", "claude-sonnet-4-5@20250929"),
        ("claude-sonnet-4-5", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("claude-sonnet-4-5", "my-proxys-name"),
        ("claude-sonnet-4-5", ""),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("my-proxys-name", "claude-sonnet-4-5"),
        ("gemini-2.5-flash", "models/gemini-2.5-flash"),
        ("gemini-2.5-flash", "gemini-2.5-flash-preview-09-2025"),
        ("gemini-2.5-flash", "gemini-2.5-flash-001"),
        ("gemini-flash-latest", "gemini-3.5-flash"),
    ],
)
def test_an_edition_of_the_asked_model_and_a_servers_own_name_are_no_other_model(asked: str, answered_by: str) -> None:
    assert named(asked).why_not_from(answered_by) == ""


@pytest.mark.parametrize(
    ("asked", "answered_by"),
    [
        ("claude-sonnet-4-5", "claude-haiku-4-5-20251001"),
        ("claude-sonnet-4-5", "claude-sonnet-4-6"),
        ("claude-sonnet-4", "claude-sonnet-4-5-20250929"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20260101"),
        ("gemini-2.5-flash", "gemini-2.5-flash-lite"),
        ("gemini-2.5-flash", "models/gemini-3.5-flash"),
    ],
)
def test_another_family_or_version_is_named_with_the_model_that_was_asked(asked: str, answered_by: str) -> None:
    name = answered_by.removeprefix("models/")
    assert named(asked).why_not_from(answered_by).startswith(f"{name} answered in place of {asked}, ")


def named(asked: str) -> Model:
    like = find_model("gemini-2.5-flash" if asked.startswith("gemini") else "claude-haiku-4-5")
    return like.model_copy(update={"id": asked, "aliases": ()})
