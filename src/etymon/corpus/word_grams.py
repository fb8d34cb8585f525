"""Words of texts without case, punctuation and line breaks, as hashes; runs of them as hashes."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
"""Soft hyphen, zero-width spaces and joiners, byte order mark: they stand inside words and are not seen."""

CHARACTERS = 0x20000
"""Code points that are looked up; those beyond (rare ideographs) each count as a word."""

BASE = np.uint64(0x9E3779B97F4A7C15)
INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 1 << 64))
"""The base of the polynomials that hash words, odd so that it has an inverse modulo 2^64."""
MIX = np.uint64(0xC2B2AE3D27D4EB4F)


def folded(text: str) -> str:
    """The text as it is compared: compatible forms made one (NFKC), case folded, invisible characters taken out."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text.translate(INVISIBLE)).casefold()


@dataclass(frozen=True, slots=True)
class Words:
    """The words of some texts, one after the other: hash, number of the text, and [start, end) in its characters."""

    hashes: Hashes
    documents: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.hashes)


def words_of(texts: Sequence[str]) -> Words:
    """The words of texts that are `folded`: unbroken letters, digits and marks; of ideographs and kana each one."""
    joined = "\n".join(texts)
    narrow = joined.isascii()
    encoded = joined.encode("ascii") if narrow else joined.encode("utf-32-le", "surrogatepass")
    characters = np.frombuffer(encoded, np.uint8 if narrow else "<u4")
    classes = _classes()[characters if narrow else np.minimum(characters, CHARACTERS)]
    begins = np.r_[0, np.cumsum([len(text) + 1 for text in texts])]
    padded = np.r_[np.uint8(0), classes, np.uint8(0)]
    alone = padded == 2
    edges = (padded[1:] != padded[:-1]) | alone[1:] | alone[:-1]
    starts = np.flatnonzero(edges[:-1] & (classes > 0))
    ends = np.flatnonzero(edges[1:] & (classes > 0)) + 1
    documents = np.searchsorted(begins, starts, "right") - 1
    offsets = begins[documents]
    return Words(_hashed(characters, starts, ends), documents, starts - offsets, ends - offsets)


def grams(hashes: Hashes, length: int) -> Hashes:
    """A hash of each `length` words in a row. [max(n - length + 1, 0)]"""
    count = max(len(hashes) - length + 1, 0)
    out = np.zeros(count, np.uint64)
    for offset in range(length):
        out *= BASE
        out += hashes[offset : offset + count]
    return _mixed(out)


def _hashed(
    characters: NDArray[np.uint8] | NDArray[np.uint32], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> Hashes:
    """Of each word the polynomial of its code points in `BASE` modulo 2^64, from sums up to its end and its start."""
    powers, inverses = _powers(1 << max(len(characters), 1).bit_length())
    sums = np.zeros(len(characters) + 1, np.uint64)
    np.cumsum((characters.astype(np.uint64) + np.uint64(1)) * powers[: len(characters)], out=sums[1:])
    return _mixed((sums[ends] - sums[starts]) * inverses[starts])


def _mixed(hashes: Hashes) -> Hashes:
    """Every bit of a hash made to depend on all that are below it, and these on those above."""
    hashes = (hashes ^ hashes >> np.uint64(32)) * MIX
    return hashes ^ hashes >> np.uint64(29)


@cache
def _powers(count: int) -> tuple[Hashes, Hashes]:
    """`BASE` to the powers 0 … count - 1, and their inverses."""
    base, inverse = np.full(count, BASE), np.full(count, INVERSE)
    base[0] = inverse[0] = 1
    return np.cumprod(base), np.cumprod(inverse)


@cache
def _classes() -> NDArray[np.uint8]:
    """Of each code point whether it stands in words (1), is a word alone (2), or neither (0). [CHARACTERS + 1]"""
    classes = np.zeros(CHARACTERS + 1, np.uint8)
    for code in range(CHARACTERS):
        character = chr(code)
        if character.isalnum() or unicodedata.category(character)[0] == "M":
            classes[code] = 1
    for first, last in ((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF)):
        classes[first : last + 1] *= 2
    classes[CHARACTERS] = 2
    return classes
