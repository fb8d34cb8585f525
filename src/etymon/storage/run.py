"""The run: a folder that grows, with its journal, metrics, checkpoints and the artifacts it has made."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etymon.errors import EtymonError
from etymon.storage import collect, commit, lock, names
from etymon.storage.blocks import Damage, Damaged
from etymon.storage.canonical import seal, unseal
from etymon.storage.checkpoints import Checkpoints
from etymon.storage.journal import Journal
from etymon.storage.metrics import Metrics
from etymon.storage.steps import Steps

if TYPE_CHECKING:
    from etymon.storage.store import Store

ARTIFACTS = "artifacts.json"
LOCK = "lock"
STEPS = ".steps"
_OWN = (ARTIFACTS, LOCK, "events.jsonl", "metrics.jsonl", "checkpoints", STEPS)


class Run:
    """A run by its name. The folder is made when something is first written; opening one writes nothing."""

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.name = names.checked(name, "a run")
        self.path = store.root / "runs" / name
        self._label = f"The run {name}"
        self._checkpoints: dict[str, Checkpoints] = {}

    @cached_property
    def journal(self) -> Journal:
        return Journal(self.path / "events.jsonl", self._label)

    @cached_property
    def metrics(self) -> Metrics:
        return Metrics(self.path / "metrics.jsonl", self._label, tell=self.journal.append)

    @contextmanager
    def lock(self) -> Generator[lock.Lock]:
        """Held by whoever writes the run. A second holder gets, within a second, an error that names the first."""
        with lock.locked(self.path / LOCK, self._label) as held:
            collect.wait(self.store.root)
            yield held

    def holder(self) -> dict[str, Any] | None:
        """Who writes the run now (host, pid, started), None where no one does."""
        return lock.holder(self.path / LOCK)

    def checkpoints(self, series: str) -> Checkpoints:
        """The checkpoints of a series, such as the name of a model family."""
        if series not in self._checkpoints:
            names.checked(series, "a series")
            folder = self.path / "checkpoints" / series
            label = f"{self.name}/{series}"
            self._checkpoints[series] = Checkpoints(folder, label, sync=self.metrics.sync, tell=self.journal.append)
        return self._checkpoints[series]

    def steps(self, work: str) -> Steps:
        """The finished steps of one piece of work; `work` is a name that no other work has."""
        return Steps(self.path / STEPS / names.checked(work, "a piece of work"))

    def clear_steps(self, begins: str) -> None:
        """Removes the finished steps of all work whose name begins so, those that a kill left of other settings too."""
        folder = self.path / STEPS
        for path in sorted(folder.iterdir()) if folder.exists() else ():
            if path.name.startswith(begins):
                commit.remove_folder(path)

    def require_space(self, needed: int, what: str) -> None:
        """Raises DiskFault unless the run's disk has so many bytes free; `what` is what needs them."""
        commit.require_space(self.path, needed, what)

    def series(self) -> list[str]:
        """The series that have or had checkpoints or snapshots."""
        folder = self.path / "checkpoints"
        found = folder.iterdir() if folder.exists() else ()
        return sorted(path.name for path in found if path.is_dir() and names.is_name(path.name))

    def write(self, name: str, data: commit.Buffer) -> Path:
        """Puts a file of the run in place whole, replacing one of that name; `name` may lie in folders."""
        path = self._file(name)
        commit.replace_file(path, data)
        return path

    def read(self, name: str) -> bytes:
        """The bytes of a file that `write` put there."""
        path = self._file(name)
        try:
            return path.read_bytes()
        except FileNotFoundError as error:
            there = [entry.name for entry in self.path.iterdir() if entry.is_file()] if self.path.exists() else []
            raise EtymonError(
                f"The run {self.name} has no file {name}.", where=str(self.path), help=names.nearest(name, there)
            ) from error
        except OSError as error:
            raise commit.told(error, path) from error

    def exists(self, name: str) -> bool:
        return self._file(name).is_file()

    def _file(self, name: str) -> Path:
        if name.split("/")[0] in _OWN:
            raise EtymonError(f"{name} is the run's own file.", where=str(self.path), help="give it another name")
        return self.path / names.checked_path(name, "a file")

    def record(self, role: str, artifact_id: str) -> None:
        """Notes that the run has made or uses an artifact, as `role` ("corpus", "model/gpt", …). What a run refers to
        is kept by `gc`, with all that it was made from."""
        names.checked_path(role, "a role")
        names.checked_id(artifact_id)
        roles = self.artifacts()
        if roles.get(role) == artifact_id:
            commit.sync_folder(self.path)  # whoever noted it may have been killed before the file's name was durable
        else:
            commit.replace_file(self.path / ARTIFACTS, seal({"roles": {**roles, role: artifact_id}}))

    def artifacts(self) -> dict[str, str]:
        """Role -> artifact id. Raises Damaged where the file is not what was written."""
        path = self.path / ARTIFACTS
        try:
            return dict(unseal(path.read_bytes())["roles"])
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise commit.told(error, path) from error
        except (ValueError, KeyError, TypeError) as error:
            remedy = f"remove {path} and run the same command again: what it made before is found again"
            raise Damaged(Damage(self._label, self.path, ARTIFACTS, None, str(error), remedy)) from error

    def verify(self) -> list[Damage]:
        """All that is wrong with its journal, metrics, list of artifacts and checkpoints; reads every byte of them."""
        found: list[Damage] = []
        for look in (self.artifacts, self.journal.events, self.metrics.rows):
            try:
                look()
            except Damaged as error:
                found.append(error.damage)
            except commit.DiskFault as error:
                path = Path(error.where)
                found.append(Damage(self._label, path.parent, path.name, None, f"it cannot be read: {error.why}"))
        for series in self.series():
            found += self.checkpoints(series).verify()
        return found

    def __repr__(self) -> str:
        return f"<Run {self.name}>"
