"""Tells what two sentences can be seen to have in common without understanding them: numbers, negations, words.

Vectors cannot tell "not", or 5 from 50, so nothing here is about likeness.
"""

import re
import unicodedata

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+")
_NEGATIONS = re.compile(
    r"\b(?:not|no|never|none|neither|nor|cannot|without|nicht|kein\w*|nie|niemals|ohne|pas|jamais|aucune?|sans|nunca|sin|"
    r"nada|non|mai|senza|niet|geen|не|нет|никогда|без)\b|n't\b|[不没沒無未]|ない|ません|않|없"
)
_OPPOSITES = (
    ("enabled", "disabled"), ("enable", "disable"), ("enables", "disables"), ("on", "off"), ("true", "false"),
    ("passes", "fails"), ("pass", "fail"), ("passed", "failed"), ("passing", "failing"), ("open", "closed"),
    ("opened", "closed"), ("before", "after"), ("more", "less"), ("more", "fewer"), ("allowed", "forbidden"),
    ("allows", "forbids"), ("added", "removed"), ("adds", "removes"), ("up", "down"), ("always", "sometimes"),
    ("increased", "decreased"), ("rose", "fell"), ("first", "last"), ("min", "max"), ("minimum", "maximum"),
    ("required", "optional"), ("succeeded", "failed"), ("succeeds", "fails"), ("works", "fails"), ("public", "private"),
)  # fmt: skip
#: Shorter words are mostly those that every sentence has; a stem of this length stands for its forms.
_CONTENT, _STEM = 4, 5


def contradict(one: str, other: str) -> bool:
    """Whether two sentences differ in a way that forbids to take one for the other.

    They do if each has a number that the other lacks, if one denies something and the other does not, or if one has a
    word and the other its opposite.
    """
    numbers, others = set(_NUMBER.findall(one)), set(_NUMBER.findall(other))
    if numbers - others and others - numbers:
        return True
    first, second = _folded(one), _folded(other)
    return _denies(first) != _denies(second) or _opposed(first, second) or _opposed(second, first)


def share_a_word(one: str, other: str) -> bool:
    """Whether two sentences have a number or a form of one word in common."""
    return not _stems(one).isdisjoint(_stems(other))


def _denies(text: str) -> bool:
    return len(_NEGATIONS.findall(text)) % 2 == 1


def _opposed(one: str, other: str) -> bool:
    words, others = set(_WORD.findall(one)), set(_WORD.findall(other))
    return any(
        here in words and there in others and here not in others and there not in words for here, there in _OPPOSITES
    )


def _stems(text: str) -> set[str]:
    words = _WORD.findall(_folded(text))
    telling = {word[:_STEM] for word in words if len(word) >= _CONTENT or word.isdigit() or not word.isascii()}
    return telling or set(words)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
