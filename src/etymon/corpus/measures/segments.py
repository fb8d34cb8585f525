"""Words by Unicode's rules for word boundaries (annex 29), which DCLM counts n-grams of: simplified to what can begin
with a letter or digit, that is without flags, emoji and line ends."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from etymon.corpus.measures.batch import Batch, Bools, Spans
from etymon.corpus.measures.unicode import LETTER, NUMBER, Ranges, categories, span

OTHER, WORD, DIGIT, KATAKANA, JOINER, IN_WORD, IN_NUMBER, IN_BOTH, ATTACHED = range(9)
"""The property Word_Break: no class, ALetter, Numeric, Katakana, ExtendNumLet, MidLetter, MidNum, MidNumLet or a single
quote, and what belongs to the character before it (Extend, Format, ZWJ)."""

WITHOUT_SPACES: Ranges = (
    (0xE01, 0xEFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x1950, 0x19DF), (0x1A20, 0x1AAF), (0x3005, 0x3007),
    (0x3021, 0x3029), (0x3038, 0x303B), (0x3041, 0x309F), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA9E0, 0xA9FF),
    (0xAA60, 0xAADF), (0xF900, 0xFAFF), (0x11700, 0x1174F), (0x17000, 0x18D8F), (0x1B000, 0x1B2FF), (0x20000, 0x323AF),
)  # fmt: skip
"""Ideographs, Hiragana and scripts of South East Asia: there each letter is a word of its own."""
KANA: Ranges = ((0x3031, 0x3035), (0x309B, 0x309C), (0x30A0, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF),
    (0x32D0, 0x32FE), (0x3300, 0x3357), (0xFF66, 0xFF9D))  # fmt: skip


@cache
def _classes() -> NDArray[np.uint8]:
    """The class of every code point. [0x110000]"""
    table = np.zeros(0x110000, np.uint8)

    def put(value: int, codes: Iterable[int]) -> None:
        table[np.fromiter(codes, np.int64)] = value

    listed = categories()
    put(WORD, (code for code, each in enumerate(listed) if each[0] == "L" or each == "Nl"))
    put(OTHER, span(WITHOUT_SPACES))
    put(ATTACHED, (code for code, each in enumerate(listed) if each in ("Mn", "Mc", "Me", "Cf")))
    put(DIGIT, (code for code, each in enumerate(listed) if each == "Nd"))
    put(KATAKANA, span(KANA))
    put(JOINER, (*(code for code, each in enumerate(listed) if each == "Pc"), 0x202F))
    put(IN_WORD, map(ord, ":·\u0387\u055f\u05f4‧\ufe13\ufe55："))
    put(IN_NUMBER, map(ord, ",;\u037e\u0589\u060c\u060d\u066c\u07f8\u2044\ufe10\ufe14\ufe50\ufe54，；"))
    put(IN_BOTH, map(ord, ".'‘’\u2024\ufe52＇．"))
    put(OTHER, (0x200B, 0xFF9E, 0xFF9F, 0x30FB))
    return table


def split_segments(batch: Batch) -> Spans:
    """The words that begin with a letter or a digit."""
    classes = _classes()[batch.codes]
    base = np.flatnonzero(classes != ATTACHED)
    kind = classes[base]
    begins = np.zeros(len(batch.codes), bool)
    begins[base] = ~_joined(kind)
    begins[0] = True
    start = np.flatnonzero(begins)
    stop = np.append(start[1:], len(batch.codes))
    real = batch.has(LETTER | NUMBER)[start]
    return batch.spans(start[real], stop[real])


def _joined(kind: NDArray[np.uint8]) -> Bools:
    """Whether there is no boundary before each character (rules WB5 to WB13b)."""
    before, after = np.roll(kind, 1), np.roll(kind, -1)
    two_before = np.roll(kind, 2)
    if len(kind):
        before[0] = two_before[0] = after[-1] = OTHER
        two_before[: min(2, len(kind))] = OTHER

    def of(values: NDArray[np.uint8], *classes: int) -> Bools:
        table = np.zeros(9, bool)
        table[list(classes)] = True
        return table[values]

    joined = of(before, WORD, DIGIT) & of(kind, WORD, DIGIT)
    joined |= of(before, WORD) & of(kind, IN_WORD, IN_BOTH) & of(after, WORD)
    joined |= of(two_before, WORD) & of(before, IN_WORD, IN_BOTH) & of(kind, WORD)
    joined |= of(before, DIGIT) & of(kind, IN_NUMBER, IN_BOTH) & of(after, DIGIT)
    joined |= of(two_before, DIGIT) & of(before, IN_NUMBER, IN_BOTH) & of(kind, DIGIT)
    joined |= of(before, KATAKANA) & of(kind, KATAKANA)
    joined |= of(before, WORD, DIGIT, KATAKANA, JOINER) & of(kind, JOINER)
    joined |= of(before, JOINER) & of(kind, WORD, DIGIT, KATAKANA)
    return joined
