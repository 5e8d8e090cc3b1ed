"""A run that failed before its first token, and whether people know of it already: one alert, and not one a slot."""

import hashlib
import re
from collections.abc import Sequence

from sessions.channels.base import Receipt
from sessions.outcome import Outcome
from sessions.parameter_values import DeliveryTarget
from sessions.report_message import message_key
from sessions.run_record import RunRecord
from sessions.runners.base import AgentRun, Stop
from sessions.spec import SessionSpec

#: How long something took before it failed is another number each time.
_SPAN = re.compile(r"\b\d+(?:\.\d+)? ?(?:ms|s|milliseconds|seconds)\b")


def failed_before_first_token(record: RunRecord, agent_run: AgentRun) -> bool:
    """Whether nothing was done that a report could tell."""
    failed = record.agent_end is not None and record.agent_end.stop is Stop.FAILED
    return failed and record.outcome is Outcome.FAILED and not agent_run.turns


def mark_trouble(sentence: str, targets: Sequence[DeliveryTarget], *, run_id: str) -> str:
    """Stands for what is wrong and for who has to know: the same as long as neither changes.

    Args:
        sentence: what is wrong.
        targets: who is told.
        run_id: of the run; where it stands in the sentence, as in the name of a folder, it says nothing.
    """
    what = _SPAN.sub("…", sentence.replace(run_id, "…"))
    who = sorted(f"{target.channel} {target.to}" for target in targets)
    return hashlib.sha256("\n".join((what, *who)).encode()).hexdigest()[:32]


def was_told(run_id: str, receipts: Sequence[Receipt], spec: SessionSpec) -> bool:
    """Whether somebody who is told of failures got word of the run; also if nobody wants to be told."""
    wanted = spec.failure_delivery or spec.delivery
    keys = {message_key(run_id, target) for target in wanted if target.mode != "none"}
    return not keys or any(item.key in keys and item.status in ("delivered", "unknown") for item in receipts)


def known_sentence(run_name: str) -> str:
    """What the reason of a run ends with that tells nobody."""
    return f"the same as in {run_name}, so nobody is told again until it is another trouble or a run succeeds"
