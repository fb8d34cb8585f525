"""Repairing: damaged blocks are replaced by the same bytes from elsewhere, proved by the hashes that were recorded."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from etymon.errors import EtymonError
from etymon.progress import Progress, silent
from etymon.storage import collect, commit, lock
from etymon.storage.artifact import SHORT, Artifact, artifact_id, folder_name, library_versions
from etymon.storage.blocks import Damage, Damaged, FileRecord, unreadable
from etymon.storage.canonical import JsonObject, unseal
from etymon.storage.checkpoints import SNAPSHOTS, Checkpoint
from etymon.storage.draft import DRAFT, LOCK
from etymon.storage.folder import MANIFEST, FolderWriter
from etymon.storage.one_byte import mend_records, mend_sealed
from etymon.storage.places import Place, all_places, contents, places_of
from etymon.storage.run import ARTIFACTS, Run
from etymon.storage.store import Store

_WHAT = "The repairing of this store"
_RECORDS = ("events.jsonl", "metrics.jsonl")
_LOST = "its manifest is damaged in more than one byte, and no copy of it was found"
_TELLS = "its own checksum tells which"


@dataclass(frozen=True)
class Mended:
    """One damage put right, or in a dry run what would be: where, and where the right bytes are from."""

    owner: str
    path: Path
    file: str
    block: int | None
    how: str

    def as_json(self) -> JsonObject:
        """For machines."""
        return {**vars(self), "path": str(self.path)}

    def __str__(self) -> str:
        block = "" if self.block is None else f", block {self.block}"
        return f"{self.owner}: {self.file}{block}: {self.how}"


@dataclass
class Repair:
    """What a repair did and what it could not do; of the latter `remedy` says what else there is to try."""

    mended: list[Mended] = field(default_factory=list[Mended])
    left: list[Damage] = field(default_factory=list[Damage])


class Unmade(EtymonError):
    """Something cannot be made once more here, or would not be the same."""


@dataclass(frozen=True)
class Work:
    """What an artifact is the result of; with it the stage that made it can be run again. `wanted`: which files."""

    kind: str
    recipe: JsonObject
    inputs: dict[str, str]
    stage_version: int
    statistics: JsonObject
    wanted: frozenset[str] = frozenset()


class Scratch(Store):
    """A place in which one artifact of a store is made once more: it finds the store's others, and not that one."""

    def __init__(self, store: Store, root: Path, work: Work, label: str) -> None:
        """`label`: the name of the artifact's folder, which begins its id."""
        super().__init__(root)
        self._behind, self._work, self._label = store, work, label

    def folders(self) -> dict[str, Path]:
        return {**self._behind.folders(), **super().folders()}

    def find(
        self, kind: str, recipe: Mapping[str, Any], inputs: Mapping[str, str], *, stage_version: int
    ) -> Artifact | None:
        """None for the work that is to be done once more. Raises Unmade for any other."""
        if folder_name(kind, artifact_id(kind, recipe, inputs, stage_version)) == self._label:
            return None
        wanted = {**self._work.recipe, "stage version": self._work.stage_version}
        found: dict[str, Any] = {**recipe, "stage version": stage_version}
        other = [key for key in sorted(wanted.keys() | found.keys()) if wanted.get(key) != found.get(key)]
        raise Unmade("what would be made now is something else", why=f"it differs in: {', '.join(other) or 'inputs'}")


Remake = Callable[[Scratch, Work, Progress], Artifact]
"""Does the work once more in a scratch store. Raises EtymonError where it cannot."""


def repair(
    store: Store,
    reference: str | None = None,
    *,
    copies: Sequence[Path] = (),
    remake: Mapping[str, Remake] | None = None,
    works: Callable[[str, str], Work | None] = lambda kind, id: None,
    remedies: Callable[[str, str], str] = lambda kind, id: "",
    refusals: Callable[[Work], str] = lambda work: "",
    dry_run: bool = False,
    progress: Progress = silent,
) -> Repair:
    """Puts right what is damaged in a store, or in one artifact (`reference`) and what it was made from.

    Each bad block is looked for in all files of the store, in `copies` (other stores, or folders of one artifact), and
    then in what `remake` (by kind) makes once more. Only bytes with the recorded hash are taken; the mended artifact is
    written beside the damaged one and changes places with it once it was read again. `works` gives the
    work, as far as it is known, of an artifact (its kind, the beginning of its id) whose manifest is lost; `remedies`
    says in words what makes one anew, `refusals` why some work cannot be done once more, where that is known without
    trying. `dry_run` looks, makes nothing and changes nothing.
    """
    with nullcontext() if dry_run else _alone(store):
        if not dry_run:
            collect.put_back(store)
        mender = _Mender(store, tuple(copies), remake or {}, works, remedies, refusals, dry_run, progress)
        targets, runs = _targets(store, reference)
        for run in runs:  # first: their journals say where text was read from
            mender.mend_run(run)
        for path in targets:
            mender.look_at(path)
        mender.mend_artifacts()
        if reference is None:
            mender.result.left += store.dangling(mender.good)
        return mender.result


