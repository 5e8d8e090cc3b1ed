"""Keeps a run within its money: looks before each request, since one that was sent cannot be ended in its middle."""

from itertools import takewhile
from statistics import fmean

from sessions.models import Usage
from sessions.runners.base import AgentEnd, AgentTask, Stop
from sessions.transcript import Entry, Transcript

#: What the words of a tool or a prompt come to, before a provider has counted them.
_BYTES_PER_TOKEN = 4
_WHOSE = {Stop.MAX_COST: "max_cost_usd", Stop.DAY_COST: "the agent's day"}


class CostWatch:
    """Watches what one run spends, by the transcript that every runner writes, each answer at its own price."""

    def __init__(self, task: AgentTask, transcript: Transcript) -> None:
        self._task = task
        self._transcript = transcript
        self._entries_before = len(transcript.entries)

    def look(self) -> AgentEnd | None:
        """How the run ends, where the next request would pass what it may cost; None if that may be sent."""
        if not self._task.limits_cost:
            return None
        entries = self._transcript.entries[self._entries_before :]
        spent = self._task.model.cost_usd(*(entry.usage for entry in entries if entry.usage))
        ahead = self._task.model.cost_usd(self._next_usage(entries))
        stop, limit = self._task.nearest_cost_limit
        if spent < limit and spent + ahead <= limit:
            return None
        left = f"{_WHOSE[stop]} leaves {limit - spent:.4f}"
        error = f"the next request would cost about {ahead:.4f} US dollars, and {left}" if spent < limit else ""
        return AgentEnd(stop=stop, error=error)

    def _next_usage(self, entries: list[Entry]) -> Usage:
        """What the next request will use, as far as one can tell.

        Its prompt is the last one, read from the cache as far as that went there, with the last answer and what the
        tools have said since. Its answer is taken to be as long as those before are on average. The longest that it may
        be would be the safe guess, and would make small budgets useless: 64,000 tokens of Claude Sonnet cost a dollar,
        and an answer with a tool call takes a cent. So an answer longer than usual can pass the limit, once. Before the
        first answer only the words that we send count.
        """
        answers = [entry.usage for entry in entries if entry.usage]
        last = answers[-1] if answers else Usage(input_tokens=_tokens(self._task.context))
        unread = takewhile(lambda entry: entry.usage is None, reversed(entries))
        told = sum(_tokens(entry.text) for entry in unread if entry.kind in ("prompt", "tool_result"))
        usual = fmean(answer.output_tokens for answer in answers) if answers else 0
        return Usage(
            input_tokens=last.input_tokens + last.output_tokens + told,
            cache_read_tokens=last.cache_read_tokens + last.cache_write_tokens,
            output_tokens=min(round(usual), self._task.max_tokens),
        )


def _tokens(text: str) -> int:
    return len(text.encode()) // _BYTES_PER_TOKEN
