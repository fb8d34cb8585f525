"""Loss of power at any operation: what was acknowledged is there and whole, whatever of the rest reached the disk."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from filled_store import sealed
from power_loss import Disk

from etymon.errors import EtymonError
from etymon.storage import Store, commit

STEPS = 4


@dataclass
class Recording:
    """The operations of some work, and after how many of them what was acknowledged."""

    root: Path
    operations: list[commit.Operation] = field(default_factory=list)
    acknowledged: list[tuple[int, str]] = field(default_factory=list)

    def acknowledge(self, what: str) -> None:
        self.acknowledged.append((len(self.operations), what))

    def note(self, operation: commit.Operation) -> None:
        copied = commit.Operation(
            operation.name, operation.path, operation.target, bytes(operation.data), operation.size
        )
        self.operations.append(copied)


def work(recording: Recording) -> None:
    """Something of all that storage does."""
    store = Store.at(recording.root / "store")
    text = sealed(store, "corpus", {"text": b"text" * 50})
    recording.acknowledge("artifact corpus")
    sealed(store, "corpus", {"text": b"unused"}, unused=1)
    run = store.run("demo")
    run.record("corpus", text.id)
    recording.acknowledge("recorded corpus")
    for step in range(1, STEPS + 1):
        run.metrics.append({"series": "gpt", "step": step, "loss": 1 / step})
        run.checkpoints("gpt").save(step, {"weights": b"%d" % step * 40, "state": b"%d" % step}, {})
        recording.acknowledge(f"checkpoint {step}")
        run.journal.append("saved", step=step)
        recording.acknowledge(f"event {step}")
        run.metrics.append({"series": "gpt", "step": step + 1, "extra": True})
        if step % 2:
            run.metrics.rewind("gpt", step)
        run.write("report.html", b"report %d" % step)
        recording.acknowledge(f"report {step}")
    run.checkpoints("gpt").snapshot(STEPS, {"weights": b"4"}, {})
    recording.acknowledge("snapshot 4")
    model = sealed(store, "model", {"weights": b"4" * 40}, text)
    recording.acknowledge("artifact model")
    run.record("model/gpt", model.id)
    recording.acknowledge("recorded model/gpt")
    store.gc()


def check(store: Store, acknowledged: set[str]) -> None:
    """Raises AssertionError or EtymonError where something acknowledged is missing, or what shows is not whole."""
    assert store.verify() == []
    run = store.run("demo")
    roles = run.artifacts()
    for kind in ("corpus", "model"):
        if f"artifact {kind}" in acknowledged:
            assert any(artifact.kind == kind for artifact in store.artifacts())
    for role in ("corpus", "model/gpt"):
        if f"recorded {role}" in acknowledged:
            assert store.lineage(store.open(roles.get(role, "lost"))) is not None
    check_run(store, acknowledged)


def check_run(store: Store, acknowledged: set[str]) -> None:
    run = store.run("demo")
    count = {what: sum(one.startswith(what) for one in acknowledged) for what in ("checkpoint", "event", "report")}
    found = run.checkpoints("gpt").latest()
    step = found.step if found else 0
    assert step in (count["checkpoint"], count["checkpoint"] + 1)
    if found:
        assert found.read("weights") == b"%d" % step * 40
        run.metrics.rewind("gpt", step)
        assert {row["step"] for row in run.metrics.rows() if "loss" in row} >= set(range(1, step))
    told = [event["step"] for event in run.journal.events() if event["event"] == "saved"]
    assert told[: count["event"]] == list(range(1, count["event"] + 1))
    assert len(told) <= count["event"] + 1
    if count["report"]:
        assert run.read("report.html") in [b"report %d" % (count["report"] + more) for more in (0, 1)]
    if "snapshot 4" in acknowledged:
        assert [snapshot.read("weights") for snapshot in run.checkpoints("gpt").snapshots()] == [b"4"]


def bad_states(
    recording: Recording, to: Path, *, of_each: float, keep: Callable[[commit.Operation], bool] = lambda _: True
) -> tuple[int, int]:
    """How many states the disk was found in (`of_each` after each operation, on average), and in how many the check
    failed.

    `keep` leaves out operations, as a storage that forgot them would.
    """
    disk, tried, bad = Disk(recording.root), 0, 0
    chance = random.Random(0)
    for number, operation in enumerate(recording.operations, 1):
        if keep(operation):
            disk.do(operation)
        acknowledged = {what for after, what in recording.acknowledged if after <= number}
        for _ in range(int(number * of_each) - int((number - 1) * of_each)):
            to.mkdir()
            disk.found_after_loss(chance, to)
            tried += 1
            try:
                check(Store.at(to / "store"), acknowledged)
            except (AssertionError, EtymonError):
                bad += 1
            shutil.rmtree(to)
    return tried, bad


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    made = Recording(tmp_path_factory.mktemp("disk"))
    commit.fault = made.note
    work(made)
    commit.fault = None
    return made


@pytest.fixture
def found(tmp_path: Path) -> Iterator[Path]:
    """Where the found states are laid out, one after the other: in memory where there is such a disk."""
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK):
        with tempfile.TemporaryDirectory(dir=memory) as folder:
            yield Path(folder) / "found"
    else:
        yield tmp_path / "found"


@pytest.fixture
def without_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check writes to throw-away copies; they need no safety."""
    monkeypatch.setattr(commit.os, "fsync", lambda descriptor: None)


@pytest.mark.usefixtures("without_syncs")
def test_no_state_after_a_loss_of_power_lacks_what_was_acknowledged(recording: Recording, found: Path) -> None:
    tried, bad = bad_states(recording, found, of_each=1)
    assert tried > 200
    assert bad == 0


@pytest.mark.slow
@pytest.mark.usefixtures("without_syncs")
def test_no_state_of_20_000_after_a_loss_of_power_lacks_what_was_acknowledged(
    recording: Recording, found: Path
) -> None:
    tried, bad = bad_states(recording, found, of_each=100)
    assert tried > 20_000
    assert bad == 0


@pytest.mark.usefixtures("without_syncs")
@pytest.mark.parametrize("forgotten", ["sync", "sync folder"])
def test_a_storage_that_forgot_to_sync_would_be_caught(recording: Recording, found: Path, forgotten: str) -> None:
    _, bad = bad_states(recording, found, of_each=0.5, keep=lambda operation: operation.name != forgotten)
    assert bad > 10
