"""What a person changes in a memory by `sessions memory`: take back, let through, fade, open and close."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.memory_access import Agent, AnyAgent, Id, Reason, agent_name, by_hand, one_line, opened, short
from cli.output import Json, print_json

if TYPE_CHECKING:
    from sessions.corrections import Author
    from sessions.memory_ids import Named
    from sessions.reverting import Reverted, RevertPlan


def revert(
    *,
    run: Annotated[str, typer.Option(metavar="ID", help="The run, by its id or the beginning of it.")],
    agent: AnyAgent = "",
    reason: Reason = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Take back all that a run taught, and what was derived from it. It stays in the history, and counts no more."""
    from sessions.memory_ids import find_named  # noqa: PLC0415 - imports the memory's models
    from sessions.reverting import carry_out, plan_revert  # noqa: PLC0415

    with opened() as store:
        named = find_named(store, run, agent=agent, kinds=("run",))
        plan = plan_revert(store, named.id, named.agent)
        if not yes:
            _ask(plan)
        done = carry_out(store, plan, by_hand(), reason=reason)
    if as_json:
        print_json(done)
    else:
        _print_reverted(done)


def _ask(plan: "RevertPlan") -> None:
    from cli.memory_words import what  # noqa: PLC0415

    typer.echo(f"Take back run {plan.run} of agent {plan.agent}?", err=True)
    for change in plan.changes:
        typer.echo(f"  it {what(change)}", err=True)
    for item in plan.derived:
        typer.echo(f"  derived from that: observation {short(item.id)}: {one_line(item.text)}", err=True)
    for belief in plan.beliefs:
        typer.echo(f"  rests on nothing else: belief {short(belief.id)}: {one_line(belief.text)}", err=True)
    for line in _also_said(plan):
        typer.echo(f"  goes too, though it was also said elsewhere: {line}", err=True)
    typer.confirm("Take it back", abort=True, err=True)


def _print_reverted(done: "Reverted") -> None:
    from cli.memory_words import what  # noqa: PLC0415

    plan = done.plan
    typer.echo(
        f"Run {plan.run} of agent {plan.agent} was taken back: {len(plan.changes)} changes do not count any more"
    )
    for change in plan.changes:
        typer.echo(f"  it {what(change)}")
    for item in plan.derived:
        typer.echo(f"  with it, derived: observation {short(item.id)}: {one_line(item.text)}")
    for belief in plan.beliefs:
        typer.echo(f"  faded, for it rested on nothing else: belief {short(belief.id)}: {one_line(belief.text)}")
    for line in _also_said(plan):
        typer.echo(f"  gone, though it was also said elsewhere: {line}")
    typer.echo(f"  {len(done.gone)} observations are not shown to the agent any more, {len(done.restored)} are again")


def _also_said(plan: "RevertPlan") -> list[str]:
    return [
        f"observation {short(each.observation)}, in run {each.run}: “{one_line(each.quote)}”" for each in plan.confirmed
    ]


def release(
    id_: Id, *, agent: AnyAgent = "", reason: Reason = "a person found it harmless", as_json: Json = False
) -> None:
    """Let the agent see an observation that was quarantined; `sessions memory quarantined` lists them."""
    from sessions.corrections import release as apply  # noqa: PLC0415 - imports the memory's models
    from sessions.memory_ids import find_named  # noqa: PLC0415

    author = by_hand()
    with opened() as store:
        named = find_named(store, id_, agent=agent, kinds=("observation",))
        apply(store, named, author, reason=reason)
    _print_done(named, author, "released", as_json)


def fade(
    id_: Id,
    *,
    reason: Annotated[str, typer.Option(help="Why; it keeps the agent from learning it again.")],
    agent: AnyAgent = "",
    as_json: Json = False,
) -> None:
    """Say that something does not count any more: an observation, a belief, a project or a vital by its name.

    Of a run, by its id, it is the journal entry. A project or vital is shown again when it is set anew. Nothing is
    deleted.
    """
    from sessions.corrections import fade as apply  # noqa: PLC0415 - imports the memory's models
    from sessions.memory_ids import find_named  # noqa: PLC0415

    author = by_hand()
    with opened() as store:
        named = find_named(store, id_, agent=agent, kinds=("observation", "belief", "project", "vital", "run"))
        apply(store, named, author, reason=_said(reason, "--reason"))
    _print_done(named, author, "faded", as_json)


def open_(
    text: Annotated[str, typer.Argument(help="The question or the work.")],
    *,
    tag: Annotated[
        Literal["discuss", "solo", "experiment"], typer.Option(help="Which kind of session takes it up.")
    ] = "solo",
    agent: Agent = "main",
    as_json: Json = False,
) -> None:
    """Queue something for the next scheduled session (solo, experiment), or to talk about with a person (discuss)."""
    from sessions.corrections import open_thread  # noqa: PLC0415 - imports the memory's models

    author, said = by_hand(), _said(text, "TEXT")
    with opened(make=True) as store:
        named = open_thread(store, said, author, agent=agent_name(agent), tag=tag)
    _print_done(named, author, f"opened, to {tag}", as_json)


def close(
    id_: Id,
    *,
    reason: Annotated[str, typer.Option(help="What came of it.")],
    agent: AnyAgent = "",
    as_json: Json = False,
) -> None:
    """Say that a thread is done with, and what came of it."""
    from sessions.corrections import close_thread  # noqa: PLC0415 - imports the memory's models
    from sessions.memory_ids import find_named  # noqa: PLC0415

    author = by_hand()
    with opened() as store:
        named = find_named(store, id_, agent=agent, kinds=("thread",))
        close_thread(store, named, author, reason=_said(reason, "--reason"))
    _print_done(named, author, "closed", as_json)


def _said(text: str, where: str) -> str:
    if not text.strip():
        raise typer.BadParameter("cannot be blank", param_hint=where)
    return text.strip()


def _print_done(named: "Named", author: "Author", done: str, as_json: bool) -> None:
    if as_json:
        print_json({**named.model_dump(), "done": done, "run": author.run})
    else:
        typer.echo(f"{named.kind} {named.id}: {done} (take back: sessions memory revert --run {author.run})")