@contextmanager
def _alone(store: Store) -> Generator[None]:
    """Holds the repair lock: no other repair, and no garbage is collected meanwhile."""
    with lock.locked(store.root / collect.REPAIR_LOCK, _WHAT):
        collect.wait(store.root)
        _sweep(store)
        yield
        _sweep(store)


def _sweep(store: Store) -> None:
    """Removes the scratch places of repairs that were killed; none is at work but this one."""
    for path in sorted(store.root.glob(f"{collect.SCRATCH}*")):
        commit.remove_folder(path)


def _targets(store: Store, reference: str | None) -> tuple[list[Path], list[Run]]:
    """The folders of artifacts to look at, and the runs."""
    if reference is None:
        return list(store.folders().values()), store.runs()
    try:
        path = store.open(reference).path
    except Damaged as error:
        path = error.damage.path
        if path.parent != store.root / "artifacts":
            return [], [Run(store, path.name)]
    return [path], []


@dataclass
class _Target:
    """A damaged artifact: its folder, what its manifest says (mended if need be), and what is wrong in it."""

    path: Path
    manifest: bytes
    about: JsonObject
    damages: list[Damage]

    @property
    def records(self) -> dict[str, FileRecord]:
        return {name: FileRecord.from_json(entry) for name, entry in self.about["files"].items()}

    @property
    def work(self) -> Work:
        about = self.about
        return Work(about["kind"], about["recipe"], about["inputs"], about["stage_version"], about["statistics"])


