"""Checkpoints of one series: two rolling ones to go on from, and snapshots kept for looking back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from etymon.errors import EtymonError
from etymon.storage import commit
from etymon.storage.blocks import Damage, Damaged
from etymon.storage.canonical import JsonObject
from etymon.storage.folder import MANIFEST, Content, FolderWriter, SealedFolder, load_manifest

SNAPSHOTS = "snapshots"
KEPT = 2

_NAME = re.compile(r"step-(\d{9,})", re.ASCII)


class Checkpoint(SealedFolder):
    """One sealed state: `step`, `about` (what the saver said of it), and files of which every read is checked."""

    def __init__(self, path: Path, owner: str) -> None:
        """Raises Damaged where the manifest is not what was written or belongs to another step."""
        manifest = load_manifest(path, owner)
        super().__init__(path, owner, manifest)
        try:
            self.step = int(manifest["step"])
            self.about: JsonObject = dict(manifest["about"])
        except (KeyError, TypeError, ValueError) as error:
            raise Damaged(Damage(owner, path, MANIFEST, None, f"an entry is missing: {error}")) from error
        if path.name != _folder_name(self.step):
            raise Damaged(Damage(owner, path, MANIFEST, None, f"it is that of step {self.step}"))

    def __repr__(self) -> str:
        return f"<Checkpoint {self.label}>"


class Checkpoints:
    """The checkpoints of one series of a run. Only the holder of the run's lock may save, snapshot, rewind or clear."""

    def __init__(self, path: Path, label: str, *, sync: Callable[[], None], tell: Callable[..., None]) -> None:
        """`sync` makes the run's metrics durable before a checkpoint counts; `tell` is the journal's `append`."""
        self.path = path
        self._label = label
        self._sync = sync
        self._tell = tell
        self._good: set[int] = set()

    def save(self, step: int, files: Mapping[str, Content], about: Mapping[str, Any]) -> Checkpoint:
        """Saves the state after `step` durably, reads it again, and only then lets go of all but the one before it.

        What was saved last is the newest: checkpoints of later steps, from before a run went back, go too.
        """
        self._sync()
        self._sweep()
        saved = self._write(self.path, step, files, about)
        self._read_back(saved)
        self._good.add(step)
        self._prune(step)
        return saved

    def latest(self) -> Checkpoint | None:
        """The newest checkpoint of which every byte is good. Damaged ones are told in the journal and stepped over."""
        for path in reversed(_folders(self.path)):
            found = self._whole(path)
            if found is not None:
                self._good.add(found.step)
                return found
        return None

    def rewind(self, step: int) -> None:
        """Removes the rolling checkpoints after `step`, newest first, when a run goes back to before them."""
        for path in reversed(_folders(self.path)):
            if _step(path) > step:
                self._remove(path)

    def snapshot(self, step: int, files: Mapping[str, Content], about: Mapping[str, Any]) -> Checkpoint:
        """Saves a state that stays. One of the same step is replaced, unless it is the same to the byte."""
        self._sync()
        self._sweep()
        saved = self._write(self.path / SNAPSHOTS, step, files, about)
        self._read_back(saved)
        return saved

    def snapshots(self) -> list[Checkpoint]:
        """All snapshots by step; one with a damaged manifest or missing files is told in the journal and left out."""
        found: list[Checkpoint] = []
        for path in _folders(self.path / SNAPSHOTS):
            try:
                snapshot = Checkpoint(path, self._owner(path))
                snapshot.check_sizes()
            except Damaged as error:
                self._tell_damage("snapshot damaged", error.damage)
                continue
            found.append(snapshot)
        return found

    def clear(self) -> None:
        """Removes the rolling checkpoints, oldest first, once the series is done with; snapshots stay."""
        for path in _folders(self.path):
            self._remove(path)
        self._sweep()

    def verify(self) -> list[Damage]:
        """All that is wrong with rolling checkpoints and snapshots; the journal is not told. One that a run at work
        removes meanwhile is not wrong."""
        found: list[Damage] = []
        for path in [*_folders(self.path), *_folders(self.path / SNAPSHOTS)]:
            try:
                damages = Checkpoint(path, self._owner(path)).verify()
            except Damaged as error:
                damages = [error.damage]
            found += damages if path.exists() else []
        return found

    def _write(self, folder: Path, step: int, files: Mapping[str, Content], about: Mapping[str, Any]) -> Checkpoint:
        if step < 0:
            raise EtymonError(f"A checkpoint cannot be of step {step}.", where=str(folder), help="count steps from 0")
        target = folder / _folder_name(step)
        writer = FolderWriter(folder / f".draft-{target.name}-{commit.token()}")
        try:
            for name, content in files.items():
                writer.write(name, content)
            writer.close({"step": step, "about": dict(about)})
            self._place(writer, target, about)
        except BaseException:
            writer.remove_after_fault()
            raise
        return Checkpoint(target, self._owner(target))

    def _read_back(self, saved: Checkpoint) -> None:
        """Compares every byte on the disk, not the system's copy of it, with what was meant to be written."""
        for name in (MANIFEST, *saved.files):
            with commit.telling(saved.path / name):
                commit.forget_pages(saved.path / name)
        saved.check()

    def _place(self, writer: FolderWriter, target: Path, about: Mapping[str, Any]) -> None:
        """Puts the new folder in place; one of the same step makes room unless it is good and the same."""
        if target.exists():
            old = self._whole(target)
            if old is not None and old.records == writer.records and old.about == about:
                writer.remove()
                return
            aside = commit.set_aside(target, "old")
            commit.rename(writer.path, target)
            commit.remove_folder(aside)
            return
        commit.rename(writer.path, target)

    def _prune(self, newest: int) -> None:
        """Keeps the newest and the nearest good one before it."""
        kept = 1
        for path in reversed(_folders(self.path)):
            step = _step(path)
            if step == newest:
                continue
            if step < newest and kept < KEPT and (step in self._good or self._whole(path) is not None):
                kept += 1
                continue
            self._remove(path)

    def _remove(self, path: Path) -> None:
        """Takes the folder out of sight in one step, so that none is ever seen half removed."""
        self._good.discard(_step(path))
        commit.remove_folder(commit.set_aside(path, "old"))

    def _sweep(self) -> None:
        """Removes what a kill left: folders that were being written or removed."""
        for folder in (self.path, self.path / SNAPSHOTS):
            for entry in folder.iterdir() if folder.exists() else ():
                if entry.name.startswith((".draft-", ".old-")):
                    commit.remove_folder(entry)

    def _whole(self, path: Path) -> Checkpoint | None:
        """The checkpoint if every byte is good; otherwise the journal is told."""
        try:
            found = Checkpoint(path, self._owner(path))
            found.check()
        except Damaged as error:
            self._tell_damage("checkpoint damaged", error.damage)
            return None
        return found

    def _tell_damage(self, event: str, damage: Damage) -> None:
        self._tell(event, checkpoint=damage.owner, file=damage.file, block=damage.block, why=damage.why)

    def _owner(self, path: Path) -> str:
        return f"{self._label}/{path.name}"


def _folder_name(step: int) -> str:
    return f"step-{step:09d}"


def _step(path: Path) -> int:
    found = _NAME.fullmatch(path.name)
    assert found is not None
    return int(found[1])


def _folders(folder: Path) -> list[Path]:
    """The folders of steps in a folder, by step."""
    if not folder.exists():
        return []
    return sorted((path for path in folder.iterdir() if _NAME.fullmatch(path.name)), key=_step)
