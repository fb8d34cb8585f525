"""A batch of texts as arrays: code points, their classes, hashes of any stretch, and stretches by document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.corpus.measures.unicode import LETTER, SPACE, flags

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Hashes = NDArray[np.uint64]
Bools = NDArray[np.bool_]

BASE = np.uint64(0x9E3779B97F4A7C15 | 1)
INVERSE = np.uint64(pow(int(BASE), -1, 1 << 64))
MIXER = np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True, slots=True)
class Spans:
    """Stretches [start, stop) of a batch's characters in ascending order, each within one document. All [n]."""

    start: Ints
    stop: Ints
    document: Ints

    def __len__(self) -> int:
        return len(self.start)

    @property
    def length(self) -> Ints:
        """Characters of each stretch."""
        return self.stop - self.start

    def where(self, chosen: Bools | Ints) -> Spans:
        """The chosen stretches."""
        return Spans(self.start[chosen], self.stop[chosen], self.document[chosen])


class Batch:
    """Texts side by side, one character of white space after each."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        joined = "\n".join(texts) + "\n"
        self.codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
        self.lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        self.stop = np.cumsum(self.lengths + 1) - 1
        self.start = self.stop - self.lengths
        self.flags = flags()[self.codes]

    def __len__(self) -> int:
        return len(self.texts)

    def has(self, bit: int) -> Bools:
        """Whether each character has a bit of `unicode.flags`. [C]"""
        return (self.flags & np.uint16(bit)) != 0

    @cached_property
    def seen(self) -> Ints:
        """Characters before each place that are not white space. [C + 1]"""
        return counted(~self.has(SPACE))

    @cached_property
    def letters(self) -> Ints:
        """Letters before each place. [C + 1]"""
        return counted(self.has(LETTER))

    @cached_property
    def numeric(self) -> Ints:
        """Characters before each place that stand in numbers: ASCII digits, full stops, commas and colons. [C + 1]"""
        digit_or_colon = (self.codes >= ord("0")) & (self.codes <= ord(":"))
        return counted(digit_or_colon | (self.codes == ord(".")) | (self.codes == ord(",")))

    @cached_property
    def visible(self) -> Ints:
        """The places of all characters that are not white space."""
        return np.flatnonzero(~self.has(SPACE))

    @cached_property
    def chunks(self) -> Spans:
        """What stands between white space."""
        inside = np.zeros(len(self.codes) + 1, np.int8)
        inside[1:] = ~self.has(SPACE)
        edges = np.flatnonzero(np.diff(inside))  # the last character is white space: edges come in pairs
        return self.spans(edges[0::2], edges[1::2])

    def spans(self, start: Ints, stop: Ints) -> Spans:
        """Stretches from their bounds, in ascending order."""
        return Spans(start, stop, places_in(start, self.start))

    @cached_property
    def _hashed(self) -> tuple[Hashes, Hashes]:
        inverse = powers(INVERSE, len(self.codes) + 1)
        terms = (self.codes.astype(np.uint64) + np.uint64(1)) * powers(BASE, len(self.codes))
        return summed(terms), inverse

    def hashes(self, spans: Spans) -> Hashes:
        """A hash of each stretch's characters: a polynomial modulo 2^64, so that equal stretches have equal hashes
        wherever they stand, and those of concatenated stretches follow from their parts."""
        sums, inverse = self._hashed
        return (sums[spans.stop] - sums[spans.start]) * inverse[spans.start]

    def sums(self, document: Ints, values: NDArray[Any] | None = None) -> Floats:
        """The sum of values over what each document has; without values their number. [D]"""
        return np.bincount(document, values, len(self)).astype(np.float64)

    def ratio(self, above: Floats | Ints, below: Floats | Ints) -> Floats:
        """One quotient per document, 0 where there is nothing to divide by."""
        return np.divide(above, below, out=np.zeros(len(self)), where=below != 0)


def places_in(sorted_places: Ints, starts: Ints) -> Ints:
    """Which of the stretches that begin at `starts` each place lies in; both ascending. There are few starts, so that
    looking up these is much faster than looking up each place."""
    bounds = np.searchsorted(sorted_places, starts[1:])
    return np.repeat(np.arange(len(starts)), np.diff(bounds, prepend=0, append=len(sorted_places)))


def counted(holds: Bools) -> Ints:
    """How often it holds before each place. [n + 1]"""
    counts = np.zeros(len(holds) + 1, np.int64)
    np.cumsum(holds, out=counts[1:])
    return counts


def summed(terms: Hashes) -> Hashes:
    """Sums of all terms before each place, modulo 2^64. [n + 1]"""
    sums = np.zeros(len(terms) + 1, np.uint64)
    np.cumsum(terms, out=sums[1:])
    return sums


def powers(base: np.uint64, count: int) -> Hashes:
    """1, base, base^2 ... modulo 2^64. [count]"""
    table = _POWERS.get(int(base))
    if table is None or len(table) < count:
        terms = np.full(max(count, 1 << 20), base, np.uint64)
        terms[0] = 1
        table = _POWERS[int(base)] = np.cumprod(terms)
    return table[:count]


_POWERS: dict[int, Hashes] = {}


def mixed(hashes: Hashes, document: Ints) -> Hashes:
    """Hashes that are equal only within a document."""
    keys = hashes ^ ((document.astype(np.uint64) + np.uint64(1)) * MIXER)
    keys *= MIXER
    return keys ^ (keys >> np.uint64(32))


FEW_REPEATED = 1 << 12
FEW_MARKS, MANY_MARKS = 1 << 16, 1 << 22
"""Marks of the last bits of repeated keys, where there are few of these and where there are many."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Equal things of one document that occur at least twice. `first` is the place of each group's first member, `size`
    its number of members [G]; `member` are the places of all members, and `group` says to which group each belongs."""

    first: Ints
    size: Ints
    member: Ints
    group: Ints


def grouped(hashes: Hashes, document: Ints) -> Groups:
    """The groups of equal hashes within documents."""
    keys = mixed(hashes, document)
    candidates = _candidates(keys)
    order = candidates[np.argsort(keys[candidates], kind="stable")]
    ordered = keys[order]
    equal = ordered[1:] == ordered[:-1]
    repeated = np.zeros(len(order), bool)
    repeated[1:] = equal
    repeated[:-1] |= equal
    order, ordered = order[repeated], ordered[repeated]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(order) else order
    size = np.diff(np.append(starts, len(order)))
    return Groups(order[starts], size, order, np.repeat(np.arange(len(starts)), size))


def _candidates(keys: Hashes) -> Ints:
    """The places of all keys that occur more than once, and of a few others whose last bits are the same. Sorting the
    keys alone is several times faster than sorting their places, and looking at a mark than looking keys up."""
    ordered = np.sort(keys)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    bits = np.uint64(FEW_MARKS if len(twice) < FEW_REPEATED else MANY_MARKS) - np.uint64(1)
    marks = np.zeros(int(bits) + 1, bool)
    marks[twice & bits] = True
    return np.flatnonzero(marks[keys & bits])
