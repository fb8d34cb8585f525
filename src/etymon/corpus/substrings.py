"""Exact repeats across documents: passages that stand somewhere before, word for word (Lee et al. 2022)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.index import suffix_array

LEAST_TOKENS = 50
"""The published length, in tokens; about 200 bytes of English."""

SEPARATOR = 0xFF
MOST_BYTES = (1 << 31) - 1
STEP = 1 << 22

Spans = list[tuple[int, int]]
Bools = NDArray[np.bool_]


def repeated_spans(texts: Sequence[bytes], least: int, *, width: int = 1) -> list[Spans]:
    """For each text the places [start, end) in units, ascending, that repeat what stands earlier, in it or before it.

    A repeat is `least` units or more in a row; where each of them stands first is kept. Units are bytes of UTF-8, or
    token ids of `width` bytes with the most significant first (`least` = 50 as published). The texts lie in memory at
    once, with about fifteen times their bytes beside them, and have 2 GiB at most.
    """
    if least < 1:
        raise ValueError("least must be at least 1")
    separator = bytes([SEPARATOR]) * width
    joined = separator.join(texts)
    if len(joined) > MOST_BYTES:
        raise EtymonError(
            "These texts are too long to be searched for repeats at once.",
            why=f"{len(joined):,} bytes, and a place has 31 bits",
            help="give them in parts",
        )
    sizes = np.array([len(text) // width for text in texts], np.int64)
    starts = np.r_[0, np.cumsum(sizes + 1)[:-1]] if len(sizes) else sizes
    repeats = _repeats(joined, least, width, starts, sizes)
    return [_covered(repeats[start : start + size], least) for start, size in zip(starts, sizes, strict=True)]


def _repeats(joined: bytes, least: int, width: int, starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> Bools:
    """At each unit whether the `least` units from it on stand earlier, at least `least` units before. [units]

    Equal windows are neighbours in the suffix array; the first of each group is the one kept. Windows that overlap it
    are not taken out ("aaaa…" would lose all but its first letter)."""
    suffixes = suffix_array(joined, width)
    repeats = np.zeros(len(suffixes), np.bool_)
    inside = _inside(len(suffixes), starts, sizes, least)
    suffixes = suffixes[inside[suffixes]]
    same = _same_as_next(np.frombuffer(joined, f"V{width}"), suffixes, least)
    groups = np.flatnonzero(np.r_[True, ~same])[: len(suffixes)]
    firsts = np.minimum.reduceat(suffixes, groups) if len(suffixes) else suffixes
    first = np.repeat(firsts, np.diff(np.r_[groups, len(suffixes)]))
    repeats[suffixes[suffixes.astype(np.int64) - first >= least]] = True
    return repeats


def _inside(units: int, starts: NDArray[np.int64], sizes: NDArray[np.int64], least: int) -> Bools:
    """The places from which `least` units stand in one text. [units]"""
    inside = np.zeros(units, np.bool_)
    for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
        inside[start : start + max(size - least + 1, 0)] = True
    return inside


def _same_as_next(units: NDArray[np.void], suffixes: NDArray[np.uint32], least: int) -> Bools:
    """For each suffix but the last whether the next begins with the same `least` units."""
    data = units.view(np.uint8)
    size, width = least * units.itemsize, units.itemsize
    same = np.zeros(max(len(suffixes) - 1, 0), np.bool_)
    for begin in range(0, len(same), STEP):
        one = suffixes[begin : begin + STEP + 1].astype(np.int64) * width
        one, other = one[:-1], one[1:]
        left = np.arange(len(one))
        for offset in reversed(_offsets(size)):  # neighbours begin alike: most differ at the far end, and go no further
            wide = 8 if offset + 8 <= size else 1
            a, b = _words(data, one[left] + offset, wide), _words(data, other[left] + offset, wide)
            left = left[a == b]
        same[begin + left] = True
    return same


def _offsets(size: int) -> list[int]:
    """Where to look so that `size` bytes are seen by words of eight, and by single ones where there are fewer."""
    return [*range(0, size - 7, 8), *([size - 8] if size > 8 and size % 8 else [])] if size >= 8 else list(range(size))


def _words(data: NDArray[np.uint8], places: NDArray[np.int64], wide: int) -> NDArray[np.uint64] | NDArray[np.uint8]:
    """The eight bytes (or the one) at each place."""
    if wide == 1:
        return data[places]
    return np.lib.stride_tricks.as_strided(data[:8].view(np.uint64), (len(data) - 7,), (1,))[places]


def _covered(repeats: Bools, least: int) -> Spans:
    """The union of the windows that begin at the marked places, as spans."""
    begins = np.flatnonzero(repeats)
    if not len(begins):
        return []
    breaks = np.flatnonzero(np.diff(begins) > least)
    firsts, lasts = begins[np.r_[0, breaks + 1]], begins[np.r_[breaks, len(begins) - 1]] + least
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def without_repeats(texts: Sequence[str], least: int) -> tuple[list[str], list[Spans]]:
    """The texts without what stands earlier, and what was cut from each, in characters of the text as it was.

    `least` is in UTF-8 bytes; a character of which only some bytes repeat stays."""
    encoded = [text.encode() for text in texts]
    cut = [in_characters(data, spans) for data, spans in zip(encoded, repeated_spans(encoded, least), strict=True)]
    return [without(text, spans) for text, spans in zip(texts, cut, strict=True)], cut


def in_characters(data: bytes, spans: Spans) -> Spans:
    """Spans of bytes of UTF-8 as the whole characters inside them."""
    begins = np.flatnonzero((np.frombuffer(data, np.uint8) & 0xC0) != 0x80).tolist()
    found = [(bisect_left(begins, start), _ends_by(begins, end, len(data))) for start, end in spans]
    return [(start, end) for start, end in found if start < end]


def _ends_by(begins: list[int], end: int, size: int) -> int:
    """How many characters have ended by byte `end`."""
    return len(begins) if end == size else bisect_right(begins, end) - 1


def without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """A text without some spans of its characters, in order."""
    kept, place = list[str](), 0
    for start, end in spans:
        kept.append(text[place:start])
        place = end
    return "".join([*kept, text[place:]])
