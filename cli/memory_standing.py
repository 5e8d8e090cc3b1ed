"""What a memory has one of by each name, projects and vitals, and what in it only a person may see."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from cli.memory_access import Agent, AsOf, moment_of, one_line, opened, short
from cli.output import Json, Printable, moment, print_listed

if TYPE_CHECKING:
    from sessions.memory.base import Memory
    from sessions.memory.things import Observation, Project, Vital

AllAgents = Annotated[bool, typer.Option("--all-agents", help="The memory of every agent.")]


def projects(*, agent: Agent = "main", all_agents: AllAgents = False, as_of: AsOf = "", as_json: Json = False) -> None:
    """List where projects stand, the last changed first; `fade NAME` takes one out until it is set anew."""
    with _known(as_of) as memory:
        found = [
            (each, project)
            for each in _agents(memory, agent, all_agents)
            for project in sorted(memory.state(agent=each).projects.values(), key=_changed, reverse=True)
        ]
    columns = ["Name", "Agent", "Status", "Blocking", "Waiting for", "Set", "Run"]
    rows = [_project_row(whose, project) for whose, project in found]
    print_listed([_json(whose, project) for whose, project in found], columns, rows, as_json=as_json)


def _project_row(agent: str, item: "Project") -> list[str]:
    words = (item.name, agent, item.status, item.blocking, item.waiting_for)
    return [*map(one_line, words), moment(item.changed_at), short(item.run)]


def vitals(*, agent: Agent = "main", all_agents: AllAgents = False, as_of: AsOf = "", as_json: Json = False) -> None:
    """List the indicators that were set, flagged ones first; `fade NAME` takes one out until it is set anew."""
    with _known(as_of) as memory:
        found = [
            (each, vital)
            for each in _agents(memory, agent, all_agents)
            for vital in sorted(memory.state(agent=each).vitals.values(), key=_flagged_first)
        ]
    columns = ["Name", "Agent", "Value", "Flagged", "Note", "Set", "Run"]
    rows = [_vital_row(whose, vital) for whose, vital in found]
    print_listed([_json(whose, vital) for whose, vital in found], columns, rows, as_json=as_json)


def _vital_row(agent: str, item: "Vital") -> list[str]:
    words = (item.name, agent, item.value, "yes" if item.flagged else "no", item.note)
    return [*map(one_line, words), moment(item.changed_at), short(item.run)]


def quarantined(
    *, agent: Agent = "main", all_agents: AllAgents = False, as_of: AsOf = "", as_json: Json = False
) -> None:
    """List what the agent does not get to see, with why, newest first; `release ID` lets one through."""
    from sessions.memory.base import ALL  # noqa: PLC0415 - imports the memory's models

    with _known(as_of) as memory:
        found = [
            item for each in _agents(memory, agent, all_agents) for item in memory.quarantined(agent=each, limit=ALL)
        ]
    columns = ["Id", "Agent", "Learned", "Why", "Whose words", "Text", "Run"]
    print_listed(found, columns, [_quarantined_row(item) for item in found], as_json=as_json)


def _quarantined_row(item: "Observation") -> list[str]:
    words = (item.reason, item.source.origin, item.text)
    return [short(item.id), item.agent, moment(item.created_at), *map(one_line, words), short(item.source.run)]


@contextmanager
def _known(as_of: str) -> Iterator["Memory"]:
    """The memory as it was at that moment; as it is, where none is given."""
    from sessions.memory.past import memory_at  # noqa: PLC0415 - imports the memory's models

    at = moment_of(as_of)
    with opened() as memory:
        yield memory_at(memory, at)


def _agents(memory: "Memory", agent: str, all_agents: bool) -> list[str]:
    return memory.agents() if all_agents else [agent]


def _changed(item: "Project") -> tuple[object, str]:
    return item.changed_at, item.name


def _flagged_first(item: "Vital") -> tuple[bool, str]:
    return not item.flagged, item.name


def _json(agent: str, item: "Project | Vital") -> Printable:
    return {"agent": agent, **item.model_dump(mode="json")}
