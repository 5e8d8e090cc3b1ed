"""Whether each defined session could begin now, by the checks that every run makes before its first token."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from deployments.definitions import Definition
from deployments.examination import Examined, bad, doubtful, good
from sessions.errors import SpecError
from sessions.preflight import Readiness, examine_repos, examine_spec
from sessions.settings import Settings
from sessions.spec import parse_spec

_REMEDY = "put it right; runs would fail before they ask a model"


async def examine_readiness(definitions: Sequence[Definition], settings: Settings, root: Path) -> list[Examined]:
    """A line for each session that could not begin, or whose report might not arrive; one for all if none is so.

    This process's environment stands for the worker's, which may have another on its machine.
    """
    names = [item.name for item in definitions if item.is_session]
    found = await asyncio.gather(*(_look(item, settings, root) for item in definitions if item.is_session))
    lines = [line for name, ready in zip(names, found, strict=True) for line in _lines(name, ready)]
    return lines or [good("sessions", f"{len(names)} could begin now")] * bool(names)


async def _look(definition: Definition, settings: Settings, root: Path) -> Readiness:
    try:
        spec = parse_spec(definition.parameters)
    except SpecError as error:
        return Readiness(faults=(str(error),))
    return await examine_spec(spec, settings=settings, root=root, environment=os.environ) + await examine_repos(
        spec, settings=settings, root=root
    )


def _lines(name: str, ready: Readiness) -> list[Examined]:
    if ready.faults:
        return [bad(f"session {name}", "; ".join(ready.faults), _REMEDY)]
    return [doubtful(f"session {name}", doubt, "look into it before the next run") for doubt in ready.doubts]
