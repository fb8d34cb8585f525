"""Finished steps of a long computation: each a sealed folder, so that after a kill only the rest is done."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from etymon.storage import commit, names
from etymon.storage.blocks import Damaged
from etymon.storage.folder import FolderWriter, SealedFolder, load_manifest

_DRAFT = ".draft-"


class Steps:
    """The steps in one folder, by name. One process at a time may write them; whoever begins one holds the run's lock.

    Whoever uses them names a step after all that decides its bytes, or gives each piece of work a folder of its own.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._swept = False

    def within(self, part: str) -> Steps:
        """The steps of a part of the work."""
        return Steps(self._folder(part))

    def find(self, name: str) -> SealedFolder | None:
        """The step if it was finished; each of its files is compared with its hashes when it is read. One that cannot
        be told to be whole was never finished."""
        path = self._folder(name)
        if not path.exists():
            return None
        try:
            found = SealedFolder(path, name, load_manifest(path, name))
            found.check_sizes()
        except Damaged:
            self.drop(name)
            return None
        return found

    @contextmanager
    def begin(self, name: str) -> Generator[FolderWriter]:
        """A folder to fill; when the body ends it is sealed and durable, when it raises it is gone."""
        target = self._folder(name)
        self._sweep()
        writer = FolderWriter(self.path / f"{_DRAFT}{name}-{commit.token()}")
        try:
            yield writer
            writer.close({"name": name})
            commit.rename(writer.path, target)
        except BaseException:
            writer.remove_after_fault()
            raise

    def drop(self, name: str) -> None:
        """Removes a step that is not needed any more, or nothing where there is none."""
        path = self._folder(name)
        if path.exists():
            commit.remove_folder(commit.set_aside(path, "old"))

    def clear(self) -> None:
        """Removes all steps and their folder."""
        if self.path.exists():
            commit.remove_folder(self.path)

    def _sweep(self) -> None:
        """Removes, once, what a kill left."""
        if self._swept:
            return
        self._swept = True
        there = self.path.iterdir() if self.path.exists() else ()
        commit.remove_left(path for path in there if path.name.startswith("."))

    def _folder(self, name: str) -> Path:
        return self.path / names.checked(name, "a step")
