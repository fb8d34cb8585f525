"""Blocks of 1 MiB with a hash each: written and hashed in one go, and never read without being compared."""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xxhash

from etymon.errors import EtymonError
from etymon.storage import commit

BLOCK = 1 << 20
"""Bytes per block; the last of a file may be shorter."""

_BLOCKS_HELD = 8


@dataclass(frozen=True)
class FileRecord:
    """What a manifest says of one file: bytes, SHA-256 of all of it, xxh3-128 of each block of 1 MiB (all hex)."""

    size: int
    sha256: str
    blocks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"size": self.size, "sha256": self.sha256, "xxh3_128": list(self.blocks)}

    @classmethod
    def from_json(cls, value: Any) -> FileRecord:
        """Raises ValueError where the value is no such record."""
        try:
            record = cls(int(value["size"]), str(value["sha256"]), tuple(map(str, value["xxh3_128"])))
        except (KeyError, TypeError) as error:
            raise ValueError("a file's entry lacks size, sha256 or xxh3_128") from error
        if record.size < 0 or len(record.blocks) != -(-record.size // BLOCK):
            raise ValueError("a file's entry has another number of blocks than its size asks for")
        return record


@dataclass(frozen=True)
class Damage:
    """One thing found wrong: in which artifact, checkpoint or run (label and folder), which file and block of 1 MiB
    (None: the file as a whole), why, and what puts it right."""

    owner: str
    path: Path
    file: str
    block: int | None
    why: str
    remedy: str = ""

    def __str__(self) -> str:
        block = "" if self.block is None else f", block {self.block}"
        return f"{self.owner}: {self.file}{block}: {self.why}"

    def as_json(self) -> dict[str, Any]:
        """For machines; `remedy` is always said."""
        return {**vars(self), "path": str(self.path), "remedy": self.remedy or remake(self.path)}


class Damaged(EtymonError):
    """Bytes on the disk are not those that were written; `damage` says which."""

    exit_code = 74

    def __init__(self, damage: Damage) -> None:
        place = "" if damage.block is None else f", block {damage.block} (bytes {damage.block * BLOCK:,} and on)"
        super().__init__(
            f"{damage.owner} is damaged: its {damage.file} is not what was written.",
            where=f"{damage.path / damage.file}{place}",
            why=damage.why,
            help="`etymon verify` lists all damage; `etymon repair` puts right what it can; else "
            + (damage.remedy or _anew(damage.path)),
        )
        self.damage = damage


_NOT_DAMAGE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES, errno.EPERM)
"""Errors that tell of this process, which lacks a right or a means, and nothing of the file."""


def unreadable(error: OSError, damage: Damage) -> EtymonError:
    """What to raise where a file cannot be read: damage, unless it may be whole and is only closed to this process.
    Nothing is made again or removed for that."""
    return commit.told(error, damage.path / damage.file) if error.errno in _NOT_DAMAGE else Damaged(damage)


def remake(path: Path) -> str:
    """What puts a damaged folder right."""
    return f"`etymon repair` puts right what it can; else {_anew(path)}"


def _anew(path: Path) -> str:
    return f"remove {path} and run the command that made it once more"


def hash_block(data: Any) -> str:
    """xxh3-128 of a bytes-like object, 32 hex digits."""
    return xxhash.xxh3_128_hexdigest(data)


class FileWriter(io.BufferedIOBase):
    """A write-only binary file that hashes what passes through; `record` is there once it is closed.

    As a context manager it is given up and removed if the body raises. Dropped without closing, it is removed too.
    """

    def __init__(
        self, path: Path, *, needed: int = 0, ended: Callable[[FileRecord | None], None] | None = None
    ) -> None:
        """`needed`: bytes to speak of when the disk is full. `ended` is told the record, or None if it was given up."""
        super().__init__()
        self.record: FileRecord | None = None
        self._ended = ended
        self._process = os.getpid()  # a forked child that forgets its copy must not remove the file
        self._needed = needed
        self._sha256 = hashlib.sha256()
        self._blocks: list[str] = []
        self._pending = bytearray()
        self._size = 0
        self._file: commit.OpenFile | None = commit.OpenFile.create(path)

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, data: Any, /) -> int:
        if self._file is None:
            raise ValueError("write to a closed file")
        length = memoryview(data).nbytes
        if not length:
            return 0
        view = memoryview(data).cast("B")
        if self._pending:
            taken = min(BLOCK - len(self._pending), length)
            self._pending += view[:taken]
            view = view[taken:]
            if len(self._pending) == BLOCK:
                self._put(self._pending)
                self._pending = bytearray()
        while len(view) >= BLOCK:
            self._put(view[:BLOCK])
            view = view[BLOCK:]
        self._pending += view
        self._size += length
        return length

    def _put(self, block: commit.Buffer) -> None:
        """One block to the hashes and to the disk: hashed in flight, so that a bad write cannot be sealed in."""
        assert self._file is not None
        self._blocks.append(hash_block(block))
        self._sha256.update(block)
        self._file.write(block, needed=self._needed)

    def close(self) -> None:
        """Writes what is left, syncs, and tells the record. A file whose writing failed is removed."""
        if self._file is None:
            return
        try:
            if self._pending:
                self._put(self._pending)
            self._file.sync(needed=self._needed or self._size)
            self._file.close()
        except BaseException:
            self.discard()
            raise
        self._file = None
        self.record = FileRecord(self._size, self._sha256.hexdigest(), tuple(self._blocks))
        super().close()
        if self._ended is not None:
            self._ended(self.record)

    def discard(self) -> None:
        """Removes the file."""
        if self._file is not None:
            opened, self._file = self._file, None
            commit.discard(opened)
            if self._ended is not None:
                self._ended(None)
        super().close()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def __del__(self) -> None:
        if getattr(self, "_file", None) is not None and self._process == os.getpid():
            self.discard()


