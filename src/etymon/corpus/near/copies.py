"""Which documents are near duplicates of which: buckets band by band in bounded memory, and pairs compared."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from etymon.corpus.near.clusters import clusters
from etymon.corpus.near.edges import NO_KEY, PARTITION, Keys, Rows, band_keys, by_later, ends, find_edges
from etymon.corpus.near.settings import NearSettings
from etymon.corpus.near.shingles import Words, jaccard

ShinglesOf = Callable[[NDArray[np.bool_]], Iterable[tuple[int, Words]]]
"""Of the documents that are marked, in order: number and sorted set of word 5-grams."""


@dataclass(frozen=True, slots=True)
class Copies:
    """For each document the kept one that it copies (itself: it is kept), and how alike the two are: exactly where
    pairs are verified, else estimated from the share of bands that agree. [D]"""

    partners: Rows
    similarities: NDArray[np.float64]


def find_copies(
    count: int,
    signatures: Iterable[NDArray[np.uint32]],
    settings: NearSettings,
    of: ShinglesOf,
    preference: NDArray[np.number] | None = None,
    partition: int = PARTITION,
) -> Copies:
    """The near duplicates among `count` documents (fewer than 2^32), whose signatures come in batches, in order.

    Of copies the one with the highest `preference` is kept, the first one read among equals and by default. With
    verification a document is dropped where it is like one that is *kept*, so that no chain of small differences takes
    away what is like nothing that stays; without, the clusters of whatever shares a band are taken whole, as published,
    chains and all. The result is the same for every `partition`, the documents that are sorted at once.

    Memory: about 40 bytes a document, and 60 a pair. Keys and 5-grams lie in mapped files of a folder that is removed
    at the end: 8 bytes a band and document, 8 bytes a 5-gram of documents that have a pair."""
    order = np.arange(count) if preference is None else np.argsort(-preference.astype(np.float64), kind="stable")
    with tempfile.TemporaryDirectory(prefix="etymon-near-") as folder:
        keys = _written(Path(folder) / "bands", count, signatures, settings)
        bands = iter(keys) if preference is None else (band[order] for band in keys)
        edges = find_edges(bands, partition)
        if settings.verify:
            compared = _Compared(Path(folder) / "shingles", order, edges, of)
            partners, similarities = _kept_and_copies(count, edges, compared, settings.threshold)
        else:
            partners = clusters(count, edges)
            similarities = _estimated(keys, order, partners, settings)
    if preference is None:
        return Copies(partners, similarities)
    copies = Copies(np.empty_like(partners), np.empty_like(similarities))
    copies.partners[order], copies.similarities[order] = order[partners], similarities
    return copies


def _written(path: Path, count: int, signatures: Iterable[NDArray[np.uint32]], settings: NearSettings) -> Keys:
    """The keys of all bands, in a file. [bands, D]"""
    keys = np.memmap(path, np.uint64, "w+", shape=(settings.bands, max(count, 1)))
    begin = 0
    for batch in signatures:
        keys[:, begin : begin + len(batch)] = band_keys(batch, settings)
        begin += len(batch)
    return keys[:, :count]


def _estimated(keys: Keys, order: Rows, partners: Rows, settings: NearSettings) -> NDArray[np.float64]:
    """How alike documents and partners seem: two of similarity s share a band with a chance of s^rows, so the share of
    bands that agree to the power of 1/rows; 0 where only a chain leads from one to the other. [D]"""
    similarities = np.ones(len(partners))
    dropped = np.flatnonzero(partners != np.arange(len(partners)))
    agreeing = np.zeros(len(dropped))
    for band in keys:
        mine = band[order[dropped]]
        agreeing += (mine == band[order[partners[dropped]]]) & (mine != NO_KEY)
    similarities[dropped] = (agreeing / settings.bands) ** (1 / settings.rows)
    return similarities


class _Compared:
    """Compares documents that have an edge, by place in `order`; their 5-grams lie in a file, one after the other."""

    def __init__(self, path: Path, order: Rows, edges: NDArray[np.uint64], of: ShinglesOf) -> None:
        self._places = np.unique(np.concatenate(ends(edges)))
        numbers = order[self._places]
        wanted = np.zeros(len(order), bool)
        wanted[numbers] = True
        lengths = np.zeros(len(numbers) + 1, np.int64)
        with path.open("wb") as file:
            for row, (_, grams) in enumerate(of(wanted) if len(edges) else ()):
                lengths[row + 1] = len(grams)
                file.write(grams.tobytes())
        self._bounds = np.cumsum(lengths)
        self._row = np.argsort(np.argsort(numbers))  # in the file they stand by number, not by place
        # As a plain array, whose slices cost a tenth of a memmap's.
        self._grams = np.asarray(np.memmap(path, np.uint64, "r") if self._bounds[-1] else np.zeros(0, np.uint64))

    def similarity(self, a: int, b: int, least: float) -> float:
        """The Jaccard similarity of two documents; 0 where their sizes alone keep it below `least`."""
        mine, other = self._of(a), self._of(b)
        fewer, more = sorted((len(mine), len(other)))
        return jaccard(mine, other) if fewer >= least * more else 0.0

    def _of(self, place: int) -> Words:
        row = self._row[np.searchsorted(self._places, place)]
        return self._grams[self._bounds[row] : self._bounds[row + 1]]


def _kept_and_copies(
    count: int, edges: NDArray[np.uint64], compared: _Compared, threshold: float
) -> tuple[Rows, NDArray[np.float64]]:
    """In order: a document that is like kept ones is a copy of the one it is most like (of equals the first), any
    other is kept."""
    partners, similarities = np.arange(count), np.ones(count)
    for place, earlier in by_later(edges):
        # One that is like a copy may be like what that copies: it is asked in its place.
        best, partner = 0.0, place
        for other in sorted(set(partners[earlier].tolist())):
            found = compared.similarity(place, other, threshold)
            if found >= threshold and found > best:
                best, partner = found, other
        if partner != place:
            partners[place], similarities[place] = partner, best
    return partners, similarities
