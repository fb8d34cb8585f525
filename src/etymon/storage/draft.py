"""The draft: an artifact being written, which nobody sees until it is sealed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from etymon.errors import EtymonError
from etymon.storage import commit
from etymon.storage.artifact import Artifact, artifact_id, content_hash, folder_name, library_versions
from etymon.storage.blocks import Damaged, FileWriter
from etymon.storage.canonical import JsonObject, canonical
from etymon.storage.folder import Content, FolderWriter
from etymon.storage.lock import Lock

DRAFT = ".draft-"
LOCK = ".lock"


class Draft:
    """Files for a new artifact. A context manager: left without `seal`, it is abandoned."""

    def __init__(
        self,
        folder: Path,
        kind: str,
        recipe: Mapping[str, Any],
        inputs: Mapping[str, str],
        *,
        stage_version: int,
        name: str,
    ) -> None:
        """Begins a draft in `folder`, where the store's artifacts are. Its lock tells that it lives, and its inputs."""
        self.id = artifact_id(kind, recipe, inputs, stage_version)
        self.kind = kind
        self._about: JsonObject = {
            "id": self.id,
            "kind": kind,
            "name": name,
            "recipe": dict(recipe),
            "inputs": dict(inputs),
            "stage_version": stage_version,
        }
        self._target = folder / folder_name(kind, self.id)
        path = folder / f"{DRAFT}{kind}-{commit.token()}"
        kept = sorted([*inputs.values(), self.id])  # itself, too: once sealed it must still be there to be given back
        self._lock = Lock(path.with_name(path.name + LOCK), "This draft", about={"inputs": kept})
        self._ended = False
        try:
            self._folder = FolderWriter(path)
        except BaseException:
            self._lock.release(remove=True)
            raise

    @property
    def path(self) -> Path:
        return self._folder.path

    def write(self, name: str, data: Content) -> None:
        """Writes a file: a bytes-like object, or the parts of it one after the other. Each name once."""
        self._check_open()
        self._folder.write(name, data)

    def writer(self, name: str) -> FileWriter:
        """A write-only binary file; a context manager that keeps the file unless its body raises."""
        self._check_open()
        return self._folder.writer(name)

    def seal(self, statistics: Mapping[str, Any] | None = None) -> Artifact:
        """Writes the manifest and puts the folder in its place, in one step and durably.

        Where the same work was sealed before, that artifact is verified and given back, and the draft thrown away; if
        it is damaged, the draft takes its place.
        """
        canonical(statistics or {})
        told: JsonObject = {
            **self._about,
            "content_hash": content_hash(self._folder.records),
            "created": datetime.now(UTC).isoformat(timespec="microseconds"),
            "statistics": dict(statistics or {}),
            "versions": library_versions(),
        }
        return self._seal(told)

    def seal_copy(self, manifest: Mapping[str, Any]) -> Artifact:
        """Like `seal`, with the manifest of the same work that was done elsewhere, to the byte.

        Raises EtymonError unless the files are those that it tells of.
        """
        if {name: record.to_json() for name, record in self._folder.records.items()} != manifest["files"]:
            raise EtymonError(
                f"These are not the files of {self._target.name}.",
                where=str(self.path),
                help="fetch them once more from where they came",
            )
        return self._seal(manifest)

    def _seal(self, manifest: Mapping[str, Any]) -> Artifact:
        self._check_open()
        existing = self._existing()
        if existing is not None:
            self.abandon()
            return existing
        self._folder.close(manifest)
        try:
            commit.rename(self.path, self._target)
        except commit.DiskFault as fault:
            return self._after_fault(fault)
        made = Artifact(self._target)
        self._end()
        return made

    def _after_fault(self, fault: commit.DiskFault) -> Artifact:
        """Another process may have sealed the same work this very moment; then that one counts. Otherwise the fault
        does, and an artifact whose name could not be made durable is taken back."""
        if not self.path.exists():
            with contextlib.suppress(EtymonError):  # the fault that is on its way is the one to tell
                commit.set_aside(self._target, "damaged")
            raise fault
        existing = self._existing()
        if existing is None:
            raise fault
        self.abandon()
        return existing

    def _existing(self) -> Artifact | None:
        """The artifact of this id if it is there and whole. A damaged one is set aside."""
        if not self._target.exists():
            return None
        try:
            existing = Artifact.stored(self._target)
            existing.check()
        except Damaged:
            commit.set_aside(self._target, "damaged")
            return None
        if existing.id != self.id:
            raise EtymonError(
                "Two ids begin with the same 16 digits.", where=str(self._target), help="change the recipe in any way"
            )
        commit.sync_folder(self._target.parent)  # whoever sealed it may have been killed before its name was durable
        return existing

    def abandon(self) -> None:
        """Removes the draft; nothing else was changed."""
        if not self._ended:
            try:
                self._folder.remove()
            except BaseException:
                with contextlib.suppress(EtymonError):  # the first error is the one to tell
                    self._end()
                raise
            self._end()

    def _end(self) -> None:
        self._ended = True
        self._lock.release(remove=True)

    def _check_open(self) -> None:
        if self._ended:
            raise EtymonError("This draft has ended.", where=str(self._target), help="create another draft")

    def __enter__(self) -> Draft:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if error is None:
            self.abandon()
            return
        with contextlib.suppress(EtymonError):  # the error that is on its way is the one to tell
            self.abandon()
