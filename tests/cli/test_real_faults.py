"""Commands in processes of their own on disks that really fail: full, read-only, failing in a system call."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from command_line import Said
from every_command import BUDGET, READING, SMALL, fill, words_of
from planted import check_message

from etymon.storage import Store
from harness.small_disk import SmallDisk
from harness.syscalls import Traced, synced_after_failure, traced

pytestmark = pytest.mark.ci

ETYMON = [sys.executable, "-m", "etymon"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, texts: Path) -> dict[str, str]:
    """What the run of these tests makes on a sound disk: role -> id, without the report, which tells the times."""
    root = tmp_path_factory.mktemp("whole") / "store"
    done = subprocess.run(run_command(texts, root), capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert done.returncode == 0, done
    return made(root)


def run_command(texts: Path, root: Path, *more: str) -> list[str]:
    """The command that these tests let fail."""
    words = ["run", str(texts / "new"), "--name", "second", *BUDGET.split(), *SMALL.split(), *more]
    return [*ETYMON, *words, "--store", str(root)]


def made(root: Path) -> dict[str, str]:
    """Role -> id of the artifacts of the run, and everything in the store is as it was written."""
    store = Store.at(root, create=False)
    assert store.verify() == []
    return store.run("second").artifacts()


def said(done: subprocess.CompletedProcess[str] | Traced) -> Said:
    if isinstance(done, Traced):
        return Said(done.code, done.out, done.err)
    return Said(done.returncode, done.stdout, done.stderr)


def check_told(told: Said, *words: str) -> None:
    """One error of the disk in words."""
    assert told.code == 74, told
    check_message(told, ["where: ", "why: ", *words, "help: "])


@pytest.mark.parametrize("kilobytes", [60, 150, 400])
def test_a_run_on_a_disk_that_runs_full_goes_on_once_it_is_larger(
    kilobytes: int, texts: Path, whole: dict[str, str], tmp_path: Path
) -> None:
    with SmallDisk(tmp_path / "disk", f"size={kilobytes}k", ci=True) as disk:
        root = disk.folder / "store"
        command = run_command(texts, root)
        told = said(disk.run(command, env=ENVIRONMENT))
        check_told(told, "bytes free")  # told when the disk is full, or before, where a training can know
        assert "The disk is full" in told.err or "too little room" in told.err
        assert disk.run([*ETYMON, "verify", "--store", root]).returncode == 0
        disk.remount("size=20m")
        done = disk.run(command, env=ENVIRONMENT)
        assert done.returncode == 0, done
        assert made(disk.path(root)) == whole


def test_a_disk_without_places_for_files_says_so(texts: Path, whole: dict[str, str], tmp_path: Path) -> None:
    with SmallDisk(tmp_path / "disk", "size=20m,nr_inodes=40", ci=True) as disk:
        root = disk.folder / "store"
        command = run_command(texts, root)
        told = said(disk.run(command, env=ENVIRONMENT))
        check_told(told, "No space left on device", "bytes free, but none of the disk's 40 places for files (inodes)")
        disk.remount("nr_inodes=4000")
        assert disk.run(command, env=ENVIRONMENT).returncode == 0
        assert made(disk.path(root)) == whole


def test_a_disk_that_becomes_read_only_in_the_middle_of_a_training_stops_it_in_words(
    texts: Path, tmp_path: Path
) -> None:
    with SmallDisk(tmp_path / "disk", "size=50m", ci=True) as disk:
        root = disk.folder / "store"
        command = run_command(texts, root, "--budget", "6e8FLOP")
        process = disk.start(command, env=ENVIRONMENT)
        metrics = disk.path(root) / "runs" / "second" / "metrics.jsonl"
        deadline = time.monotonic() + 120
        while not metrics.exists() or metrics.read_bytes().count(b"learning_rate") < 5:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        disk.become_read_only(root)
        _, errors = process.communicate()
        check_told(Said(process.returncode, "", errors), "Read-only file system")
        assert disk.run([*ETYMON, "verify", "--store", root]).returncode == 0
        events = [event["event"] for event in Store.at(disk.path(root), create=False).run("second").journal.events()]
        assert "training starts" in events and "finished" not in events
        assert disk.run(["umount", root]).returncode == 0
        done = disk.run(command, env=ENVIRONMENT)
        assert done.returncode == 0, done
        store = Store.at(disk.path(root), create=False)
        assert store.verify() == []
        assert "training resumes" in [event["event"] for event in store.run("second").journal.events()]


LOOK = """
import sys
from pathlib import Path
from every_command import READING, do
texts = Path(sys.argv[1])
for name in READING:
    told = do(name, texts)
    print(told.code, name, told.err)
