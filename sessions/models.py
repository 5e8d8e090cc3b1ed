"""The models a session may name: one registry, as data in `models.toml`."""

import difflib
import re
import tomllib
from collections.abc import Collection
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from sessions.errors import ModelError, SettingsError

SHIPPED = Path(__file__).with_name("models.toml")
PER_MILLION = 1_000_000
#: Less thinking than this a provider does not take; the answer needs as much beside it.
LEAST_THINKING_TOKENS = 1024
Provider = Literal["anthropic", "google"]
#: Which provider's models each runner can run.
RUNNER_PROVIDERS: dict[str, Provider] = {
    "claude-agent-sdk": "anthropic",
    "anthropic": "anthropic",
    "gemini": "google",
}
#: How a provider's names of models begin; any other name is one of whoever runs the server.
_FAMILIES: dict[Provider, str] = {"anthropic": "claude-", "google": "gemini-"}
#: What a provider, or a cloud that offers its models, adds to the name of a model that stays the same one.
_EDITIONS: dict[Provider, str] = {
    "anthropic": r"([-@]\d{8})?(-v\d+(:\d+)?)?(\[\w+\])?$",
    "google": r"(-(preview|exp|\d{2,4}))*$",
}


class Usage(BaseModel, frozen=True):
    """Tokens that a provider counted. Cached input is counted apart from `input_tokens`."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        """Both together."""
        mine, its = self.model_dump(), other.model_dump()
        return Usage(**{name: mine[name] + its[name] for name in mine})

    @property
    def total_tokens(self) -> int:
        """All of them, cached ones included."""
        return self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens


class Price(BaseModel, frozen=True, extra="forbid"):
    """US dollars for a million tokens."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cache_write: float = Field(ge=0)
    cache_read: float = Field(ge=0)

    def cost_usd(self, usage: Usage) -> float:
        """What `usage` costs, in US dollars."""
        spent = (
            usage.input_tokens * self.input
            + usage.output_tokens * self.output
            + usage.cache_read_tokens * self.cache_read
            + usage.cache_write_tokens * self.cache_write
        )
        return spent / PER_MILLION


class LongPromptPrice(Price, frozen=True):
    """What an answer costs whose prompt has more than `over_tokens` tokens, cached ones included."""

    over_tokens: int = Field(ge=1)


