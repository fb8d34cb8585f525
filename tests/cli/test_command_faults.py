"""A disk that fails under any command: told in words with exit code 74, nothing acknowledged before is harmed, and the
same command goes through once the disk is sound, with the same results."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import digests, etymon
from every_command import (
    FURTHER,
    IN_TESTS_OF_THEIR_OWN,
    READING,
    WITHOUT_STORE,
    WRITING,
    commands,
    do,
)
from planted import check_message

from etymon.storage import Store
from etymon.storage.commit import Operation
from harness import faults
from harness.faults import CLOSED, FAILED, FULL, QUOTA, READ_ONLY

Copies = Callable[[], Path]


@dataclass(frozen=True)
class Point:
    """One fault: `at` says where in the command: "first", "last", or "PART: OPERATION" for the first such operation of
    that part of the store; `stays`: all later operations fail, too."""

    command: str
    at: str
    code: int
    stays: bool = False

    def __str__(self) -> str:
        return f"{self.command}, {self.at}: {os.strerror(self.code)}{' from then on' if self.stays else ''}"

    def number(self, operations: list[Operation], root: Path) -> int:
        """Which operation of the command it is."""
        if self.at in ("first", "last"):
            return 0 if self.at == "first" else len(operations) - 1
        part, _, name = self.at.partition(": ")
        return next(n for n, each in enumerate(operations) if part_of(each, root) == part and each.name == name)


def part_of(operation: Operation, root: Path) -> str:
    """The part of the store that an operation changes: "corpus", "journal", "checkpoint", …"""
    path = operation.target or operation.path
    parts = path.relative_to(root).parts if path.is_relative_to(root) else ()
    if parts[:1] == ("artifacts",) and len(parts) > 1:
        return next(part for part in parts[1].split("-") if part not in (".draft", ".unused"))
    if parts[:1] != ("runs",) or len(parts) < 3:
        return "store"
    names = {"events.jsonl": "journal", "metrics.jsonl": "metrics", "checkpoints": "checkpoint"}
    return "snapshot" if "snapshots" in parts else names.get(parts[2], "file of the run")


QUICK = [
    Point("run", "corpus: write", FULL, stays=True),
    Point("run", "checkpoint: sync", FAILED),
    Point("run resumed", "checkpoint: write", FULL),
    Point("demo", "first", CLOSED),
    Point("corpus build", "first", READ_ONLY),
    Point("corpus build", "corpus: write", FULL),
    Point("corpus build", "corpus: sync", FAILED, stays=True),
    Point("corpus build", "corpus: sync folder", FAILED),
    Point("classifier train", "classifier: write", FULL),
    Point("classifier train", "classifier: sync", FAILED, stays=True),
    Point("ablate", "trial: write", FULL, stays=True),
    Point("ablate", "ablation: sync", FAILED),
    Point("tokenizer train", "scratch: write", QUOTA),
    Point("tokenizer train", "tokenizer: create", CLOSED),
    Point("tokenizer train", "tokenizer: sync", FAILED),
    Point("tokenizer train", "tokenizer: rename", FAILED, stays=True),
    Point("corpus count", "first", READ_ONLY),
    Point("corpus count", "index: write", FULL),
    Point("corpus find", "index: sync", FAILED),
    Point("mixture fit", "file of the run: write", FULL),
    Point("mixture fit", "mixture: sync", FAILED),
    Point("import", "tokenizer: sync", FAILED),
    Point("import", "model: write", FULL, stays=True),
    Point("import words", "tokenizer: write", QUOTA),
    Point("import words", "model: sync", FAILED),
    Point("gc", "corpus: rename", READ_ONLY),
    Point("gc", "corpus: unlink", FAILED),
    Point("gc", "last", FAILED),
]
MORE = [
    Point("ablate", "first", READ_ONLY),
    Point("ablate", "corpus: sync", FAILED, stays=True),
    Point("ablate", "trial: rename", FAILED),
    Point("ablate", "last", FULL),
    Point("run", "first", READ_ONLY),
    Point("run", "journal: write", FULL, stays=True),
    Point("run", "journal: sync", FAILED),
    Point("run", "file of the run: rename", CLOSED),
    Point("run", "corpus: mkdir", CLOSED),
    Point("run", "tokenizer: sync", FAILED),
    Point("run", "shards: rename", QUOTA),
    Point("run", "metrics: write", FULL),
    Point("run", "measurement: create", READ_ONLY, stays=True),
    Point("run", "corpus: create", QUOTA),
    Point("run", "corpus: sync", FAILED, stays=True),
    Point("run", "corpus: rename", FAILED),
    Point("run", "tokenizer: write", FULL),
    Point("run", "shards: create", READ_ONLY, stays=True),
    Point("run", "shards: sync folder", FAILED),
    Point("run", "metrics: create", CLOSED),
    Point("run", "metrics: sync", FAILED, stays=True),
    Point("run", "model: write", FULL, stays=True),
    Point("run", "model: sync", FAILED),
    Point("run", "snapshot: mkdir", QUOTA),
    Point("run", "snapshot: rename", FAILED),
    Point("run", "checkpoint: create", READ_ONLY, stays=True),
    Point("run", "checkpoint: write", FULL, stays=True),
    Point("run", "checkpoint: sync folder", FAILED),
    Point("run", "checkpoint: rename", FAILED, stays=True),
    Point("run", "checkpoint: unlink", READ_ONLY),
    Point("run", "measurement: write", FULL),
    Point("run", "report: create", READ_ONLY, stays=True),
    Point("run", "report: write", FULL, stays=True),
    Point("run", "last", FULL),
    Point("run", "report: rename", READ_ONLY),
    Point("run", "last", FAILED, stays=True),
    Point("run --from", "first", CLOSED),
    Point("run --from", "snapshot: write", FULL, stays=True),
    Point("run --from", "corpus: sync", FAILED),
    Point("run --from", "checkpoint: write", QUOTA),
    Point("run --from", "model: rename", FAILED),
    Point("run --from", "last", READ_ONLY),
    Point("run again", "first", FULL),
    Point("run again", "file of the run: sync", FAILED),
    Point("run again", "last", QUOTA, stays=True),
    Point("run resumed", "first", READ_ONLY, stays=True),
    Point("run resumed", "journal: sync", FAILED),
    Point("run resumed", "checkpoint: rename", FAILED),
    Point("run resumed", "model: write", FULL, stays=True),
    Point("demo", "file of the run: write", FULL),
    Point("demo", "checkpoint: sync", FAILED),
    Point("demo", "last", CLOSED),
]


@pytest.fixture(autouse=True)
def demo_is_small(texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo reads a small text here."""
    monkeypatch.setattr("etymon.cli.run_command.DEMO_PATHS", (str(texts / "new"),))


