"""The artifact: an immutable folder whose id says which work it is the result of."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from etymon import __version__
from etymon.errors import EtymonError
from etymon.storage.blocks import Damage, Damaged, FileRecord
from etymon.storage.canonical import JsonObject, canonical
from etymon.storage.folder import MANIFEST, SealedFolder, load_manifest

SHORT = 16
"""Hex digits of the id in the name of the folder."""


def artifact_id(kind: str, recipe: Mapping[str, Any], inputs: Mapping[str, str], stage_version: int) -> str:
    """SHA-256 (64 hex digits) of the canonical JSON of the work: what is made, how, from what, by which code.

    `inputs` is role -> artifact id; `stage_version` is raised whenever the same recipe would give other bytes.
    """
    work = {"inputs": inputs, "kind": kind, "recipe": recipe, "stage_version": stage_version}
    return hashlib.sha256(canonical(work)).hexdigest()


def folder_name(kind: str, id: str) -> str:
    return f"{kind}-{id[:SHORT]}"


def content_hash(records: Mapping[str, FileRecord]) -> str:
    """SHA-256 (hex) of the canonical JSON of file name -> SHA-256: equal where all files are, whatever made them."""
    return hashlib.sha256(canonical({name: record.sha256 for name, record in records.items()})).hexdigest()


@cache
def library_versions() -> dict[str, str]:
    """The versions that bytes may depend on; a library that is not installed is left out."""
    machine = f"{sys.platform}-{platform.machine()}"
    found = {"etymon": __version__, "python": platform.python_version(), "platform": machine}
    for library in ("numpy", "pyarrow", "safetensors", "tokenizers", "torch", "xxhash"):
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


class Artifact(SealedFolder):
    """A sealed result. `recipe` and `inputs` (role -> id) are what it was made by and from, `statistics` what it told.

    `created` is the wall clock in ISO 8601, for showing only. Reading checks every block; see `SealedFolder`.
    """

    def __init__(self, path: Path) -> None:
        """Opens a folder. Raises Damaged where its manifest is not what was written."""
        manifest = load_manifest(path, path.name)
        super().__init__(path, path.name, manifest)
        try:
            self._take(manifest)
        except (KeyError, TypeError, ValueError) as error:
            raise self._unfit(f"an entry is missing or of the wrong type: {error}") from error
        if self.id != artifact_id(self.kind, self.recipe, self.inputs, self.stage_version):
            raise self._unfit("its id is not that of its recipe and inputs")

    @classmethod
    def stored(cls, path: Path) -> Artifact:
        """Opens a folder of a store; Damaged also where it holds another artifact than its name says."""
        found = cls(path)
        if found.label != path.name:
            raise Damaged(Damage(path.name, path, MANIFEST, None, f"it is that of {found.label}"))
        return found

    def _take(self, manifest: JsonObject) -> None:
        self.id = str(manifest["id"])
        self.kind = str(manifest["kind"])
        self.name = str(manifest["name"])
        self.recipe: JsonObject = dict(manifest["recipe"])
        self.inputs: dict[str, str] = dict(manifest["inputs"])
        self.stage_version = int(manifest["stage_version"])
        self.statistics: JsonObject = dict(manifest["statistics"])
        self.versions: dict[str, str] = dict(manifest["versions"])
        self.content_hash = str(manifest["content_hash"])
        self.created = str(manifest["created"])
        self.label = folder_name(self.kind, self.id)

    def _unfit(self, why: str) -> Damaged:
        return Damaged(Damage(self.label, self.path, MANIFEST, None, why))

    def verify(self) -> list[Damage]:
        """All that is wrong with it, found by reading every byte; empty where nothing is."""
        try:
            load_manifest(self.path, self.label)
        except Damaged as error:
            return [error.damage]
        found = super().verify()
        if self.content_hash != content_hash(self.records):
            found.append(self._unfit("its content hash is not that of its files").damage)
        return found

    def __repr__(self) -> str:
        return f"<Artifact {self.label}{f' {self.name!r}' if self.name else ''}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Artifact) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)


def is_artifact(path: Path) -> bool:
    return (path / MANIFEST).is_file()


def missing_input(role: str, id: str) -> str:
    """What is told of a reference that leads nowhere."""
    return f"its {role!r} ({id[:SHORT]}) is not in this store"


def unknown_input(role: str, id: str) -> EtymonError:
    return EtymonError(
        f"The input {role!r} ({id[:SHORT]}) is not in this store.",
        why="an artifact is made only from artifacts that it can be traced to",
        help="`etymon ls` shows what is there; make the input again with the command that made it",
    )
