"""What the Prefect UI shows of a run beside its states and logs."""

import json
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate
from pydantic import JsonValue

from sessions.report import SessionReport, usage_rows
from sessions.report_transcript import render_transcript
from sessions.run_folder import RunFolder
from sessions.runners.base import AgentRun
from tasks.step import step


@step("publish-artifacts")
async def publish_artifacts(run: RunFolder, report: SessionReport, agent_run: AgentRun) -> None:
    """Show the context, the report, the transcript and the numbers on the run's page."""
    context = run.context_path.read_text(encoding="utf-8") if run.context_path.exists() else "The run had no context."
    await _publish(run, "context", "markdown", context, "What the agent was told before it started")
    await _publish(run, "transcript", "markdown", render_transcript(agent_run.transcript), "What it said and did")
    await _publish(run, "report", "markdown", run.report_path.read_text(encoding="utf-8"), "What was delivered")
    await _publish(run, "numbers", "table", json.dumps(usage_rows(report)), "Turns, tokens, cost, outcome, delivery")


async def _publish(run: RunFolder, what: str, kind: str, data: JsonValue, description: str) -> None:
    # Not `create_markdown_artifact`: that ties the artifact to the flow run that is running, which is another one
    # when an interrupted run is finished.
    artifact = ArtifactCreate(
        key=f"{run.record.session}-{what}",
        type=kind,
        data=data,
        description=f"{description}: {run.record.run_name}",
        flow_run_id=UUID(run.record.run_id),
    )
    async with get_client() as client:
        await client.create_artifact(artifact)