@pytest.fixture
def copy(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Copies:
    """Makes the one copy of the filled store that commands see: always at the same place, always as it was."""
    root = tmp_path / "store"
    monkeypatch.setenv("ETYMON_STORE", str(root))

    def fresh() -> Path:
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(filled, root)
        return root

    return fresh


@dataclass(frozen=True)
class Undisturbed:
    """What a command does to a copy of the filled store on a sound disk."""

    operations: list[Operation]
    results: dict[str, object]


_undisturbed: dict[tuple[Path, str], Undisturbed] = {}


def undisturbed(filled: Path, texts: Path, name: str, fresh: Copies) -> Undisturbed:
    """Found out once for each command; the store's own place does not count."""
    if (filled, name) not in _undisturbed:
        root = fresh()
        with faults.watched() as seen:
            said = do(name, texts)
        assert said.code == 0, said
        moved = [
            Operation(each.name, moved_to(filled, root, each.path), each.target and moved_to(filled, root, each.target))
            for each in seen
        ]
        _undisturbed[filled, name] = Undisturbed(moved, results(root))
    return _undisturbed[filled, name]


def moved_to(filled: Path, root: Path, path: Path) -> Path:
    """The same path in the filled store."""
    return filled / path.relative_to(root) if path.is_relative_to(root) else path


def results(root: Path) -> dict[str, object]:
    """Every artifact with the hash of its content (a report's holds times), and what each run refers to."""
    store = Store.at(root, create=False)
    contents: dict[str, object] = {
        each.label: each.content_hash if each.kind != "report" else each.inputs for each in store.artifacts()
    }
    return contents | {f"run {run.name}": run.artifacts() for run in store.runs()}


def run_files(root: Path, name: str) -> dict[str, bytes]:
    """The files of a run, but for the lock."""
    paths = [path for path in (root / "runs" / name).rglob("*") if path.is_file() and path.name != "lock"]
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


class Acknowledged:
    """What every run of a store had made and told when the first fault came: all of it must still be there."""

    def __init__(self, root: Path) -> None:
        runs = Store.at(root, create=False).runs()
        self.roles = {run.name: run.artifacts() for run in runs}
        self.events = {run.name: run.journal.events() for run in runs}

    def check(self, root: Path) -> None:
        store = Store.at(root, create=False)
        for name, roles in self.roles.items():
            assert store.run(name).artifacts().items() >= roles.items()
            assert all(store.open(id).verify() == [] for id in roles.values())
            assert store.run(name).journal.events()[: len(self.events[name])] == self.events[name]


def hold(point: Point, number: int, planned: Operation, texts: Path, root: Path) -> None:
    """The promise at one point: a fault at the operation of this number, then the same command on a sound disk."""
    name = point.command
    earlier, first = digests(root), run_files(root, "first")
    acknowledged: list[Acknowledged] = []
    failed: list[Operation] = []

    def which(count: int, operation: Operation) -> bool:
        if count < number or (failed and not point.stays):
            return False
        if not failed:
            failed.append(operation)
            acknowledged.append(Acknowledged(root))
        return True

    with faults.failing(point.code, which):
        said = do(name, texts)
    assert failed[0].name == planned.name
    assert said.code == 74, said
    path = failed[0].target or failed[0].path
    check_message(said, ["where: ", str(path), "why: ", os.strerror(point.code), "bytes free", "help: "])
    assert "bytes needed" in said.err or failed[0].name != "write"

    acknowledged[0].check(root)
    after = digests(root)
    kept = earlier if name != "gc" else {file: each for file, each in earlier.items() if file in after}
    assert {file: after.get(file) for file in kept} == kept
    if name != "run again":
        assert run_files(root, "first") == first
    told = etymon("verify")
    assert (told.code, told.err) == (0, ""), told

    said = do(name, texts)
    assert (said.code, said.err) == (0, ""), said


@pytest.mark.parametrize("point", [*QUICK, *(pytest.param(each, marks=pytest.mark.ci) for each in MORE)], ids=str)
def test_a_fault_is_told_harms_nothing_and_the_same_command_goes_through_after_it(
    point: Point, filled: Path, texts: Path, copy: Copies
) -> None:
    whole = undisturbed(filled, texts, point.command, copy)
    root = copy()
    number = point.number(whole.operations, filled)
    hold(point, number, whole.operations[number], texts, root)
    assert results(root) == whole.results
    assert etymon("gc").code == 0
    assert not [path for path in root.rglob(".*") if path.name != ".gc.lock"]
    assert Store.at(root).verify() == []


@pytest.mark.ci
@pytest.mark.parametrize("name", ["corpus build", "tokenizer train", "import", "gc"])
def test_a_fault_at_every_single_operation_of_the_short_commands(
    name: str, filled: Path, texts: Path, copy: Copies
) -> None:
    every_operation(name, filled, texts, copy)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ablate", "demo", "run", *FURTHER])
def test_a_fault_at_every_single_operation_of_long_commands(name: str, filled: Path, texts: Path, copy: Copies) -> None:
    every_operation(name, filled, texts, copy)


def every_operation(name: str, filled: Path, texts: Path, copy: Copies) -> None:
    """Each operation once, with one fault after the other, every second of which stays."""
    whole = undisturbed(filled, texts, name, copy)
    for number, operation in enumerate(whole.operations):
        code = faults.FAULTS[number % len(faults.FAULTS)]
        point = Point(name, f"operation {number} ({operation.name} of {operation.path.name})", code, number % 2 == 1)
        root = copy()
        hold(point, number, operation, texts, root)
        assert results(root) == whole.results, str(point)


def test_every_command_has_its_scenario() -> None:
    assert commands() == {*WRITING, *READING, *WITHOUT_STORE, *IN_TESTS_OF_THEIR_OWN}
    assert {point.command for point in QUICK} >= set(WRITING)


@pytest.mark.parametrize("name", [*READING, *WITHOUT_STORE])
def test_a_command_that_only_looks_asks_for_no_change_of_the_disk(name: str, texts: Path, copy: Copies) -> None:
    root = copy()
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    with faults.failing(READ_ONLY, faults.always) as seen:
        said = do(name, texts)
    assert (said.code, said.err, seen) == (0, "", [])
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.ci)], ids=["some", "all"])
@pytest.mark.parametrize("name", READING)
def test_any_file_that_a_command_cannot_read_is_named(name: str, every: bool, texts: Path, copy: Copies) -> None:
    root = copy()
    files = files_read(name, texts)
    for path in files if every else files[:: max(len(files) // 3, 1)]:
        with faults.unreadable(lambda each, path=path: each == path):
            said = do(name, texts)
        if name == "doctor" or (name == "verify" and path != root / "store.json"):
            assert said.code == 1, (path, said)
            assert path.name in said.out and "Input/output error" in said.out and said.err == ""
        else:
            assert said.code == 74, (path, said)
            check_message(said, ["where: ", str(path), "why: ", "Input/output error", "help: "])
    assert do(name, texts).code == 0


def files_read(name: str, texts: Path) -> list[Path]:
    """The files that a command reads, each once."""
    with faults.unreadable(lambda path: False) as asked:
        assert do(name, texts).code == 0
    assert asked
    return list(dict.fromkeys(asked))


@pytest.mark.parametrize("name", WITHOUT_STORE)
def test_a_command_that_needs_no_store_is_not_stopped_by_one(name: str, texts: Path, copy: Copies) -> None:
    copy()
    with faults.unreadable(lambda path: True):
        assert do(name, texts).code == 0
