"""A disk in memory that loses power: from the operations that storage asked for, the states it may be found in.

What was synced is kept. Of what was not, a file keeps any beginning, perhaps with holes of zeros, and a folder any
number of its oldest changes, as on file systems with a journal.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from etymon.storage.commit import Operation


@dataclass
class File:
    """Bytes as programs see them, and those that are safe."""

    now: bytes = b""
    safe: bytes = b""

    def after_loss(self, chance: random.Random) -> bytes:
        if self.now == self.safe or chance.random() < 0.3:
            return self.safe
        if not self.now.startswith(self.safe):  # it was cut: either the old bytes or the new
            return self.now
        end = chance.randint(len(self.safe), len(self.now))
        kept = bytearray(self.now[:end])
        if chance.random() < 0.5:
            hole = chance.randint(len(self.safe), end)
            kept[hole:] = bytes(end - hole)
            if chance.random() < 0.5:
                kept = kept[: len(self.safe)] + bytes(hole - len(self.safe)) + self.now[hole:end]
        return bytes(kept)


@dataclass
class Folder:
    """Names as programs see them, those that are safe, and the changes between, oldest first."""

    now: dict[str, File | Folder] = field(default_factory=dict)
    safe: dict[str, File | Folder] = field(default_factory=dict)
    changes: list[dict[str, File | Folder | None]] = field(default_factory=list)

    def change(self, names: dict[str, File | Folder | None]) -> None:
        self.changes.append(names)
        _apply(self.now, names)

    def sync(self) -> None:
        self.safe, self.changes = dict(self.now), []

    def after_loss(self, chance: random.Random) -> dict[str, File | Folder]:
        kept = dict(self.safe)
        for names in self.changes[: chance.randint(0, len(self.changes))]:
            _apply(kept, names)
        return kept


def _apply(names: dict[str, File | Folder], change: dict[str, File | Folder | None]) -> None:
    for name, node in change.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


class Disk:
    """All that is under `root`; what happens elsewhere is not followed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._top = Folder()

    def do(self, operation: Operation) -> None:
        """Follows one operation."""
        if not operation.path.is_relative_to(self._root) or operation.path == self._root:
            if operation.path == self._root and operation.name == "sync folder":
                self._top.sync()
            return
        folder, name = self._folder(operation.path.parent), operation.path.name
        node = folder.now.get(name)
        if operation.name in ("create", "mkdir"):
            if node is None:
                folder.change({name: File() if operation.name == "create" else Folder()})
        elif operation.name in ("unlink", "rmdir"):
            if node is not None:
                folder.change({name: None})
        elif operation.name == "rename":
            assert operation.target is not None
            assert operation.target.parent == operation.path.parent
            assert node is not None
            folder.change({name: None, operation.target.name: node})
        elif operation.name == "sync folder":
            assert isinstance(node, Folder)
            node.sync()
        else:
            assert isinstance(node, File)
            self._do_file(operation, node)

    def _do_file(self, operation: Operation, file: File) -> None:
        if operation.name == "write":
            file.now += bytes(operation.data)
        elif operation.name == "truncate":
            file.now = file.now[: operation.size]
        else:
            file.safe = file.now

    def _folder(self, path: Path) -> Folder:
        folder = self._top
        for part in path.relative_to(self._root).parts:
            inner = folder.now[part]
            assert isinstance(inner, Folder)
            folder = inner
        return folder

    def found_after_loss(self, chance: random.Random, to: Path) -> None:
        """Writes one of the states in which the disk may be found, into the empty folder `to`."""
        _write(self._top, chance, to)


def _write(folder: Folder, chance: random.Random, to: Path) -> None:
    for name, node in folder.after_loss(chance).items():
        if isinstance(node, Folder):
            (to / name).mkdir()
            _write(node, chance, to / name)
        else:
            (to / name).write_bytes(node.after_loss(chance))
