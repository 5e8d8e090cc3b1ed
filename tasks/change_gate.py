"""Looks whether anything has changed since the session's last completed run."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateName,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort

from sessions.admission import Skip
from sessions.change_gate import look, mark_asked, unchanged
from sessions.consolidation import nothing_new
from sessions.outcome import Outcome
from sessions.preparation import choose_model, read_prompt
from sessions.run_folder import RunFolder
from sessions.run_record import ChangeMark
from sessions.settings import read_settings
from sessions.workflow import lead_context, lead_prompt
from sessions.workspace import Checkout, discard
from tasks.flow_runs import CHANGE_LABEL
from tasks.step import step


async def why_no_change(run: RunFolder, repos: Sequence[Checkout], *, automatic: bool) -> Skip | None:
    """A Skip if the run's agent would find everything as the last completed run did; its working copies are gone then.

    What a person asked for is never skipped; its mark is what later runs are compared with.
    """
    if run.record.spec.kind == "consolidation" and automatic:
        return await asyncio.to_thread(nothing_new, run.record, read_settings())
    if not run.record.spec.change_gate:
        return None
    skip = await look_for_change(run, repos)
    if not automatic or skip is None:
        return None
    for checkout in repos:
        await asyncio.to_thread(discard, checkout)
    return skip


@step("look-for-change")
async def look_for_change(run: RunFolder, repos: Sequence[Checkout]) -> Skip | None:
    """Keep the mark of what the run starts with, and compare it with that of the last completed run."""
    record, settings = run.record, read_settings()
    prompt, model = read_prompt(record.spec, Path.cwd()), choose_model(record.spec, settings)
    seen = await look(run, repos, settings)
    asked = lead_context(record.workflow, lead_prompt(record.workflow, prompt))
    record.change_mark = ChangeMark(asked=mark_asked(record.spec, asked, model.id), seen=seen)
    run.save()
    last = await _last_completed(record.run_id)
    before = str(last.labels.get(CHANGE_LABEL, "")) if last else ""
    slot_at = (last.expected_start_time or last.start_time) if last else None
    completed = slot_at.astimezone(record.slot_at.tzinfo) if slot_at else None
    return unchanged(record.change_mark, before, gate=record.spec.change_gate, completed=completed)


async def _last_completed(run_id: str) -> FlowRun | None:
    async with get_client() as client:
        run = await client.read_flow_run(UUID(run_id))
        if run.deployment_id is None:
            return None
        completed = FlowRunFilterStateName(any_=[Outcome.COMPLETED.state_name])
        runs = await client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[run.deployment_id])),
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(name=completed)),
            sort=FlowRunSort.END_TIME_DESC,
            limit=1,
        )
    return runs[0] if runs else None
