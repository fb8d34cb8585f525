"""The suffix array: where every suffix of a text begins, in the order of the suffixes."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = (1 << 31) - 1
"""Beyond this a place no longer fits in 32 bits with a sign, which is what libdivsufsort sorts with."""

_LIBRARY: Any = import_module("pydivsufsort") if find_spec("pydivsufsort") else None


def suffix_array(text: bytes | bytearray, width: int = 1) -> NDArray[np.uint32]:
    """Where the suffixes of `text` begin, in their order, a shorter one before those that go on from it.

    `text` is of units of `width` bytes, each most significant byte first, so that the order of bytes is that of units;
    the places are in units [len / width]. libdivsufsort (Mori's induced sorting) sorts where it is installed, otherwise
    prefix doubling in numpy (Manber and Myers 1993), some ten times slower on short text; both give the same array.
    """
    if len(text) > MOST_BYTES or len(text) % width:
        raise ValueError(f"{len(text)} bytes are no text of {width}-byte units of at most {MOST_BYTES} bytes")
    if len(text) == 0:
        return np.empty(0, np.uint32)
    places = _by_library(text) if _LIBRARY else sorted_by_doubling(text)
    if width > 1:  # suffixes that begin inside a unit are none; those that remain keep their order
        places = places[places % width == 0] // width
    return places.astype(np.uint32, copy=False)


def _by_library(text: bytes | bytearray) -> NDArray[np.uint32]:
    sorted_places: NDArray[np.int32] = _LIBRARY.divsufsort(bytes(text))
    return sorted_places.view(np.uint32)


def sorted_by_doubling(text: bytes | bytearray) -> NDArray[np.uint32]:
    """The same array without the library: sort by the first seven bytes, then by twice as many, until all differ.

    Only suffixes whose rank is still shared are sorted again, so that text without long repeats takes few rounds.
    """
    size = len(text)
    order, rank = _by_first_bytes(text)
    length = FIRST
    open_places = _shared(order, rank)
    while len(open_places):
        follow = open_places.astype(np.int64) + length
        after = np.where(follow < size, rank[np.minimum(follow, size - 1)] + 1, 0)  # 0: the suffix ends before it
        slots = _slots(rank[open_places])
        own = rank[open_places]
        again = np.lexsort((after, own))
        moved = open_places[again]
        order[slots] = moved
        own, after = own[again], after[again]
        new = np.r_[True, (own[1:] != own[:-1]) | (after[1:] != after[:-1])]
        rank[moved] = slots[np.maximum.accumulate(np.where(new, np.arange(len(new)), 0))]
        length *= 2
        open_places = _shared(moved, rank)
    return order


FIRST = 7
"""Bytes of the first key: with a byte for how many there are, they fill a word of 64 bits."""


def _by_first_bytes(text: bytes | bytearray) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The places by their first seven bytes, and the rank of each place: the slot of the first that equals it."""
    size = len(text)
    data = np.r_[np.frombuffer(text, np.uint8), np.zeros(FIRST, np.uint8)]
    keys = np.zeros(size, np.uint64)
    for offset in range(FIRST):
        keys = keys << np.uint64(8) | data[offset : offset + size]
    keys = keys << np.uint64(8) | np.minimum(size - np.arange(size), FIRST).astype(np.uint64)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    new = np.r_[True, ordered[1:] != ordered[:-1]]
    rank = np.empty(size, np.int64)
    rank[order] = np.maximum.accumulate(np.where(new, np.arange(size), 0))
    return order.astype(np.uint32), rank


def _shared(places: NDArray[np.uint32], rank: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Of places in their order, those whose rank another has too."""
    ranks = rank[places]
    same = ranks[1:] == ranks[:-1]
    return places[np.r_[same, False] | np.r_[False, same]]


def _slots(ranks: NDArray[np.int64]) -> NDArray[np.int64]:
    """The slots that places of shared ranks take up together, ascending: from each rank on as many as share it."""
    ranks = np.sort(ranks)
    new = np.r_[True, ranks[1:] != ranks[:-1]]
    begins = np.maximum.accumulate(np.where(new, np.arange(len(ranks)), 0))
    return ranks + np.arange(len(ranks)) - begins
