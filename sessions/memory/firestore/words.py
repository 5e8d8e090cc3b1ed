"""The words of a text as the SQLite store's index has them: both stores find, count and weigh the same ones."""

import math
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial

#: Of a text with more words that differ, these are indexed: Firestore takes 40,000 entries a document, in all indexes.
MAX_STEMS = 2_000
#: For a longer word its beginning stands: all words of a document have to fit into it, beside its text.
MAX_STEM_CHARACTERS = 50
# SQLite's own constants of BM25.
_K1, _B = 1.2, 0.75
# What a word that stands in most of the texts still weighs.
_LEAST = 1e-6


def stems_of(texts: Sequence[str]) -> list[Counter[str]]:
    """For each text how often each of its stems stands in it.

    SQLite itself finds them, in a table in memory, with the tokenizer of the index (`sessions.memory.schema`).
    """
    counts: list[Counter[str]] = [Counter() for _ in texts]
    with closing(sqlite3.connect(":memory:")) as memory:
        # It cuts words of more than 32,768 bytes, also in the middle of a character.
        memory.text_factory = partial(str, encoding="utf-8", errors="ignore")
        memory.execute(
            "CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = 'porter unicode61 remove_diacritics 2')"
        )
        memory.execute("CREATE VIRTUAL TABLE stems USING fts5vocab (words, instance)")
        memory.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", enumerate(texts))
        for place, stem, times in memory.execute("SELECT doc, term, count(*) FROM stems GROUP BY doc, term"):
            counts[place][stem[:MAX_STEM_CHARACTERS]] += times
    return counts


def indexed_stems(counts: Mapping[str, int]) -> list[str]:
    """Those by which a text can be found, in a fixed order."""
    return sorted(counts)[:MAX_STEMS]


def bm25(counts: Mapping[str, int], weights: Mapping[str, float], average_words: float) -> float:
    """How well a text with these counts answers a query whose stems have these weights, as FTS5 has it."""
    words = sum(counts.values())
    length = _K1 * (1 - _B + _B * words / average_words)
    return sum(
        weight * times * (_K1 + 1) / (times + length)
        for stem, weight in weights.items()
        if (times := counts.get(stem, 0))
    )


def rarity(documents: int, stored: int) -> float:
    """What a stem that stands in so many of the stored texts weighs."""
    return max(math.log((stored - documents + 0.5) / (documents + 0.5)), _LEAST)