class _Mender:
    """Mends one artifact after another, those that others were made from first."""

    def __init__(
        self,
        store: Store,
        copies: Sequence[Path],
        remake: Mapping[str, Remake],
        works: Callable[[str, str], Work | None],
        remedies: Callable[[str, str], str],
        refusals: Callable[[Work], str],
        dry_run: bool,
        progress: Progress,
    ) -> None:
        self._store, self._copies, self._remake = store, copies, remake
        self._works, self._remedies, self._refusals = works, remedies, refusals
        self._dry_run, self._progress = dry_run, progress
        self._targets: dict[str, _Target] = {}
        self._seen: set[Path] = set()
        self._known: dict[tuple[str, int], list[Place]] | None = None
        self._scratch: list[Path] = []
        self.good: list[Artifact] = []
        """Those with a manifest that can be read."""
        self.result = Repair()

    # What is wrong

    def look_at(self, path: Path) -> None:
        """Reads an artifact, and all that it was made from, and notes what is damaged."""
        if path in self._seen or not path.exists():
            return
        self._seen.add(path)
        self._progress(len(self._seen), None, f"reading {path.name}")
        manifest = self._manifest(path)
        if manifest is None:
            self._look_at_lost(path)
            return
        about = unseal(manifest)
        if manifest == _bytes_of(path / MANIFEST):
            self.good.append(Artifact.stored(path))
        self._look_at_inputs(about)
        damages = self._damages(path, manifest)
        if damages:
            self._targets[path.name] = _Target(path, manifest, about, damages)

    def _look_at_inputs(self, about: JsonObject) -> None:
        there = self._store.folders()
        for id in about["inputs"].values():
            if id[:SHORT] in there:
                self.look_at(there[id[:SHORT]])

    def _look_at_lost(self, path: Path) -> None:
        """One whose manifest is lost is noted, too, where it is known from elsewhere what it is the result of."""
        kind, _, digits = path.name.rpartition("-")
        damage = Damage(path.name, path, MANIFEST, None, _LOST, self._remedy(path))
        work = self._works(kind, digits)
        if work is None:
            self._left(damage)
            return
        about: JsonObject = {**vars(work), "files": {}, "versions": {}}
        self._look_at_inputs(about)
        self._targets[path.name] = _Target(path, b"", about, [damage])

    def _damages(self, path: Path, manifest: bytes) -> list[Damage]:
        """All that is wrong in a folder whose manifest should be `manifest`."""
        try:
            return Artifact.stored(path).verify()
        except Damaged as error:
            where = [error.damage]
        about = unseal(manifest)
        records = {name: FileRecord.from_json(entry) for name, entry in about["files"].items()}
        for name, record in records.items():
            bad = [block for block, place in enumerate(places_of(path / name, record)) if place.read() is None]
            where += [Damage(path.name, path, name, block, "it is not what was written") for block in bad]
        return where

    def _manifest(self, path: Path) -> bytes | None:
        """The bytes of the folder's manifest, mended by a change of one byte or from a copy; None: lost."""
        data = _bytes_of(path / MANIFEST)
        if _is_of(data, path.name):
            return data
        mended = mend_sealed(data)
        how = f"one byte was wrong; {_TELLS}"
        if mended is None or not _is_of(mended, path.name):
            found = [(copy, _bytes_of(copy / MANIFEST)) for copy in self._copies_of(path)]
            good = [(copy, data) for copy, data in found if _is_of(data, path.name)]
            if not good:
                return None
            mended, how = good[0][1], f"copied from {good[0][0]}"
        self._mended(path.name, path, MANIFEST, None, how)
        return mended

    def _remedy(self, path: Path) -> str:
        """What is left to do: make it anew."""
        kind, _, digits = path.name.rpartition("-")
        anew = self._remedies(kind, digits) or "run the command that made it once more"
        return f"name a copy of the store with --from; else remove {path}, then {anew}"

    def _mended(self, owner: str, path: Path, file: str, block: int | None, how: str) -> None:
        self.result.mended.append(Mended(owner, path, file, block, how))

    def _left(self, damage: Damage) -> None:
        self.result.left.append(damage)

    # Where the right bytes are

    def _copies_of(self, path: Path) -> list[Path]:
        """Folders that may be the same artifact: in other stores, the copies themselves, and what was set aside."""
        aside = [
            each
            for why in (collect.REPLACED, "damaged", "unused")
            for each in sorted(path.parent.glob(f".{why}-{path.name}-*"))
        ]
        there = [option for copy in self._copies for option in (copy / "artifacts" / path.name, copy / path.name, copy)]
        return [each for each in (*aside, *there) if each.is_dir()]

    def _candidates(self, target: _Target, name: str, place: Place) -> Iterator[tuple[str, Place]]:
        """Where the bytes of a block may lie, in the order of looking."""
        for found in self._index().get((place.hash, place.size), ()):
            yield f"the same bytes stand in {self._named(found.path)}", found
        for path in sorted((self._store.root / "runs").glob(f"*/{name}")):
            yield f"the same bytes stand in {self._named(path)}", Place(path, place.offset, place.size, place.hash)
        for copy in self._copies_of(target.path):
            yield f"copied from {copy}", Place(copy / name, place.offset, place.size, place.hash)
        for made in self._scratch:
            yield "made once more", Place(made / name, place.offset, place.size, place.hash)

    def _named(self, path: Path) -> str:
        return str(path.relative_to(self._store.root)) if path.is_relative_to(self._store.root) else str(path)

    def _index(self) -> dict[tuple[str, int], list[Place]]:
        """Every block of which a manifest of this store, or of a copy, says where it lies, by hash and size."""
        if self._known is None:
            self._known = {}
            for root in (self._store.root, *self._copies):
                for place in all_places(root):
                    self._known.setdefault((place.hash, place.size), []).append(place)
        return self._known

    def _find(self, target: _Target, name: str, place: Place) -> tuple[str, Place] | None:
        for how, found in self._candidates(target, name, place):
            if found != place and found.read() is not None:
                return how, found
        return None

    # Putting it right

    def mend_artifacts(self) -> None:
        """Mends all that was noted; `look_at` noted inputs before what was made from them."""
        for target in self._targets.values():
            self._scratch = []
            self._progress(len(self._seen), None, f"mending {target.path.name}")
            if any(damage.file == MANIFEST and "content hash" in damage.why for damage in target.damages):
                self.result.left += target.damages
                continue
            found = target if target.manifest else self._made_anew(target)
            if found is not None:
                self._mend(found)
            self._drop_scratch()

    def _made_anew(self, target: _Target) -> _Target | None:
        """Does the work of one whose manifest is lost; its files are kept where what was made is the same."""
        why = self._make_again(target, frozenset())
        if why:
            self.result.left += [replace(damage, why=f"{damage.why}; {why}") for damage in target.damages]
            return None
        if self._dry_run:
            how = f"the {target.work.kind} stage would be run again"
        else:
            how = "made once more, under the date of today"
        self._mended(target.path.name, target.path, MANIFEST, None, how)
        if self._dry_run:
            return None
        manifest = _bytes_of(self._scratch[0] / MANIFEST)
        return replace(target, manifest=manifest, about=unseal(manifest), damages=self._damages(target.path, manifest))

    def _mend(self, target: _Target) -> None:
        sources, missing = self._sources(target)
        why = ""
        if missing:
            why = self._make_again(target, frozenset(name for name, _ in missing))
            if not why and not self._dry_run:
                sources, missing = self._sources(target)
                why = self._versions(target) if missing else ""
        if missing and (why or not self._dry_run):
            for name, block in missing:
                self._left(Damage(target.path.name, target.path, name, block, why, self._remedy(target.path)))
            self.result.mended = [each for each in self.result.mended if each.path != target.path]
            return
        told = [*((name, block, how) for (name, block), (how, _) in sources.items() if how)]
        told += [
            (name, block, f"the {target.work.kind} stage would be run again, and its bytes taken if they are the same")
            for name, block in missing
        ]
        told += [
            (name, None, "written anew from its own blocks")
            for name in sorted({damage.file for damage in target.damages} & target.records.keys())
            if all(name != each[0] for each in told)
        ]
        told += [
            (damage.file, None, "left out: the manifest does not know it")
            for damage in target.damages
            if damage.file not in target.records and damage.file != MANIFEST
        ]
        if not self._dry_run:
            self._write(target, {at: place for at, (_, place) in sources.items()})
        for name, block, how in sorted(told, key=lambda one: (one[0], one[1] or 0)):
            self._mended(target.path.name, target.path, name, block, how)

    def _sources(self, target: _Target) -> tuple[dict[tuple[str, int], tuple[str, Place]], list[tuple[str, int]]]:
        """For each block of each file where its bytes are (how is "" where they are in their own place), and the blocks
        that are nowhere."""
        sources: dict[tuple[str, int], tuple[str, Place]] = {}
        missing: list[tuple[str, int]] = []
        for name, record in target.records.items():
            for block, place in enumerate(places_of(target.path / name, record)):
                found = ("", place) if place.read() is not None else self._find(target, name, place)
                if found is None:
                    missing.append((name, block))
                else:
                    sources[name, block] = found
        return sources, missing

    def _make_again(self, target: _Target, wanted: frozenset[str]) -> str:
        """Runs the stage again in a scratch place; gives why not, "" where it was run (or, in a dry run, would be)."""
        work = replace(target.work, wanted=wanted)
        made_by = self._remake.get(work.kind)
        if made_by is None:
            return f"its bytes are in no other file, and what made a {work.kind} cannot be run again here"
        bad = {damage.path.name for damage in self.result.left}
        there = self._store.folders()
        for role, id in work.inputs.items():
            if id[:SHORT] not in there:
                return f"its bytes are in no other file, and its input {role!r} ({id[:SHORT]}) is not in this store"
            if there[id[:SHORT]].name in bad:
                return f"its bytes are in no other file, and its input {role!r} ({id[:SHORT]}) is damaged, too"
        try:
            if why := self._refusals(work):
                return f"its bytes are in no other file; {why}"
            if self._dry_run:
                return ""
            scratch = self._store.root / f"{collect.SCRATCH}{commit.token()}"
            commit.make_folder(scratch)
            self._scratch = [made_by(Scratch(self._store, scratch, work, target.path.name), work, self._progress).path]
        except commit.DiskFault:
            raise
        except EtymonError as error:
            return f"its bytes are in no other file; {error.what}{f' ({error.why})' if error.why else ''}"
        return ""

    def _versions(self, target: _Target) -> str:
        """Why what was made once more is not the same."""
        was, now = cast("dict[str, str]", target.about["versions"]), library_versions()
        other = [
            f"{key} {was.get(key, 'absent')} -> {now.get(key, 'absent')}" for key in sorted(was.keys() | now.keys())
        ]
        changed = [each for each in other if each.split()[1] != each.split()[-1]]
        return f"made once more it has other bytes; versions then and now: {', '.join(changed) or 'the same'}"

    def _drop_scratch(self) -> None:
        for made in self._scratch:
            commit.remove_folder(made.parents[1])
        self._scratch = []

    def _write(self, target: _Target, places: Mapping[tuple[str, int], Place]) -> None:
        """The mended artifact beside the damaged one, read again, and in its place."""
        draft = target.path.with_name(f"{DRAFT}{target.work.kind}-{commit.token()}")
        about = {"inputs": sorted(target.work.inputs.values())}
        held = lock.Lock(draft.with_name(draft.name + LOCK), "This draft", about=about)
        try:
            writer = FolderWriter(draft)
            try:
                for name, record in target.records.items():
                    blocks = (places[name, block] for block in range(len(record.blocks)))
                    writer.write(name, contents(blocks))
                _check_same(writer.records, target)
                writer.close({key: value for key, value in target.about.items() if key not in ("files", "format")})
                self._swap(target, draft)
            except BaseException:
                writer.remove_after_fault()
                raise
        finally:
            held.release(remove=True)

    def _swap(self, target: _Target, draft: Path) -> None:
        for name in (MANIFEST, *target.records):
            commit.forget_pages(draft / name)
        Artifact(draft).check()
        if (draft / MANIFEST).read_bytes() != target.manifest:
            raise Damaged(Damage(target.path.name, draft, MANIFEST, None, "it is not the one that was to be written"))
        aside = commit.set_aside(target.path, collect.REPLACED)
        commit.rename(draft, target.path)
        commit.remove_folder(aside)

    # Runs

    def mend_run(self, run: Run) -> None:
        """Mends lines of the journal and of metrics, and the list of artifacts; damaged checkpoints are told."""
        damages = run.verify()
        for damage in damages:
            if damage.path != run.path:
                self._left(_with_way_on(damage))
        own = [damage for damage in damages if damage.path == run.path]
        holder = run.holder() if own else None
        if holder is not None:
            remedy = f"wait until the run ends (pid {holder.get('pid', '?')}), then repair again"
            self.result.left += [replace(damage, remedy=remedy) for damage in own]
        elif own:
            with nullcontext() if self._dry_run else run.lock():
                for damage in own:
                    self._mend_run_file(run, damage)

    def _mend_run_file(self, run: Run, damage: Damage) -> None:
        data = _bytes_of(run.path / damage.file)
        mended, lines = None, [0]
        if damage.file == ARTIFACTS:
            mended = mend_sealed(data)
        elif damage.file in _RECORDS:
            mended, lines = mend_records(data, lambda line: self._progress(line, None, str(damage.file))) or (None, [])
        if mended is None:
            self._left(damage)
            return
        if not self._dry_run:
            commit.replace_file(run.path / damage.file, mended)
        for line in lines:
            where = f"line {line}: " if line else ""
            self._mended(damage.owner, run.path, damage.file, None, f"{where}one byte was wrong; {_TELLS}")


