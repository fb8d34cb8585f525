"""A disk that is full, failing, read-only or closed: told in words, exit code 74, and nothing earlier harmed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from filled_store import sealed

from etymon.storage import Damaged, DiskFault, Store
from etymon.storage.commit import Operation
from harness import faults
from harness.small_disk import SmallDisk


def seal_another(store: Store) -> None:
    with store.create("model", {"number": 2}, {}, stage_version=1) as draft:
        draft.write("weights", b"second")
        draft.write("config", [b"a", b"b"])
        draft.seal()


def save_another(store: Store) -> None:
    run = store.run("demo")
    run.metrics.append({"series": "gpt", "step": 3})
    run.checkpoints("gpt").save(3, {"weights": b"third"}, {})


def note_and_record(store: Store) -> None:
    run = store.run("demo")
    run.write("report.html", b"later")
    run.record("model/gpt", sealed(store, "corpus").id)
    run.journal.append("noted")


def collect(store: Store) -> None:
    store.gc()


USES = [seal_another, save_another, note_and_record, collect]


@pytest.fixture
def filled(store: Store) -> Store:
    """A store with earlier things in it."""
    earlier = sealed(store, "corpus", {"data": b"earlier"})
    sealed(store, "corpus", {"data": b"unused"}, unused=1)
    run = store.run("demo")
    run.record("corpus", earlier.id)
    run.journal.append("started")
    run.metrics.append({"series": "gpt", "step": 1})
    run.write("report.html", b"earlier")
    for step in (1, 2):
        run.checkpoints("gpt").save(step, {"weights": b"weights %d" % step}, {})
    return store


def check_nothing_earlier_is_harmed(root: Path) -> None:
    store = Store.at(root)
    run = store.run("demo")
    assert store.verify() == []
    assert store.open("demo/corpus").read("data") == b"earlier"
    assert run.journal.events()[0]["event"] == "started"
    assert run.metrics.rows()[0] == {"series": "gpt", "step": 1}
    assert run.read("report.html") in (b"earlier", b"later")
    found = run.checkpoints("gpt").latest()
    assert found is not None
    assert found.read("weights") == {2: b"weights 2", 3: b"third"}[found.step]


def operations_of(use: Callable[[Store], None], root: Path, to: Path) -> int:
    shutil.copytree(root, to)
    with faults.watched() as seen:
        use(Store.at(to))
    return len(seen)


@pytest.mark.parametrize("use", USES)
def test_a_fault_at_any_operation_is_told_and_harms_nothing(
    filled: Store, tmp_path: Path, use: Callable[[Store], None]
) -> None:
    total = operations_of(use, filled.root, tmp_path / "counted")
    assert total > 5
    for number in range(total):
        root = tmp_path / f"copy{number}"
        shutil.copytree(filled.root, root)
        code = faults.FAULTS[number % len(faults.FAULTS)]
        with faults.failing(code, faults.at(number)), pytest.raises(DiskFault) as caught:
            use(Store.at(root))
        assert caught.value.exit_code == 74
        assert str(root.parent) in caught.value.where
        assert caught.value.help
        assert os.strerror(code) in caught.value.why
        assert "bytes free" in caught.value.why
        check_nothing_earlier_is_harmed(root)
        use(Store.at(root))
        check_nothing_earlier_is_harmed(root)
        shutil.rmtree(root)


@pytest.mark.parametrize("use", USES)
def test_a_kill_at_any_operation_harms_nothing_and_the_same_use_goes_through_after_it(
    filled: Store, tmp_path: Path, use: Callable[[Store], None]
) -> None:
    total = operations_of(use, filled.root, tmp_path / "counted")
    for number in range(total):
        root = tmp_path / f"copy{number}"
        shutil.copytree(filled.root, root)
        with faults.dead_from(number), pytest.raises(SystemExit):
            use(Store.at(root))
        check_nothing_earlier_is_harmed(root)
        use(Store.at(root))
        check_nothing_earlier_is_harmed(root)
        Store.at(root).gc()
        assert not [path for path in root.rglob(".*") if path.name != ".gc.lock"]
        shutil.rmtree(root)


def test_a_full_disk_is_told_with_the_bytes_needed_and_free(store: Store) -> None:
    def weights(count: int, operation: Operation) -> bool:
        return operation.name == "write" and operation.path.name == "weights"

    draft = store.create("model", {}, {}, stage_version=1)
    with faults.failing(faults.FULL, weights), draft, pytest.raises(DiskFault, match="The disk is full") as caught:
        draft.write("weights", bytes(3_000_000))
    assert "3,000,000 bytes needed" in caught.value.why
    assert f"{shutil.disk_usage(store.root).free:,} bytes free"[-11:] in caught.value.why
    assert caught.value.where.endswith("weights")
    assert "etymon gc" in caught.value.help


def test_an_artifact_whose_name_could_not_be_made_durable_is_not_sealed(store: Store) -> None:
    sealed(store)
    done: list[Operation] = []

    def after_it_is_in_place(count: int, operation: Operation) -> bool:
        if done or operation.name != "sync folder" or not (store.root / "artifacts" / target).exists():
            return False
        done.append(operation)
        return True

    with store.create("model", {}, {}, stage_version=1) as draft:
        target = f"model-{draft.id[:16]}"
        with faults.failing(faults.FAILED, after_it_is_in_place), pytest.raises(DiskFault, match="The disk failed"):
            draft.seal()
    assert done
    assert store.find("model", {}, {}, stage_version=1) is None


@pytest.mark.parametrize("use", ["read", "open", "map"])
def test_a_file_that_cannot_be_read_is_told_however_it_is_read(store: Store, use: str) -> None:
    artifact = sealed(store, "model", {"weights": bytes(range(64))})
    uses: dict[str, Callable[[], object]] = {
        "read": lambda: artifact.read("weights"),
        "open": lambda: artifact.open("weights").read(),
        "map": lambda: artifact.map("weights", "u1"),
    }
    with faults.unreadable(lambda path: path.name == "weights"), pytest.raises(Damaged) as caught:
        uses[use]()
    assert caught.value.exit_code == 74
    assert "cannot be read: Input/output error" in caught.value.why
    assert caught.value.where.startswith(str(artifact.path / "weights"))
    uses[use]()


FILL = """
import sys
from etymon.storage import DiskFault, Store
store = Store.at(sys.argv[1])
for number in range(9):
    try:
        with store.create("model", {"number": number}, {}, stage_version=1) as draft:
            draft.write("weights", bytes(700_000))
            draft.seal()
    except DiskFault as error:
        print(error.exit_code, number, error.why)
        break
