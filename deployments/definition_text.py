"""The text of a session definition, with comments that help to change it."""

import json
from collections.abc import Mapping

from pydantic import JsonValue

from deployments.definitions import ENTRYPOINT
from deployments.names import DISPLAY_TAG
from sessions.schedule import CronSchedule, IntervalSchedule, Schedule, describe

_COMMENTS = {
    "prompt_file": "what the agent is asked on every run; from the root of the repository",
    "model": "known ones: sessions/models.toml",
    "temperature": "0 is the most repeatable; Claude takes 0 to 1",
    "max_tokens": "the longest single answer",
    "timeout_seconds": "then the agent ends; what exists is remembered and delivered",
    "repos": "what the agent works on; `.` is this checkout",
    "delivery": "where the report goes",
    "max_cost_usd": "the agent ends when a run has cost this much",
    "max_turns": "the agent ends after this many answers of the model",
}


def render_definition(
    *,
    name: str,
    display_name: str = "",
    description: str,
    schedule: Schedule,
    parameters: Mapping[str, JsonValue],
    work_pool: str = "sessions",
    suspended: bool = False,
) -> str:
    """The definition as YAML. Values are JSON, which every YAML reader takes for what it is.

    Args:
        name: of the session.
        display_name: what people call it, if not that.
        description: what it is for.
        schedule: when it is due.
        parameters: those of the session, its prompt among them.
        work_pool: where its runs are executed.
        suspended: it begins suspended.
    """
    return "\n".join(
        [
            f"# {describe(schedule)}.",
            f"# `sessions suspend {name}` and `sessions resume {name}` stop and start it; a deploy changes neither.",
            "deployments:",
            f"  - name: {_json(name)}",
            f"    description: {_json(description)}",
            *([f"    tags: {_json([DISPLAY_TAG + display_name])}"] if display_name not in ("", name) else []),
            f"    entrypoint: {ENTRYPOINT}",
            "    schedules:",
            *_render_schedule(name, schedule, suspended=suspended),
            "    # One run at a time; one that is due while another runs is skipped.",
            "    concurrency_limit: {limit: 1, collision_strategy: CANCEL_NEW}",
            f"    work_pool: {_json({'name': work_pool})}",
            "    parameters:",
            *_render_parameters(parameters),
            "",
        ]
    )


def _render_schedule(name: str, schedule: Schedule, *, suspended: bool) -> list[str]:
    keys: dict[str, JsonValue]
    if isinstance(schedule, CronSchedule):
        keys = {"cron": schedule.cron}
    elif isinstance(schedule, IntervalSchedule):
        anchor = schedule.anchor_date.isoformat() if schedule.anchor_date else None
        keys = {"interval": schedule.expr, "anchor_date": anchor}
    else:
        keys = {"rrule": schedule.rrule}
    keys |= {"timezone": schedule.timezone, "slug": "schedule"}
    lines = [f"        {key}: {_json(value)}" for key, value in keys.items()]
    if suspended:
        lines.append(f"        active: false  # begins suspended; `sessions resume {name}` starts it")
    return ["      -" + lines[0][7:], *lines[1:]]


def _render_parameters(parameters: Mapping[str, JsonValue]) -> list[str]:
    lines = []
    for key, value in parameters.items():
        comment = f"  # {_COMMENTS[key]}" if key in _COMMENTS else ""
        lines.append(f"      {key}: {_json(value)}{comment}")
    return lines


def _json(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False)
