"""`sessions run`: what is done with a single run."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import Json, print_json

if TYPE_CHECKING:
    from deployments.answering import OpenQuestion

run = typer.Typer(help="What is done with a single run.", no_args_is_help=True)


@run.callback()
def _run() -> None:
    """What is done with a single run."""


@run.command()
def answer(
    run: Annotated[str, typer.Argument(help="The run's id, how that begins, or its name.")],
    answers: Annotated[
        list[str] | None,
        typer.Argument(help="One for each question: the number of a choice, or words. None: show what is asked."),
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Answer what the agent of a run asks and waits for; without an answer, show what that is."""
    asked, told = asyncio.run(_answer(run, answers or []))
    if as_json:
        print_json(asked if told is None else {"run_id": str(asked.run_id), "answers": [*told]})
    elif told is None:
        from sessions.question_form import render_for_terminal  # noqa: PLC0415 - only here

        typer.echo(f"{asked.run_name} ({asked.run_id}) asks:\n\n{render_for_terminal(asked.form)}")
    else:
        from sessions.question_form import in_short  # noqa: PLC0415 - only here

        for question, given in zip(asked.form.questions, told, strict=True):
            typer.echo(f"{in_short([question.question])}\n  → {given}")


async def _answer(run: str, answers: list[str]) -> tuple["OpenQuestion", list[str] | None]:
    from deployments.answering import answer_question, find_question  # noqa: PLC0415 - imports Prefect
    from deployments.server import open_client  # noqa: PLC0415

    async with open_client() as client:
        asked = await find_question(client, run)
        return asked, await answer_question(client, asked, answers) if answers else None
