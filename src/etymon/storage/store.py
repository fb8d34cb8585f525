"""The store: one folder that holds all artifacts and runs."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from etymon.errors import EtymonError
from etymon.progress import Progress, silent
from etymon.storage import collect, commit, names
from etymon.storage.artifact import SHORT, Artifact, artifact_id, folder_name, missing_input, unknown_input
from etymon.storage.blocks import Damage, Damaged
from etymon.storage.canonical import JsonObject, canonical
from etymon.storage.draft import Draft
from etymon.storage.folder import FORMAT, MANIFEST, check_format
from etymon.storage.reference import resolve
from etymon.storage.run import ARTIFACTS, Run

VARIABLE = "ETYMON_STORE"
DEFAULT = "etymon-store"
FILE = "store.json"

_PUT_BACK = f"""write {{"format":{FORMAT}}} into its {FILE}"""
_FOLDER = re.compile(rf"([a-z][a-z0-9_-]{{0,39}})-([0-9a-f]{{{SHORT}}})", re.ASCII)


class Store:
    """A store by its root folder. Use `Store.at`, which checks that it is one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._artifacts = root / "artifacts"

    @classmethod
    def at(cls, root: str | Path | None = None, *, create: bool = True) -> Store:
        """The store at `root`, else at $ETYMON_STORE, else at ./etymon-store; made there unless `create` is False."""
        path = _at_home(Path(root or os.environ.get(VARIABLE) or DEFAULT)).absolute()
        if (path / FILE).is_file():
            _check_store(path / FILE)
        elif path.exists() and not path.is_dir():
            raise EtymonError("A store is a folder, and this is a file.", where=str(path), help="name a folder")
        elif create:
            commit.replace_file(path / FILE, canonical({"format": FORMAT}))
        else:
            raise _no_store(path)
        return cls(path)

    @classmethod
    def holding(cls, artifact: Artifact) -> Store:
        """The store in which an artifact lies. Raises EtymonError for one that lies somewhere else."""
        root = artifact.path.absolute().parent.parent
        if not (root / FILE).is_file():
            raise EtymonError(
                f"{artifact.label} is made of others, and they are not beside it.",
                where=str(artifact.path),
                why="it does not lie in a store",
                help="`etymon pull` copies an artifact with all that it is made from",
            )
        return cls(root)

    def create(
        self,
        kind: str,
        recipe: Mapping[str, Any],
        inputs: Mapping[str, str],
        *,
        stage_version: int,
        name: str = "",
    ) -> Draft:
        """Begins an artifact; `recipe` (JSON) and `inputs` (role -> full id, all in this store) give it its id."""
        names.checked_kind(kind)
        for id in inputs.values():
            names.checked_id(id)
        draft = Draft(self._artifacts, kind, recipe, inputs, stage_version=stage_version, name=name)
        try:  # from here on the draft's lock keeps `gc` from removing its inputs: now they must be there, and stay
            collect.wait(self.root)
            there = self.folders() if inputs else {}
            for role, id in inputs.items():
                self._input(there, role, id)
        except BaseException:
            draft.abandon()
            raise
        return draft

    def find(
        self, kind: str, recipe: Mapping[str, Any], inputs: Mapping[str, str], *, stage_version: int
    ) -> Artifact | None:
        """The same work done before, or None. One that is damaged at first sight (manifest, missing or cut files) does
        not count: it is made again, and the new one takes its place."""
        id = artifact_id(names.checked_kind(kind), recipe, inputs, stage_version)
        path = self._artifacts / folder_name(kind, id)
        if not path.exists():
            return None
        try:
            found = Artifact.stored(path)
            found.check_sizes()
        except Damaged:
            return None
        if found.id != id:
            return None
        if os.access(self._artifacts, os.W_OK):
            commit.sync_folder(self._artifacts)  # whoever sealed it may have been killed before its name was durable
        return found

    def open(self, reference: str | Path) -> Artifact:
        """An artifact by a path, an id or the first 6 or more digits of it, "kind-digits", "RUN/FAMILY" or "RUN/ROLE",
        or "latest" (the newest model)."""
        return resolve(self, reference)

    def folders(self) -> dict[str, Path]:
        """The first 16 digits of each id there is -> its folder."""
        if not self._artifacts.exists():
            return {}
        with os.scandir(self._artifacts) as entries:
            found = [match for entry in entries if (match := _FOLDER.fullmatch(entry.name))]
        return {match[2]: self._artifacts / match[0] for match in sorted(found, key=lambda match: match[0])}

    def artifacts(self, kind: str | None = None) -> list[Artifact]:
        """All artifacts, or those of a kind, oldest first. Raises Damaged where a manifest is not what was written."""
        paths = [path for path in self.folders().values() if kind is None or path.name.rpartition("-")[0] == kind]
        return sorted(map(Artifact.stored, paths), key=lambda artifact: (artifact.created, artifact.label))

    def lineage(self, artifact: Artifact) -> list[Artifact]:
        """All that it was made from, nearest first, each once. Raises EtymonError where one is missing."""
        there = self.folders()
        found: dict[str, Artifact] = {}
        nearest = [artifact]
        while nearest:
            wanted = {id: role for made in nearest for role, id in sorted(made.inputs.items()) if id not in found}
            nearest = [self._input(there, role, id) for id, role in wanted.items()]
            found.update((made.id, made) for made in nearest)
        return list(found.values())

    def _input(self, there: Mapping[str, Path], role: str, id: str) -> Artifact:
        if id[:SHORT] not in there:
            raise unknown_input(role, id)
        found = Artifact.stored(there[id[:SHORT]])
        if found.id != id:
            raise unknown_input(role, id)
        return found

    def uses(self, artifact: Artifact) -> list[Artifact]:
        """All that was made from it, nearest first, each once."""
        all_there = self.artifacts()
        found: dict[str, Artifact] = {}
        sources = {artifact.id}
        while sources:
            made = [one for one in all_there if one.id not in found and sources & set(one.inputs.values())]
            found.update((one.id, one) for one in made)
            sources = {one.id for one in made}
        return list(found.values())

    def verify(self, *, progress: Progress = silent) -> list[Damage]:
        """Reads every byte of every artifact, and of the runs all that has checksums, and tells all that is wrong: also
        artifacts that others were made from, or that runs refer to, and that are not there.

        `progress` counts the bytes of artifacts.
        """
        damages: list[Damage] = []
        good: list[Artifact] = []
        for path in self.folders().values():
            try:
                good.append(Artifact.stored(path))
            except Damaged as error:
                damages.append(error.damage)
        total = sum(sum(artifact.files.values()) for artifact in good)
        done = 0
        for artifact in good:
            damages += artifact.verify()
            done += sum(artifact.files.values())
            progress(done, total, artifact.label)
        for run in self.runs():
            damages += run.verify()
            progress(done, total, run.name)
        return damages + self.dangling(good)

    def dangling(self, artifacts: Iterable[Artifact]) -> list[Damage]:
        """What these artifacts, and all runs, refer to and is not there."""
        refers = [(each.label, each.path, MANIFEST, each.inputs) for each in artifacts]
        for run in self.runs():
            with suppress(Damaged, commit.DiskFault):  # told by the run's own verify
                refers.append((f"The run {run.name}", run.path, ARTIFACTS, run.artifacts()))
        there = self.folders()  # after what is referred to was read: what others make meanwhile is not missing
        remedy = "run the command that made it once more: it makes what is missing"
        return [
            Damage(owner, path, file, None, missing_input(role, id), remedy)
            for owner, path, file, ids in refers
            for role, id in sorted(ids.items())
            if id[:SHORT] not in there and path.exists()
        ]

    def gc(self, *, keep: Collection[str] = (), dry_run: bool = False) -> list[Artifact]:
        """Removes the artifacts that no run's artifacts.json and nothing in `keep` (references) leads to, and what dead
        drafts left. Gives those removed, or with `dry_run` those that would be."""
        return collect.collect(self, keep, dry_run=dry_run)

    def run(self, name: str) -> Run:
        """The run of that name, there or not; its folder is made when something is first written."""
        return Run(self, name)

    def runs(self) -> list[Run]:
        """All runs by name."""
        folder = self.root / "runs"
        found: Iterable[Path] = folder.iterdir() if folder.exists() else ()
        return [Run(self, path.name) for path in sorted(found) if path.is_dir() and names.is_name(path.name)]

    def remove_run(self, name: str, *, dry_run: bool = False) -> tuple[dict[str, int], dict[str, str]]:
        """Removes a run, or with `dry_run` only looks: its files with their bytes, and role -> id of the artifacts that
        it referred to. Those stay until `gc`."""
        return collect.remove_run(self, name, dry_run=dry_run)

    def __repr__(self) -> str:
        return f"<Store {self.root}>"


def _at_home(path: Path) -> Path:
    """`~` as the user's home."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise EtymonError(
            "There is no home folder to look in.", where=str(path), why=str(error), help="write the store's whole path"
        ) from error


def _no_store(path: Path) -> EtymonError:
    """There is none, or one without its file."""
    if (path / "artifacts").is_dir() or (path / "runs").is_dir():
        why, help = f"{FILE} is missing; all else may be whole", f"{_PUT_BACK}, then `etymon verify`"
        return EtymonError("This store has lost its file.", where=str(path), why=why, help=help)
    help = f"name its folder with {VARIABLE}, or make one with `etymon demo` or `etymon run`"
    return EtymonError("There is no store here.", where=str(path), help=help)


def _check_store(path: Path) -> None:
    """Refuses a store of another format."""
    try:
        found: Any = json.loads(path.read_bytes())
    except OSError as error:
        raise commit.told(error, path) from error
    except ValueError as error:
        raise EtymonError(
            "This is not the file of a store.",
            where=str(path),
            why=str(error),
            help=_PUT_BACK,
        ) from error
    check_format(cast("JsonObject", found).get("format") if isinstance(found, dict) else None, path)
