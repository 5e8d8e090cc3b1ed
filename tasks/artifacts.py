"""What the Prefect UI shows of a run beside its states and logs."""

import json
import re
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from pydantic import JsonValue

from sessions.learned_page import show_learned
from sessions.redaction import process_redactor
from sessions.report import SessionReport, usage_rows
from sessions.report_context import show_context
from sessions.report_transcript import render_transcript
from sessions.run_folder import RunFolder
from sessions.runners.base import AgentRun
from sessions.safe_markdown import safe
from tasks.step import step


@step("publish-artifacts")
async def publish_artifacts(run: RunFolder, report: SessionReport, agent_run: AgentRun) -> None:
    """Show what the run was told, did, learned, reported and took on its page, each once however often it is done."""
    artifacts = [
        _artifact(run, "context", "markdown", show_context(run), "What the agent was told before it started"),
        _artifact(run, "transcript", "markdown", render_transcript(agent_run.transcript), "What it said and did"),
        _artifact(
            run, "learned", "markdown", process_redactor()(show_learned(run)), "What it learned from which words"
        ),
        _artifact(run, "report", "markdown", run.report_path.read_text(encoding="utf-8"), "What was delivered"),
        _artifact(run, "numbers", "table", json.dumps(usage_rows(report)), "Turns, tokens, cost, outcome, delivery"),
    ]
    if run.record.spec.kind == "consolidation":
        diff = safe(agent_run.final_text) or "Nothing was changed."
        artifacts.append(_artifact(run, "diff", "markdown", diff, "What it changed in the memory"))
    async with get_client() as client:
        shown = await _shown(run, client)
        for artifact in artifacts:
            if known := shown.get(artifact.key):
                await client.update_artifact(known, ArtifactUpdate(data=artifact.data))
            else:
                await client.create_artifact(artifact)


def _artifact(run: RunFolder, what: str, kind: str, data: JsonValue, description: str) -> ArtifactCreate:
    # Not `create_markdown_artifact`: that ties the artifact to the flow run that is running, which is another one
    # when an interrupted run is finished.
    return ArtifactCreate(
        key=artifact_key(run, what),
        type=kind,
        data=data,
        description=f"{description}: {run.record.run_name}",
        flow_run_id=UUID(run.record.run_id),
    )


def artifact_key(run: RunFolder, what: str) -> str:
    """By what Prefect lists the artifacts of one session. It takes less in a key than in the name of a deployment."""
    session = re.sub(r"[^a-z0-9]+", "-", run.record.session.lower()).strip("-") or "session"
    return f"{session}-{what}"


async def _shown(run: RunFolder, client: PrefectClient) -> dict[str | None, UUID]:
    """What an earlier attempt at finishing this run has published, by key."""
    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[UUID(run.record.run_id)]))
    return {artifact.key: artifact.id for artifact in await client.read_artifacts(artifact_filter=of_run)}