class Model(BaseModel, frozen=True, extra="forbid"):
    """One model: its spelling at the provider, its limits and its list price.

    From `ends_on` the provider answers no more; None where no end is announced. `thinking_tokens_min` is the least that
    a model which thinks unasked can be held to; None for one that thinks only when asked. `thinking_tokens_max` is the
    most that it can be asked for; 0 for one that cannot think.
    """

    id: str = Field(min_length=1)
    name: str
    provider: Provider
    aliases: tuple[str, ...] = ()
    context_tokens: int = Field(ge=1)
    max_output_tokens: int = Field(ge=1)
    temperature_max: float = Field(ge=0)
    thinking_tokens_min: int | None = Field(None, ge=0)
    thinking_tokens_max: int = Field(0, ge=0)
    gate: bool = False
    ends_on: date | None = None
    priced_on: date
    price: Price
    long_prompt: LongPromptPrice | None = None

    def cost_usd(self, *answers: Usage) -> float:
        """What these answers cost at the list price, in US dollars, each by the length of its own prompt."""
        return sum(self._price_of(usage).cost_usd(usage) for usage in answers)

    def _price_of(self, usage: Usage) -> Price:
        prompt = usage.total_tokens - usage.output_tokens
        return self.long_prompt if self.long_prompt and prompt > self.long_prompt.over_tokens else self.price

    def why_not_from(self, answered_by: str) -> str:
        """Why an answer is not this model's, without a full stop; empty where it is, or nobody can tell.

        `answered_by` is what the server calls the model that answered: with a date or an edition it is the same one. A
        server may have names of its own, and a name that moves on, such as `gemini-flash-latest`, is meant to.
        """
        name, family, edition = answered_by.removeprefix("models/"), _FAMILIES[self.provider], _EDITIONS[self.provider]
        told = self.id.startswith(family) and name.startswith(family) and not self.id.endswith("-latest")
        same = {self.id, *self.aliases, re.sub(edition, "", self.id)}
        if not told or name in same or re.sub(edition, "", name) in {self.id, *self.aliases}:
            return ""
        return f"{name} answered in place of {self.id}, which its provider may have retired; choose another model"

    def require_limits(self, *, temperature: float, max_tokens: int) -> None:
        """Refuse numbers that the model does not take, rather than clip them.

        Raises:
            ModelError: beyond the temperature range, or more tokens than the model can answer.
        """
        if temperature > self.temperature_max:
            raise ModelError(
                f"{temperature} is too high for {self.name}; it takes 0 to {self.temperature_max:g}",
                field="temperature",
            )
        if max_tokens > self.max_output_tokens:
            raise ModelError(
                f"{max_tokens:,} is more than {self.name} can answer; it takes 1 to {self.max_output_tokens:,}",
                field="max_tokens",
            )

    def thinking_tokens(self, max_tokens: int) -> int:
        """How long it may think before an answer of at most `max_tokens`, which both share: half of that."""
        return min(max_tokens // 2, self.thinking_tokens_max)

    def require_thinking(self, *, temperature: float, max_tokens: int) -> None:
        """Refuse thinking where the model cannot do it, or not with these numbers.

        Raises:
            ModelError: the model does not think, or does so only at another temperature or with longer answers.
        """
        if not self.thinking_tokens_max:
            raise ModelError(f"{self.name} does not think when asked to; leave it off", field="thinking")
        if self.provider == "anthropic" and temperature != 1:
            raise ModelError(
                f"is on, and Claude models think at temperature 1 only, not at {temperature:g}; "
                "write `temperature: 1`, or leave it off",
                field="thinking",
            )
        if max_tokens < 2 * LEAST_THINKING_TOKENS:
            raise ModelError(
                f"is on, which takes max_tokens of at least {2 * LEAST_THINKING_TOKENS:,}: thinking takes half of an "
                f"answer's {max_tokens:,}",
                field="thinking",
            )


def _read(path: Path) -> list[Model]:
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("models", [])
        return [Model.model_validate(row) for row in rows]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise SettingsError(f"{path}: not a models file: {error}. See sessions/models.toml for its form.") from error


@cache
def known_models(extra_file: Path | None = None) -> dict[str, Model]:
    """Every model by id, shipped ones first; `extra_file` adds to them and may replace them.

    Raises:
        SettingsError: the file cannot be read as one of models.
    """
    models = _read(SHIPPED) + (_read(extra_file) if extra_file else [])
    return {model.id: model for model in models}


def find_model(name: str, extra_file: Path | None = None) -> Model:
    """The model that `name` spells: an id, an alias, or either after `provider/`.

    Raises:
        ModelError: no model is spelled so; the sentence names the nearest ones.
    """
    models = known_models(extra_file)
    provider, _, bare = name.rpartition("/")
    for model in models.values():
        if bare in (model.id, *model.aliases) and provider in ("", model.provider):
            return model
    free = [model.id for model in models.values() if not model.gate]
    near = [*difflib.get_close_matches(bare, free, n=1, cutoff=0.5), *difflib.get_close_matches(bare, models, n=1)]
    hint = f"did you mean {near[0]}? " if near else ""
    known = ", ".join(f"{model.id} (gated)" if model.gate else model.id for model in models.values())
    raise ModelError(f"{name!r} is not a known model; {hint}known are {known}", field="model")


def require_enabled(name: str, *, enabled: Collection[str] = (), extra_file: Path | None = None) -> Model:
    """The model that `name` spells, if it may be used.

    Raises:
        ModelError: unknown, or gated; the sentence names the setting that enables it.
    """
    model = find_model(name, extra_file)
    if model.gate and model.id not in enabled:
        raise ModelError(f"{model.name} is gated; enable it with SESSIONS_ENABLED_MODELS={model.id}", field="model")
    return model


def require_model(name: str, *, runner: str, enabled: Collection[str] = (), extra_file: Path | None = None) -> Model:
    """The model that `name` spells, if it is enabled and `runner` can run it.

    Raises:
        ModelError: unknown, gated, or of a provider that the runner does not speak to.
    """
    model = require_enabled(name, enabled=enabled, extra_file=extra_file)
    provider = RUNNER_PROVIDERS[runner]
    if model.provider != provider:
        raise ModelError(
            f"runner {runner} cannot run {model.name}; use runner {runner_for(model.provider)}, or another model, such "
            f"as {_first_of(provider, enabled, extra_file)}",
            field="model",
        )
    return model


def runner_for(provider: Provider) -> str:
    """The usual runner of a provider's models."""
    return next(runner for runner, its in RUNNER_PROVIDERS.items() if its == provider)


def _first_of(provider: Provider, enabled: Collection[str], extra_file: Path | None) -> str:
    its = (model for model in known_models(extra_file).values() if model.provider == provider)
    return next(model.id for model in its if not model.gate or model.id in enabled)
