"""Where the bytes of a block lie: in the file that they are of, and wherever a manifest says that the same ones are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from etymon.storage.blocks import BLOCK, Damage, Damaged, FileRecord, hash_block
from etymon.storage.canonical import unseal
from etymon.storage.folder import MANIFEST


@dataclass(frozen=True)
class Place:
    """Where a block's bytes lie."""

    path: Path
    offset: int
    size: int
    hash: str

    def read(self) -> bytes | None:
        """The bytes, if they are there and have the hash."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            with open(descriptor, "rb", buffering=0) as file:
                file.seek(self.offset)
                data = bytearray()
                while part := file.read(self.size - len(data)):
                    data += part
        except OSError:
            return None
        return bytes(data) if hash_block(data) == self.hash else None


def places_of(path: Path, record: FileRecord) -> list[Place]:
    """The blocks of a file in their places."""
    return [
        Place(path, block * BLOCK, min(BLOCK, record.size - block * BLOCK), hash)
        for block, hash in enumerate(record.blocks)
    ]


def all_places(root: Path) -> Iterator[Place]:
    """The blocks of all artifacts, checkpoints and snapshots below a store's root, or of one folder."""
    found = [root / MANIFEST, *root.glob("artifacts/*/" + MANIFEST), *root.glob("*/" + MANIFEST)]
    found += root.glob(f"runs/*/checkpoints/**/{MANIFEST}")
    for path in sorted(set(found)):
        try:
            files = unseal(path.read_bytes())["files"]
            records = {str(name): FileRecord.from_json(entry) for name, entry in files.items()}
        except (OSError, ValueError, KeyError, AttributeError):
            continue
        for name, record in records.items():
            yield from places_of(path.parent / name, record)


def contents(places: Iterable[Place]) -> Iterator[bytes]:
    """The bytes of blocks, one after the other. Raises Damaged where one is no longer what it was."""
    for place in places:
        data = place.read()
        if data is None:
            raise Damaged(
                Damage(place.path.parent.name, place.path.parent, place.path.name, None, "it changed just now")
            )
        yield data
