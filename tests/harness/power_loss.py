"""A disk in memory that loses power: from the changes that storage asked for, the states it may be found in.

What was synced is kept. Of the rest each file and each folder keeps its own part, whatever the others keep, also where
one was changed before the other:

- of a folder the oldest of its changes, any number of them, as on file systems with a journal;
- of a file's length the oldest of its changes; of its data any blocks, written in any order; where the length lasted
  and a block did not, zeros (or what was there before a cut) are found. A rename that lasted says nothing of the data.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Union

Tree = dict[str, Union[bytes, "Tree"]]
"""A folder as it may be found: name -> the bytes of a file, or another folder."""

Parts = tuple[str, ...]

_BLOCKS = (1, 16, 64, 512, 4096)


@dataclass(frozen=True)
class Change:
    """One operation of `etymon.storage.commit` on a path below the root, and the function of storage that asked for it.

    `target` is where a rename goes, `data` what a write appends, `size` what a truncate leaves.
    """

    name: str
    path: Parts
    target: Parts = ()
    data: bytes = b""
    size: int = 0
    site: str = ""


@dataclass
class File:
    """Bytes as programs see them, those that are safe, and the writes (offset, data) and cuts (size) between."""

    now: bytes = b""
    safe: bytes = b""
    pending: list[tuple[int, bytes] | int] = field(default_factory=list)

    def write(self, data: bytes) -> None:
        self.pending.append((len(self.now), data))
        self.now += data

    def cut(self, size: int) -> None:
        self.pending.append(size)
        self.now = self.now[:size]

    def sync(self) -> None:
        self.safe, self.pending = self.now, []

    def after_loss(self, chance: random.Random) -> bytes:
        if not self.pending:
            return self.safe
        luck = chance.random()
        if luck < 0.3:
            return self.safe if luck < 0.2 else self.now
        lasted = chance.randint(0, len(self.pending))  # changes of the length, oldest first
        image, length = bytearray(self.safe), len(self.safe)
        kept = _kept_blocks(sum(len(change[1]) for change in self.pending if isinstance(change, tuple)), chance)
        for number, change in enumerate(self.pending):
            if isinstance(change, tuple):
                offset, data = change
                _put(image, offset, data, kept)
                if number < lasted:
                    length = offset + len(data)
                elif number == lasted:
                    length = max(length, offset + chance.randint(0, len(data)))
            elif number < lasted:
                del image[change:]
                length = change
        return bytes(image[:length]) + bytes(length - len(image[:length]))


def _kept_blocks(total: int, chance: random.Random) -> Iterator[tuple[int, bool]]:
    """Without end: the length of the next block, and whether it reached the disk."""
    block = chance.choice([size for size in _BLOCKS if size * 256 > total] or _BLOCKS[-1:])
    style = chance.random()
    if style < 0.25:
        turn = chance.randint(0, total // block + 1)  # a beginning, or with the same chance an end
        begin = chance.random() < 0.5
        number = 0
        while True:
            yield block, (number < turn) == begin
            number += 1
    while True:
        yield block, style > 0.5 or chance.random() < 0.5


def _put(image: bytearray, offset: int, data: bytes, kept: Iterator[tuple[int, bool]]) -> None:
    if len(image) < offset:
        image += bytes(offset - len(image))
    start = 0
    while start < len(data):
        block, reached = next(kept)
        part = data[start : start + block]
        at = offset + start
        if reached:
            image[at : at + len(part)] = part
        elif len(image) < at + len(part):
            image += bytes(at + len(part) - len(image))
        start += block


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
        if not self.changes:
            return self.safe
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
    """A folder and all below it, which begin as `tree`, all of it safe."""

    def __init__(self, tree: Tree | None = None) -> None:
        self._top = _safe_folder(tree or {})

    def do(self, change: Change) -> None:
        """Follows one change."""
        if not change.path:
            if change.name == "sync folder":
                self._top.sync()
            return
        folder, name = self.folder(change.path[:-1]), change.path[-1]
        node = folder.now.get(name)
        if change.name in ("create", "mkdir"):
            if node is None:
                folder.change({name: File() if change.name == "create" else Folder()})
        elif change.name in ("unlink", "rmdir"):
            if node is not None:
                folder.change({name: None})
        elif change.name == "rename":
            assert node is not None
            assert change.target[:-1] == change.path[:-1], "a rename between folders is two changes on many disks"
            folder.change({name: None, change.target[-1]: node})
        elif change.name == "sync folder":
            assert isinstance(node, Folder)
            node.sync()
        else:
            assert isinstance(node, File)
            _do_file(node, change)

    def folder(self, path: Parts) -> Folder:
        folder = self._top
        for part in path:
            inner = folder.now[part]
            assert isinstance(inner, Folder)
            folder = inner
        return folder

    def now(self) -> Tree:
        """What programs see, and what a process that is killed leaves to the next."""
        return _now(self._top)

    def after_loss(self, chance: random.Random) -> Tree:
        """One of the states in which it may be found once the power is back."""
        return _after_loss(self._top, chance)


def _do_file(file: File, change: Change) -> None:
    if change.name == "write":
        file.write(change.data)
    elif change.name == "truncate":
        file.cut(change.size)
    elif change.name == "sync":
        file.sync()
    else:
        raise ValueError(f"the disk does not know the operation {change.name!r}: teach it what a loss of power keeps")


def _safe_folder(tree: Tree) -> Folder:
    names: dict[str, File | Folder] = {
        name: _safe_folder(node) if isinstance(node, dict) else File(node, node) for name, node in tree.items()
    }
    return Folder(dict(names), names)


def _now(folder: Folder) -> Tree:
    return {name: _now(node) if isinstance(node, Folder) else node.now for name, node in folder.now.items()}


def _after_loss(folder: Folder, chance: random.Random) -> Tree:
    return {
        name: _after_loss(node, chance) if isinstance(node, Folder) else node.after_loss(chance)
        for name, node in folder.after_loss(chance).items()
    }


def lay_out(tree: Tree, to: str) -> None:
    """Makes the folder `to` and in it all of the tree."""
    os.mkdir(to)
    for name, node in tree.items():
        path = f"{to}/{name}"
        if isinstance(node, dict):
            lay_out(node, path)
        else:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            os.write(descriptor, node)
            os.close(descriptor)


def read_in(root: str) -> Tree:
    """The tree that is laid out in a folder."""
    tree: Tree = {}
    for entry in sorted(os.scandir(root), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            tree[entry.name] = read_in(entry.path)
        else:
            with open(entry.path, "rb") as file:
                tree[entry.name] = file.read()
    return tree
