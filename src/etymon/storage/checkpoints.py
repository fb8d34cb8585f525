"""Checkpoints of one series: two rolling ones to go on from, and snapshots kept for looking back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from etymon.errors import EtymonError
from etymon.storage import commit
from etymon.storage.blocks import Damage, Damaged
from etymon.storage.canonical import JsonObject
from etymon.storage.checkpoint import REPLACED, Checkpoint, Saving, folder_name, step_of
from etymon.storage.folder import Content
from etymon.storage.ranks import ALONE, Group, check_alike, digest, together

SNAPSHOTS = "snapshots"
KEPT = 2
_HIDDEN = (".draft-", ".old-", f".{REPLACED}-")


class Checkpoints:
    """The checkpoints of one series of a run. Only the holder of the run's lock may save, snapshot, rewind or clear."""

    def __init__(self, path: Path, label: str, *, sync: Callable[[], None], tell: Callable[..., None]) -> None:
        """`sync` makes the run's metrics durable before a checkpoint counts; `tell` is the journal's `append`."""
        self.path = path
        self._label = label
        self._sync = sync
        self._tell = tell
        self._good: set[int] = set()
        self.stepped_over: list[Damage] = []
        """What `latest` found damaged on its way to the newest good checkpoint, newest first."""

    def save(
        self,
        step: int,
        files: Mapping[str, Content],
        about: Mapping[str, Any],
        *,
        group: Group = ALONE,
        plan: Mapping[str, Any] | None = None,
    ) -> Checkpoint:
        """Saves the state after `step` durably, reads it again, and only then lets go of all but the one before it.

        What was saved last is the newest: checkpoints of later steps, from before a run went back, go too.

        With a `group`, all its ranks call this on a disk that all share, each with files of its own, and rank 0 holds
        the run's lock. All get the checkpoint or, if anything fails on any of them, the same RankFault; then the one
        before stays the latest. `plan` is what they must have alike besides `step` and `about`, and is not kept.
        """

        def let_go() -> None:
            if group.rank == 0:
                saving.finish()
                self._prune(step)

        saving, saved = self._save(self.path, step, files, about, plan or {}, group)
        self._good.add(step)
        together(group, f"letting go of what is older than {saved.label}", let_go)
        return saved

    def latest(self, *, group: Group = ALONE) -> Checkpoint | None:
        """The newest checkpoint of which every byte is good. Damaged ones are told in the journal and stepped over.

        With a `group`, all its ranks call this, each reads the files that it saved, and all get the same checkpoint.
        Raises EtymonError where another number of ranks has saved it.
        """
        found = self.newest_good(group=group)
        if found is not None:
            found.check_ranks(group)
        return found

    def newest_good(self, *, group: Group = ALONE) -> Checkpoint | None:
        """Like `latest`, however many ranks have saved it: to copy it or to look at it, not to go on from it."""
        self.stepped_over.clear()
        doing = f"looking for the checkpoints of {self._label}"
        there = {_step(path): path for path in _folders(self.path)}
        listed = together(group, doing, lambda: {"steps": list(there)})
        for step in reversed(listed[0]["steps"]):
            found = self._whole(there.get(step, self.path / folder_name(step)), group)
            if found is not None:
                self._good.add(found.step)
                return found
        return None

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint whose manifest is good: what it is of, not whether its files are whole."""
        for path in reversed(_folders(self.path)):
            try:
                return Checkpoint(path, self._owner(path))
            except Damaged:
                continue
        return None

    def bytes_to_come(self, checkpoint: int, snapshot: int, snapshots: int) -> int:
        """What the disk must still have room for: the rolling checkpoints and one being written beside them
        (`checkpoint` bytes each), and `snapshots` in all (`snapshot` bytes each), less those already there."""
        rolling = KEPT + 1 - min(len(_folders(self.path)), KEPT)
        return rolling * checkpoint + max(snapshots - len(_folders(self.path / SNAPSHOTS)), 0) * snapshot

    def rewind(self, step: int) -> None:
        """Removes the rolling checkpoints after `step`, newest first, when a run goes back to before them."""
        self._sweep()  # or one that was replaced would count again
        for path in reversed(_folders(self.path)):
            if _step(path) > step:
                self._remove(path)

    def snapshot(
        self,
        step: int,
        files: Mapping[str, Content],
        about: Mapping[str, Any],
        *,
        group: Group = ALONE,
        plan: Mapping[str, Any] | None = None,
    ) -> Checkpoint:
        """Saves a state that stays. One of the same step is replaced, unless it is the same to the byte."""
        saving, saved = self._save(self.path / SNAPSHOTS, step, files, about, plan or {}, group)
        together(group, f"tidying up after {saved.label}", lambda: saving.finish() if group.rank == 0 else None)
        return saved

    def snapshots(self, *, read: bool = False) -> list[Checkpoint]:
        """All snapshots by step; one with a damaged manifest or missing files is told in the journal and left out, and
        with `read`, which reads all of them, one with any wrong byte."""
        found: list[Checkpoint] = []
        for path in _folders(self.path / SNAPSHOTS):
            try:
                snapshot = Checkpoint(path, self._owner(path))
                if read:
                    snapshot.check()
                else:
                    snapshot.check_sizes()
            except Damaged as error:
                self._tell_damage("snapshot damaged", error.damage)
                continue
            found.append(snapshot)
        return found

    def clear(self) -> None:
        """Removes the rolling checkpoints, oldest first, once the series is done with; snapshots stay."""
        self._sweep()
        for path in _folders(self.path):
            self._remove(path)

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

    def _save(
        self,
        folder: Path,
        step: int,
        files: Mapping[str, Content],
        about: Mapping[str, Any],
        plan: Mapping[str, Any],
        group: Group,
    ) -> tuple[Saving, Checkpoint]:
        """Writes, seals and reads back. Each part begins when all ranks have done the one before."""
        target = folder / folder_name(step)
        saving = Saving(target, self._owner(target), group)
        saved: list[Checkpoint] = []

        def begin() -> JsonObject:
            if step < 0:
                raise EtymonError(f"A checkpoint cannot be of step {step}.", where=str(folder), help="count from 0")
            draft = ""
            if group.rank == 0:
                self._sync()
                self._sweep()
                draft = saving.begin()
            return {"draft": draft, "step": step, "about": digest(about), "plan": digest(plan)}

        def place() -> None:
            if group.rank == 0:
                saving.place(step, about, parts, self._whole)

        try:
            begun = together(group, f"beginning a checkpoint of {self._label}", begin)
            check_alike(begun, ("step", "about", "plan"), f"saving a checkpoint of {self._label}")
            parts = together(group, f"writing {saving.owner}", lambda: saving.write(begun[0]["draft"], files))
            together(group, f"sealing {saving.owner}", place)
            together(group, f"reading {saving.owner} again", lambda: saved.append(saving.read_back()))
        except BaseException:
            saving.give_up()
            raise
        return saving, saved[0]

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
        """Removes what a kill left: folders that were being written, removed or replaced."""
        for folder in (self.path, self.path / SNAPSHOTS):
            there = _folders(folder)
            hidden = [path for path in folder.iterdir() if path.name.startswith(_HIDDEN)] if folder.exists() else []
            commit.remove_left(path for path in hidden if path not in there)

    def _whole(self, path: Path, group: Group = ALONE) -> Checkpoint | None:
        """The checkpoint if every byte is good, each rank of a group reading its own; otherwise the journal is told."""
        opened: list[Checkpoint] = []

        def look() -> JsonObject:
            try:
                opened.append(Checkpoint(path, self._owner(path)))
                if opened[0].ranks == group.size or group.size == 1:
                    opened[0].check_part(group)
                else:  # nobody's part is anybody's here
                    opened[0].check()
            except Damaged as error:
                return {"damage": [error.damage.file, error.damage.block, error.damage.why]}
            return {}

        looks = together(group, f"reading {self._owner(path)}", look)
        damages = [Damage(self._owner(path), path, *one["damage"]) for one in looks if "damage" in one]
        if not damages:
            return opened[0]
        self._good.discard(_step(path))
        self.stepped_over.append(damages[0])
        if group.rank == 0:
            self._tell_damage("checkpoint damaged", damages[0])
        return None

    def _tell_damage(self, event: str, damage: Damage) -> None:
        self._tell(event, checkpoint=damage.owner, file=damage.file, block=damage.block, why=damage.why)

    def _owner(self, path: Path) -> str:
        return f"{self._label}/{path.name}"


def _step(path: Path) -> int:
    step = step_of(path)
    assert step is not None
    return step


def _folders(folder: Path) -> list[Path]:
    """The folders of steps in a folder, by step; one set aside for another only where that one is not there."""
    found = sorted(path for path in folder.iterdir() if step_of(path) is not None) if folder.exists() else []
    by_step = {_step(path): path for path in found}  # names that begin with a dot come first, and give way
    return [by_step[step] for step in sorted(by_step)]
