"""One checkpoint: a sealed state of a step, and how the ranks that saved it put it in its place."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from etymon.errors import EtymonError
from etymon.storage import commit
from etymon.storage.blocks import Damage, Damaged, FileRecord
from etymon.storage.canonical import JsonObject
from etymon.storage.folder import MANIFEST, Content, FolderWriter, SealedFolder, load_manifest
from etymon.storage.ranks import Group, rank_file, rank_prefix


class Checkpoint(SealedFolder):
    """One sealed state: `step`, `about` (what the saver said of it), and files of which every read is checked.

    `ranks` is how many processes have saved it; where there are several, each file's name tells whose it is (see
    `rank_file`).
    """

    def __init__(self, path: Path, owner: str) -> None:
        """Raises Damaged where the manifest is not what was written or belongs to another step."""
        manifest = load_manifest(path, owner)
        super().__init__(path, owner, manifest)
        try:
            self.step = int(manifest["step"])
            self.about: JsonObject = dict(manifest["about"])
            self.ranks = int(manifest.get("ranks", 1))
        except (KeyError, TypeError, ValueError) as error:
            raise Damaged(Damage(owner, path, MANIFEST, None, f"an entry is missing: {error}")) from error
        if step_of(path) != self.step:
            raise Damaged(Damage(owner, path, MANIFEST, None, f"it is that of step {self.step}"))

    def check_part(self, group: Group) -> None:
        """Raises Damaged unless the files that this rank saved are good and, for rank 0, no others are there."""
        prefix = rank_prefix(group.rank) if group.size > 1 else ""
        self.check_blocks(name for name in self.records if name.startswith(prefix))
        for damage in self.strangers() if group.rank == 0 else []:
            raise Damaged(damage)

    def check_ranks(self, group: Group) -> None:
        """Raises EtymonError unless as many ranks open it as have saved it."""
        if group.size != self.ranks:
            raise EtymonError(
                f"{self.label} was saved by {_counted(self.ranks)} and is opened by {group.size}.",
                where=str(self.path),
                why="each rank reads the files that it saved; a state is not yet divided anew among other ranks",
                help=f"start {_counted(self.ranks)}, or begin another run",
            )

    def __repr__(self) -> str:
        return f"<Checkpoint {self.label}>"


REPLACED = "replaced"
"""Why a checkpoint is set aside for another of its step; until that one has its name, this is the checkpoint."""

_NAME = re.compile(rf"step-(\d{{9,}})|\.{REPLACED}-step-(\d{{9,}})-[0-9a-f]+", re.ASCII)


def folder_name(step: int) -> str:
    return f"step-{step:09d}"


def step_of(path: Path) -> int | None:
    """The step that a folder's name tells; None where it is not that of a checkpoint."""
    found = _NAME.fullmatch(path.name)
    return int(found[1] or found[2]) if found else None


def _counted(ranks: int) -> str:
    return "1 rank" if ranks == 1 else f"{ranks} ranks"


class Saving:
    """This rank's side of saving one checkpoint. All ranks write their files into the draft that rank 0 has begun; it
    seals them with one manifest and puts the folder in place; then each reads its own files again.

    The methods are called in their order, each once all ranks have done the one before. In a group the folder above
    is on a disk that all ranks share.
    """

    def __init__(self, target: Path, owner: str, group: Group) -> None:
        self.target, self.owner = target, owner
        self._group = group
        self._draft = target.with_name(f".draft-{target.name}-{commit.token()}")
        self._writer: FolderWriter | None = None
        self._aside: Path | None = None
        self._placing = False

    def begin(self) -> str:
        """Rank 0: makes the draft and gives its name."""
        self._writer = FolderWriter(self._draft)
        return self._draft.name

    def write(self, draft: str, files: Mapping[str, Content]) -> JsonObject:
        """Writes this rank's files durably; gives what the manifest is to say of them."""
        writer = self._writer = self._writer or self._join(draft)
        for name, content in files.items():
            writer.write(rank_file(self._group, name), content)
        if self._group.rank != 0:
            commit.sync_folder(writer.path)
        return {name: record.to_json() for name, record in writer.records.items()}

    def _join(self, draft: str) -> FolderWriter:
        path = self.target.with_name(draft)
        if not path.is_dir():
            raise EtymonError(
                "The folder that rank 0 has made is not seen here.",
                where=str(path),
                why="all ranks write a checkpoint into one folder",
                help="put the store on a disk that all machines share",
            )
        return FolderWriter(path)

    def place(
        self,
        step: int,
        about: Mapping[str, Any],
        parts: Sequence[JsonObject],
        whole: Callable[[Path], Checkpoint | None],
    ) -> None:
        """Rank 0: writes the manifest of the files of all ranks, and puts the folder in place.

        One of the same step makes room for it, unless it is `whole` and the same to the byte.
        """
        writer = self._writer
        assert writer is not None
        writer.records = {name: FileRecord.from_json(entry) for part in parts for name, entry in part.items()}
        self._check_sizes(writer)
        ranks = {} if self._group.size == 1 else {"ranks": self._group.size}
        writer.close({"step": step, "about": dict(about), **ranks})
        if self.target.exists():
            old = whole(self.target)
            if old is not None and (old.records, old.about, old.ranks) == (writer.records, about, self._group.size):
                writer.remove()
                return
            self._aside = commit.set_aside(self.target, REPLACED)
        self._placing = True
        commit.rename(writer.path, self.target)

    def _check_sizes(self, writer: FolderWriter) -> None:
        """Sees that rank 0, which answers for the files of all, finds them where it is."""
        for name, record in writer.records.items() if self._group.size > 1 else ():
            path = writer.path / name
            if not path.is_file() or path.stat().st_size != record.size:
                raise EtymonError(
                    f"{name} is not seen by rank 0 as it was written.",
                    where=str(path),
                    help="put the store on a disk that all machines share",
                )

    def read_back(self) -> Checkpoint:
        """Compares every byte on the disk, not the system's copy of it, with what this rank meant to write."""
        prefix = rank_prefix(self._group.rank) if self._group.size > 1 else ""
        with commit.telling(self.target):
            there = list(self.target.iterdir())
        for path in there:
            if path.name.startswith(prefix) or path.name == MANIFEST:
                commit.forget_pages(path)
        saved = Checkpoint(self.target, self.owner)
        saved.check_part(self._group)
        return saved

    def finish(self) -> None:
        """Removes what made room."""
        if self._aside is not None:
            commit.remove_folder(self._aside)

    def give_up(self) -> None:
        """After a fault, whose words are the ones to tell: rank 0 removes the draft, and puts back what made room.

        A process alone leaves a new checkpoint that did not read back well in its place, to be looked at; in a group
        the fault may be another's, and not all ranks know whether it is good.
        """
        if self._group.rank != 0:
            return
        with contextlib.suppress(EtymonError):
            in_place = self._placing and not self._draft.exists()
            commit.remove_folder(self._draft)
            if in_place and (self._group.size > 1 or self._aside is not None):
                commit.remove_folder(commit.set_aside(self.target, "old"))
            if self._aside is not None and not self.target.exists():
                commit.rename(self._aside, self.target)
