"""Which documents are near duplicates of which: buckets band by band in bounded memory, and pairs compared."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from etymon.corpus.near.settings import NearSettings
from etymon.corpus.near.shingles import Words, jaccard

Rows = NDArray[np.int64]
ShinglesOf = Callable[[NDArray[np.bool_]], Iterable[tuple[int, Words]]]
"""Of the documents that are marked, in order: number and sorted set of word 5-grams."""


@dataclass(frozen=True, slots=True)
class Copies:
    """For each document the earlier, kept one that it copies (itself: it is kept), and how alike the two are. [D]"""

    partners: Rows
    similarities: NDArray[np.float64]


def find_copies(count: int, signatures: Iterable[NDArray[np.uint32]], settings: NearSettings, of: ShinglesOf) -> Copies:
    """The near duplicates among `count` documents, of which the first one read is kept.

    With verification a document is dropped where it is like one that is *kept*, so that no chain of small differences
    takes away what is like nothing that stays. Memory: about 30 bytes a document and one band; signatures and 5-grams
    lie in files of a folder that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="etymon-near-") as folder:
        keys = _band_keys(Path(folder) / "bands", count, signatures, settings)
        edges = np.unique(np.concatenate([_edges(keys[band]) for band in range(settings.bands)]), axis=0)
        if not settings.verify:
            return _clusters(count, edges)
        compared = _Compared(Path(folder) / "shingles", count, edges, of)
        return _kept_and_copies(count, edges, compared, settings.threshold)


def _band_keys(
    path: Path, count: int, signatures: Iterable[NDArray[np.uint32]], settings: NearSettings
) -> NDArray[np.uint64]:
    """Each band of each document as one number, in a file. [bands, D]"""
    keys = np.memmap(path, np.uint64, "w+", shape=(settings.bands, max(count, 1)))
    begin = 0
    for batch in signatures:
        bands = batch.reshape(len(batch), settings.bands, settings.rows).astype(np.uint64)
        mixed = np.zeros(bands.shape[:2], np.uint64)
        for row in range(settings.rows):
            mixed = (mixed ^ bands[:, :, row]) * np.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> np.uint64(29)
        mixed[~batch.any(axis=1)] = 0  # a text without 5-grams is in no bucket
        keys[:, begin : begin + len(batch)] = mixed.T
        begin += len(batch)
    return keys[:, :count]


def _edges(keys: NDArray[np.uint64]) -> Rows:
    """The pairs of one band to be looked at: in each bucket every document with the first one and with the one before
    it, so that a bucket of a million costs two million pairs, not its square. [E, 2]"""
    order = np.argsort(keys, kind="stable")
    sorted_keys = keys[order]
    same = np.zeros(len(keys), bool)
    same[1:] = (sorted_keys[1:] == sorted_keys[:-1]) & (sorted_keys[1:] != 0)
    places = np.flatnonzero(same)
    first = np.maximum.accumulate(np.where(same, 0, np.arange(len(keys))))[places]
    star = np.stack([order[first], order[places]], axis=1)
    chain = np.stack([order[places - 1], order[places]], axis=1)
    return np.concatenate([star, chain[first != places - 1]]).astype(np.int64)


def _clusters(count: int, edges: Rows) -> Copies:
    """Connected components; the lowest number of each is kept. Labels spread along edges until nothing changes."""
    labels = np.arange(count)
    while True:
        least = np.minimum(labels[edges[:, 0]], labels[edges[:, 1]])
        spread = labels.copy()
        np.minimum.at(spread, edges[:, 0], least)
        np.minimum.at(spread, edges[:, 1], least)
        spread = spread[spread]
        if np.array_equal(spread, labels):
            return Copies(labels, np.ones(count))
        labels = spread


class _Compared:
    """Compares documents of which an edge tells; their 5-grams lie in a file, one after the other."""

    def __init__(self, path: Path, count: int, edges: Rows, of: ShinglesOf) -> None:
        wanted = np.zeros(count, bool)
        wanted[edges.ravel()] = True
        self._begin = np.zeros(count, np.int64)
        self._length = np.zeros(count, np.int64)
        place = 0
        with path.open("wb") as file:
            for number, grams in of(wanted) if len(edges) else ():
                self._begin[number], self._length[number] = place, len(grams)
                file.write(grams.tobytes())
                place += len(grams)
        self._grams = np.memmap(path, np.uint64, "r") if place else np.zeros(0, np.uint64)

    def similarity(self, a: int, b: int, least: float) -> float:
        """The Jaccard similarity of two documents; 0 where their sizes alone keep it below `least`."""
        sizes = sorted((int(self._length[a]), int(self._length[b])))
        if not sizes[0] or sizes[0] < least * sizes[1]:
            return 0.0
        return jaccard(self._of(a), self._of(b))

    def _of(self, number: int) -> Words:
        begin = self._begin[number]
        return self._grams[begin : begin + self._length[number]]


def _neighbours(count: int, edges: Rows) -> Iterator[tuple[int, Rows]]:
    """Each document that has edges to earlier ones, in order, with those."""
    order = np.argsort(edges[:, 1], kind="stable")
    late = edges[order, 1]
    bounds = np.flatnonzero(np.concatenate([[True], late[1:] != late[:-1], [True]])) if len(late) else np.zeros(1, int)
    for start, stop in pairwise(bounds):
        yield int(late[start]), edges[order[start:stop], 0]


def _kept_and_copies(count: int, edges: Rows, compared: _Compared, threshold: float) -> Copies:
    """In the order of reading: a document that is like a kept one is its copy, any other is kept."""
    partners, similarities = np.arange(count), np.ones(count)
    for number, earlier in _neighbours(count, edges):
        # One that is like a copy may be like what that copies: both are asked.
        asked = dict.fromkeys(int(partners[each]) for each in np.sort(earlier))
        best, partner = threshold, number
        for other in asked:
            found = compared.similarity(number, other, threshold)
            if found > best or (found == best and partner == number):
                best, partner = found, other
        if partner != number:
            partners[number], similarities[number] = partner, best
    return Copies(partners, similarities)
