"""An index as one asks it: how often a sequence occurs, where, and how much of a text occurs at all."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.index.build import Sequence, as_bytes
from etymon.storage import Artifact

LEAST_WINDOW = 32
"""Bytes of a text first compared for its longest match; twice as many as often as they all match."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A document, by its number in the order of indexing and by its id, and where in it, in units."""

    document: int
    id: str
    offset: int


@dataclass(frozen=True, slots=True)
class Matches:
    """For each unit of a text the longest sequence from it on that occurs in some document (matching statistics).

    `lengths` [n] are in units; `documents` [n] is the number of a document that holds it (-1: none), `offsets` [n]
    where."""

    lengths: NDArray[np.int64]
    documents: NDArray[np.int64]
    offsets: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Following:
    """The units [k] that stand after the occurrences of a sequence, ascending, how often each does [k], and how many
    occurrences end their document."""

    units: NDArray[np.int64]
    counts: NDArray[np.int64]
    ends: int


class Index:
    """An index, mapped from the disk; what is mapped has been compared with its hashes."""

    def __init__(self, artifact: Artifact) -> None:
        """Raises EtymonError where the artifact is of another kind, Damaged where it is not what was written."""
        if artifact.kind != "index":
            raise EtymonError(f"{artifact.label} is a {artifact.kind}, not an index.", where=str(artifact.path))
        self.artifact = artifact
        self.unit = str(artifact.statistics["unit"])
        counts: list[int] = artifact.statistics["shards"]
        width = 1 if self.unit == "bytes" else np.dtype(self.unit).itemsize
        self._shards = [Shard(artifact, n, sum(counts[:n]), width) for n in range(len(counts))]
        self._ids = artifact.map("ids.text", np.uint8).data
        self._id_starts = artifact.map("ids.starts", "<i8")

    @classmethod
    def open(cls, artifact: Artifact) -> Index:
        return cls(artifact)

    def count(self, query: Sequence) -> int:
        """How often the query occurs, overlapping occurrences included. An empty one is refused."""
        asked = self._asked(query)
        return sum(high - low for low, high in (shard.range(asked) for shard in self._shards))

    def following(self, query: Sequence) -> Following:
        """What stands after the occurrences of the query, all of it; after an empty one, every unit there is."""
        asked = as_bytes(query, self.unit) if len(query) else b""
        found = [shard.after(asked) for shard in self._shards]
        units = np.concatenate([np.empty(0, np.int64), *(units for units, _ in found)])
        different, place = np.unique(units, return_inverse=True)
        counts = np.zeros(len(different), np.int64)
        np.add.at(counts, place, np.concatenate([np.empty(0, np.int64), *(counts for _, counts in found)]))
        width = 1 if self.unit == "bytes" else np.dtype(self.unit).itemsize
        last = different == (1 << 8 * width) - 1  # what stands between documents
        return Following(different[~last], counts[~last], int(counts[last].sum()))

    def find(self, query: Sequence, limit: int = 100) -> list[Occurrence]:
        """The first `limit` occurrences in the order of documents and, in each, of places."""
        asked, found = self._asked(query), list[Occurrence]()
        for shard in self._shards:
            if len(found) < limit:
                places = shard.first_places(*shard.range(asked), limit - len(found))
                found += [Occurrence(number, self.id(number), at) for number, at in map(shard.stands, places)]
        return found

    def longest_match(self, text: Sequence) -> Matches:
        """How far the text occurs from each of its units on, and where."""
        data = as_bytes(text, self.unit)
        matches = Matches(*(np.full(len(text), nothing, np.int64) for nothing in (0, -1, 0)))
        for shard in self._shards:
            for at, (length, place) in enumerate(shard.longest(data)):
                if length > matches.lengths[at]:
                    matches.lengths[at] = length
                    matches.documents[at], matches.offsets[at] = shard.stands(place)
        return matches

    def around(self, occurrence: Occurrence, length: int, reach: int) -> tuple[bytes, bytes]:
        """Up to `reach` units of the document before and after the `length` units of an occurrence, as stored."""
        shard = next(each for each in reversed(self._shards) if each.first <= occurrence.document)
        return shard.around(occurrence.document - shard.first, occurrence.offset, length, reach)

    def id(self, document: int) -> str:
        """The id of the document of that number."""
        start, end = self._id_starts[document], self._id_starts[document + 1]
        return bytes(self._ids[start:end]).decode()

    def _asked(self, query: Sequence) -> bytes:
        if len(query) == 0:
            raise EtymonError("Nothing was asked for.", help="give at least one byte or token")
        return as_bytes(query, self.unit)


