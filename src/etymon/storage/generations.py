"""The generations of a run in a bucket: each the whole state at a time; an older one goes when a newer one is good."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from etymon.errors import EtymonError
from etymon.storage import commit, names
from etymon.storage.blocks import FileRecord
from etymon.storage.bucket import Bucket
from etymon.storage.canonical import JsonObject, seal, unseal
from etymon.storage.checkpoint import Checkpoint
from etymon.storage.folder import FORMAT, MANIFEST, check_format
from etymon.storage.objects import Objects, Source, damaged, record_of
from etymon.storage.run import LOCK, Run

FILE = "remote.json"
"""In a run's folder: which generations of which buckets it goes on from."""
KEPT = 2
"""Generations of a run that stay."""

_KEY = re.compile(r"runs/([^/]+)/(\d{6,})\.json", re.ASCII)


@dataclass(frozen=True)
class Generation:
    """One state of a run. `token` is its alone, so that a machine knows its own; `records` is path -> file."""

    number: int
    token: str
    records: dict[str, FileRecord]


class Generations:
    """Those of one run in a bucket."""

    def __init__(self, bucket: Bucket, run: str) -> None:
        self._bucket, self._run = bucket, names.checked(run, "a run")
        self.objects = Objects(bucket, f"runs/{run}/objects")

    def numbers(self) -> list[int]:
        """Those that are there, oldest first."""
        found = map(_KEY.fullmatch, self._bucket.sizes(f"runs/{self._run}/"))
        return sorted(int(match[2]) for match in found if match)

    def latest(self) -> Generation | None:
        numbers = self.numbers()
        return self.read(numbers[-1]) if numbers else None

    def read(self, number: int) -> Generation:
        """Raises NetworkFault where it is not what was put. It may come from anyone."""
        where = self.where(number)
        told = read_sealed(self._bucket.get(self._key(number)), self._run, where)
        try:
            records = read_records(told)
            if (told["run"], told["generation"]) != (self._run, number):
                raise ValueError(f"it is generation {told['generation']} of {told['run']}")
            if any(path.split("/")[0] in (LOCK, FILE) for path in map(_checked, records)):
                raise ValueError("it holds a file that belongs to one machine")
            return Generation(number, str(told["token"]), records)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise damaged(self._run, where, str(error)) from error

    def put(self, number: int, token: str, sources: Mapping[str, Source]) -> Generation:
        """Puts a generation whose objects are there. Gives the one of this number: another's, if that was first."""
        told: JsonObject = {
            "format": FORMAT,
            "run": self._run,
            "generation": number,
            "token": token,
            "created": datetime.now(UTC).isoformat(timespec="microseconds"),
            "files": {path: source.record.to_json() for path, source in sources.items()},
        }
        self._bucket.put(self._key(number), seal(told))
        return self.read(number)

    def let_go(self, newest: Generation) -> None:
        """Removes the generations before the last but one, and then the objects that none of those left needs."""
        older = [number for number in self.numbers() if number < newest.number]
        for number in older[: 1 - KEPT]:
            self._bucket.remove(self._key(number))
        left = [newest, *map(self.read, older[1 - KEPT :])]
        self.objects.keep(record for generation in left for record in generation.records.values())

    def where(self, number: int) -> str:
        return f"{self._bucket.where}/{self._key(number)}"

    def _key(self, number: int) -> str:
        return f"runs/{self._run}/{number:06d}.json"


def runs_there(bucket: Bucket) -> list[str]:
    """The names of the runs in a bucket."""
    found = map(_KEY.fullmatch, bucket.sizes("runs/"))
    return sorted({match[1] for match in found if match})


def read_sealed(data: bytes | None, owner: str, where: str) -> JsonObject:
    """A sealed object of our format from a bucket. Raises NetworkFault."""
    if data is None:
        raise damaged(owner, where, "there is no such object")
    try:
        told = unseal(data)
    except ValueError as error:
        raise damaged(owner, where, str(error)) from error
    check_format(told.get("format"), where)
    return told


def read_records(told: Mapping[str, Any]) -> dict[str, FileRecord]:
    """Raises KeyError, AttributeError or ValueError where it holds none."""
    return {name: FileRecord.from_json(entry) for name, entry in cast("dict[str, Any]", told["files"]).items()}


def _checked(path: str) -> str:
    return names.checked_path(path, "a file")


def sources_of(run: Run) -> dict[str, Source]:
    """The files of a run that go with it, by their paths in its folder: of each series of checkpoints the newest good
    one and the good snapshots, and all other files that are whole."""
    found: dict[str, Source] = {}
    for series in run.series():  # before the journal, which is told of damage that this finds
        checkpoints = run.checkpoints(series)
        newest = checkpoints.newest_good()
        for checkpoint in [*([newest] if newest else []), *checkpoints.snapshots(read=True)]:
            found |= _of_checkpoint(run, checkpoint)
    for path in sorted(run.path.rglob("*")):
        parts = path.relative_to(run.path).parts
        hidden = any(part.startswith(".") for part in parts)
        if path.is_file() and not hidden and parts[0] not in ("checkpoints", LOCK, FILE):
            found["/".join(parts)] = Source(path.parent, path.name, run.name, record_of(path))
    return found


def _of_checkpoint(run: Run, checkpoint: Checkpoint) -> dict[str, Source]:
    folder = checkpoint.path
    records = {**checkpoint.records, MANIFEST: record_of(folder / MANIFEST)}
    inside = folder.relative_to(run.path).as_posix()
    return {f"{inside}/{name}": Source(folder, name, checkpoint.label, record) for name, record in records.items()}


def known_tokens(run: Run) -> dict[str, list[str]]:
    """Bucket -> the tokens of the generations that this folder may go on from."""
    path = run.path / FILE
    if not path.exists():
        return {}
    try:
        return dict(unseal(path.read_bytes())["tokens"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EtymonError(
            f"It cannot be told which generation the run {run.name} goes on from.",
            where=str(path),
            why=str(error),
            help="move the run's folder away and pull it, or push this one under another name",
        ) from error


def pushed_to(run: Run) -> list[str]:
    """The buckets that hold, or held, copies of the run. Raises EtymonError where that cannot be told."""
    return sorted(known_tokens(run))


def keep_tokens(folder: Path, tokens: Mapping[str, list[str]]) -> None:
    """Notes them in a run's folder."""
    commit.replace_file(folder / FILE, seal({"tokens": dict(tokens)}))
