"""Notices when an agent goes in circles, from its tool calls and their results alone.

What counts is what came of a call, not the call: a build whose output changes and a job that moves on are no loops.
Four things are, each counted in calls:

- repeated: the same call with the same result, in a row;
- in turn: up to four calls with the same results, round and round;
- failing: the same tool with the same error and nothing new learned between, or the very same failing call whatever
  was read or changed in the same files between;
- nothing new: calls whose results were all there at least twice before.

A call that waits on purpose (`sleep 30`) starts every count anew: how long a poll may take is for the time limits.
"""

from collections import Counter, deque
from enum import IntEnum

from pydantic import BaseModel

from sessions.tool_step import ToolStep

LONGEST_CYCLE = 4
#: So often must a cycle of several calls come round before it is one.
_LEAST_ROUNDS = 3
#: A result that was there this often before is not news; once is, as when an agent reads everything again.
_OLD_NEWS = 2


class Level(IntEnum):
    """What to do about it."""

    GO_ON = 0
    WARN = 1
    STOP = 2


class Verdict(BaseModel, frozen=True):
    """What the guard says after a call. `repeats` tells what repeats, in a sentence without a full stop."""

    level: Level = Level.GO_ON
    repeats: str = ""
    stop_after: int = 0

    @property
    def warning(self) -> str:
        """What to tell the agent."""
        limit = f" At {self.stop_after} you are stopped." if self.stop_after else ""
        return (
            f"You are going in circles: {self.repeats}.{limit} The same again brings the same: take another way, or "
            "end now and say what is in the way. To wait for something, sleep before you look again."
        )


class _Finding(BaseModel, frozen=True):
    count: int
    sentence: str


class LoopGuard:
    """Watches one agent.

    Args:
        warn_after: after so many calls that brought nothing the agent is warned, and again after as many more; 0 never.
        stop_after: after so many it is to be stopped; 0 never.
    """

    def __init__(self, *, warn_after: int = 5, stop_after: int = 20) -> None:
        self._warn_after = warn_after
        self._stop_after = stop_after
        self._next_warning = warn_after
        self._seen: Counter[str] = Counter()
        self._rounds = _Rounds()
        self._errors = _Errors()
        self._nothing_new = 0

    def observe(self, step: ToolStep) -> Verdict:
        """Take in the next call with its result; returns what to do."""
        seen_before = self._seen[step.outcome]
        self._seen[step.outcome] += 1
        if step.waits:
            self._rounds, self._errors, self._nothing_new = _Rounds(), _Errors(), 0
            return self._judge([])
        self._nothing_new = self._nothing_new + 1 if seen_before >= _OLD_NEWS else 0
        nothing_new = _Finding(
            count=self._nothing_new,
            sentence=f"{self._nothing_new} calls in a row brought no result that was not there before",
        )
        rounds = self._rounds.observe(step)
        return self._judge([*rounds, *self._errors.observe(step, is_news=not seen_before), nothing_new])

    def _judge(self, findings: list[_Finding]) -> Verdict:
        worst = max(findings, key=lambda finding: finding.count, default=_Finding(count=0, sentence=""))
        if 0 < self._stop_after <= worst.count:
            return Verdict(level=Level.STOP, repeats=worst.sentence, stop_after=self._stop_after)
        if worst.count < self._warn_after:
            self._next_warning = self._warn_after
        elif 0 < self._next_warning <= worst.count:
            self._next_warning = worst.count + self._warn_after
            return Verdict(level=Level.WARN, repeats=worst.sentence, stop_after=self._stop_after)
        return Verdict()


class _Rounds:
    """Counts the calls of a cycle, for each length that one may have."""

    def __init__(self) -> None:
        self._last: deque[ToolStep] = deque(maxlen=LONGEST_CYCLE)
        self._matches = dict.fromkeys(range(1, LONGEST_CYCLE + 1), 0)

    def observe(self, step: ToolStep) -> list[_Finding]:
        """The cycles that the latest calls are in."""
        for length in self._matches:
            matches = len(self._last) >= length and self._last[-length].outcome == step.outcome
            self._matches[length] = self._matches[length] + 1 if matches else 0
        self._last.append(step)
        counts = {length: matches + length for length, matches in self._matches.items() if matches}
        least = {length: 1 if length == 1 else _LEAST_ROUNDS * length for length in counts}
        return [self._finding(length, count) for length, count in counts.items() if count >= least[length]]

    def _finding(self, length: int, count: int) -> _Finding:
        if length == 1:
            said = f"{self._last[-1].label} was called {count} times in a row with the same result"
        else:
            labels = ", ".join(step.label for step in list(self._last)[-length:])
            said = f"the same {length} calls came in turn with the same results, {count} calls in all: {labels}"
        return _Finding(count=count, sentence=said)


class _Errors:
    """Counts errors that come again."""

    def __init__(self) -> None:
        #: By kind of error, since anything was learned or changed.
        self._kinds: Counter[str] = Counter()
        #: By the very same call and error, since that call said something else or another file was written.
        self._exact: Counter[str] = Counter()
        self._latest: dict[str, str] = {}
        self._written: set[str] = set()

    def observe(self, step: ToolStep, *, is_news: bool) -> list[_Finding]:
        """How often the error of this call, if it is one, has come."""
        if self._latest.get(step.call) != step.exact:
            self._exact.pop(self._latest.get(step.call, ""), None)
        self._latest[step.call] = step.exact
        if not step.error:
            self._forget(step, is_news=is_news)
            return []
        self._kinds[step.error] += 1
        self._exact[step.exact] += 1
        counts = ((step.label, self._exact[step.exact]), (step.tool, self._kinds[step.error]))
        said = f": {step.said}" if step.said else ""
        return [
            _Finding(count=count, sentence=f"{who} failed {count} times with the same error{said}")
            for who, count in counts
        ]

    def _forget(self, step: ToolStep, *, is_news: bool) -> None:
        if is_news:
            self._kinds.clear()
        if step.writes and step.writes not in self._written:
            self._written.add(step.writes)
            self._exact.clear()
