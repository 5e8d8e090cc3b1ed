"""Takes a shell command apart far enough to hold every part of it against a rule."""

import re
import shlex

#: What puts a command inside a word, or quotes in a way that shlex does not know: such a command is not taken apart.
_HIDDEN = re.compile(r"`|\$\(|\$'|\$\{|\$\[|[<>]\(")
_SEPARATORS = frozenset({";", "&", "&&", "|", "||", "|&", "\n"})
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_PUNCTUATION = ";&|()<>\n"


def split_command(command: str) -> list[list[str]] | None:
    """The words of each simple command in `command`; None if that cannot be told for certain.

    Redirections to /dev/null and between the two outputs are left out; any other makes the answer None, as do
    substitutions, subshells and unbalanced quotes.
    """
    if _HIDDEN.search(command):
        return None
    try:
        words = list(_lexer(command))
    except ValueError:
        return None
    parts: list[list[str]] = [[]]
    for word in _without_harmless_redirections(words):
        if _is_separator(word):
            parts.append([])
        elif set(word) <= set(_PUNCTUATION):
            return None
        else:
            parts[-1].append(word)
    return [part for part in parts if part]


def _lexer(command: str) -> shlex.shlex:
    lexer = shlex.shlex(command, posix=True, punctuation_chars=_PUNCTUATION)
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    return lexer


def _is_separator(word: str) -> bool:
    """Whether `word` is one separator, or one with line ends around it."""
    return bool(word) and set(word) <= set(_PUNCTUATION) and (word.strip("\n") or "\n") in _SEPARATORS


def _without_harmless_redirections(words: list[str]) -> list[str]:
    kept: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        target = rest[0] if rest else ""
        if (word in (">", ">>", "&>") and target == "/dev/null") or (word == ">&" and target in ("1", "2")):
            rest.pop(0)
            if kept and kept[-1] in ("1", "2"):
                kept.pop()
        else:
            kept.append(word)
    return kept


def without_assignments(part: list[str]) -> list[str]:
    """A simple command without the variables that are set for it."""
    start = next((index for index, word in enumerate(part) if not _ASSIGNMENT.match(word)), len(part))
    return part[start:]
