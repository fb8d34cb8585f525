"""Lines and paragraphs that many documents share (menus, notices, banners): counted exactly, and taken out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xxhash
from numpy.typing import NDArray

Unit = Literal["line", "paragraph"]
Hashes = NDArray[np.uint64]

ENDS = {"line": re.compile(r"\n+"), "paragraph": re.compile(r"\n[^\S\n]*\n\s*")}
ASCII = {code: None for code in range(128) if unicodedata.category(chr(code))[0] == "P"}
ACCENT = re.compile("[\u0300-\u036f]")
DIGIT = re.compile(r"\d")
SLOTS = 1 << 24
MOST_COUNTED = 255
PENDING = 1 << 20
"""Hashes that wait to be merged into the sorted counts."""


def normalised(unit: str) -> str:
    """What two lines must share to be one: lower case, without accents and punctuation, every digit 0, white space
    single (as CCNet, Wenzek et al. 2020, but vowel signs of other scripts stay). "" where nothing is left: such a line
    is nobody's copy."""
    lower = unit.lower()
    if lower.isascii():
        plain = lower.translate(ASCII)
    else:
        bare = ACCENT.sub("", unicodedata.normalize("NFD", lower))
        plain = "".join(character for character in bare if unicodedata.category(character)[0] != "P")
    return DIGIT.sub("0", " ".join(plain.split()))


def units(text: str, unit: Unit = "line") -> Iterator[tuple[int, int]]:
    """Where each line or paragraph begins and ends, with the line breaks behind it; together they are the text."""
    start = 0
    for end in ENDS[unit].finditer(text):
        yield start, end.end()
        start = end.end()
    if start < len(text):
        yield start, len(text)


def unit_hashes(text: str, unit: Unit = "line") -> Hashes:
    """The hash of each unit (64 bits of XXH3), 0 for those that are empty when normalised."""
    hashed = (_hash(normalised(text[start:stop])) for start, stop in units(text, unit))
    return np.fromiter(hashed, np.uint64)


def _hash(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass")) or 1 if text else 0


def _document_hashes(text: str, unit: Unit) -> Hashes:
    """Each unit once, however often the document repeats it."""
    hashes = np.unique(unit_hashes(text, unit))
    return hashes[hashes != 0]


class LineSketch:
    """At least in how many documents each unit occurs, up to 255, in `slots` bytes: a first reading that tells which
    units can be repeated, so that `LineCounts` needs memory for those alone (Park, Chen and Yu 1995)."""

    def __init__(self, slots: int = SLOTS, unit: Unit = "line") -> None:
        self.unit: Unit = unit
        self._counts = np.zeros(slots, np.uint8)

    def add(self, texts: Sequence[str]) -> None:
        """Counts the units of some documents."""
        found = [self._slot(_document_hashes(text, self.unit)) for text in texts]
        slots, times = np.unique(np.concatenate([np.zeros(0, np.int64), *found]), return_counts=True)
        self._counts[slots] = np.minimum(self._counts[slots] + times, MOST_COUNTED)

    def merge(self, other: LineSketch) -> None:
        """Adds what another has counted of other documents, in any order; both must have as many slots."""
        sums = self._counts.astype(np.uint16) + other._counts
        self._counts = np.minimum(sums, MOST_COUNTED).astype(np.uint8)

    def above(self, hashes: Hashes, most: int) -> NDArray[np.bool_]:
        """Whether each unit may occur in more than `most` documents; True for all that do."""
        return self._counts[self._slot(hashes)] > min(most, MOST_COUNTED - 1)

    def _slot(self, hashes: Hashes) -> NDArray[np.int64]:
        return (hashes % np.uint64(len(self._counts))).astype(np.int64)


class LineCounts:
    """In how many documents each unit occurs, exactly, in 16 bytes a unit.

    With the `sketch` of a first reading only units that may occur in more than `most` documents are counted: what is
    said about any of these is the same as without it."""

    def __init__(self, unit: Unit = "line", sketch: LineSketch | None = None, most: int = 0) -> None:
        self.unit: Unit = unit
        self._sketch, self._most = sketch, most
        self._hashes, self._counts = np.zeros(0, np.uint64), np.zeros(0, np.int64)
        self._pending: list[Hashes] = []
        self._waiting = 0

    def __len__(self) -> int:
        self._settle()
        return len(self._hashes)

    def add(self, texts: Sequence[str]) -> None:
        """Counts the units of some documents."""
        for text in texts:
            hashes = _document_hashes(text, self.unit)
            if self._sketch is not None:
                hashes = hashes[self._sketch.above(hashes, self._most)]
            self._pending.append(hashes)
            self._waiting += len(hashes)
            if self._waiting >= PENDING:
                self._settle()

    def merge(self, other: LineCounts) -> None:
        """Adds what another has counted of other documents, in any order."""
        self._settle()
        other._settle()
        self._sum(other._hashes, other._counts)

    def of(self, hashes: Hashes) -> NDArray[np.int64]:
        """The number of documents with each unit; 0 for units never counted."""
        self._settle()
        if not len(self._hashes):
            return np.zeros(len(hashes), np.int64)
        places = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        return np.where(self._hashes[places] == hashes, self._counts[places], 0)

    def _settle(self) -> None:
        if self._pending:
            hashes, counts = np.unique(np.concatenate(self._pending), return_counts=True)
            self._pending, self._waiting = [], 0
            self._sum(hashes, counts)

    def _sum(self, hashes: Hashes, counts: NDArray[np.int64]) -> None:
        self._hashes, group = np.unique(np.concatenate([self._hashes, hashes]), return_inverse=True)
        sums = np.zeros(len(self._hashes), np.int64)
        np.add.at(sums, group, np.concatenate([self._counts, counts]))
        self._counts = sums


@dataclass(frozen=True, slots=True)
class Trimmed:
    """A text without repeated units, and which [start, stop) of its characters were taken out, in order."""

    text: str
    removed: tuple[tuple[int, int], ...] = ()


def drop_repeated_lines(texts: Sequence[str], counts: LineCounts, most: int) -> list[Trimmed]:
    """Each text without the units that occur in more than `most` documents of those counted.

    All of them go, the first one too: what becomes of a text depends on the counts and not on the order of reading."""
    return [_trimmed(text, counts, most) for text in texts]


def _trimmed(text: str, counts: LineCounts, most: int) -> Trimmed:
    repeated = counts.of(unit_hashes(text, counts.unit)) > most
    if not repeated.any():
        return Trimmed(text)
    spans = list(units(text, counts.unit))
    kept = "".join(text[start:stop] for (start, stop), gone in zip(spans, repeated, strict=True) if not gone)
    return Trimmed(kept, tuple(span for span, gone in zip(spans, repeated, strict=True) if gone))
