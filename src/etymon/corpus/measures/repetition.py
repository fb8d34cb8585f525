"""How much of a text its most frequent and its repeated n-grams of words make up."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np

from etymon.corpus.measures.batch import (
    BASE,
    INVERSE,
    Batch,
    Floats,
    Hashes,
    Ints,
    Spans,
    grouped,
    powers,
    summed,
)

TOP, DUPLICATE = range(2, 5), range(5, 11)
"""The sizes that Gopher looks at for the most frequent n-gram and for all repeated ones (table A1)."""
SEPARATOR = np.uint64(0x110001)
"""A character that no text holds."""


class Grams:
    """The n-grams of a batch's words, as places of their first words. `separated`: n-grams are equal where all their
    words are; without, where their words are written without space between them."""

    def __init__(self, spans: Spans, hashes: Hashes, *, separated: bool) -> None:
        self.document = spans.document
        self.characters = np.concatenate(([0], np.cumsum(spans.length)))
        written = np.concatenate(([0], np.cumsum(spans.length + separated)))
        if separated:
            hashes = hashes + SEPARATOR * powers(BASE, int(spans.length.max(initial=0)) + 1)[spans.length]
        self._inverse = powers(INVERSE, int(written[-1]) + 1)[written[:-1]]
        self._sums = summed(hashes * powers(BASE, int(written[-1]) + 1)[written[:-1]])

    def places(self, n: int) -> Ints:
        """Where an n-gram lies within one document."""
        last = len(self.document) - n + 1
        if last <= 0:
            return np.zeros(0, np.int64)
        return np.flatnonzero(self.document[:last] == self.document[n - 1 :])

    def hashes(self, places: Ints, n: int) -> Hashes:
        """Of each n-gram."""
        return (self._sums[places + n] - self._sums[places]) * self._inverse[places]

    def length(self, places: Ints, n: int) -> Ints:
        """Characters of each n-gram's words."""
        return self.characters[places + n] - self.characters[places]


def top_gram(batch: Batch, grams: Grams, n: int) -> Floats:
    """The characters of the most frequent n-gram, blanks between its words counted, times its count, over the length of
    the text. Of equally frequent ones the first decides, as in datatrove; without n-grams 0. [D]"""
    places = grams.places(n)
    groups = grouped(grams.hashes(places, n), grams.document[places])
    document = grams.document[places]
    best = np.full(len(batch), len(places))
    count = np.ones(len(batch), np.int64)
    np.minimum.at(best, document[_first_of_each(document)], _first_of_each(document))
    of_group = document[groups.first]
    np.maximum.at(count, of_group, groups.size)
    leading = groups.size == count[of_group]
    best[of_group[leading]] = len(places)
    np.minimum.at(best, of_group[leading], groups.first[leading])
    some = best < len(places)
    characters = np.zeros(len(batch), np.int64)
    characters[some] = (grams.length(places[best[some]], n) + n - 1) * count[some]
    return batch.ratio(characters, batch.lengths)


def _first_of_each(document: Ints) -> Ints:
    """Where each document begins in an ascending list."""
    return np.flatnonzero(np.diff(document, prepend=-1))


def duplicate_grams(batch: Batch, grams: Grams, n: int) -> Floats:
    """The characters of n-grams that were there before, over the length of the text. As datatrove counts: from left to
    right, going on behind an n-gram that was there before, and taking in only those n-grams it stops at. [D]"""
    places = grams.places(n)
    groups = grouped(grams.hashes(places, n), grams.document[places])
    order = np.argsort(groups.member, kind="stable")
    member, group = groups.member[order], groups.group[order]
    characters = grams.length(places[member], n)
    totals = np.zeros(len(batch), np.int64)
    again = np.array(_counted(places[member], group, len(groups.size), n), np.int64)
    np.add.at(totals, grams.document[places[member[again]]], characters[again])
    return batch.ratio(totals, batch.lengths)


def _counted(places: Ints, group: Ints, groups: int, n: int) -> list[int]:
    """Which members of groups, by their numbers, are counted as repetitions. One pass in order: each depends on the one
    before it. Places ascend, so that at most n members lie within an n-gram: what it covers is passed over at once."""
    known = bytearray(groups)
    begins, of_group = places.tolist(), group.tolist()
    again: list[int] = []
    number, end = 0, len(begins)
    while number < end:
        if known[of_group[number]]:
            again.append(number)
            number = bisect_left(begins, begins[number] + n, number + 1, min(number + n, end))
        else:
            known[of_group[number]] = 1
            number += 1
    return again
