"""A sealed folder: files and a manifest, written last, that says of each file its size and hashes."""

from __future__ import annotations

import contextlib
import io
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import DTypeLike

from etymon.errors import EtymonError
from etymon.storage import commit, names
from etymon.storage.blocks import BlockReader, Damage, Damaged, FileRecord, FileWriter, unreadable
from etymon.storage.canonical import JsonObject, seal, unseal

MANIFEST = "manifest.json"
FORMAT = 1
"""The version of the format on disk that this code reads and writes; docs/format.md describes it."""

_READ_AHEAD = 1 << 16

Content = commit.Buffer | Iterable[bytes]

_verified: set[tuple[str, int, int, int, int]] = set()
"""Files mapped and found whole by this process: path, device, inode, bytes, time of change."""

_SETTLED = 2_000_000_000
"""Nanoseconds: the coarsest step in which a file system tells the time of a change."""


def load_manifest(folder: Path, owner: str) -> JsonObject:
    """The manifest of a sealed folder, checked against its own digest.

    Raises Damaged, or EtymonError where another version of the format wrote it.
    """
    try:
        manifest = unseal((folder / MANIFEST).read_bytes())
    except OSError as error:
        damage = Damage(owner, folder, MANIFEST, None, f"it cannot be read: {error.strerror}")
        raise unreadable(error, damage) from error
    except ValueError as error:
        raise Damaged(Damage(owner, folder, MANIFEST, None, str(error))) from error
    check_format(manifest.get("format"), folder / MANIFEST)
    return manifest


def check_format(found: Any, where: Path | str) -> None:
    """Refuses what another version of the format wrote."""
    if found != FORMAT:
        raise EtymonError(
            f"This was written in format {found}; this Etymon reads format {FORMAT}.",
            where=str(where),
            help="use the Etymon that wrote it, or name another store with ETYMON_STORE and make it anew there",
        )


class FolderWriter:
    """A folder that is being filled; `close` writes the manifest last and makes all of it durable."""

    def __init__(self, path: Path) -> None:
        commit.make_folder(path)
        self.path = path
        self.records: dict[str, FileRecord] = {}
        self._open: dict[str, FileWriter] = {}

    def writer(self, name: str, *, needed: int = 0) -> FileWriter:
        """A new file of the folder. Each name is written once, also where a disk does not tell capitals apart."""
        names.checked(name, "a file")
        taken = {known.lower() for known in (MANIFEST, *self.records, *self._open)}
        if name.lower() in taken:
            raise EtymonError(f"The file {name} is there already.", where=str(self.path), help="give it another name")

        def ended(record: FileRecord | None) -> None:
            self._open.pop(name, None)
            if record is not None:
                self.records[name] = record

        self._open[name] = FileWriter(self.path / name, needed=needed, ended=ended)
        return self._open[name]

    def write(self, name: str, content: Content) -> None:
        """Writes a file whole: one bytes-like object, or the concatenation of many."""
        if isinstance(content, bytes | bytearray | memoryview):
            with self.writer(name, needed=len(content)) as file:
                file.write(content)
            return
        with self.writer(name) as file:
            for part in content:
                file.write(part)

    def close(self, about: Mapping[str, Any]) -> JsonObject:
        """Writes the manifest (what `about` says, and the files) and syncs the folder; gives the manifest."""
        if self._open:
            raise EtymonError(
                f"The file {min(self._open)} is still being written.",
                where=str(self.path),
                help="close it before sealing",
            )
        files = {name: record.to_json() for name, record in self.records.items()}
        data = seal({**about, "format": FORMAT, "files": files})
        opened = commit.OpenFile.create(self.path / MANIFEST)
        try:
            opened.write(data)
            opened.sync()
            opened.close()
        except BaseException:
            commit.discard(opened)
            raise
        commit.sync_folder(self.path)
        return unseal(data)

    def remove(self) -> None:
        """Gives the folder up and removes it."""
        for file in list(self._open.values()):
            file.discard()
        commit.remove_folder(self.path)

    def remove_after_fault(self) -> None:
        """Gives the folder up while an error is on its way; that error, not one of the removal, is the one to tell."""
        with contextlib.suppress(EtymonError):
            self.remove()