print(len(store.artifacts()), store.verify())
run = store.run("demo")
checkpoints = run.checkpoints("gpt")
for step in range(9):
    try:
        checkpoints.save(step, {"weights": bytes(150_000 * (step + 1))}, {})
    except DiskFault as error:
        break
    last = step
print(checkpoints.latest().step == last, checkpoints.latest().verify())
"""


def test_a_disk_that_really_runs_full_harms_nothing(tmp_path: Path) -> None:
    with SmallDisk(tmp_path / "small", "size=3m") as disk:
        done = disk.run([sys.executable, "-c", FILL, disk.folder])
    lines = done.stdout.splitlines()
    assert lines[0].startswith("74 4 No space left on device; 700,000 bytes needed; "), done.stderr
    assert lines[1:] == ["4 []", "True []"]


READ_ONLY = """
import subprocess, sys
from etymon.storage import DiskFault, Store
store = Store.at(sys.argv[1])
with store.create("model", {}, {}, stage_version=1) as draft:
    draft.write("weights", b"weights")
    draft.seal()
store.run("demo").journal.append("started")
subprocess.run(["mount", "-o", "remount,ro", sys.argv[1]], check=True)
store = Store.at(sys.argv[1])
print(store.find("model", {}, {}, stage_version=1).read("weights"), store.open("latest").verify())
run = store.run("demo")
print(run.journal.events()[0]["event"], run.holder())
def locked():
    with run.lock():
        pass
uses = [
    lambda: store.create("model", {"other": 1}, {}, stage_version=1), lambda: run.journal.append("x"), locked,
    lambda: run.write("x", b""), lambda: run.checkpoints("gpt").save(1, {}, {}), lambda: store.gc(),
]
for use in uses:
    try:
        use()
    except DiskFault as error:
        print(error.exit_code, error.what)
"""


def test_a_disk_that_really_is_read_only_is_read_and_refuses_in_words(tmp_path: Path) -> None:
    with SmallDisk(tmp_path / "small", "size=3m") as disk:
        done = disk.run([sys.executable, "-c", READ_ONLY, disk.folder])
    lines = done.stdout.splitlines()
    assert lines[:2] == ["b'weights' []", "started None"], done.stderr
    assert lines[2:] == ["74 The disk is read-only."] * 6


def test_writes_that_the_system_cuts_short_are_gone_on_with(store: Store) -> None:
    whole = os.write
    with mock.patch("os.write", lambda descriptor, data: whole(descriptor, memoryview(data)[:7])):
        artifact = sealed(store, "model", {"weights": bytes(range(100))})
        store.run("demo").journal.append("started")
    assert artifact.read("weights") == bytes(range(100)) and store.verify() == []
    assert [event["event"] for event in store.run("demo").journal.events()] == ["started"]
