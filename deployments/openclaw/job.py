"""A cron job of OpenClaw in its normal form: every field under its present name, fields that are not known kept."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from deployments.documents import spell
from deployments.sentences import explain
from sessions.errors import SpecError

#: Milliseconds since 1970, to the end of the year 9999.
Millis = Annotated[int, Field(ge=0, le=253_402_300_799_999)]
Text = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    """What all parts have in common. The aliases are OpenClaw's own spellings."""

    model_config = ConfigDict(alias_generator=to_camel, extra="allow", frozen=True, strict=True)


class AtTime(_Part):
    """Due once. `at` is ISO 8601 with an offset."""

    kind: Literal["at"]
    at: Text


class EveryTime(_Part):
    """Due at fixed intervals, counted from `anchor_ms`, else from when the job was made."""

    kind: Literal["every"]
    every_ms: Annotated[int, Field(ge=1, le=253_402_300_799_999)]
    anchor_ms: Millis | None = None


class CronTime(_Part):
    """Due by the clock of `tz`; without one, by that of OpenClaw's host."""

    kind: Literal["cron"]
    expr: Text
    tz: str | None = None


class SystemEvent(_Part):
    """A text for the agent's main conversation."""

    kind: Literal["systemEvent"]
    text: Text


class AgentTurn(_Part):
    """A prompt for a run of its own. `timeout_seconds`: absent 10 minutes, 0 none."""

    kind: Literal["agentTurn"]
    message: Text
    model: str | None = None
    timeout_seconds: Annotated[int, Field(ge=0)] | None = None


class Delivery(_Part):
    """Where the answer goes; `none` keeps the target and sends nothing."""

    mode: Literal["announce", "none", "webhook"]
    channel: str | None = None
    to: str | None = None
    thread_id: str | None = None
    best_effort: bool | None = None


class Job(_Part):
    """One row of the store."""

    id: Text
    agent_id: str | None = None
    name: Text
    description: str | None = None
    enabled: bool
    created_at_ms: Millis
    updated_at_ms: Millis
    schedule: Annotated[AtTime | EveryTime | CronTime, Field(discriminator="kind")]
    session_target: Literal["main", "isolated"]
    wake_mode: Literal["now", "next-heartbeat"]
    payload: Annotated[SystemEvent | AgentTurn, Field(discriminator="kind")]
    delivery: Delivery | None = None
    delete_after_run: bool | None = None
    notify: bool | None = None
    state: dict[str, JsonValue]

    @model_validator(mode="after")
    def _target_fits_payload(self) -> Self:
        wanted = {"main": "systemEvent", "isolated": "agentTurn"}[self.session_target]
        if self.payload.kind != wanted:
            raise ValueError(
                f"sessionTarget {self.session_target} takes a {wanted} payload, not {self.payload.kind}; change one of "
                "the two"
            )
        if self.session_target == "main" and self.delivery and self.delivery.mode == "announce":
            raise ValueError("delivery: announce goes with sessionTarget isolated only; take it out")
        return self

    @property
    def document(self) -> dict[str, JsonValue]:
        """The job as OpenClaw stores it, with what it was given and nothing more."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    @property
    def prompt(self) -> str:
        """What the agent is asked."""
        return self.payload.message if isinstance(self.payload, AgentTurn) else self.payload.text


def parse_job(document: dict[str, JsonValue]) -> Job:
    """The job in its normal form.

    Raises:
        SpecError: it is in another form; the sentence names each field.
    """
    try:
        return Job.model_validate(document)
    except ValidationError as error:
        faults = [(_field(fault["loc"]), explain(fault, Job)) for fault in error.errors()]
        sentence = "; ".join(f"{field}: {message}" if field else message for field, message in faults)
        raise SpecError(sentence, field=faults[0][0]) from error


def _field(location: tuple[str | int, ...]) -> str:
    """The field in OpenClaw's words: which of the kinds was tried does not belong to it."""
    if location and location[0] in ("schedule", "payload"):
        location = (location[0], *location[2:])
    return spell(location)
