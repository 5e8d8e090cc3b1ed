"""Models, runners' tools, outcomes, channels and presets, each from the place that decides about them."""

import inspect
from collections.abc import Iterator
from typing import get_args

from docs.tables import code, table
from sessions.channels import open_channel
from sessions.cron import DEFAULT_PRESET, PRESETS
from sessions.mcp_servers import MEMORY_SERVER
from sessions.memory_tools_inputs import INPUTS
from sessions.models import RUNNER_PROVIDERS, Model, known_models
from sessions.outcome import Delivery, Outcome
from sessions.parameter_values import ChannelName, DeliveryTarget
from sessions.parameters import RunnerName
from sessions.runners import open_runner
from sessions.runners.questions import QUESTION_TOOL
from sessions.schedule import CronSchedule, describe
from sessions.settings import Settings


def render_presets() -> str:
    """The presets of `sessions new`."""
    rows = ((code(name), code(cron), describe(CronSchedule(cron=cron))) for name, cron in PRESETS.items())
    text = f"`sessions new --preset`; without any schedule it is `{DEFAULT_PRESET}`."
    return "\n\n".join(["## Presets", text, table(("preset", "cron", "in words"), rows)])


def render_models() -> str:
    """The models, with limits and list prices."""
    head = (
        "model",
        "name",
        "runs with",
        "other spellings",
        "context",
        "longest answer",
        "temperature",
        "price",
        "at",
        "ends",
    )
    text = (
        "From `sessions/models.toml`; `SESSIONS_MODELS_FILE` adds to it. Each may be spelled with its provider in "
        "front, as in google/gemini-2.5-flash. Limits in tokens; list prices in US dollars for a million tokens in / "
        "out, at the date beside them, and where an answer to a long prompt has other prices, those. `ends` is the "
        "day from which the provider answers no more, where one is announced. A gated model is refused unless "
        "`SESSIONS_ENABLED_MODELS` names it."
    )
    return "\n\n".join(["## Models", text, table(head, map(_model, known_models().values()))])


def _model(model: Model) -> tuple[str, ...]:
    runners = [code(runner) for runner, provider in RUNNER_PROVIDERS.items() if provider == model.provider]
    return (
        code(model.id) + (" (gated)" * model.gate),
        model.name,
        ", ".join(runners),
        ", ".join(map(code, model.aliases)) or "none",
        f"{model.context_tokens:,}",
        f"{model.max_output_tokens:,}",
        f"0 to {model.temperature_max:g}",
        _price(model),
        model.priced_on.isoformat(),
        model.ends_on.isoformat() if model.ends_on else "",
    )


def _price(model: Model) -> str:
    usual, long = model.price, model.long_prompt
    above = f"; above {long.over_tokens:,} {long.input:g} / {long.output:g}" if long else ""
    return f"{usual.input:g} / {usual.output:g}{above}"


def render_tools() -> str:
    """What each runner allows where a definition names no tools."""
    rows = ((code(name), ", ".join(map(code, open_runner(name).safe_tools))) for name in get_args(RunnerName))
    text = "The safe set of each runner, where `allowed_tools` is empty:"
    beside = (
        f"Beside them every agent has its memory, and `{QUESTION_TOOL}` for questions, unless `disallowed_tools` names "
        "them. What it writes is applied after its run."
    )
    memory = ((code(f"mcp__{MEMORY_SERVER}__{name}"), inspect.getdoc(asked) or "") for name, asked in INPUTS.items())
    tables = [table(("runner", "tools"), rows), beside, table(("tool", "what it does"), memory)]
    return "\n\n".join(["## Tools", text, *tables])


def render_outcomes() -> str:
    """The outcomes of runs and of deliveries."""
    rows = (
        (code(each), code(each.state_name), each.state_type, "yes" if each.is_error else "no", _is_made(each))
        for each in Outcome
    )
    head = ("outcome", "name of the Prefect state", "its type", "counts as an error", "remark")
    delivery = f"Apart from it, the delivery: {', '.join(map(code, Delivery))}."
    return "\n\n".join(["## Outcomes", table(head, rows), delivery])


def _is_made(outcome: Outcome) -> str:
    """A remark on the words that stand apart."""
    if outcome is Outcome.SKIPPED_OVERLAP:
        return "Prefect's own state, Cancelled, until housekeeping names it"
    return ""


def render_channels() -> str:
    """The channels, each with what its own docstring says."""
    head = ("channel", "variables", "if the process dies while sending", "about it")
    return "\n\n".join(["## Channels", table(head, _channels())])


def _channels() -> Iterator[tuple[str, ...]]:
    settings = Settings()
    for name in get_args(ChannelName):
        channel = open_channel(DeliveryTarget(channel=name, to="0"), settings, {})
        again = "sent again" if channel.repeatable else "not sent again: `unknown`"
        yield code(name), _variables(name), again, inspect.getdoc(type(channel)) or ""


def _variables(channel: str) -> str:
    fields = Settings.model_fields.values()
    names = [str(field.validation_alias) for field in fields if field.description == f"For channel {channel}."]
    return ", ".join(map(code, names)) or "none"
