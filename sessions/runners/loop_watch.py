"""Shows the loop guard what an agent does, from the transcript that every runner writes."""

from sessions.loop_guard import Level, LoopGuard, Verdict
from sessions.runners.base import AgentTask
from sessions.tool_step import tool_step
from sessions.transcript import Entry, Transcript


class LoopWatch:
    """Watches one run. The transcript holds no secrets, so that what is said of a loop holds none either."""

    def __init__(self, task: AgentTask, transcript: Transcript) -> None:
        self._guard = LoopGuard(warn_after=task.loop_warn_after, stop_after=task.loop_stop_after)
        self._transcript = transcript
        self._looked_at = len(transcript.entries)
        self._calls: dict[str, Entry] = {}

    def look(self) -> Verdict:
        """Take in the calls that were answered since the last look; returns the gravest thing to say of them."""
        fresh = self._transcript.entries[self._looked_at :]
        self._looked_at += len(fresh)
        gravest = Verdict()
        for entry in fresh:
            verdict = self._take_in(entry)
            gravest = verdict if verdict.level >= gravest.level else gravest
            if gravest.level is Level.STOP:
                break
        return gravest

    def _take_in(self, entry: Entry) -> Verdict:
        if entry.kind == "tool_call":
            self._calls[entry.tool_call_id] = entry
        call = self._calls.pop(entry.tool_call_id, None) if entry.kind == "tool_result" else None
        if call is None:
            return Verdict()
        return self._guard.observe(tool_step(call.tool, call.arguments, entry.text, failed=entry.is_error))
