"""The remote: copies of artifacts and runs in a bucket, where each shows whole or not at all, as in a store."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from etymon.errors import EtymonError
from etymon.progress import Progress, silent
from etymon.storage import collect, commit, lock, names
from etymon.storage.artifact import SHORT, Artifact, artifact_id, folder_name
from etymon.storage.blocks import FileRecord, FileWriter
from etymon.storage.bucket import bucket
from etymon.storage.canonical import JsonObject, canonical, unseal
from etymon.storage.draft import DRAFT
from etymon.storage.folder import FORMAT, MANIFEST, check_format
from etymon.storage.generations import (
    Generation,
    Generations,
    keep_tokens,
    known_tokens,
    read_records,
    read_sealed,
    runs_there,
    sources_of,
)
from etymon.storage.objects import Count, Objects, Source, damaged
from etymon.storage.run import ARTIFACTS, Run
from etymon.storage.store import Store

FILE = "remote.json"
"""The file in a bucket that tells its format."""

_REFERENCE = re.compile(r"(?:([a-z][a-z0-9_-]{0,39})-)?([0-9a-f]{6,64})", re.ASCII)
_KEY = re.compile(rf"artifacts/([a-z][a-z0-9_-]{{0,39}}-[0-9a-f]{{{SHORT}}})/manifest\.json", re.ASCII)


@dataclass(frozen=True)
class _Manifest:
    """What the manifest of an artifact in a bucket says."""

    label: str
    kind: str
    inputs: dict[str, str]
    records: dict[str, FileRecord]
    told: JsonObject

    @property
    def size(self) -> int:
        return sum(record.size for record in self.records.values())


class Remote:
    """A bucket, by its URL, or a folder, by its path. What was killed is called again and goes on where it stopped.

    Files go as objects, named by what they hold, and a manifest after all of them, put only where none is; so an
    artifact there is whole, and of many who push it one is first and the others find it.
    """

    def __init__(self, url: str) -> None:
        """Asks the bucket nothing yet. Raises EtymonError for a kind of bucket that cannot keep what is said above."""
        self._bucket = bucket(url)
        self._objects = Objects(self._bucket, "objects")
        self.where = self._bucket.where

    def push(
        self,
        store: Store,
        artifact: Artifact,
        *,
        alone: bool = False,
        check: bool = False,
        progress: Progress = silent,
    ) -> list[str]:
        """Copies an artifact there and first, unless `alone`, all that it was made from; gives the labels of those that
        this call put there. With `check` what is there is read again, and replaced where it is damaged.

        Every block is compared on its way. `progress` counts bytes. Raises Damaged and NetworkFault.
        """
        self._prove()
        wanted = [artifact] if alone else _with_lineage(store, [artifact])
        return self._push_all(wanted, check, progress)

    def _push_all(self, wanted: list[Artifact], check: bool, progress: Progress) -> list[str]:
        count = Count(progress, sum(map(_size, wanted)))
        return [one.label for one in wanted if self._push(one, check, count)]

    def _push(self, artifact: Artifact, check: bool, count: Count) -> bool:
        key = _key(artifact.label)
        there = self._bucket.get(key)
        if there is not None and not check:
            self._read(there, artifact.label)
            count.add(_size(artifact), artifact.label)
            return False
        if there is not None:
            self._check_same(there, artifact)
        for name, record in artifact.records.items():
            source = Source(artifact.path, name, artifact.label, record)
            self._objects.push(source, count, check=check)
        manifest = _manifest_of(artifact)
        if self._bucket.put(key, manifest):
            return True
        if check and there is not None and _is_unreadable(there):
            self._bucket.replace(key, manifest)
        self._read(self._bucket.get(key), artifact.label)
        return False

    def _check_same(self, there: bytes, artifact: Artifact) -> None:
        """The same work done twice may give other bytes; those pushed first count, and only they can be checked."""
        if not _is_unreadable(there) and self._read(there, artifact.label).records != artifact.records:
            raise EtymonError(
                f"{artifact.label} was pushed from another store, in which it has other bytes.",
                where=f"{self.where}/{_key(artifact.label)}",
                help="check it with the store that it was pushed from, or with one that has pulled it",
            )

    def pull(self, store: Store, reference: str, *, progress: Progress = silent) -> Artifact:
        """Copies an artifact into a store under its id, and first all that it was made from that the store lacks.

        `reference` is its id, the first 6 digits or more of it, or "kind-digits". Every block is compared with the
        manifest before the artifact shows. Raises NetworkFault, which names what is damaged or missing.
        """
        self._check_there()
        labels = self.artifacts()
        wanted = self._with_inputs(store, self._find(reference, labels), labels)
        count = Count(progress, sum(one.size for one in wanted))
        return [self._pull(store, one, count) for one in wanted][-1]

    def artifacts(self) -> list[str]:
        """The labels ("kind-digits") of all artifacts there."""
        found = map(_KEY.fullmatch, self._bucket.sizes("artifacts/"))
        return sorted(match[1] for match in found if match)

    def runs(self) -> list[str]:
        """The names of all runs there."""
        return runs_there(self._bucket)

    def _find(self, reference: str, labels: list[str]) -> str:
        match = _REFERENCE.fullmatch(reference)
        found = [label for label in labels if match and _is_meant(label, match[1], match[2])]
        if len(found) == 1:
            return found[0]
        raise EtymonError(
            f"{reference!r} is the beginning of more than one id." if found else f"There is no artifact {reference!r}.",
            where=self.where,
            why=", ".join(found),
            help="give more digits" if found else names.nearest(reference, labels),
        )

    def _with_inputs(self, store: Store, label: str, labels: list[str]) -> list[_Manifest]:
        """The manifests of the artifact and of all it was made from that the store lacks, those first."""
        here = store.folders()
        by_digits = {one[-SHORT:]: one for one in labels}
        ordered: dict[str, _Manifest] = {}

        def visit(label: str) -> None:
            manifest = self._read(self._bucket.get(_key(label)), label)
            for digits in sorted(id[:SHORT] for id in manifest.inputs.values()):
                if digits in here or by_digits.get(digits) in ordered:
                    continue
                if digits not in by_digits:
                    raise EtymonError(
                        f"{label} is made from {digits}, which is neither here nor there.",
                        where=self.where,
                        help="push it again, without --alone, from the store that it was made in",
                    )
                visit(by_digits[digits])
            ordered[label] = manifest

        visit(label)
        return list(ordered.values())

    def _pull(self, store: Store, wanted: _Manifest, count: Count) -> Artifact:
        told = wanted.told
        work = wanted.kind, told["recipe"], wanted.inputs
        version = int(told["stage_version"])
        found = store.find(*work, stage_version=version)
        if found is not None and not found.verify():
            count.add(wanted.size, wanted.label)
            return found
        with store.create(*work, stage_version=version, name=str(told["name"])) as draft:
            for name, record in wanted.records.items():
                with draft.writer(name) as file:
                    self._objects.pull(wanted.label, name, record, file, count)
            return draft.seal_copy(told)

    def push_run(self, run: Run, *, check: bool = False, progress: Progress = silent) -> int:
        """Copies a run there as it is now, and all artifacts that it refers to; gives the number of this generation.

        Journal, metrics and reports go, of each series of checkpoints the newest good one, and all good snapshots. Only
        the holder of the run's lock may push. The generation before stays; older ones go, once the new one was read
        again. Raises EtymonError where the run was pushed from another folder since this one was pushed or pulled.
        """
        self._prove()
        self._push_all(_with_lineage(run.store, map(run.store.open, run.artifacts().values())), check, progress)
        generations, known = Generations(self._bucket, run.name), known_tokens(run)
        latest = generations.latest()
        if latest is not None and latest.token not in known.get(self.where, []):
            raise self._moved_on(run, generations, latest)
        sources = sources_of(run)
        count = Count(progress, sum(source.record.size for source in sources.values()))
        new = {key for one in sources.values() for key in generations.objects.push(one, count, check=check)}
        number, token = (latest.number + 1 if latest else 1), commit.token()
        # Noted before the generation counts: after a kill in between, this folder must know it for its own.
        keep_tokens(run.path, {**known, self.where: [*([latest.token] if latest else []), token]})
        pushed = generations.put(number, token, sources)
        if pushed.token != token:
            raise self._moved_on(run, generations, pushed)
        generations.objects.check(run.name, pushed.records.items(), read=new)
        generations.let_go(pushed)
        return number

    def pull_run(self, store: Store, name: str, *, generation: int | None = None, progress: Progress = silent) -> Run:
        """Copies a run into a store, to go on from where it was pushed: the newest generation, or one before that is
        still there. It shows once all of it is here, with the artifacts that it refers to.

        Raises EtymonError where the store has a run of that name, unless that was pushed or pulled last.
        """
        self._check_there()
        run, generations = store.run(name), Generations(self._bucket, name)
        numbers = generations.numbers()
        if not numbers or (generation is not None and generation not in numbers):
            raise self._no_run(name, numbers)
        wanted = generations.read(numbers[-1] if generation is None else generation)
        if run.path.exists():
            if wanted.token in known_tokens(run).get(self.where, []):
                return run
            raise EtymonError(
                f"This store has a run {name} already, and it does not go on from this one.",
                where=str(run.path),
                help="move its folder away, or name another store with --store, then pull again",
            )
        with lock.locked(run.path.with_name(f".{name}{collect.PULL_LOCK}"), f"The pulling of the run {name}"):
            collect.wait(store.root)
            self._pull_run(run, generations, wanted, progress)
        return run

    def _pull_run(self, run: Run, generations: Generations, wanted: Generation, progress: Progress) -> None:
        """Fills a hidden folder, and names it when all is there."""
        start = f"{DRAFT}{run.name}-"
        for left in run.path.parent.glob(f"{start}*"):
            if "-" not in left.name.removeprefix(start):  # else of another run, whose name begins with this one's
                commit.remove_folder(left)
        draft = run.path.with_name(start + commit.token())
        count = Count(progress, sum(record.size for record in wanted.records.values()))
        try:
            commit.make_folder(draft)
            for path, record in wanted.records.items():
                commit.make_folder((draft / path).parent)
                with FileWriter(draft / path, needed=record.size) as file:
                    generations.objects.pull(f"The run {run.name}", path, record, file, count)
            for folder in {(draft / path).parent for path in wanted.records} - {draft}:
                commit.sync_folder(folder)
            if ARTIFACTS in wanted.records:
                for id in unseal((draft / ARTIFACTS).read_bytes())["roles"].values():
                    self.pull(run.store, str(id), progress=progress)
            keep_tokens(draft, {self.where: [wanted.token]})
            commit.rename(draft, run.path)
        except BaseException:
            with contextlib.suppress(EtymonError):  # the error that is on its way is the one to tell
                commit.remove_folder(draft)
            raise

    def _prove(self) -> None:
        """Puts the bucket's own file, or finds it, and sees that a name is given only once here: where a service
        ignores that condition, one push could write over another."""
        told = canonical({"format": FORMAT})
        if self._bucket.put(FILE, told) and self._bucket.put(FILE, told):
            raise EtymonError(
                "This bucket gives a name twice, so that nothing in it is safe from a second push.",
                where=self.where,
                why="it ignores the condition If-None-Match: *",
                help="name a bucket of a service that keeps it, or a folder",
            )
        self._check_there()

    def _check_there(self) -> None:
        """Sees that the bucket is one of ours, in our format."""
        data = self._bucket.get(FILE)
        if data is None:
            raise EtymonError("Nothing was pushed here yet.", where=self.where, help="`etymon push` something to it")
        try:
            told: Any = json.loads(data)
        except ValueError:
            told = None
        check_format(cast("JsonObject", told).get("format") if isinstance(told, dict) else None, f"{self.where}/{FILE}")

    def _read(self, data: bytes | None, label: str) -> _Manifest:
        """The manifest, if it is that of the artifact of this label. It may come from anyone. Raises NetworkFault."""
        where = f"{self.where}/{_key(label)}"
        told = read_sealed(data, label, where)
        try:
            kind, inputs = names.checked_kind(str(told["kind"])), cast("dict[str, str]", told["inputs"])
            inputs = {role: names.checked_id(id) for role, id in inputs.items()}
            id = artifact_id(kind, told["recipe"], inputs, int(told["stage_version"]))
            found = _Manifest(label, kind, inputs, read_records(told), told)
            if told["id"] != id or folder_name(kind, id) != label:
                raise ValueError("it is that of another artifact")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise damaged(label, where, f"its manifest is unfit: {error}") from error
        return found

    def _moved_on(self, run: Run, generations: Generations, latest: Generation) -> EtymonError:
        return EtymonError(
            f"The run {run.name} was pushed from another folder since.",
            where=generations.where(latest.number),
            why="this generation is not one that the folder here goes on from",
            help=f"move {run.path} away and pull the run, to go on from there",
        )

    def _no_run(self, name: str, numbers: list[int]) -> EtymonError:
        if numbers:
            there = " and ".join(map(str, numbers))
            told = f"The run {name} has no such generation."
            return EtymonError(told, where=self.where, help=f"those there are: {there}")
        return EtymonError(f"There is no run {name!r}.", where=self.where, help=names.nearest(name, self.runs()))


def _with_lineage(store: Store, artifacts: Iterable[Artifact]) -> list[Artifact]:
    """The artifacts and all they were made from, each once and after what it was made from."""
    ordered: dict[str, Artifact] = {}

    def add(one: Artifact, known: dict[str, Artifact]) -> None:
        if one.id not in ordered:
            for id in sorted(one.inputs.values()):
                add(known[id], known)
            ordered[one.id] = one

    for artifact in artifacts:
        add(artifact, {one.id: one for one in store.lineage(artifact)})
    return list(ordered.values())


def _is_meant(label: str, kind: str | None, digits: str) -> bool:
    return label[-SHORT:].startswith(digits[:SHORT]) and kind in (None, label[: -SHORT - 1])


def _is_unreadable(manifest: bytes) -> bool:
    try:
        unseal(manifest)
    except ValueError:
        return True
    return False


def _manifest_of(artifact: Artifact) -> bytes:
    path = artifact.path / MANIFEST
    with commit.telling(path):
        return path.read_bytes()


def _key(label: str) -> str:
    return f"artifacts/{label}/{MANIFEST}"


def _size(artifact: Artifact) -> int:
    return sum(artifact.files.values())
