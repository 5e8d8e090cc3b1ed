"""`sessions memory`: what an agent knows, and where it has it from."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli import memory_changes, memory_standing, memory_store
from cli.memory_access import Agent, AnyAgent, AsOf, Id, moment_of, one_line, opened, short
from cli.output import Json, moment, print_json, print_listed

if TYPE_CHECKING:
    from sessions.memory.things import Belief, Observation, Thread
    from sessions.provenance import Provenance

memory = typer.Typer(help="What an agent knows, where it has it from, and how to take it back.", no_args_is_help=True)
thread = typer.Typer(help="Open and close what waits for a session.", no_args_is_help=True)


@memory.callback()
def _memory() -> None:
    """What an agent knows, where it has it from, and how to take it back."""


@thread.callback()
def _thread() -> None:
    """Open and close what waits for a session."""


Limit = Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")]


@memory.command()
def search(
    query: Annotated[str, typer.Argument(help="Words, or a whole question.")],
    *,
    agent: Agent = "main",
    limit: Limit = 10,
    as_of: AsOf = "",
    as_json: Json = False,
) -> None:
    """Find what an agent knows about something, best first; the first column is what `show` takes."""
    with opened() as store:
        listed = store.recall(agent=agent, query=query, limit=limit, as_of=moment_of(as_of))
    columns = ["Id", "So on", "Text", "Whose words", "Run"]
    print_listed(listed, columns, [_observation_row(item) for item in listed], as_json=as_json)


def _observation_row(item: "Observation") -> list[str]:
    return [short(item.id), moment(item.event_at), one_line(item.text), item.source.origin, short(item.source.run)]


@memory.command()
def show(id_: Id, *, agent: AnyAgent = "", as_of: AsOf = "", as_json: Json = False) -> None:
    """Show one observation, belief, thread, project, vital or run: its words, where they are, and its history."""
    from cli.memory_words import provenance_lines  # noqa: PLC0415 - imports the memory's models
    from sessions.provenance import words_around  # noqa: PLC0415

    found = _traced(id_, agent, moment_of(as_of))
    if as_json:
        print_json(found)
        return
    for line in provenance_lines(found, words_around(found.files)):
        typer.echo(line)


@memory.command()
def history(id_: Id, *, agent: AnyAgent = "", as_of: AsOf = "", as_json: Json = False) -> None:
    """List every change that made something what it is, oldest first; of a run, all that it changed."""
    from cli.memory_words import history_line  # noqa: PLC0415 - imports the memory's models

    found = _traced(id_, agent, moment_of(as_of))
    if as_json:
        print_json(found.history)
        return
    for change in found.history:
        typer.echo(history_line(change))


def _traced(id_: str, agent: str, at: datetime | None) -> "Provenance":
    from sessions.memory.past import memory_at  # noqa: PLC0415 - imports the memory's models
    from sessions.memory_ids import find_named  # noqa: PLC0415
    from sessions.provenance import trace  # noqa: PLC0415
    from sessions.settings import read_settings  # noqa: PLC0415

    home = read_settings().home
    with opened() as store:
        known = memory_at(store, at)
        # A run that taught nothing is known by its folder alone, which says nothing of another time.
        named = find_named(known, id_, agent=agent, home=None if at else home)
        return _faded_or_not(trace(known, named, home=home, now=at or datetime.now(UTC)))


def _faded_or_not(found: "Provenance") -> "Provenance":
    """A project or vital that was faded is nowhere in the memory, as one that was taken back is not."""
    last = next((change for change in reversed(found.history) if change.op != "revert"), None)
    reason = last.faded if last and last.op in ("set_project", "set_vital") and found.thing is None else ""
    return found.model_copy(update={"status": f"faded: {one_line(reason)}"}) if reason else found


@memory.command()
def threads(
    *,
    tag: Annotated[
        Literal["discuss", "solo", "experiment"] | None, typer.Option(help="Only those that wait for such a session.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    agent: Agent = "main",
    as_of: AsOf = "",
    as_json: Json = False,
) -> None:
    """List open questions and work: `discuss` waits for a session with a person, the others for one without."""
    with opened() as store:
        known = store.state(agent=agent, as_of=moment_of(as_of)).threads.values()
    listed = [each for each in known if tag in (None, each.tag) and (every or not each.closed_at)]
    rows = [[short(each.id), each.tag, moment(each.opened_at), _thread_words(each), short(each.run)] for each in listed]
    print_listed(listed, ["Id", "Waits for", "Opened", "Text", "Run"], rows, as_json=as_json)


def _thread_words(item: "Thread") -> str:
    closed = f" (closed {moment(item.closed_at)}: {one_line(item.reason)})" if item.closed_at else ""
    return one_line(item.text) + closed


@memory.command()
def beliefs(*, agent: Agent = "main", as_of: AsOf = "", as_json: Json = False) -> None:
    """List what an agent holds to be so, surest first, then what it does not hold any more, with the reason."""
    at = moment_of(as_of)
    now = at or datetime.now(UTC)
    with opened() as store:
        state = store.state(agent=agent, as_of=at)
    held = [each for each in state.held_beliefs(now, at_least=0) if not each.faded_at]
    listed = [*held, *state.faded_beliefs()]
    rows = [[short(each.id), _confidence(each, now), _belief_words(each), short(each.run)] for each in listed]
    print_listed(listed, ["Id", "Confidence", "Text", "Run"], rows, as_json=as_json)


def _confidence(item: "Belief", now: datetime) -> str:
    return "faded" if item.faded_at else f"{item.confidence_at(now):.2f}"


def _belief_words(item: "Belief") -> str:
    return one_line(item.text) + (f" (faded: {one_line(item.reason)})" if item.faded_at else "")


@memory.command()
def journal(*, agent: Agent = "main", limit: Limit = 5, as_of: AsOf = "", as_json: Json = False) -> None:
    """List what an agent's last runs were about, newest first."""
    with opened() as store:
        listed = store.journal(agent=agent, limit=limit, as_of=moment_of(as_of))
    rows = [
        [short(each.id), moment(each.at), each.session, one_line(each.theme), one_line(each.next)] for each in listed
    ]
    print_listed(listed, ["Run", "At", "Session", "Theme", "Next"], rows, as_json=as_json)


memory.command()(memory_standing.projects)
memory.command()(memory_standing.vitals)
memory.command()(memory_standing.quarantined)
memory.command()(memory_changes.revert)
memory.command()(memory_changes.release)
memory.command()(memory_changes.fade)
memory.command()(memory_store.export)
memory.command("import")(memory_store.import_)
memory.command()(memory_store.doctor)
memory.command()(memory_store.retry)
memory.command()(memory_store.reindex)
thread.command("open")(memory_changes.open_)
thread.command("close")(memory_changes.close)
memory.add_typer(thread, name="thread")
