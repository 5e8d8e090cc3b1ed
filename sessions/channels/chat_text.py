"""Turns a report's Markdown into one chat message: its marks translated, its tables made lines, cut to fit."""

import html
import re
from collections.abc import Iterator

from sessions.channels.dialects import Dialect, length

#: A longer line is worked on in pieces, so that a cut never loses much and no search is slow.
_LINE_CHARACTERS = 700
_CODE_CHARACTERS = 900
_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r"#{1,6}\s+(.*?)\s*#*\s*$")
_OWN_TITLE = re.compile(r"\A# [^\n]*\n")
_SUMMARY = re.compile(r"\s*<summary>(.*)</summary>\s*$")
_HTML_LINE = re.compile(r"\s*</?details>\s*$")
_RULE = re.compile(r"\s*([-*_])(?:\s*\1){2,}\s*$")
_TABLE_RULE = re.compile(r"\s*\|[\s|:-]*\|\s*$")
_LIST_MARK = re.compile(r"^(\s*)[-*+]\s+")
_CELL_BORDER = re.compile(r"(?<!\\)\|")
_INLINE = re.compile(
    r"\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|<code>(?P<html_code>[^<]*)</code>"
    r"|(?P<ticks>`+)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)"
    r"|\*\*(?P<bold>[^*]+)\*\*"
    r"|!?\[(?P<text>[^\[\]]*)\]\((?P<address>[^()\s]*)\)"
)


def as_chat_text(title: str, markdown: str, dialect: Dialect, *, ending: str) -> str:
    """One message of at most `dialect.limit` units.

    Args:
        title: stands bold in the first line.
        markdown: the report; its own title is left out.
        dialect: the service's.
        ending: the sentence that ends a message which had to be cut.
    """
    head = dialect.bold.format(dialect.escape(title[:_LINE_CHARACTERS]))
    pieces = [head, *_pieces(_OWN_TITLE.sub("", markdown), dialect)]
    whole = _joined(pieces)
    if length(whole) <= dialect.limit:
        return whole
    tail = "\n\n" + dialect.escape(ending)
    return _joined(_that_fit(pieces, dialect.limit - length(tail))) + tail


def _joined(pieces: list[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(pieces)).strip()


def _that_fit(pieces: list[str], limit: int) -> list[str]:
    kept, used = [], 0
    for piece in pieces:
        used += length(piece) + 1
        if used > limit:
            break
        kept.append(piece)
    return kept


def _pieces(markdown: str, dialect: Dialect) -> Iterator[str]:
    """The message in pieces, each of which can end it."""
    lines = iter(markdown.split("\n"))
    for line in lines:
        fence = _FENCE.match(line)
        if fence:
            yield from _fenced(_until_closed(lines, fence[1]), dialect)
        elif not (_HTML_LINE.match(line) or _TABLE_RULE.match(line) or _RULE.match(line)):
            yield from _line(line.rstrip(), dialect)


def _until_closed(lines: Iterator[str], fence: str) -> Iterator[str]:
    for line in lines:
        if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            return
        yield line


def _fenced(lines: Iterator[str], dialect: Dialect) -> Iterator[str]:
    text = "\n".join(lines).replace("```", "'''")
    for start in range(0, len(text), _CODE_CHARACTERS):
        yield f"```\n{dialect.escape_code(text[start : start + _CODE_CHARACTERS])}\n```"


def _line(line: str, dialect: Dialect) -> Iterator[str]:
    heading = _HEADING.match(line) or _SUMMARY.match(line)
    if heading:
        plain = _INLINE.sub(_plain, html.unescape(heading[1]))[:_LINE_CHARACTERS]
        yield f"\n{dialect.bold.format(dialect.escape(plain))}" if plain else ""
        return
    if line.lstrip().startswith("|"):
        line = _row(line)
    line = _LIST_MARK.sub(r"\1• ", line, count=1)
    for start in range(0, max(len(line), 1), _LINE_CHARACTERS):
        yield _inline(line[start : start + _LINE_CHARACTERS], dialect)


def _row(line: str) -> str:
    """A table's row as a line: `name: value`, or its cells with dots between them."""
    cells = [cell.strip().replace("\\|", "|") for cell in _CELL_BORDER.split(line.strip().strip("|"))]
    filled = [cell for cell in cells if cell]
    return ": ".join(filled) if len(cells) == 2 else " · ".join(filled)  # noqa: PLR2004 - a name and a value


def _inline(line: str, dialect: Dialect) -> str:
    out, end = [], 0
    for match in _INLINE.finditer(line):
        out += [dialect.escape(html.unescape(line[end : match.start()])), _marked(match, dialect)]
        end = match.end()
    return "".join([*out, dialect.escape(html.unescape(line[end:]))])


def _marked(match: re.Match[str], dialect: Dialect) -> str:
    code = match["html_code"] or match["code"]
    if code:
        text = html.unescape(code).replace("`", "'").strip()
        return f"`{dialect.escape_code(text)}`"
    if match["bold"]:
        return dialect.bold.format(dialect.escape(html.unescape(_INLINE.sub(_plain, match["bold"]))))
    if (match["address"] or "").startswith(("http://", "https://")):
        text = dialect.escape(html.unescape(match["text"] or match["address"]))
        return dialect.link.format(text=text, address=dialect.address(html.unescape(match["address"])))
    return dialect.escape(html.unescape(_plain(match)))


def _plain(match: re.Match[str]) -> str:
    """What stands between the marks."""
    names = ("escaped", "html_code", "code", "bold", "text")
    return next((match[name] for name in names if match[name]), "")
