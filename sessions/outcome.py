"""What became of a run: one word for the run, another for its delivery."""

from enum import StrEnum
from typing import Literal

StateType = Literal["COMPLETED", "FAILED", "CANCELLED", "CRASHED"]


class Outcome(StrEnum):
    """The run's one word. Each becomes the name of the Prefect state that ends the run."""

    COMPLETED = "completed"
    NO_CHANGE = "no_change"
    SKIPPED_OVERLAP = "skipped_overlap"
    MISSED = "missed"
    BACKING_OFF = "backing_off"
    OVER_BUDGET = "over_budget"
    TIMED_OUT = "timed_out"
    STOPPED = "stopped"
    NEEDS_INPUT = "needs_input"
    FAILED = "failed"
    CRASHED = "crashed"

    @property
    def state_name(self) -> str:
        """The name of the Prefect state: `timed_out` becomes `TimedOut`."""
        return self.value.title().replace("_", "")

    @property
    def state_type(self) -> StateType:
        """The Prefect state type that goes with it.

        Only what a person must look into is FAILED; what was decided beforehand (a limit of turns or money, a
        slot that passed) is CANCELLED, so that it neither counts as a success nor raises an alarm.
        """
        return _STATE_TYPES[self]

    @property
    def is_error(self) -> bool:
        """Whether it counts as a consecutive error: skips, misses and stops do not."""
        return self in (Outcome.FAILED, Outcome.TIMED_OUT, Outcome.CRASHED)


_STATE_TYPES: dict[Outcome, StateType] = {
    Outcome.COMPLETED: "COMPLETED",
    Outcome.NO_CHANGE: "COMPLETED",
    Outcome.SKIPPED_OVERLAP: "CANCELLED",
    Outcome.MISSED: "CANCELLED",
    Outcome.BACKING_OFF: "CANCELLED",
    Outcome.OVER_BUDGET: "CANCELLED",
    Outcome.TIMED_OUT: "FAILED",
    Outcome.STOPPED: "CANCELLED",
    Outcome.NEEDS_INPUT: "FAILED",
    Outcome.FAILED: "FAILED",
    Outcome.CRASHED: "CRASHED",
}


class Delivery(StrEnum):
    """What became of the report, apart from what became of the run."""

    DELIVERED = "delivered"
    DELIVERY_FAILED = "delivery_failed"
    NOTHING_TO_DELIVER = "nothing_to_deliver"
