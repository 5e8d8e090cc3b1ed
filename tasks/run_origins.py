"""What a flow run came of: a schedule, a wait after errors, a dispatch, or somebody's wish."""

from prefect.client.schemas.objects import FlowRun

#: How the idempotency key of an attempt after errors begins; the id of the run that failed follows.
ATTEMPT_KEY = "backoff-"
#: How the tag begins that says to which schedule a run belongs that was not made by it; the slug follows.
SCHEDULE_TAG = "schedule:"
#: How that of a run begins which a dispatch started; the dispatch and its slot follow.
DISPATCH_KEY = "dispatch-"


def is_automatic(run: FlowRun) -> bool:
    """Whether nobody asked for a flow run: it is a schedule's or a dispatch's, or the attempt after errors."""
    return bool(run.auto_scheduled) or is_attempt(run) or is_dispatched(run)


def is_attempt(run: FlowRun) -> bool:
    """Whether a flow run is the attempt at the end of a wait after errors."""
    return (run.idempotency_key or "").startswith(ATTEMPT_KEY)


def is_dispatched(run: FlowRun) -> bool:
    """Whether a dispatch started a flow run."""
    return (run.idempotency_key or "").startswith(DISPATCH_KEY)


def schedule_of(run: FlowRun) -> str:
    """The slug of the schedule that made a flow run, or to which it belongs; empty if there is none.

    Prefect tells the kind of a schedule that has no slug.
    """
    if run.auto_scheduled and run.created_by:
        return run.created_by.display_value or ""
    return next((tag.removeprefix(SCHEDULE_TAG) for tag in run.tags if tag.startswith(SCHEDULE_TAG)), "")
