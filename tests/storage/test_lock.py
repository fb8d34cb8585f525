"""The lock of a run: one holder, told by name to the second, freed however the first one ends."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from etymon.errors import EtymonError
from etymon.storage import DiskFault, Held, Store, lock
from harness import limits

HOLD = """
import sys, time
from etymon.storage import Store
with Store.at(sys.argv[1]).run("demo").lock():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_holder_is_refused_at_once_and_told_who_is_the_first(store: Store) -> None:
    holding = subprocess.Popen([sys.executable, "-c", HOLD, str(store.root)], stdout=subprocess.PIPE, text=True)
    try:
        assert holding.stdout is not None
        assert holding.stdout.readline() == "held\n"
        begun = time.monotonic()
        with pytest.raises(Held, match="The run demo is in use") as caught, store.run("demo").lock():
            pass
        assert time.monotonic() - begun < 1
        for part in (socket.gethostname(), f"pid {holding.pid}", "started 20"):
            assert part in caught.value.why
        assert (store.run("demo").holder() or {})["pid"] == holding.pid
        holding.send_signal(signal.SIGKILL)
        holding.wait()
        with store.run("demo").lock():
            assert (store.run("demo").holder() or {})["pid"] == os.getpid()
    finally:
        holding.kill()
        holding.communicate()


