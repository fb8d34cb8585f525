"""Passages that stand earlier, looked for in any number of texts: exact, in memory that does not hold them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etymon.corpus.substrings import Spans, repeated_spans
from etymon.corpus.winnow import Hashes, fingerprints

Texts = Callable[[], Iterable[tuple[int, bytes]]]
"""Gives some texts in their order, each with its row; it is called more than once."""
AT_ONCE = 128 << 20
"""Bytes of text that are compared at once, which takes about fifteen times as much memory."""
MOST_PARTS = 1 << 10


@dataclass(frozen=True, slots=True)
class Passages:
    """What stands earlier, as spans of bytes by row; into how many parts the search was divided; how many bytes were
    compared in runs of their own, since one passage stood in more texts than can be held: what repeats only across such
    runs stays (0: everything is found)."""

    spans: dict[int, Spans]
    parts: int
    bytes_apart: int = 0


def earlier_passages(texts: Texts, least: int, at_once: int = AT_ONCE) -> Passages:
    """For each text the spans of `least` bytes or more that stand earlier, in it or in a text before it: the same as
    `repeated_spans` of all texts gives.

    Two equal passages share a fingerprint, so only the surroundings of fingerprints that stand more than once are
    compared; and those of every n-th fingerprint by themselves where all would be too many."""
    repeated, counts = _repeated(texts, least)
    parts = _parts(repeated, counts, 2 * least, at_once)
    found: dict[int, Spans] = {}
    apart = 0
    for part in range(parts):
        mine = repeated[repeated % np.uint64(parts) == part]
        for number, run in enumerate(_runs(texts, mine, least, at_once)):
            apart += sum(len(text) for _, _, text in run) if number else 0
            spans = repeated_spans([text for _, _, text in run], least)
            for (row, start, _), inside in zip(run, spans, strict=True):
                if inside:
                    found.setdefault(row, []).extend((start + begin, start + end) for begin, end in inside)
    return Passages({row: _union(found[row]) for row in sorted(found)}, parts, apart)


def _repeated(texts: Texts, least: int) -> tuple[Hashes, NDArray[np.int64]]:
    """The fingerprints that stand more than once, ascending, and how often; about 0.3 bytes of memory a byte."""
    held = [fingerprints(text, least)[1] for _, text in texts()]
    hashes, counts = np.unique(np.concatenate([np.zeros(0, np.uint64), *held]), return_counts=True)
    return hashes[counts > 1], counts[counts > 1]


def _parts(repeated: Hashes, counts: NDArray[np.int64], around: int, at_once: int) -> int:
    """Into how many parts the surroundings of fingerprints have to be divided, each of `at_once` bytes at most."""
    parts = 1
    while parts < MOST_PARTS:
        volumes = np.bincount((repeated % np.uint64(parts)).astype(np.int64), counts, parts) * around
        if volumes.max(initial=0) <= at_once:
            break
        parts *= 2
    return parts


Region = tuple[int, int, bytes]
"""A row, where in its text the region begins, and the region."""


def _runs(texts: Texts, wanted: Hashes, least: int, at_once: int) -> Iterator[list[Region]]:
    """What lies around the wanted fingerprints, all of it together where it is no more than `at_once` bytes."""
    held: list[Region] = []
    volume = 0
    if not len(wanted):
        return
    for row, text in texts():
        places, hashes = fingerprints(text, least)
        at = np.minimum(np.searchsorted(wanted, hashes), len(wanted) - 1)
        regions = list(_around(places[wanted[at] == hashes], least, len(text)))
        size = sum(stop - start for start, stop in regions)
        if held and volume + size > at_once:
            yield held
            held, volume = [], 0
        held += [(row, start, text[start:stop]) for start, stop in regions]
        volume += size
    if held:
        yield held


def _around(places: NDArray[np.int64], least: int, size: int) -> Iterator[tuple[int, int]]:
    """The text within `least` bytes of some places, ascending, as regions that do not touch."""
    if not len(places):
        return
    starts, stops = np.maximum(places - least, 0), np.minimum(places + least, size)
    first = np.flatnonzero(np.concatenate([[True], starts[1:] > stops[:-1]]))
    last = np.concatenate([first[1:] - 1, [len(places) - 1]])
    yield from zip(starts[first].tolist(), stops[last].tolist(), strict=True)


def _union(spans: Spans) -> Spans:
    """Spans that lie apart, ascending, and cover the same."""
    merged: Spans = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