class Shard:
    """One shard: text and suffixes as memory that is searched by halving."""

    def __init__(self, artifact: Artifact, number: int, first: int, width: int) -> None:
        """`first` is the number of its first document."""
        self._width, self.first = width, first
        text = artifact.map(f"{number}.text", np.uint8)
        self._text, self._units = text.data, text.view(f">u{width}")
        self._places = artifact.map(f"{number}.suffixes", "<u4")
        self._suffixes = self._places.data
        self._buckets = artifact.map(f"{number}.buckets", "<u4").tolist()
        self._starts: list[int] = artifact.map(f"{number}.starts", "<i8").tolist()
        self._separator = b"\xff" * width

    def range(self, asked: bytes) -> tuple[int, int]:
        """The slots of the suffixes that begin with the query: from, up to. None do where it holds a separator."""
        if self._separator_in(asked) >= 0:
            return 0, 0
        low, high = self._bucket(asked)
        text, width, size = self._text, self._width, len(asked)

        def begins(place: int) -> bytes:
            return text[place * width : place * width + size].tobytes()

        low = bisect_left(self._suffixes, asked, low, high, key=begins)
        return low, bisect_right(self._suffixes, asked, low, high, key=begins)

    def after(self, asked: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The different units right behind the occurrences of the query, what stands between documents included, and
        how often each does."""
        low, high = self.range(asked) if asked else (0, len(self._suffixes))
        places = np.asarray(self._places[low:high], np.int64) + len(asked) // self._width
        units = self._units[places].astype(np.int64)
        return np.unique(units, return_counts=True)

    def _separator_in(self, asked: bytes) -> int:
        """Where a query first holds what stands between documents, in bytes; -1 where it does not."""
        place = asked.find(self._separator)
        while place >= 0 and place % self._width:
            place = asked.find(self._separator, place + 1)
        return place

    def _bucket(self, asked: bytes) -> tuple[int, int]:
        """The slots of the suffixes that begin with the first two bytes (or the only one)."""
        first = asked[0] << 8
        if len(asked) == 1:
            return self._buckets[first], self._buckets[first + 256]
        return self._buckets[first | asked[1]], self._buckets[(first | asked[1]) + 1]

    def first_places(self, low: int, high: int, limit: int) -> list[int]:
        """The smallest places of these slots, ascending."""
        places = self._places[low:high]
        if len(places) > limit:
            places = np.partition(places, limit - 1)[:limit]
        return np.sort(places).tolist()

    def stands(self, place: int) -> tuple[int, int]:
        """The document that holds a place, and where in it."""
        number = bisect_right(self._starts, place) - 1
        return self.first + number, int(place) - self._starts[number]

    def around(self, number: int, offset: int, length: int, reach: int) -> tuple[bytes, bytes]:
        """What stands on both sides of a place in the document of that number in the shard."""
        begin, width = self._starts[number], self._width
        end = (self._starts[number + 1] if number + 1 < len(self._starts) else len(self._suffixes)) - 1
        at, after = begin + offset, begin + offset + length
        sides = (max(at - reach, begin), at), (after, min(after + reach, end))
        before, behind = (self._text[start * width : stop * width].tobytes() for start, stop in sides)
        return before, behind

    def longest(self, data: bytes) -> Iterator[tuple[int, int]]:
        """For each unit of a text how many units from it on occur here, and a place where they do."""
        length = 0
        for start in range(0, len(data), self._width):
            length, place = self._longest_at(data, start, max(length - self._width, 0))
            yield length // self._width, place

    def _longest_at(self, data: bytes, start: int, least: int) -> tuple[int, int]:
        """Bytes that match from `start` on, and where. What matched one unit earlier, less that unit, matches here:
        `least` bytes."""
        window = max(LEAST_WINDOW, 2 * least)
        while True:
            asked = data[start : start + window]
            length, place = self._nearest(asked)
            if length < len(asked) or start + window >= len(data):
                return length, place
            window *= 2

    def _nearest(self, asked: bytes) -> tuple[int, int]:
        """How much of `asked` the suffix that begins most like it has: one of the two between which it would stand."""
        text, width, size = self._text, self._width, len(asked)

        def begins(place: int) -> bytes:
            return text[place * width : place * width + size].tobytes()

        slot = bisect_left(self._suffixes, asked, key=begins)
        best, where = 0, 0
        for near in range(max(slot - 1, 0), min(slot + 1, len(self._suffixes))):
            place = self._suffixes[near]
            length = self._common(asked, begins(place))
            if length > best:
                best, where = length, place
        return best, where

    def _common(self, one: bytes, other: bytes) -> int:
        """Bytes of the whole units that both begin with, up to the end of a document."""
        size = min(len(one), len(other))
        differ = int.from_bytes(one[:size]) ^ int.from_bytes(other[:size])
        length = size - (differ.bit_length() + 7) // 8
        length -= length % self._width
        separator = self._separator_in(one[:length])
        return length if separator < 0 else separator
