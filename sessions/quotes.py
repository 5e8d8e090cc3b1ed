"""Finds where words of a transcript stand, whose they are, and whether they were somebody else's before."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence

from sessions.disguises import without_invisible
from sessions.memory.things import Observation, Origin
from sessions.transcript import Entry

WEB_TOOLS = frozenset({"WebFetch", "WebSearch"})
#: What the agent's own memory answered is judged by where it came from at first, not by having been looked up.
MEMORY_TOOLS = "mcp__memory__"
#: So many words in a row that stand elsewhere too are no accident; fewer than the least are looked at as a whole.
_ROW, _LEAST = 5, 3
#: Words, and single characters in writing without spaces between words.
_WORD = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+")
#: A command that brings in what strangers wrote. Reading one too many for it costs little: its words count for less.
_REACHES_OUT = re.compile(
    r"(?:https?|ftp|wss?)://|\b(?:urllib|urlopen|requests|httpx|aiohttp)\b|\bfetch\("
    r"|(?:^|[\s;&|(`/])(?:curl|wget|lynx|w3m|e?links|aria2c|ncat?|netcat|telnet|s_client|gh|glab)(?:\s|$)",
    re.IGNORECASE,
)
_FROM_MOST_TRUSTED: tuple[Origin, ...] = ("owner", "agent", "tool", "web")


def plain(text: str) -> str:
    """`text` with every white space one blank."""
    return re.sub(r"\s+", " ", text).strip()


def words_of(entry: Entry) -> str:
    """What an entry says; of a tool call, its arguments."""
    if entry.kind == "tool_call":
        return "\n".join(f"{name}: {value}" for name, value in entry.arguments.items())
    return entry.text


def origins_of(transcript: Sequence[Entry]) -> list[Origin]:
    """Whose words each entry holds, from the structure of the transcript alone."""
    fetching = {entry.tool_call_id for entry in transcript if entry.kind == "tool_call" and _reaches_out(entry)}
    return [_origin(entry, fetched=entry.tool_call_id in fetching) for entry in transcript]


def _origin(entry: Entry, *, fetched: bool) -> Origin:
    if entry.kind == "prompt":
        return "owner"
    if entry.kind != "tool_result":
        return "agent"
    return "web" if fetched or _reaches_out(entry) else "tool"


def _reaches_out(entry: Entry) -> bool:
    """Whether what a call brings, or a result brought, may be strangers' words: a page's, or another server's."""
    if entry.tool in WEB_TOOLS or (entry.tool.startswith("mcp__") and not entry.tool.startswith(MEMORY_TOOLS)):
        return True
    return bool(_REACHES_OUT.search(str(entry.arguments.get("command", ""))))


def least_trusted(*origins: Origin) -> Origin:
    """The one of several origins whose words are worth least."""
    return max(origins, key=_FROM_MOST_TRUSTED.index)


class QuotedTranscript:
    """A transcript in which quotes are looked up."""

    def __init__(self, transcript: Sequence[Entry]) -> None:
        self.entries = transcript
        self.origins = origins_of(transcript)
        self._plain = [plain(words_of(entry)) for entry in transcript]

    def find(self, quote: str) -> int | None:
        """The index of the first entry that holds `quote` word for word, white space aside; None if none does."""
        wanted = plain(quote)
        if not wanted:
            return None
        return next((index for index, words in enumerate(self._plain) if wanted in words), None)

    def find_written(self, words: Sequence[str]) -> int | None:
        """The index of the first call of a memory tool that holds all of `words`; None if none does."""
        wanted = [plain(each) for each in words if plain(each)]
        calls = (index for index, entry in enumerate(self.entries) if _writes_memory(entry))
        return next((index for index in calls if wanted and all(each in self._plain[index] for each in wanted)), None)

    @property
    def last_said(self) -> int | None:
        """The index of the last entry in which the agent said or did something; None if it did nothing."""
        places = range(len(self.entries) - 1, -1, -1)
        return next((place for place in places if self.entries[place].kind in ("text", "tool_call")), None)

    def before(self, place: int, most: int) -> str:
        """The beginning of what was said before the entry at `place`, on one line."""
        earlier = (self._plain[index] for index in range(place - 1, -1, -1) if self._says_something(index))
        return next((words[:most] for words in earlier), "")

    def _says_something(self, index: int) -> bool:
        return bool(self._plain[index]) and self.entries[index].kind not in ("usage", "note")


def _writes_memory(entry: Entry) -> bool:
    return entry.kind == "tool_call" and entry.tool.startswith(MEMORY_TOOLS)


class Borrowed:
    """Who said the words of some texts first, where they stood in a row somewhere before.

    Words that a page or a tool said are not the agent's by being repeated.

    Args:
        transcript: in its order.
        known: observations that the agent may have repeated; they were there before the transcript.
        texts: all that will be asked for.
        not_the_owners: what the prompt repeats of a file, such as a workflow's.
    """

    def __init__(
        self,
        transcript: Sequence[Entry],
        known: Iterable[Observation],
        texts: Iterable[str],
        *,
        not_the_owners: str = "",
    ) -> None:
        wanted = {row for text in texts for row in _rows_of(text)}
        self._first: dict[str, Origin] = {}
        self._note("tool", _words(not_the_owners), wanted)
        # One pass over what may be many megabytes, whatever the number of texts.
        for origin, words in _said(transcript, known):
            self._note(origin, words, wanted)

    def _note(self, origin: Origin, words: list[str], wanted: Collection[str]) -> None:
        for size in range(_LEAST, _ROW + 1):
            for row in _rows(words, size):
                if row in wanted:
                    self._first.setdefault(row, origin)

    def origin(self, text: str) -> Origin:
        """Whose words `text` repeats: those of the least trusted one that it shares a row with; else the owner's."""
        found = [self._first[row] for row in _rows_of(text) if row in self._first]
        return least_trusted("owner", *found)


def _said(transcript: Sequence[Entry], known: Iterable[Observation]) -> Iterator[tuple[Origin, list[str]]]:
    for item in known:
        yield item.source.origin, _words(item.text)
        yield item.source.origin, _words(item.quote)
    for entry, origin in zip(transcript, origins_of(transcript), strict=True):
        if not entry.tool.startswith(MEMORY_TOOLS):
            yield origin, _words(words_of(entry))


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", without_invisible(text)).casefold())


def _rows_of(text: str) -> set[str]:
    words = _words(text)
    return set(_rows(words, min(len(words), _ROW))) if len(words) >= _LEAST else set()


def _rows(words: Sequence[str], size: int) -> Iterator[str]:
    return (" ".join(words[start : start + size]) for start in range(len(words) - size + 1))