class BlockReader(io.RawIOBase):
    """A seekable file of which no byte is given out before the block it lies in was compared with its hash."""

    def __init__(self, folder: Path, name: str, owner: str, record: FileRecord) -> None:
        super().__init__()
        self._folder, self._name, self._owner, self._file_record = folder, name, owner, record
        self._position = 0
        self._held: OrderedDict[int, bytes] = OrderedDict()
        self._descriptor = -1
        self._descriptor = _open(folder, name, owner, record)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._file_record.size}[whence]
        if base + offset < 0:
            raise ValueError("seek before the start of the file")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        if self._descriptor < 0:
            raise ValueError("read of a closed file")
        view = memoryview(buffer).cast("B")
        index, start = divmod(self._position, BLOCK)
        if index >= len(self._file_record.blocks) or not view:
            return 0
        part = memoryview(self._block(index))[start : start + len(view)]
        view[: len(part)] = part
        self._position += len(part)
        return len(part)

    def _block(self, index: int) -> bytes:
        if index in self._held:
            self._held.move_to_end(index)
            return self._held[index]
        block = self._load(index)
        self._held[index] = block
        if len(self._held) > _BLOCKS_HELD:
            self._held.popitem(last=False)
        return block

    def _load(self, index: int) -> bytes:
        wanted = min(BLOCK, self._file_record.size - index * BLOCK)
        try:
            data = _read_exactly(self._descriptor, wanted, index * BLOCK)
        except OSError as error:
            raise unreadable(error, self._damage(index, f"it cannot be read: {error.strerror}")) from error
        self._compare(index, data, wanted)
        return data

    def _compare(self, index: int, data: commit.Buffer, wanted: int) -> None:
        if len(data) != wanted:
            raise Damaged(self._damage(index, f"it ends after {index * BLOCK + len(data):,} bytes"))
        if hash_block(data) != self._file_record.blocks[index]:
            raise Damaged(self._damage(index, "its xxh3-128 hash differs from the manifest's"))

    def blocks(self) -> Iterator[bytes]:
        """All blocks in order, each compared."""
        for index in range(len(self._file_record.blocks)):
            yield self._load(index)

    def whole(self) -> bytes:
        """All bytes, each block compared; read in one piece, so that they lie in memory once."""
        try:
            data = _read_exactly(self._descriptor, self._file_record.size, 0)
        except OSError:
            return b"".join(self.blocks())  # block by block, so that the one that cannot be read is named
        view = memoryview(data)
        for index in range(len(self._file_record.blocks)):
            start = index * BLOCK
            self._compare(index, view[start : start + BLOCK], min(BLOCK, self._file_record.size - start))
        return data

    def check_blocks(self) -> None:
        """Compares all blocks, in one piece of memory for all of them."""
        scratch = memoryview(bytearray(min(BLOCK, self._file_record.size)))
        for index in range(len(self._file_record.blocks)):
            wanted = min(BLOCK, self._file_record.size - index * BLOCK)
            try:
                os.lseek(self._descriptor, index * BLOCK, os.SEEK_SET)
                got = os.readv(self._descriptor, [scratch[:wanted]])
            except OSError as error:
                raise unreadable(error, self._damage(index, f"it cannot be read: {error.strerror}")) from error
            if got < wanted:
                self._load(index)  # the rest comes in another piece, or the file ends
            else:
                self._compare(index, scratch[:wanted], wanted)

    def damages(self) -> list[Damage]:
        """All blocks that are not what was written, and the file as a whole if its SHA-256 differs though none is."""
        found: list[Damage] = []
        whole = hashlib.sha256()
        for index in range(len(self._file_record.blocks)):
            try:
                whole.update(self._load(index))
            except Damaged as error:
                found.append(error.damage)
        if not found and whole.hexdigest() != self._file_record.sha256:
            found.append(self._damage(None, "its SHA-256 differs from the manifest's"))
        return found

    def _damage(self, block: int | None, why: str) -> Damage:
        return Damage(self._owner, self._folder, self._name, block, why)

    def close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)
        super().close()


def _open(folder: Path, name: str, owner: str, record: FileRecord) -> int:
    """A descriptor of the file, once it is seen to be a plain file of the right size. Links are not followed."""
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise unreadable(error, Damage(owner, folder, name, None, f"it cannot be opened: {error.strerror}")) from error
    size = os.fstat(descriptor).st_size
    if size != record.size:
        os.close(descriptor)
        raise Damaged(Damage(owner, folder, name, None, f"it has {size:,} bytes instead of {record.size:,}"))
    return descriptor


def _read_exactly(descriptor: int, size: int, offset: int) -> bytes:
    """`size` bytes from `offset`, fewer only where the file ends."""
    data = os.pread(descriptor, size, offset)
    if len(data) == size:
        return data
    parts = [data]  # Linux reads 2 GiB at once at most
    while parts[-1] and (done := sum(map(len, parts))) < size:
        parts.append(os.pread(descriptor, size - done, offset + done))
    return b"".join(parts)