class SealedFolder:
    """The reading side: every byte is compared with the manifest's hashes before it is given out."""

    def __init__(self, path: Path, owner: str, manifest: JsonObject) -> None:
        self.path = path
        self.label = owner
        try:
            entries = cast("dict[str, Any]", manifest["files"])
            self.records = {name: FileRecord.from_json(entry) for name, entry in entries.items()}
        except (KeyError, AttributeError, ValueError) as error:
            raise Damaged(Damage(owner, path, MANIFEST, None, f"its list of files is unfit: {error}")) from error

    @property
    def files(self) -> dict[str, int]:
        """The files and their bytes."""
        return {name: record.size for name, record in self.records.items()}

    def read(self, name: str) -> bytes:
        """All bytes of a file. Raises Damaged, naming the block, unless they are those that were written."""
        with self._reader(name) as reader:
            return reader.whole()

    def read_json(self, name: str) -> Any:
        """The JSON value of a file."""
        return json.loads(self.read(name))

    def open(self, name: str) -> BinaryIO:
        """A seekable binary file; each block it touches is compared first."""
        return cast("BinaryIO", io.BufferedReader(self._reader(name), _READ_AHEAD))

    def map(self, name: str, dtype: DTypeLike) -> np.ndarray[Any, np.dtype[Any]]:
        """A file as a read-only array of `dtype` [bytes / itemsize] on the disk's own pages.

        All of it is compared first, once per process and file. An empty file gives an empty array.
        """
        record, kind = self._record(name), np.dtype(dtype)
        if record.size % kind.itemsize:
            raise EtymonError(
                f"{name} of {self.label} holds no whole number of {kind} values.",
                why=f"{record.size:,} bytes are no multiple of {kind.itemsize}",
                help="read it with the type it was written with",
            )
        with self._reader(name) as reader:  # sees that the file is a plain one of the right size
            if record.size == 0:
                empty = np.empty(0, kind)
                empty.setflags(write=False)
                return empty
            self._verify_once(reader, name)
        return np.memmap(self.path / name, kind, "r")

    def _verify_once(self, reader: BlockReader, name: str) -> None:
        """Compares all blocks. They are read, not looked at through the map: where a disk cannot give a page of a map,
        the system kills the process without a word."""
        state = (self.path / name).stat()
        key = (str(self.path.resolve() / name), state.st_dev, state.st_ino, state.st_size, state.st_ctime_ns)
        if key not in _verified:
            reader.check_blocks()
            if time.time_ns() - state.st_ctime_ns > _SETTLED:  # or a change to come may bear the same time
                _verified.add(key)

    def verify(self) -> list[Damage]:
        """All that is wrong: blocks, sizes, hashes, missing files, and files that do not belong here."""
        return self.verify_files(self.records) + self.strangers()

    def verify_files(self, names: Iterable[str]) -> list[Damage]:
        """All that is wrong with these files."""
        found: list[Damage] = []
        for name in sorted(names):
            try:
                with self._reader(name) as reader:
                    found += reader.damages()
            except Damaged as error:
                found.append(error.damage)
        return found

    def check_blocks(self, names: Iterable[str]) -> None:
        """Raises Damaged for the first wrong byte of these files, found by the hashes of the blocks alone.

        SHA-256, which is for identity, would add nothing and cost several times as much.
        """
        for name in sorted(names):
            with self._reader(name) as reader:
                reader.check_blocks()

    def strangers(self) -> list[Damage]:
        """The files in the folder that the manifest does not know."""
        there = sorted(entry.name for entry in self.path.iterdir()) if self.path.exists() else []
        unknown = [name for name in there if name not in self.records and name != MANIFEST]
        return [self._damage(name, None, "the manifest does not know this file") for name in unknown]

    def check(self) -> None:
        """Raises Damaged for the first thing that `verify` finds."""
        for damage in self.verify():
            raise Damaged(damage)

    def check_sizes(self) -> None:
        """Raises Damaged unless all files are there with their sizes: the quick look, which reads no data."""
        for name in self.records:
            self._reader(name).close()

    def _damage(self, file: str, block: int | None, why: str) -> Damage:
        return Damage(self.label, self.path, file, block, why)

    def _reader(self, name: str) -> BlockReader:
        return BlockReader(self.path, name, self.label, self._record(name))

    def _record(self, name: str) -> FileRecord:
        if name in self.records:
            return self.records[name]
        raise EtymonError(
            f"{self.label} has no file {name}.", where=str(self.path), help=names.nearest(name, self.records.keys())
        )