def test_of_many_who_race_exactly_one_wins(store: Store) -> None:
    start = threading.Barrier(20)
    won: list[int] = []
    lost: list[int] = []
    end = threading.Event()

    def race(number: int) -> None:
        start.wait()
        try:
            with store.run("demo").lock():
                won.append(number)
                end.wait(20)
        except Held:
            lost.append(number)
            if len(lost) == 19:
                end.set()

    racers = [threading.Thread(target=race, args=(number,)) for number in range(20)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(30)
    assert (len(won), len(lost)) == (1, 19)
    assert store.run("demo").holder() is None


RACING = """
import sys
from etymon.storage import Held, Store
run = Store.at(sys.argv[1]).run("demo")
print("ready", flush=True)
sys.stdin.readline()
try:
    with run.lock():
        print("won", flush=True)
        sys.stdin.readline()
except Held as error:
    print("lost to", error.holder["pid"], flush=True)
"""


def test_of_twenty_processes_that_race_exactly_one_wins_and_the_others_name_it(
    store: Store, record_property: Callable[[str, object], None]
) -> None:
    command = [sys.executable, "-c", RACING, str(store.root)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    racers = [subprocess.Popen(command, **pipes) for _ in range(20)]
    assert [racer.stdout.readline() for racer in racers if racer.stdout] == ["ready\n"] * 20
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    said = {racer.pid: racer.stdout.readline().strip() for racer in racers if racer.stdout}
    for racer in racers:
        racer.communicate("end\n")
    (winner,) = [pid for pid, words in said.items() if words == "won"]
    record_property("found", "of 20 racing processes exactly one wins, and 19 name it")
    assert [words for words in said.values() if words != "won"] == [f"lost to {winner}"] * 19


def test_the_lock_is_free_again_after_the_body_also_when_it_fails(store: Store) -> None:
    run = store.run("demo")
    assert run.holder() is None
    with pytest.raises(RuntimeError, match="stop"), run.lock():
        assert run.holder() is not None
        raise RuntimeError("stop")
    assert run.holder() is None
    with run.lock():
        assert run.holder() is not None


def test_a_forked_child_does_not_keep_the_lock(store: Store) -> None:
    held = lock.Lock(store.root / "lock", "This store")
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        os._exit(0)
    try:
        os.read(ready[0], 1)
        held.release()
        lock.Lock(store.root / "lock", "This store").release()
        assert lock.holder(store.root / "lock") is None
    finally:
        os.write(go[1], b"x")
        os.waitpid(child, 0)
        for descriptor in (*ready, *go):
            os.close(descriptor)


def test_a_link_is_not_followed(store: Store, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    run = store.run("demo")
    run.path.mkdir(parents=True)
    (run.path / "lock").symlink_to(victim)
    with pytest.raises(EtymonError, match="refused a file"), run.lock():
        pass
    assert victim.read_bytes() == b"precious"


def lease_of_another_machine(path: Path, *, age: float, **changes: str) -> None:
    lease = {"host": "elsewhere", "boot": "another", "pid": 7, "started": "2026-01-01T00:00:00+00:00", **changes}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(lease))
    renewed = time.time() - age
    os.utime(path, (renewed, renewed))


def test_a_living_lease_of_another_machine_counts_where_flock_does_not_reach(store: Store) -> None:
    run = store.run("demo")
    lease_of_another_machine(run.path / "lock", age=1)
    assert (run.holder() or {})["host"] == "elsewhere"
    with pytest.raises(Held) as caught, run.lock():
        pass
    assert "host elsewhere, pid 7" in caught.value.why


@pytest.mark.parametrize("age", [lock.LAPSES_AFTER + 1, 100_000])
def test_a_lapsed_lease_of_another_machine_does_not_count(store: Store, age: float) -> None:
    run = store.run("demo")
    lease_of_another_machine(run.path / "lock", age=age)
    assert run.holder() is None
    with run.lock():
        assert (run.holder() or {})["pid"] == os.getpid()


@pytest.mark.parametrize("jump", [86_400, -86_400])
def test_a_clock_that_jumps_neither_ends_a_lease_of_another_machine_nor_keeps_it(
    store: Store, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    run, right = store.run("demo"), time.time
    lease_of_another_machine(run.path / "lock", age=1)
    monkeypatch.setattr("etymon.storage.lock.time.time", lambda: right() + jump)
    with pytest.raises(Held), run.lock():
        pass
    os.utime(run.path / "lock", (right() - 31, right() - 31))
    with run.lock():
        assert sorted(path.name for path in run.path.iterdir()) == ["lock"]


def test_the_lease_of_an_earlier_boot_of_this_machine_does_not_count(store: Store) -> None:
    run = store.run("demo")
    lease_of_another_machine(run.path / "lock", age=0, host=socket.gethostname())
    with run.lock():
        assert (run.holder() or {})["pid"] == os.getpid()


def test_a_lease_is_renewed_while_it_is_held(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "RENEWED_EVERY", 0.01)
    run = store.run("demo")
    with run.lock():
        os.utime(run.path / "lock", (0, 0))
        deadline = time.monotonic() + 10
        while (run.path / "lock").stat().st_mtime < 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (run.path / "lock").stat().st_mtime > 1


def test_a_lease_is_renewed_again_after_the_disk_was_away_for_a_moment(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "RENEWED_EVERY", 0.01)
    utime, failed, renewed = os.utime, threading.Event(), threading.Event()

    def away_once(path: Path) -> None:
        if not failed.is_set():
            failed.set()
            raise OSError(errno.EIO, "Input/output error")
        utime(path)
        renewed.set()

    monkeypatch.setattr("etymon.storage.lock.os.utime", away_once)
    with store.run("demo").lock():
        assert renewed.wait(10)


@pytest.mark.parametrize("left", range(4))
def test_where_too_many_files_are_open_the_lock_is_what_is_named(store: Store, left: int) -> None:
    run = store.run("demo")

    def hold() -> None:
        with run.lock():
            pass

    for use in (run.holder, hold):
        lease_of_another_machine(run.path / "lock", age=100)
        with limits.open_files_left(left):
            try:
                use()
            except DiskFault as error:
                assert "Too many files" in error.what
                assert error.where.startswith(str(store.root))
            else:
                assert left > 0


def test_a_half_written_lease_does_not_hinder(store: Store) -> None:
    run = store.run("demo")
    run.path.mkdir(parents=True)
    (run.path / "lock").write_bytes(b'{"host": "els')
    with run.lock():
        assert run.holder() is not None


def test_looking_never_keeps_a_run_from_starting(store: Store) -> None:
    run = store.run("demo")
    with run.lock():
        pass
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            run.holder()

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(30):
            with run.lock():
                pass
    finally:
        stop.set()
        for looker in lookers:
            looker.join()
    assert run.holder() is None
