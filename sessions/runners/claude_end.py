"""How a Claude Code session ended, from what its CLI says at the end."""

import re
import signal

from claude_agent_sdk import ProcessError, ResultMessage

from sessions.messages_api import explain_status
from sessions.runners.base import AgentEnd, Stop
from sessions.runners.claude_transcript import Listener

_FIRST_ERROR_STATUS = 400
#: Exit codes after SIGTERM, as when somebody cancels a run: its whole process group hears of it.
_TOLD_TO_END = (-signal.SIGTERM, 128 + signal.SIGTERM)
#: What the CLI says of errors that have no status, and what that means for a person.
_WITHOUT_STATUS = {
    r"ECONNRESET|was lost|terminated": "the connection to the model's server broke off; the next run tries again",
    r"ECONN|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ETIMEDOUT|connection|unable to connect": (
        "the model's server cannot be reached; check ANTHROPIC_BASE_URL and the network"
    ),
    r"malformed|JSON|unexpected|without receiving any": (
        "the model's server answered something that is not of the Messages API; check ANTHROPIC_BASE_URL"
    ),
}


def judge(listener: Listener) -> AgentEnd:
    """The end of a session whose messages `listener` has heard.

    `subtype` says "success" also after an error of the API, so it is not what counts.
    """
    result = listener.result
    if result is None:
        return end_of(listener, Stop.FAILED, "Claude Code ended without a result; see the worker's log, then try again")
    if result.terminal_reason == "max_turns" or result.subtype == "error_max_turns":
        return end_of(listener, Stop.MAX_TURNS)
    if result.stop_reason == "refusal":
        return end_of(listener, Stop.REFUSED, "the model refused the task; see its last words")
    # The CLI lets the model go on after an answer that was cut off, and calls it an error once it gives that up.
    if result.is_error and not listener.cut_off:
        return end_of(listener, Stop.FAILED, explain_result(result))
    return end_of(listener, Stop.FINISHED)


def end_of(listener: Listener, stop: Stop, error: str = "") -> AgentEnd:
    """The end, with what was said last and what was denied."""
    return AgentEnd(stop=stop, final_text=listener.last_text, error=error, denials=listener.denials)


def explain_result(result: ResultMessage) -> str:
    """What went wrong and what a person can do about it, in one sentence without a full stop."""
    status = result.api_error_status or 0
    if status >= _FIRST_ERROR_STATUS:
        return explain_status(status)
    said = result.result or "; ".join(result.errors or []) or result.subtype
    meanings = (meaning for pattern, meaning in _WITHOUT_STATUS.items() if re.search(pattern, said, re.IGNORECASE))
    return next(meanings, f"Claude Code reports: {_first_line(said)}")


def judge_crash(listener: Listener, error: Exception, complaints: list[str]) -> AgentEnd:
    """The end of a session whose CLI did not come to a result."""
    if isinstance(error, ProcessError) and error.exit_code in _TOLD_TO_END:
        return end_of(listener, Stop.INTERRUPTED, "Claude Code was told to end from outside (SIGTERM)")
    return end_of(listener, Stop.FAILED, explain_crash(error, complaints))


def explain_crash(error: Exception, complaints: list[str]) -> str:
    """Why the CLI did not come to a result, with the last thing it complained of, in one sentence."""
    if complaints:
        reason = _first_line(complaints[-1])
    elif isinstance(error, ProcessError) and (error.exit_code or 0) < 0:
        reason = f"signal {-(error.exit_code or 0)} killed it; see whether the machine ran out of memory"
    else:
        reason = _first_line(str(error))
    return f"Claude Code ended before it was done: {reason}"


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or ["it does not say why"])[0].rstrip(".")
