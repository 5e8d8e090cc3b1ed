"""Markdown that holds words which nobody vouches for: an agent's, a tool's, a web page's.

Such words keep their Markdown, but bring no HTML, load no picture (its address could carry data away), and cannot
reach out of the place where they are put.
"""

import html
import re
from collections.abc import Iterator, Sequence

_FENCE = re.compile(r"( {0,3})(`{3,}(?=[^`]*$)|~{3,})")
_HEADING = re.compile(r" {0,3}(#{1,6})(?=\s|$)")
#: A link's address may stand after `[name]:`, or at the beginning of the next line.
_ADDRESS_LINE = re.compile(r"^([\s>*+-]*(?:\[[^\]]{1,200}\]:\s*)?<?)(\S{1,200})")
_INLINE = re.compile(
    r"(?P<escape>\\[!-/:-@\[-`{-~])"
    r"|(?P<ticks>(?<!`)`{1,8}(?!`))(?P<code>(?:(?!(?P=ticks)).){1,500}?)(?P=ticks)(?!`)"
    r"|<(?P<autolink>https?://[^\s<>]+)>"
    r"|(?P<image>!\[)"
    r"|(?P<link>\]\(\s*)<?(?=(?P<address>[^\s)>]{1,200}))"
    r"|(?P<html><)"
)
_MARKS = re.compile(r"([\\`*_\[\]~|#!])")
#: Marks where they have an effect: not `_` inside a word, not `#` after the beginning.
_EFFECTIVE = re.compile(r"[`*\[\]~|]|(?<!\w)_|_(?!\w)|\\(?=[!-/:-@\[-`{-~])|^[#>+=-]")
_ENTITY = re.compile(r"&(?=#?\w{1,32};)")
_SCRIPT = re.compile(r"(?:javascript|vbscript|data|file|blob):", re.IGNORECASE)


def safe(text: str, *, deeper: int = 0) -> str:
    """`text` as Markdown that is safe to show, in any place where a block may begin.

    Args:
        text: Markdown, or what somebody took for it.
        deeper: by how many levels its headings go down, so that they stand below the one above them.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(_safe_lines(lines, deeper)).strip("\n")


def _safe_lines(lines: Sequence[str], deeper: int) -> Iterator[str]:
    """Code in fences stays; everything else is made safe; a fence that nobody closed is closed."""
    fence = indent = ""
    for line in lines:
        opened = None if fence else _FENCE.match(line)
        if opened:
            indent, fence = opened[1], opened[2]
            yield line
        elif fence and _closes(line, fence):
            yield indent + line.strip()
            fence = ""
        elif fence:
            # at least as far in as the fence: a line further out could end the list item that the fence is in
            yield line if line.startswith(indent) else indent + line.lstrip(" ")
        else:
            yield _safe_line(line, deeper)
    if fence:
        yield indent + fence


def _closes(line: str, fence: str) -> bool:
    bare = line.strip()
    return bare.startswith(fence) and not bare.strip(fence[0])


def _safe_line(line: str, deeper: int) -> str:
    line = _HEADING.sub(lambda match: "#" * min(len(match[1]) + deeper, 6), line)
    line = _ADDRESS_LINE.sub(lambda match: match[1] + _guard(match[2]) + match[2], line)
    return _INLINE.sub(_safe_inline, line)


def _safe_inline(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if match["code"] is not None:
        # a stray backtick before it could turn code into text, so code keeps nothing that is dangerous as text
        return _html_code(match["code"]) if re.search(r"[<\[]", match["code"]) else match[0]
    if kind == "autolink":
        return match["autolink"]
    if kind == "image":
        return "["
    if kind == "address":
        return match["link"] + _guard(match["address"])
    return "&lt;" if kind == "html" else match[0]


def _guard(address: str) -> str:
    """What stands in front of an address so that following it can do no more than open a page."""
    bare = re.sub(r"[\x00-\x20\\]", "", html.unescape(address))
    return "#" if _SCRIPT.match(bare) else ""


def _html_code(text: str) -> str:
    return f"<code>{_entities(text)}</code>"


def _entities(text: str) -> str:
    return _MARKS.sub(lambda match: f"&#{ord(match[1])};", html.escape(text, quote=False))


def plain(text: str) -> str:
    """`text` on one line, standing for itself; only marks that would have an effect are escaped."""
    line = _ENTITY.sub("&amp;", " ".join(text.split())).replace("<", "&lt;")
    return _EFFECTIVE.sub(r"\\\g<0>", line)


def code(text: str) -> str:
    """`text` on one line as code."""
    line = " ".join(text.split())
    if not line:
        return ""
    return _html_code(line) if re.search(r"[`<\[|]", line) else f"`{line}`"


def fenced(text: str, language: str = "") -> str:
    """`text` as a block of code; its fence is longer than any row of backticks in it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


def folded(summary: str, body: str) -> str:
    """`body`, Markdown, behind a line that unfolds it. The blank lines let the Markdown in it be read as such."""
    return f"<details>\n<summary>{_entities(' '.join(summary.split()))}</summary>\n\n{body}\n\n</details>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace(chr(10), ' ') for cell in line)} |" for line in lines)


def quoted(text: str) -> str:
    """`text`, Markdown, as a quotation."""
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def shortened(text: str, limit: int) -> str:
    """`text` without its middle if it is longer than `limit` characters; says how much is left out."""
    if len(text) <= limit:
        return text
    head, tail = text[: limit * 3 // 4], text[len(text) - limit // 4 :]
    return f"{head}\n… {len(text) - len(head) - len(tail):,} characters left out …\n{tail}"
