"""A person's answer to the agent of a run that waits: what is asked, and how the answer gets there."""

from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterName,
    FlowRunFilterState,
    FlowRunFilterStateName,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from pydantic import BaseModel

from sessions.errors import AnswerError
from sessions.question_form import QuestionForm, choose_answers, write_answers
from tasks.flow_runs import WAITING
from tasks.questions import ANSWER_KEY, QUESTION_KEY

_MOST_FORMS = 200
_MOST_WAITING = 200
_SHORTEST_ID = 6
_CONFLICT = 409


class OpenQuestion(BaseModel, frozen=True):
    """What the agent of a run asks, and waits for."""

    run_id: UUID
    run_name: str
    form: QuestionForm


async def find_question(client: PrefectClient, run: str) -> OpenQuestion:
    """What the run asks now.

    Args:
        client: of the Prefect server.
        run: the id or the name of a flow run; of one that waits, how its id begins is enough.

    Raises:
        AnswerError: there is no such run, several are meant, or it asks nothing at the moment.
    """
    found = await _find_run(client, run)
    if found.state is None or found.state.name != WAITING:
        state = found.state.name if found.state else "not begun"
        raise AnswerError(f"{found.name} asks nothing now: it is {state}; an answer is for a run that is {WAITING}")
    asked = await client.filter_flow_run_input(found.id, QUESTION_KEY, _MOST_FORMS, set())
    answered = await client.filter_flow_run_input(found.id, ANSWER_KEY, _MOST_FORMS, set())
    done = {given.key.removeprefix(ANSWER_KEY) for given in answered}
    forms = [QuestionForm.model_validate_json(given.value) for given in asked]
    form = next((form for form in reversed(forms) if form.id not in done), None)
    if form is None:
        raise AnswerError(f"{found.name} has its answer and goes on in a moment")
    return OpenQuestion(run_id=found.id, run_name=found.name, form=form)


async def answer_question(client: PrefectClient, asked: OpenQuestion, given: list[str]) -> list[str]:
    """Answer it, once; returns what the agent is told.

    Args:
        client: of the Prefect server.
        asked: from `find_question`.
        given: a person's words, one for each question; the number of a choice stands for it.

    Raises:
        AnswerError: the words are no answer, or somebody else was faster.
    """
    answers = choose_answers(asked.form, given)
    try:
        await client.create_flow_run_input(asked.run_id, f"{ANSWER_KEY}{asked.form.id}", write_answers(answers))
    except httpx.HTTPStatusError as error:
        if error.response.status_code != _CONFLICT:
            raise
        raise AnswerError(f"{asked.run_name} has its answer already, from somebody else") from error
    return answers


async def _find_run(client: PrefectClient, run: str) -> FlowRun:
    """The run that waits, or the newest that is called so if none does."""
    waiting = FlowRunFilter(state=FlowRunFilterState(name=FlowRunFilterStateName(any_=[WAITING])))
    asking = await client.read_flow_runs(flow_run_filter=waiting, limit=_MOST_WAITING)
    if meant := [each for each in asking if run == each.name or _begins(each, run)]:
        return _only(meant, run)
    try:
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=[UUID(run)]))
    except ValueError:
        wanted = FlowRunFilter(name=FlowRunFilterName(any_=[run]))
    others = await client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.START_TIME_DESC, limit=1)
    if not others:
        raise AnswerError(f"no run {run!r} waits for an answer; `sessions runs NAME` shows which do")
    return others[0]


def _begins(run: FlowRun, text: str) -> bool:
    return len(text) >= _SHORTEST_ID and str(run.id).startswith(text)


def _only(meant: list[FlowRun], given: str) -> FlowRun:
    """An answer to one run must not reach another: ids that Prefect makes at one time begin alike."""
    if len(meant) > 1:
        which = ", ".join(f"{each.name} ({each.id})" for each in meant)
        raise AnswerError(f"{given!r} is {len(meant)} runs that wait for an answer: {which}; give more of the id")
    return meant[0]
