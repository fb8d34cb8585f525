"""Objects: files in a bucket, in pieces whose names follow from what they hold, compared on the way there and back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from etymon.progress import Progress
from etymon.storage import commit
from etymon.storage.blocks import BLOCK, BlockReader, FileRecord, FileWriter, hash_block
from etymon.storage.bucket import Bucket, NetworkFault, ahead

PIECE = 16 * BLOCK
"""Bytes of a file per object; the last of a file may be shorter."""


@dataclass(frozen=True)
class Source:
    """A file here, and what it must hold."""

    folder: Path
    name: str
    owner: str
    record: FileRecord

    def piece(self, number: int) -> bytes:
        """The bytes of a piece, each block compared. Raises Damaged."""
        with BlockReader(self.folder, self.name, self.owner, self.record) as reader:
            reader.seek(number * PIECE)
            blocks = -(-_size(self.record, number) // BLOCK)
            return b"".join(reader.read(BLOCK) or b"" for _ in range(blocks))


class Count:
    """Bytes done of a total, told as progress."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def add(self, size: int, note: str) -> None:
        self._done += size
        self._progress(self._done, self._total, note)


class Objects:
    """The files below one folder of a bucket: FOLDER/SHA256/NUMBER holds that piece of the file with that SHA-256."""

    def __init__(self, bucket: Bucket, folder: str) -> None:
        self._bucket, self._folder = bucket, folder

    def push(self, source: Source, count: Count, *, check: bool) -> list[str]:
        """Puts the pieces of a file that are not there; gives their keys. With `check` those that are there are read
        again, and replaced where they are damaged."""
        record = source.record
        there = self._bucket.sizes(f"{self._folder}/{record.sha256}/") if record.size else {}

        def push(number: int) -> str:
            key = self._key(record, number)
            done = there.get(key) == _size(record, number) and not (check and self._wrong(key, record, number))
            if not done:
                data = source.piece(number)
                # What is there all the same was cut or damaged, or came this very moment, perhaps by a request of ours
                # whose answer was lost.
                if not self._bucket.put(key, data) and self._wrong(key, record, number):
                    self._bucket.replace(key, data)
            count.add(_size(record, number), source.owner)
            return "" if done else key

        return [key for key in ahead(self._bucket.at_once, push, range(_pieces(record))) if key]

    def pull(self, owner: str, name: str, record: FileRecord, file: FileWriter, count: Count) -> None:
        """Writes a file from its pieces and closes it. Raises NetworkFault, which names object and block, unless it is
        the one that the record tells of."""

        def fetch(number: int) -> bytes:
            key = self._key(record, number)
            data = self._bucket.get(key)
            wrong = _wrong_block(record, number, data)
            if data is None or wrong:
                raise self._damaged(owner, key, name, wrong)
            return data

        for data in ahead(self._bucket.at_once, fetch, range(_pieces(record))):
            file.write(data)
            count.add(len(data), owner)
        file.close()
        if file.record != record:
            where = f"{self._bucket.where}/{self._folder}/{record.sha256} ({name})"
            raise damaged(owner, where, "its SHA-256 differs from the manifest's")

    def check(self, owner: str, files: Iterable[tuple[str, FileRecord]], read: set[str]) -> None:
        """Raises NetworkFault unless all pieces of these files are there with their sizes, and those whose keys are in
        `read` hold what they should."""
        there = self._bucket.sizes(f"{self._folder}/")
        for name, record in files:
            for number in range(_pieces(record)):
                key = self._key(record, number)
                wrong = self._wrong(key, record, number) if key in read else None
                if there.get(key) != _size(record, number):
                    wrong = _wrong_block(record, number, self._bucket.get(key))
                if wrong:
                    raise self._damaged(owner, key, name, wrong)

    def keep(self, records: Iterable[FileRecord]) -> None:
        """Removes all objects but those of these files."""
        needed = {record.sha256 for record in records}
        for key in self._bucket.sizes(f"{self._folder}/"):
            if key.split("/")[-2] not in needed:
                self._bucket.remove(key)

    def _key(self, record: FileRecord, number: int) -> str:
        return f"{self._folder}/{record.sha256}/{number:06d}"

    def _wrong(self, key: str, record: FileRecord, number: int) -> tuple[int, str] | None:
        return _wrong_block(record, number, self._bucket.get(key))

    def _damaged(self, owner: str, key: str, name: str, wrong: tuple[int, str] | None) -> NetworkFault:
        block, why = wrong or (0, "there is no such object")
        return damaged(owner, f"{self._bucket.where}/{key}, block {block} of {name}", why)


def damaged(owner: str, where: str, why: str) -> NetworkFault:
    """What is in the bucket is not what was put there."""
    return NetworkFault(
        f"{owner} cannot be taken from the bucket: a part of it is damaged or missing there.",
        where=where,
        why=why,
        help="push it again with --check from a store that holds it whole",
    )


def record_of(path: Path) -> FileRecord:
    """What a manifest would say of a file that has none."""
    whole, blocks, size = hashlib.sha256(), list[str](), 0
    with commit.telling(path), path.open("rb") as file:
        while block := file.read(BLOCK):
            whole.update(block)
            blocks.append(hash_block(block))
            size += len(block)
    return FileRecord(size, whole.hexdigest(), tuple(blocks))


def _pieces(record: FileRecord) -> int:
    return -(-record.size // PIECE)


def _size(record: FileRecord, number: int) -> int:
    return min(PIECE, record.size - number * PIECE)


def _wrong_block(record: FileRecord, number: int, data: bytes | None) -> tuple[int, str] | None:
    """The number in its file of the first block of a piece that is not as recorded, and why; None where all are."""
    first, size = number * PIECE // BLOCK, _size(record, number)
    if data is None:
        return first, "there is no such object"
    if len(data) != size:
        return first + min(len(data), size - 1) // BLOCK, f"the object has {len(data):,} bytes instead of {size:,}"
    view = memoryview(data)
    for index, wanted in enumerate(record.blocks[first : first + PIECE // BLOCK]):
        if hash_block(view[index * BLOCK : (index + 1) * BLOCK]) != wanted:
            return first + index, "its xxh3-128 hash differs from the manifest's"
    return None
