"""How a Claude Code session ended, from what its CLI says at the end."""

import re

from claude_agent_sdk import ClaudeSDKError, ResultMessage

from sessions.messages_api import explain_status
from sessions.runners.base import AgentEnd, Stop
from sessions.runners.claude_transcript import Listener

_FIRST_ERROR_STATUS = 400
_UNREACHABLE = re.compile(
    r"ECONN|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ETIMEDOUT|[Cc]onnection|[Uu]nable to connect|network"
)
_NONSENSE = re.compile(r"malformed|JSON|unexpected|not a valid", re.IGNORECASE)
_BROKEN_OFF = re.compile(r"[Ss]tream|incomplete|terminated|partial")


def judge(listener: Listener, *, over_budget: bool) -> AgentEnd:
    """The end of a session whose messages `listener` has heard.

    `subtype` says "success" also after an error of the API, so it is not what counts.
    """
    result = listener.result
    if result is None:
        return end_of(listener, Stop.FAILED, "Claude Code ended without a result; see the worker's log, then try again")
    if over_budget:
        return end_of(listener, Stop.MAX_COST)
    if result.terminal_reason == "max_turns" or result.subtype == "error_max_turns":
        return end_of(listener, Stop.MAX_TURNS)
    if result.stop_reason == "refusal":
        return end_of(listener, Stop.REFUSED, "the model refused the task; see its last words")
    if result.is_error:
        return end_of(listener, Stop.FAILED, explain_result(result))
    return end_of(listener, Stop.FINISHED, final_text=result.result or "")


def end_of(listener: Listener, stop: Stop, error: str = "", *, final_text: str = "") -> AgentEnd:
    """The end, with what was said last and what was denied."""
    return AgentEnd(stop=stop, final_text=final_text or listener.last_text, error=error, denials=listener.denials)


def explain_result(result: ResultMessage) -> str:
    """What went wrong and what a person can do about it, in one sentence without a full stop."""
    if (result.api_error_status or 0) >= _FIRST_ERROR_STATUS:
        return explain_status(result.api_error_status)
    said = result.result or "; ".join(result.errors or []) or result.subtype
    if _UNREACHABLE.search(said):
        return "the model's server cannot be reached; check ANTHROPIC_BASE_URL and the network"
    if _NONSENSE.search(said):
        return "the model's server answered something that is not of the Messages API; check ANTHROPIC_BASE_URL"
    return f"Claude Code reports: {_first_line(said)}"


def explain_crash(error: ClaudeSDKError, complaints: list[str]) -> str:
    """Why the CLI did not come to a result, with the last thing it complained of."""
    reason = _first_line(complaints[-1] if complaints else str(error))
    return f"Claude Code ended before it was done: {reason}"


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or ["it does not say why"])[0].rstrip(".")