def _with_way_on(damage: Damage) -> Damage:
    """The damage of a checkpoint, with what there is to go on from."""
    others = sorted(path for path in damage.path.parent.glob("step-*") if path != damage.path)
    whole: list[Path] = []
    for path in others:
        try:
            Checkpoint(path, path.name).check()
        except Damaged:
            continue
        whole.append(path)
    if damage.path.parent.name == SNAPSHOTS:
        remedy = f"it is only for looking back: remove {damage.path}"
    elif whole:
        remedy = f"training goes on from {whole[-1].name} by itself; remove {damage.path}"
    else:
        remedy = f"no other checkpoint is whole: training begins anew; remove {damage.path}"
    return Damage(damage.owner, damage.path, damage.file, damage.block, damage.why, remedy)


def _bytes_of(path: Path) -> bytes:
    """What a file holds; nothing where it is lost. Raises DiskFault where it is only closed to this process."""
    try:
        return path.read_bytes()
    except OSError as error:
        told = unreadable(error, Damage(path.parent.name, path.parent, path.name, None, "it cannot be read"))
        if not isinstance(told, Damaged):
            raise told from error
        return b""


def _is_of(manifest: bytes, label: str) -> bool:
    """Whether these bytes are the manifest of the artifact whose folder has this name."""
    try:
        about = unseal(manifest)
        id = artifact_id(about["kind"], about["recipe"], about["inputs"], about["stage_version"])
        return about["id"] == id and folder_name(about["kind"], id) == label
    except (ValueError, KeyError, TypeError):
        return False


def _check_same(written: Mapping[str, FileRecord], target: _Target) -> None:
    for name, record in target.records.items():
        if written[name] != record:
            raise Damaged(Damage(target.path.name, target.path, name, None, "its SHA-256 differs though no block does"))
