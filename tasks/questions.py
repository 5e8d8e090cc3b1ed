"""Gets an agent's questions to a person, and the answers back, while its run keeps its slot."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from functools import partial
from uuid import UUID

import httpx
from prefect import get_run_logger
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.objects import State, StateType

from sessions.delivery import targets_for
from sessions.errors import ServerError
from sessions.memory_tools import AgentMemory
from sessions.outcome import Outcome
from sessions.question_form import QuestionForm, how_to_answer, in_short, read_answers, render_answered, render_form
from sessions.questions import UnattendedAttendant
from sessions.redaction import process_redactor
from sessions.report_message import build_question
from sessions.run_folder import RunFolder
from sessions.settings import Settings
from tasks.artifacts import artifact_key
from tasks.delivery import deliver_to
from tasks.flow_runs import WAITING, utc_now

#: Keys of a flow run's inputs; the id of the form follows.
QUESTION_KEY, ANSWER_KEY = "question-", "answer-"
LOOK_SECONDS = 2.0


def attendant_of(run: RunFolder, memory: AgentMemory, settings: Settings) -> UnattendedAttendant:
    """Who takes the questions of a run."""
    seconds = settings.answer_wait_seconds
    return UnattendedAttendant(
        run,
        memory,
        wait=partial(wait_for_answers, run, seconds=seconds),
        wait_seconds=seconds,
        redact=process_redactor(),
        now=utc_now,
    )


async def wait_for_answers(run: RunFolder, form: QuestionForm, *, seconds: float) -> list[str] | None:
    """Ask a person, and wait: one answer to each question, or None if none came in time.

    Raises:
        ServerError: the server does not take the question.
    """
    run_id = UUID(run.record.run_id)
    how = how_to_answer(run.record.run_id, form, (utc_now() + timedelta(seconds=seconds)).astimezone())
    async with get_client() as client:
        try:
            shown = await _show(client, run, form, how)
        except httpx.HTTPError as error:
            raise ServerError("the Prefect server does not take the question") from error
        await _tell(run, form, how)
        try:
            async with asyncio.timeout(seconds):
                answers = await _answers(client, run_id, form)
        except TimeoutError:
            answers = None
        get_run_logger().info("The agent has its answer" if answers else "Nobody answered in time")
        # What the run is called now, and what its page says of it, is no reason to lose the answer.
        with suppress(httpx.HTTPError):
            await client.set_flow_run_state(run_id, State(type=StateType.RUNNING))
            await client.update_artifact(shown, ArtifactUpdate(data=process_redactor()(render_answered(form, answers))))
        return answers


async def _show(client: PrefectClient, run: RunFolder, form: QuestionForm, how: str) -> UUID:
    """Put the question where people look; returns the id of the artifact with it."""
    run_id, redact = UUID(run.record.run_id), process_redactor()
    await client.create_flow_run_input(run_id, f"{QUESTION_KEY}{form.id}", redact(form.model_dump_json()))
    shown = redact(f"{render_form(form)}\n\n{how}")
    artifact = await client.create_artifact(
        ArtifactCreate(
            key=artifact_key(run, "question"),
            type="markdown",
            data=shown,
            description="What it asks",
            flow_run_id=run_id,
        )
    )
    message = redact(f"{in_short(question.question for question in form.questions)} {how}")
    await client.set_flow_run_state(run_id, State(type=StateType.RUNNING, name=WAITING, message=message))
    get_run_logger().warning("The agent asks: %s", message)
    return artifact.id


async def _tell(run: RunFolder, form: QuestionForm, how: str) -> None:
    """Everybody who would get the report of a run that ends for want of an answer."""
    redact, record = process_redactor(), run.record
    targets = targets_for(Outcome.NEEDS_INPUT, record.spec)
    messages = [(target, build_question(record, form, how, target, redact)) for target in targets]
    purpose = f"question-{form.id}"
    await asyncio.gather(*(deliver_to(run, target, message, purpose) for target, message in messages))


async def _answers(client: PrefectClient, run_id: UUID, form: QuestionForm) -> list[str]:
    while True:
        # A server that is gone for a while is no reason to give up a question.
        with suppress(httpx.HTTPError):
            for given in await client.filter_flow_run_input(run_id, f"{ANSWER_KEY}{form.id}", 1, set()):
                if answers := read_answers(given.value, form):
                    return answers
        await asyncio.sleep(LOOK_SECONDS)
