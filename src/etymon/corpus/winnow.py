"""Winnowing: few places of a text, chosen so that two equal passages always share one (Schleimer et al. 2003)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
BASE = np.uint64(0x9E3779B97F4A7C15)
INVERSE = np.uint64(pow(int(BASE), -1, 1 << 64))
BYTES = np.random.default_rng(1).integers(1, 1 << 63, 256, np.uint64)
"""A number for each byte. What is found does not depend on them, or on any hash: equal passages have equal hashes, and
whether passages are equal is looked at afterwards."""


def fingerprints(text: bytes, least: int) -> tuple[NDArray[np.int64], Hashes]:
    """Chosen places of a text, ascending, and the hash of what stands there; about 4 / `least` of all places.

    Of the grams of half of `least` bytes in each passage of `least` bytes that with the smallest hash is chosen: equal
    passages have an equal one at the same place in them."""
    size = least // 2 or 1
    window = least - size + 1
    if len(text) < least:
        return np.zeros(0, np.int64), np.zeros(0, np.uint64)
    hashes = _gram_hashes(text, size)
    smallest = ~_sliding_maximum(~hashes.view(np.int64), window)
    # A gram is the smallest of a window it lies in where the largest of those windows' minima is its own hash.
    ends = np.full(window - 1, np.iinfo(np.int64).min)
    reached = _sliding_maximum(np.concatenate([ends, smallest, ends]), window)
    places = np.flatnonzero(reached == hashes.view(np.int64))
    return places, hashes[places]


def _gram_hashes(text: bytes, size: int) -> Hashes:
    """A hash of each `size` bytes in a row: a polynomial over them, modulo 2^64, and its bits mixed."""
    values = BYTES[np.frombuffer(text, np.uint8)]
    powers = np.multiply.accumulate(np.concatenate([[np.uint64(1)], np.full(len(text) - 1, BASE)]))
    sums = np.concatenate([[np.uint64(0)], np.cumsum(values * powers)])
    back = np.multiply.accumulate(np.concatenate([[np.uint64(1)], np.full(len(text) - size, INVERSE)]))
    hashes = (sums[size:] - sums[:-size]) * back
    hashes ^= hashes >> np.uint64(29)
    hashes *= np.uint64(0xBF58476D1CE4E5B9)
    return hashes ^ (hashes >> np.uint64(32))


def _sliding_maximum(values: NDArray[np.int64], window: int) -> NDArray[np.int64]:
    """The largest of each `window` values in a row, by maxima of twice as many each time."""
    width = 1
    while 2 * width <= window:
        values = np.maximum(values[:-width], values[width:])
        width *= 2
    rest = window - width
    return np.maximum(values[:-rest], values[rest:]) if rest else values
