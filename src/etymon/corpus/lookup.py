"""From an id, an address or a file's name to the rows of decisions.parquet: sorted hashes, searched on the disk."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
import xxhash
from numpy.typing import NDArray

from etymon.corpus.arrow import RecordBatch
from etymon.storage import Artifact, Draft

IDS_FILE, NAMES_FILE = "ids.bin", "names.bin"
ENTRY = np.dtype([("key", "<u8"), ("row", "<u8"), ("count", "<u4")])
"""One entry: the first 16 digits of an id as a number, or XXH3-64 of a name; the first row; how many rows follow on."""
ID_DIGITS = 16


def url_key(url: str) -> int:
    """The key of an address."""
    return xxhash.xxh3_64_intdigest(f"url {url}".encode("utf-8", "surrogatepass"))


def file_keys(name: str) -> Iterator[int]:
    """The keys of a file's name and of every end of it that begins after a slash: each is a way to ask for it."""
    while name:
        yield xxhash.xxh3_64_intdigest(f"file {name}".encode("utf-8", "surrogatepass"))
        name = name.partition("/")[2]


@dataclass(slots=True)
class Lookup:
    """Collects the entries of a corpus batch by batch, and writes them."""

    _ids: array[int] = field(default_factory=lambda: array("Q"))
    _keys: array[int] = field(default_factory=lambda: array("Q"))
    _starts: array[int] = field(default_factory=lambda: array("Q"))
    _counts: array[int] = field(default_factory=lambda: array("I"))
    _rows: int = 0
    _file: str = ""
    _begun: int = 0

    def add(self, batch: RecordBatch) -> None:
        """Takes the next rows."""
        ids: list[str] = batch.column("id").to_pylist()
        self._ids.extend(int(id[:ID_DIGITS], 16) for id in ids)
        for row, (url, file) in enumerate(
            zip(batch.column("url").to_pylist(), batch.column("source_file").to_pylist(), strict=True), self._rows
        ):
            if file != self._file:
                self._end_file(row)
                self._file = file
            if url != file:  # a plain file is its own address
                self._add(url_key(url), row, 1)
        self._rows += len(ids)

    def _add(self, key: int, row: int, count: int) -> None:
        self._keys.append(key)
        self._starts.append(row)
        self._counts.append(count)

    def _end_file(self, row: int) -> None:
        if row > self._begun:
            for key in file_keys(self._file):
                self._add(key, self._begun, row - self._begun)
        self._begun = row

    def write(self, draft: Draft) -> None:
        """Writes both files, sorted."""
        self._end_file(self._rows)
        draft.write(IDS_FILE, _sorted(self._ids, range(self._rows), 1))
        draft.write(NAMES_FILE, _sorted(self._keys, self._starts, self._counts))


def _sorted(keys: array[int], rows: Sequence[int], counts: array[int] | int) -> bytes:
    entries = np.zeros(len(keys), ENTRY)
    entries["key"], entries["row"], entries["count"] = keys, rows, counts
    return entries[np.argsort(entries["key"], kind="stable")].tobytes()


def _read(stream: BinaryIO, start: int, count: int) -> NDArray[Any]:
    stream.seek(start * ENTRY.itemsize)
    return np.frombuffer(stream.read(count * ENTRY.itemsize), ENTRY)


def _first(stream: BinaryIO, low: int, high: int, key: int) -> int:
    """The first entry of [low, high) whose key is at least `key`."""
    while low < high:
        middle = (low + high) // 2
        if int(_read(stream, middle, 1)["key"][0]) < key:
            low = middle + 1
        else:
            high = middle
    return low


def _between(artifact: Artifact, name: str, low_key: int, high_key: int, most: int) -> list[int]:
    """Up to `most` rows of the entries with low_key <= key < high_key, in the order of reading."""
    total = artifact.files[name] // ENTRY.itemsize
    with artifact.open(name) as stream:
        start = _first(stream, 0, total, low_key)
        stop = min(_first(stream, start, total, high_key), start + most)
        entries = _read(stream, start, stop - start)
    rows = [row + n for _, row, count in entries.tolist() for n in range(min(count, most))]
    return sorted(rows)[:most]


def rows_by_id(artifact: Artifact, prefix: str, most: int) -> list[int]:
    """The rows whose id may begin with `prefix` (hexadecimal digits); those beyond its 16th are not looked at."""
    digits = prefix[:ID_DIGITS]
    width = 4 * (ID_DIGITS - len(digits))
    low = int(digits, 16) << width
    return _between(artifact, IDS_FILE, low, low + (1 << width), most)


def rows_by_url(artifact: Artifact, url: str, most: int) -> list[int]:
    """The rows whose address may be `url` (its hash is the same)."""
    key = url_key(url)
    return _between(artifact, NAMES_FILE, key, key + 1, most)


def rows_by_file(artifact: Artifact, path: str, most: int) -> list[int]:
    """The rows that may come from the file at `path`: a name as it was given, the end of one, or a longer path that
    ends with one."""
    for key in file_keys(path.replace("\\", "/").removeprefix("./").lstrip("/")):
        if rows := _between(artifact, NAMES_FILE, key, key + 1, most):
            return rows
    return []
