"""A transcript for people: what the agent said in full, what it thought and did behind lines that unfold."""

import json
from collections.abc import Iterator, Sequence

from sessions.safe_markdown import fenced, folded, safe, shortened
from sessions.transcript import Entry

#: The whole rendering stays below this, for it goes into a database and a browser.
MOST_CHARACTERS = 400_000
_SUMMARY_CHARACTERS = 100
#: Arguments that say best what a call is about, most telling first.
_TELLING = ("command", "file_path", "path", "pattern", "query", "url", "description", "prompt")


def render_transcript(entries: Sequence[Entry], *, output_characters: int = 4000, where: str = "") -> str:
    """The transcript as Markdown.

    Args:
        entries: in the order in which they happened.
        output_characters: a longer argument or result loses its middle.
        where: the place of the whole transcript, named if the rendering has to stop early.
    """
    parts: list[str] = []
    used = 0
    for number, part in enumerate(blocks := list(_blocks(entries, output_characters))):
        used += len(part) + 2
        if used > MOST_CHARACTERS:
            place = f"; the whole transcript is in {where}" if where else ""
            parts.append(f"_{len(blocks) - number:,} more parts are left out here_{safe(place)}")
            break
        parts.append(part)
    return "\n\n".join(parts) + "\n" if parts else "_Nothing was said or done._\n"


def _blocks(entries: Sequence[Entry], limit: int) -> Iterator[str]:
    """Calls with their results in them, the rest one by one, a heading before each turn."""
    calls = {entry.tool_call_id for entry in entries if entry.kind == "tool_call" and entry.tool_call_id}
    results = {entry.tool_call_id: entry for entry in entries if entry.kind == "tool_result"}
    turn = 0
    for entry in entries:
        if entry.turn > turn:
            turn = entry.turn
            yield f"### Turn {turn}"
        if entry.kind == "tool_call":
            yield _call(entry, results.get(entry.tool_call_id), limit)
        elif entry.kind != "tool_result" or entry.tool_call_id not in calls:
            yield _entry(entry, limit)


def _call(call: Entry, result: Entry | None, limit: int) -> str:
    failed = " (failed)" if result and result.is_error else ""
    arguments = json.dumps(call.arguments, indent=1, ensure_ascii=False)
    answer = fenced(shortened(result.text, limit)) if result else "_No result: the run ended before it came._"
    body = f"{fenced(shortened(arguments, limit), 'json')}\n\n{answer}"
    return folded(f"{call.tool}: {_gist(call)}{failed}", body)


def _gist(call: Entry) -> str:
    """The start of the argument that says best what the call is about."""
    told = next((call.arguments[name] for name in _TELLING if call.arguments.get(name)), "")
    gist = " ".join(str(told or json.dumps(call.arguments, ensure_ascii=False)).split())
    return gist if len(gist) <= _SUMMARY_CHARACTERS else gist[:_SUMMARY_CHARACTERS] + "…"


def _entry(entry: Entry, limit: int) -> str:
    if entry.kind == "text":
        return safe(entry.text, deeper=3)
    if entry.kind == "usage":
        return _usage(entry)
    if entry.kind == "note":
        return f"_Note:_ {safe(entry.text, deeper=3)}"
    summaries = {"prompt": "Prompt", "thinking": "Thinking", "tool_result": "Result"}
    return folded(summaries[entry.kind], fenced(shortened(entry.text, limit)))


def _usage(entry: Entry) -> str:
    usage = entry.usage
    if usage is None:
        return ""
    return f"_{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out, {usage.cache_read_tokens:,} from cache_"
