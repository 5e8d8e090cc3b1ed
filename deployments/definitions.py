"""Session definitions: the native Prefect files in `deployments/`, as models."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    JsonValue,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from deployments.documents import DocumentError, Location, read_document, spell
from deployments.sentences import explain
from sessions.clock_changes import interval_zone_fault, moment_fault
from sessions.errors import SpecError
from sessions.schedule import (
    CronExpression,
    CronSchedule,
    Interval,
    IntervalSchedule,
    Schedule,
    ZoneName,
    parse_moment,
)

FOLDER = "deployments"
ENTRYPOINT = "flows/scheduled_session.py:scheduled_session"
#: The other flow that a definition may be of: which session's turn it is.
DISPATCH_ENTRYPOINT = "flows/dispatch.py:dispatch"
LONGEST_NAME = 50
#: What may stand beside `deployments` at the top of a file.
TOP_KEYS = ("deployments", "pull", "name", "prefect-version")


def _with_offset(text: str) -> str:
    try:
        aware = datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        aware = False
    if not aware:
        raise ValueError(f"{text!r} is not a date and time with an offset; write '2027-01-31T09:00:00+00:00'")
    return text


def _only_false(value: object) -> object:
    if value is not None and value is not False:
        raise ValueError(
            "may only be false, with which a new session begins suspended; use `sessions suspend` and `sessions resume`"
        )
    return value


class ConcurrencyLimit(BaseModel, frozen=True, extra="forbid"):
    """One run at a time; a run that is due while another runs is skipped."""

    limit: Literal[1]
    collision_strategy: Literal["CANCEL_NEW"]


class WorkPool(BaseModel, frozen=True, extra="forbid"):
    """Where the runs are executed."""

    name: str = Field(min_length=1)
    work_queue_name: str | None = None
    job_variables: dict[str, JsonValue] = {}


class ScheduleEntry(BaseModel, frozen=True, extra="forbid"):
    """One schedule of a definition. `slug` is its name on the server, by which it stays suspended over a deploy.

    `parameters` are for the runs of this schedule only, and hold no rules of the session. `active: false` lets a new
    schedule begin suspended; one that is on the server already stays as it is there.
    """

    cron: CronExpression | None = None
    interval: Interval | None = None
    rrule: str | None = None
    timezone: ZoneName | None = None
    anchor_date: Annotated[str, AfterValidator(_with_offset)] | None = None
    day_or: bool | None = None
    slug: str | None = Field(None, min_length=1)
    active: Annotated[Literal[False] | None, BeforeValidator(_only_false)] = None
    parameters: dict[str, JsonValue] = {}

    @model_validator(mode="after")
    def _is_one_schedule(self) -> Self:
        if sum(value is not None for value in (self.cron, self.interval, self.rrule)) != 1:
            raise ValueError("needs exactly one of cron, interval and rrule")
        if self.rrule is not None and (fault := moment_fault(self.rrule, self.timezone or "UTC")):
            raise ValueError(f"rrule: {fault}")
        if self.anchor_date and self.interval is None:
            raise ValueError("anchor_date: belongs to an interval; take it out")
        if self.day_or is not None and self.cron is None:
            raise ValueError("day_or: belongs to a cron expression; take it out")
        if self.interval is not None and (fault := interval_zone_fault(self.timezone or "UTC")):
            raise ValueError(f"timezone: {fault}")
        return self

    @property
    def schedule(self) -> Schedule:
        """When it is due."""
        zone = self.timezone or "UTC"
        if self.cron is not None:
            return CronSchedule(cron=self.cron, timezone=zone, day_or=self.day_or is not False)
        if self.interval is not None:
            anchor = datetime.fromisoformat(self.anchor_date) if self.anchor_date else None
            return IntervalSchedule(interval=self.interval, anchor_date=anchor, timezone=zone)
        return parse_moment(self.rrule or "", zone)


class Definition(BaseModel, extra="forbid"):
    """One deployment of a definition file, of a session or a dispatch: every key that it may have.

    `parameters` are as they stand there; `sessions.spec.parse_spec` makes a session of them. `pull` says where the code
    comes from; None is the checkout at hand.
    """

    name: str
    description: str | None = None
    version: str | None = None
    tags: list[Annotated[str, Field(min_length=1)]] = []
    entrypoint: str
    schedules: list[ScheduleEntry] = []
    concurrency_limit: ConcurrencyLimit
    work_pool: WorkPool
    parameters: dict[str, JsonValue] = {}
    pull: list[dict[str, JsonValue]] | None = None
    _file: Path = PrivateAttr(Path())
    _line: int = PrivateAttr(1)

    @property
    def file(self) -> Path:
        """Where it stands."""
        return self._file

    @property
    def is_session(self) -> bool:
        """Whether it is of the flow of sessions."""
        return self.entrypoint == ENTRYPOINT

    @property
    def line(self) -> int:
        """The line it begins at, from 1."""
        return self._line

    def standing_at(self, file: Path, line: int) -> Self:
        """The same, with its place."""
        self._file, self._line = file, line
        return self


def find_definitions(root: Path) -> list[Path]:
    """The definition files under `root`, in the order of their names."""
    return sorted(path for path in (root / FOLDER).glob("*.y*ml") if path.suffix in (".yaml", ".yml"))


def listed_deployments(content: object) -> list[object]:
    """What stands under `deployments:`, unchecked.

    Raises:
        SpecError: it is not a list of deployments.
    """
    if not isinstance(content, dict):
        raise SpecError("holds no `deployments:`; see the shipped definitions for the form", field="deployments")
    listed = content.get("deployments")
    if not isinstance(listed, list) or not listed:
        raise SpecError("must be a list with a deployment in it, each beginning with `- name:`", field="deployments")
    return listed


def load_definitions(path: Path) -> list[Definition]:
    """The definitions in one file, in their order; only their form is checked, not their session.

    Raises:
        SpecError: the file cannot be read, or a value has the wrong form; the sentence begins with file and line.
    """
    location: Location = ()
    try:
        document = read_document(path)
        top_pull = document.content.get("pull") if isinstance(document.content, dict) else None
        definitions = []
        for index, raw in enumerate(listed_deployments(document.content)):
            location = ("deployments", index)
            definition = Definition.model_validate(raw, strict=True)
            if definition.pull is None:
                definition.pull = top_pull
            definitions.append(definition.standing_at(path, document.line_of(location)))
    except DocumentError as error:
        raise SpecError(f"{path}:{error.line}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        line = document.line_of((*location, *first["loc"]))
        raise SpecError(f"{path}:{line}: {spell(first['loc'])}: {explain(first, Definition)}") from error
    except SpecError as error:
        raise SpecError(f"{path}:1: {error.field}: {error}", field=error.field) from error
    return definitions
