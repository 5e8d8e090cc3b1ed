"""Whether there is anything new for an agent to look at, found out before a token is spent.

Each run of a session with a change gate carries a mark of what its agent was asked and of what the gate saw. A
scheduled run whose mark is that of the last completed run has nothing to do.
"""

import asyncio
import hashlib
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import httpx

from sessions.admission import Skip
from sessions.agent_environment import agent_environment
from sessions.channels.address import shown_host
from sessions.channels.request_lines import hush_request_lines
from sessions.errors import ChangeGateError
from sessions.outcome import Outcome
from sessions.parameters import GATE_ON_REPOS
from sessions.process_tree import end_processes
from sessions.repositories import starting_folder
from sessions.run_folder import RunFolder
from sessions.run_record import ChangeMark
from sessions.runners.commands import Command, CommandEnd, run_command
from sessions.settings import Settings
from sessions.spec import SessionSpec, is_address
from sessions.workspace import Checkout, mark_commits

COMMAND_SECONDS = 60.0
ADDRESS_SECONDS = 30.0
#: More than this is no answer to "did something change".
_MOST_BYTES = 10_000_000
_SHOWN_CHARACTERS = 300
#: Parameters that say nothing of what an agent is to do.
_BESIDE = {
    "prompt",
    "prompt_file",
    "delivery",
    "failure_delivery",
    "starting_deadline_seconds",
    "backoff_seconds",
    "delete_after_run",
    "keep_successful",
    "keep_failed",
    "runs_per_day",
    "cost_per_day_usd",
}


def describe_gate(gate: str) -> str:
    """What is compared, for a sentence, without what may be secret in an address."""
    if gate == GATE_ON_REPOS:
        return "the newest commits of the repositories"
    return f"the answer of {shown_host(gate)}" if is_address(gate) else f"the output of `{gate}`"


def mark_asked(spec: SessionSpec, prompt: str, model: str) -> str:
    """Stands for all that decides what an agent is asked: a changed prompt or model is a change too."""
    return _digest(spec.model_dump_json(exclude=_BESIDE), prompt, model)


async def look(
    run: RunFolder, checkouts: Sequence[Checkout], settings: Settings, environment: Mapping[str, str] = os.environ
) -> str:
    """Stands for what the run's change gate sees now.

    Args:
        run: its folder is where a command gets its home, and its workspace where that starts.
        checkouts: the run's repositories.
        settings: for the environment of a command.
        environment: what the allow list chooses from.

    Raises:
        ChangeGateError: the command failed, or the address did not answer with 200 to 299.
    """
    gate = run.record.spec.change_gate
    if gate == GATE_ON_REPOS:
        return mark_commits(checkouts, (checkout.base for checkout in checkouts))
    if is_address(gate):
        return _digest(await _answer(gate))
    seen = agent_environment(settings, environment, run_id=run.record.run_id, home=run.make_folder("home"))
    return _digest(await _output(gate, starting_folder(run, checkouts), seen, run.record.run_id))


def unchanged(mark: ChangeMark, before: str, *, gate: str, completed: datetime | None) -> Skip | None:
    """A Skip if a run's mark is that of the last completed run; `completed` is the slot of that one."""
    if completed is None or str(mark) != before:
        return None
    reason = f"nothing has changed since the run of {completed:%Y-%m-%d %H:%M %Z}: change_gate, {describe_gate(gate)}"
    return Skip(outcome=Outcome.NO_CHANGE, reason=reason)


async def _answer(address: str) -> bytes:
    host = shown_host(address)
    try:
        with hush_request_lines():
            async with asyncio.timeout(ADDRESS_SECONDS), httpx.AsyncClient(follow_redirects=True) as client:
                return await _body(client, address, host)
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
        why = str(error) or f"no answer in {ADDRESS_SECONDS:g} s"
        raise ChangeGateError(f"change_gate: {host} cannot be read: {why}; check the address") from error


async def _body(client: httpx.AsyncClient, address: str, host: str) -> bytes:
    body = b""
    async with client.stream("GET", address) as response:
        if not response.is_success:
            raise ChangeGateError(f"change_gate: {host} answered {response.status_code}; check the address")
        async for part in response.aiter_bytes():
            body += part
            if len(body) > _MOST_BYTES:
                raise ChangeGateError(f"change_gate: {host} answers with more than 10 MB; give a smaller page")
    return body


async def _output(line: str, folder: Path, environment: Mapping[str, str], run_id: str) -> bytes:
    command = Command(
        argv=["/bin/sh", "-c", line],
        cwd=folder,
        environment=environment,
        timeout_seconds=COMMAND_SECONDS,
        output_bytes=_MOST_BYTES,
    )
    try:
        end = await run_command(command)
    except OSError as error:
        raise ChangeGateError(f"change_gate: `{line}` cannot be started in {folder}: {error.strerror}") from error
    finally:
        # Where nothing has changed no agent follows, with whose processes they would end.
        await asyncio.to_thread(end_processes, run_id, grace_seconds=0.0)
    _require_success(line, end)
    return end.output.encode()


def _require_success(line: str, end: CommandEnd) -> None:
    if end.exit_code is None:
        raise ChangeGateError(f"change_gate: `{line}` was not done after {COMMAND_SECONDS:g} s; give a faster command")
    if end.exit_code:
        said = " ".join(end.output.split())[-_SHOWN_CHARACTERS:]
        raise ChangeGateError(f"change_gate: `{line}` ended with {end.exit_code}: {said or 'it said nothing'}")


def _digest(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        # Each on its own, so that no two lists of parts read alike.
        digest.update(hashlib.sha256(part.encode() if isinstance(part, str) else part).digest())
    return digest.hexdigest()[:32]
