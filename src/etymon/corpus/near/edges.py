"""Which pairs of documents are looked at: bands of signatures as keys, equal keys as edges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from etymon.corpus.near.settings import NearSettings

Keys = NDArray[np.uint64]
Rows = NDArray[np.int64]
NO_KEY = 0
PARTITION = 1 << 20
"""Documents that are sorted at once."""
_STEP, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(29)
_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


def band_keys(signatures: NDArray[np.uint32], settings: NearSettings) -> Keys:
    """Each band of each signature as one number; `NO_KEY` for texts without 5-grams (all zeros). [bands, D]"""
    bands = signatures.reshape(len(signatures), settings.bands, settings.rows).astype(np.uint64)
    keys = np.zeros(bands.shape[:2], np.uint64)
    for row in range(settings.rows):
        keys = (keys ^ bands[:, :, row]) * _STEP
        keys ^= keys >> _SHIFT
    keys[~signatures.any(axis=1)] = NO_KEY
    return keys.T


def find_edges(bands: Iterable[Keys], partition: int = PARTITION) -> NDArray[np.uint64]:
    """The pairs that share a key in any band, once each and sorted, as later << 32 | earlier. [E]

    In each bucket every document is paired with the first one and with the one before it, so that a bucket of a million
    costs two million pairs and not its square. Memory beside the result: one band and about 50 bytes for each of
    `partition` documents; the result is the same for every partition."""
    found = np.zeros(0, np.uint64)
    for keys in bands:
        new = [_pairs(keys, rows) for rows in _partitions(keys, partition)]
        found = _distinct(np.concatenate([found, *new]))
    return found


def ends(edges: NDArray[np.uint64]) -> tuple[Rows, Rows]:
    """The earlier and the later document of each pair. [E], [E]"""
    return (edges & _LOW).astype(np.int64), (edges >> _HALF).astype(np.int64)


def by_later(edges: NDArray[np.uint64]) -> Iterator[tuple[int, Rows]]:
    """Each document that has edges to earlier ones, in order, with those in order."""
    earlier, later = ends(edges)
    starts = np.flatnonzero(np.diff(later, prepend=-1))
    for start, stop in pairwise([*starts.tolist(), len(later)]):
        yield int(later[start]), earlier[start:stop]


def _distinct(edges: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Sorted, each once; np.unique goes by hashes, which takes several times as long for millions."""
    edges.sort(kind="stable")
    return edges[np.flatnonzero(np.diff(edges, prepend=~edges[:1]))]


def _partitions(keys: Keys, most: int) -> Iterator[Rows]:
    """The documents that have a key, so divided that equal keys stay together; about `most` at a time, but a bucket is
    never divided."""
    parts = -(-len(keys) // most)
    part_of = np.zeros(len(keys), np.uint16)
    for start in range(0, len(keys), most):
        piece = keys[start : start + most]
        part_of[start : start + most] = np.where(piece == NO_KEY, parts, piece % np.uint64(max(parts, 1)))
    for part in range(parts):
        yield np.flatnonzero(part_of == part)


def _pairs(keys: Keys, rows: Rows) -> NDArray[np.uint64]:
    """Of some documents, whose numbers ascend, the pairs of one band, each as one number."""
    mine = keys[rows]
    order = np.argsort(mine, kind="stable")
    mine, numbers = mine[order], rows[order].astype(np.uint64)
    same = np.zeros(len(rows), bool)
    same[1:] = mine[1:] == mine[:-1]
    places = np.flatnonzero(same)
    first = np.maximum.accumulate(np.where(same, 0, np.arange(len(rows))))[places]
    later = numbers[places] << _HALF
    return np.concatenate([later | numbers[first], later | numbers[places - 1]])
