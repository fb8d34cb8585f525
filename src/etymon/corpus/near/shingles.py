"""Word 5-grams as hashes, for a whole batch of texts at once, and MinHash signatures of them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.corpus.near.settings import NearSettings

WORDS = 5
SEED = 1
BASE = 0x9E3779B97F4A7C15 | 1
_BASE = np.uint64(BASE)
_INVERSE = np.uint64(pow(BASE, -1, 1 << 64))
_MIX = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53))
Words = NDArray[np.uint64]

SEPARATOR, LETTER, IDEOGRAPH = 0, 1, 2
_KINDS = np.zeros(256, np.uint8)
_KINDS[[*range(48, 58), *range(97, 123)]] = LETTER
_KINDS[0xC3:0xE2] = LETTER
_KINDS[0xE3:0xEA] = IDEOGRAPH  # U+3000 to U+9FFF: written without spaces, each character is a word
_KINDS[0xEA:0xF5] = LETTER
# 0xE2 begins U+2000 to U+2FFF, dashes, quotes and symbols; 0xC2 U+0080 to U+00BF, Latin punctuation: separators.


def _mixed(hashes: Words) -> Words:
    """Spreads the bits of sums (the finaliser of MurmurHash3)."""
    for factor in _MIX:
        hashes = (hashes ^ (hashes >> np.uint64(33))) * factor
    return hashes ^ (hashes >> np.uint64(33))


def _word_hashes(texts: Sequence[str]) -> tuple[Words, NDArray[np.int64]]:
    """The hash of every word of all texts, lower case, and the text of each. [W], [W]"""
    pieces = [text.lower().encode("utf-8", "replace") for text in texts]
    data = np.frombuffer(b"\n".join([*pieces, b""]), np.uint8)
    kind = _KINDS[data]
    follows = (data & 0xC0) == 0x80
    lead = np.maximum.accumulate(np.where(follows, 0, np.arange(len(data))))
    kind = kind[lead]
    inside = kind != SEPARATOR
    begins = inside & (np.concatenate([[True], ~inside[:-1]]) | ((kind == IDEOGRAPH) & ~follows))
    begins[1:] |= (kind[1:] == LETTER) & (kind[:-1] == IDEOGRAPH)
    starts = np.flatnonzero(begins)
    if not len(starts):
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    gaps = np.flatnonzero(~inside)
    until = gaps[np.minimum(np.searchsorted(gaps, starts), len(gaps) - 1)]
    ends = np.minimum(until, np.concatenate([starts[1:], [len(data)]]))
    powers = np.cumprod(np.full(len(data), _BASE))  # all modulo 2^64: of an odd base every power has its inverse
    sums = np.concatenate([[np.uint64(0)], np.cumsum((data.astype(np.uint64) + np.uint64(1)) * powers)])
    inverses = np.cumprod(np.full(len(data), _INVERSE))
    hashes = _mixed((sums[ends] - sums[starts]) * inverses[starts])
    bounds = np.cumsum([len(piece) + 1 for piece in pieces])
    return hashes, np.searchsorted(bounds, starts, side="right")


def _flat_shingles(texts: Sequence[str]) -> tuple[Words, NDArray[np.int64]]:
    """The 5-grams of all texts as hashes, and where those of each text begin. [S], [D + 1]"""
    words, owner = _word_hashes(texts)
    count = max(len(words) - WORDS + 1, 0)
    grams = np.zeros(count, np.uint64)
    for place in range(WORDS):
        grams = grams * _BASE + words[place : place + count]
    whole = owner[:count] == owner[WORDS - 1 :][:count] if count else np.zeros(0, bool)
    return _mixed(grams[whole]), np.searchsorted(owner[:count][whole], np.arange(len(texts) + 1))


def shingles(texts: Sequence[str]) -> list[Words]:
    """The set of word 5-grams of each text, as sorted hashes; empty for a text of fewer than five words."""
    flat, bounds = _flat_shingles(texts)
    return [np.unique(flat[start:stop]) for start, stop in pairwise(bounds)]


def signatures(texts: Sequence[str], settings: NearSettings) -> NDArray[np.uint32]:
    """The MinHash signature (Broder 1997) of each text: of every hash function the least value over its 5-grams.

    A text without 5-grams gets zeros, and is nobody's near duplicate. [D, bands * rows]"""
    rensa: Any = import_module("rensa")  # a Rust module without types
    flat, bounds = _flat_shingles(texts)
    made = rensa.RMinHash.digest_matrix_from_flat_token_hashes(flat, bounds.astype(np.uint64), settings.hashes, SEED)
    matrix = np.asarray(made.to_rows(), np.uint32)
    matrix = matrix.reshape(len(texts), settings.hashes).copy()
    matrix[bounds[1:] == bounds[:-1]] = 0
    return matrix


def jaccard(a: Words, b: Words) -> float:
    """Jaccard similarity of two sorted sets of hashes; 0 where one is empty."""
    if not len(a) or not len(b):
        return 0.0
    merged = np.concatenate([a, b])
    merged.sort(kind="stable")  # two sorted runs: merging them is three times as fast as np.intersect1d
    both = int(np.count_nonzero(merged[1:] == merged[:-1]))
    return both / (len(a) + len(b) - both)
