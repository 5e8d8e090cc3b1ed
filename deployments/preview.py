"""What the next run of a session would be told, without running anything."""

import tempfile
from datetime import datetime
from functools import partial
from pathlib import Path

from pydantic import BaseModel

from deployments.checked import load_checked
from deployments.definitions import Definition, ScheduleEntry, find_definitions
from sessions.clock_changes import clock_remarks
from sessions.errors import SpecError
from sessions.mcp_servers import MEMORY_SERVER
from sessions.memory import SQLITE, open_memory
from sessions.memory.base import Memory
from sessions.memory.past import memory_at
from sessions.memory.place import place_of
from sessions.preparation import choose_model, read_maintenance, read_prompt
from sessions.repositories import git_states, sync_all
from sessions.run_context import build_context
from sessions.run_folder import RunFolder
from sessions.run_record import RunRecord
from sessions.runners import open_runner
from sessions.runners.mcp_rules import PREFIX, is_mcp_rule, without_mcp
from sessions.schedule import describe, next_times
from sessions.settings import Settings
from sessions.spec import SessionSpec, parse_spec
from sessions.workflow import lead_context, lead_prompt, read_workflow

PREVIEW_ID = "preview"


class Preview(BaseModel, frozen=True):
    """When the session is due and what its agent would start with right now.

    A schedule that begins suspended is named as such and has no next runs. `clock_changes` says of the coming year
    which times the clocks skip or repeat, and what becomes of them. `tools` are the rules by which the agent may call
    something, and `not_tools` those that take away from them. `no_memory_at` is where the first run will make the
    memory, if there is none: the context is that of an empty one.
    """

    name: str
    schedules: list[str]
    next_runs: list[datetime]
    clock_changes: list[str]
    model: str
    tools: list[str] = []
    not_tools: list[str] = []
    no_memory_at: str = ""
    context: str
    prompt: str


def find_definition(name_or_file: str, root: Path, settings: Settings) -> Definition:
    """A definition by its session's name, or by its file.

    Raises:
        SpecError: there is none, the file holds none or several, or something in it is wrong.
    """
    file = Path(name_or_file)
    checked = load_checked([file] if file.is_file() else find_definitions(root), root, settings)
    found = [item for item in checked if item.is_session]
    if not file.is_file():
        names = ", ".join(item.name for item in found) or "none"
        found = [item for item in found if item.name == name_or_file]
        if not found:
            raise SpecError(f"there is no definition {name_or_file!r}; defined are: {names}", field="name")
    if not found:
        raise SpecError(f"{file} holds no session; `sessions dispatch --explain` shows a dispatch", field="name")
    if len(found) > 1:
        raise SpecError(f"{file} holds {len(found)} sessions; name one of them", field="name")
    return found[0]


def preview_session(
    definition: Definition, *, root: Path, settings: Settings, now: datetime, as_of: datetime | None = None
) -> Preview:
    """The exact context and prompt that a run would get now, or at `as_of` by what the memory held then.

    The repositories are brought into a temporary folder, as a run would, and removed again. A memory that is not there
    is not made. Prompt and repositories are always those of today.

    Raises:
        SessionError: what would keep the run from starting.
    """
    now = as_of or now
    spec = parse_spec(definition.parameters)
    active = [entry.schedule for entry in definition.schedules if entry.active is not False]
    upcoming = sorted(time for schedule in active for time in next_times(schedule, now))[:3]
    prompt = read_prompt(spec, root)
    place = place_of(settings.memory_address)
    with tempfile.TemporaryDirectory() as folder:
        record = RunRecord(
            run_id=PREVIEW_ID,
            run_name=PREVIEW_ID,
            session=definition.name,
            spec=spec,
            slot_at=upcoming[0] if upcoming else now,
            opened_at=now,
        )
        git = git_states(sync_all(RunFolder(Path(folder), record), root=root, settings=settings), settings)
        context = build_context(
            record,
            prompt=prompt,
            git=git,
            maintenance=read_maintenance(spec, root),
            settings=settings,
            open_store=partial(
                _open_at, _empty_in(folder) if place.is_missing_file else settings.memory_address, as_of
            ),
        )
    workflow = read_workflow(spec.workflow, root=root, settings=settings)
    return Preview(
        name=definition.name,
        schedules=[_in_words(entry) for entry in definition.schedules],
        next_runs=upcoming,
        clock_changes=[remark for schedule in active for remark in clock_remarks(schedule, now)],
        model=choose_model(spec, settings).id,
        tools=_tools(spec),
        not_tools=spec.disallowed_tools,
        no_memory_at=place.where if place.is_missing_file else "",
        context=lead_context(workflow, context.text),
        prompt=lead_prompt(workflow, prompt),
    )


def _tools(spec: SessionSpec) -> list[str]:
    """What lets calls pass: a server's tools are all there unless rules name some of them."""
    if spec.kind != "agent":
        return []
    named = {rule.split("__")[1] for rule in spec.allowed_tools if is_mcp_rule(rule)}
    whole = [f"{PREFIX}{server}" for server in (MEMORY_SERVER, *spec.mcp_servers) if server not in named]
    own = without_mcp(spec.allowed_tools) or open_runner(spec.runner).safe_tools
    return [*own, *filter(is_mcp_rule, spec.allowed_tools), *whole]


def _open_at(address: str, moment: datetime | None) -> Memory:
    return memory_at(open_memory(address), moment)


def _in_words(entry: ScheduleEntry) -> str:
    return describe(entry.schedule) + (", begins suspended" if entry.active is False else "")


def _empty_in(folder: str) -> str:
    return f"{SQLITE}{folder}/memory.sqlite3"