"""


def test_every_command_that_only_looks_works_on_a_disk_that_is_read_only(texts: Path, tmp_path: Path) -> None:
    with SmallDisk(tmp_path / "disk", "size=2g", ci=True) as disk:
        root = disk.folder / "store"
        paths = os.pathsep.join([*sys.path, str(Path(__file__).parent)])
        environment = ENVIRONMENT | {"ETYMON_STORE": str(root), "PYTHONPATH": paths}
        script = "import sys; from pathlib import Path; from every_command import fill; fill(*map(Path, sys.argv[1:]))"
        filled = disk.run([sys.executable, "-c", script, root, texts], env=environment)
        assert filled.returncode == 0, filled
        disk.remount("ro")
        done = disk.run([sys.executable, "-c", LOOK, texts], env=environment)
        assert done.stdout.splitlines() == [f"0 {name} " for name in READING], done
        for name in ("run", "corpus build", "tokenizer train", "gc"):
            check_told(said(disk.run([*ETYMON, *words_of(name, texts)], env=environment)), "Read-only file system")


def injected(command: Sequence[str | Path], tmp_path: Path, *inject: str, paths: Sequence[Path] = ()) -> Traced:
    return traced(command, tmp_path / "strace.log", *inject, paths=paths, environment=ENVIRONMENT, ci=True)


INJECTED = [
    ("fsync:error=EIO:when=5", "Input/output error"),
    ("fsync:error=EIO:when=130+", "Input/output error"),
    ("rename:error=EIO:when=3", "Input/output error"),
    ("rename:error=EROFS:when=12+", "Read-only file system"),
]


@pytest.mark.parametrize(("inject", "why"), INJECTED, ids=[each[0] for each in INJECTED])
def test_a_system_call_that_fails_is_told_and_the_same_command_goes_through_after_it(
    inject: str, why: str, texts: Path, whole: dict[str, str], tmp_path: Path
) -> None:
    root = tmp_path / "store"
    done = injected(run_command(texts, root), tmp_path, inject)
    assert done.injected
    check_told(said(done), why)
    assert synced_after_failure(done.calls) == []
    after = injected(run_command(texts, root), tmp_path)
    assert after.code == 0, after
    assert made(root) == whole


FILES = [
    ("write:error=ENOSPC:when=3", "runs/second/events.jsonl", "No space left on device"),
    ("write:error=EIO:when=1", "runs/second/metrics.jsonl", "Input/output error"),
    ("fsync:error=EIO:when=2", "runs/second/events.jsonl", "Input/output error"),
    ("fsync:error=EIO:when=1", "artifacts", "Input/output error"),
    ("pwrite64:error=ENOSPC:when=1", "runs/second/lock", "No space left on device"),
]


@pytest.mark.parametrize(("inject", "file", "why"), FILES, ids=[f"{each[0]} {each[1]}" for each in FILES])
def test_a_failing_call_on_one_file_names_that_file(
    inject: str, file: str, why: str, texts: Path, whole: dict[str, str], tmp_path: Path
) -> None:
    root = tmp_path / "store"
    done = injected(run_command(texts, root), tmp_path, inject, paths=[root / file])
    assert done.injected
    check_told(said(done), why)
    assert str(root / file) in done.err
    assert injected(run_command(texts, root), tmp_path).code == 0
    assert made(root) == whole


@pytest.mark.parametrize("inject", ["fsync:error=EINTR:when=1+2"])
def test_a_call_that_is_interrupted_is_done_again(
    inject: str, texts: Path, whole: dict[str, str], tmp_path: Path
) -> None:
    root = tmp_path / "store"
    done = injected(run_command(texts, root), tmp_path, inject)
    assert len(done.injected) > 20
    assert done.code == 0, done
    assert made(root) == whole


@pytest.mark.parametrize("when", [9, 20])
def test_a_kill_at_a_rename_loses_nothing(when: int, texts: Path, whole: dict[str, str], tmp_path: Path) -> None:
    root = tmp_path / "store"
    done = injected(run_command(texts, root), tmp_path, f"rename:signal=SIGKILL:when={when}")
    assert done.code == -signal.SIGKILL, done
    assert Store.at(root).verify() == []
    assert injected(run_command(texts, root), tmp_path).code == 0
    assert made(root) == whole


@pytest.mark.parametrize(("name", "inject"), [("generate", "pread64:error=EIO"), ("ls", "read:error=EIO:when=1")])
def test_a_read_that_fails_is_told_with_its_file(name: str, inject: str, texts: Path, tmp_path: Path) -> None:
    root = tmp_path / "store"
    fill(root, texts)
    model = Store.at(root).open("first/gpt").path
    file = model / ("model.safetensors" if name == "generate" else "manifest.json")
    done = injected([*ETYMON, *words_of(name, texts), "--store", root], tmp_path, inject, paths=[file])
    assert done.injected
    check_told(said(done))
    assert str(file) in done.err and "Input/output error" in done.err
