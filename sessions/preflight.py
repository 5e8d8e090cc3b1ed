"""What keeps a session from running, found out before a token is spent and all at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from pydantic import BaseModel

from sessions.agent_environment import proxies_in_part, require_for_agents
from sessions.channels import open_channel
from sessions.channels.address import describe_target
from sessions.errors import DeliveryError, PreflightError, SessionError, SettingsError
from sessions.key_check import why_key_is_refused
from sessions.models import RUNNER_PROVIDERS
from sessions.parameter_values import DeliveryTarget
from sessions.preparation import choose_model, read_maintenance, read_prompt
from sessions.sandbox import is_sandboxed
from sessions.settings import Settings
from sessions.spec import SessionSpec
from sessions.workflow import read_workflow
from sessions.workspace import require_reachable

_KEPT_FROM_AGENTS = (
    "its user name and password are kept from agents; name it in SESSIONS_AGENT_ENV, if they need them to get out"
)


class Readiness(BaseModel, frozen=True):
    """What was found, each a sentence without a full stop: `faults` keep a run from beginning, `doubts` do not."""

    faults: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def require(self) -> None:
        """Go on only without faults.

        Raises:
            PreflightError: there are some; the sentence names them all.
        """
        if self.faults:
            raise PreflightError("; ".join(self.faults))

    def __add__(self, other: "Readiness") -> "Readiness":
        return Readiness(faults=self.faults + other.faults, doubts=self.doubts + other.doubts)


async def examine_spec(
    spec: SessionSpec, *, settings: Settings, root: Path, environment: Mapping[str, str]
) -> Readiness:
    """Look at everything that a run needs beside its repositories; starts no agent, sends nothing, spends nothing.

    Args:
        spec: the run's parameters.
        settings: those of the worker.
        root: the checkout that runs the session, from which prompt files are named.
        environment: of the worker; where `${NAME}` in a target is looked up.
    """
    targets = [target for target in (*spec.delivery, *spec.failure_delivery) if target.mode != "none"]
    of_targets = (_target(target, settings, environment) for target in targets)
    found = await asyncio.gather(_key(spec, settings), *of_targets)
    doubts = tuple(f"{name}: {_KEPT_FROM_AGENTS}" for name in proxies_in_part(settings, environment))
    return sum(found, Readiness(faults=tuple(_faults(spec, settings, root)), doubts=doubts))


async def examine_repos(spec: SessionSpec, *, settings: Settings, root: Path) -> Readiness:
    """Look whether repositories and workflow can be had; for who is not about to bring them anyway, as a run is."""
    looks: list[Callable[[], object]] = [
        partial(require_reachable, repo, root=root, settings=settings) for repo in spec.repos
    ]
    looks.append(partial(read_workflow, spec.workflow, root=root, settings=settings))
    return sum(await asyncio.gather(*map(_try, looks)), Readiness())


async def _try(look: Callable[[], object]) -> Readiness:
    try:
        await asyncio.to_thread(look)
    except SessionError as error:
        return Readiness(faults=(str(error),))
    return Readiness()


def _faults(spec: SessionSpec, settings: Settings, root: Path) -> Iterator[str]:
    """What can be told without asking anybody."""
    checks: tuple[Callable[[], object], ...] = (
        lambda: read_prompt(spec, root),
        lambda: read_maintenance(spec, root),
        lambda: choose_model(spec, settings),
        lambda: settings.require_model_access(RUNNER_PROVIDERS[spec.runner]),
        lambda: is_sandboxed(settings),
        lambda: require_for_agents(settings.agent_env),
    )
    for check in checks:
        try:
            check()
        except SessionError as error:
            yield str(error)


async def _key(spec: SessionSpec, settings: Settings) -> Readiness:
    provider = RUNNER_PROVIDERS[spec.runner]
    try:
        refused = await why_key_is_refused(provider, settings.require_model_access(provider))
    except SettingsError:
        return Readiness()  # found by another check
    return Readiness(faults=(refused,) if refused else ())


async def _target(target: DeliveryTarget, settings: Settings, environment: Mapping[str, str]) -> Readiness:
    """A target that can never work is a fault; one where nobody listens now is tried when there is a report."""
    try:
        await open_channel(target, settings, environment).check(target.to)
    except DeliveryError as error:
        sentence = f"delivery to {describe_target(target)}: {error}"
        if error.retryable or target.best_effort:
            return Readiness(doubts=(f"{sentence}; it is tried when there is a report",))
        return Readiness(faults=(sentence,))
    return Readiness()


async def gather_faults(*steps: Awaitable[object]) -> list[object]:
    """Do steps side by side, all to their end; returns what they return.

    Raises:
        PreflightError: some failed; the sentence holds what each says.
        BaseException: one failed in a way that is no `SessionError`.
    """
    ended = await asyncio.gather(*steps, return_exceptions=True)
    failed = [item for item in ended if isinstance(item, BaseException)]
    if broken := next((error for error in failed if not isinstance(error, SessionError)), None):
        raise broken
    if len(failed) == 1:
        raise failed[0]
    if failed:
        raise PreflightError("; ".join(map(str, failed)))
    return list(ended)
