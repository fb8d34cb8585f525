"""Loss of power at any operation: what was acknowledged is there and whole, whatever of the rest reached the disk."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from etymon.storage import Store
from harness.crash_states import Bench, Counts, Protocol, Told
from harness.power_loss import Change, Disk, lay_out, read_in
from harness.protocols import PROTOCOLS, of_store

TESTS = Path(__file__).parent.parent


def on_disk(*changes: tuple[object, ...]) -> Disk:
    disk = Disk()
    for name, path, *more in changes:
        if name == "rename":
            disk.do(Change(str(name), (str(path),), (str(more[0]),)))
        elif name == "truncate":
            disk.do(Change("truncate", (str(path),), size=int(str(more[0]))))
        else:
            disk.do(Change(str(name), (str(path),) if path else (), data=bytes(more[0]) if more else b""))  # type: ignore[call-overload]
    return disk


def found_on(disk: Disk, states: int = 2000) -> list[dict[str, object]]:
    chance = random.Random(0)
    return [dict(disk.after_loss(chance)) for _ in range(states)]


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
def test_no_state_after_a_crash_lacks_what_was_acknowledged(protocol: Protocol) -> None:
    with Bench(protocol) as bench:
        counts = bench.run(60)
    assert counts.states == 60
    assert counts.bad() == 0, counts


@pytest.mark.ci
def test_20_000_states_over_all_protocols_have_no_loss_no_mix_and_no_duplicate(
    record_property: Callable[[str, object], None],
) -> None:
    total = counted(20_000)
    bad = ", ".join(f"{total[kind]} {kind}" for kind in ("lost", "mixed", "duplicated", "stuck"))
    states = f"{total['states']:,} states ({total['distinct']:,} of them different)"
    record_property("found", f"{states} of {len(PROTOCOLS)} protocols: {bad}")
    assert total["states"] == 20_000
    assert total["distinct"] > 4_000
    assert [total[kind] for kind in ("lost", "mixed", "duplicated", "stuck")] == [0, 0, 0, 0]


@pytest.mark.release
@pytest.mark.timeout(0)
def test_1_000_000_states_over_all_protocols_have_no_loss_no_mix_and_no_duplicate() -> None:
    total = counted(1_000_000)
    assert total["states"] == 1_000_000
    assert [total[kind] for kind in ("lost", "mixed", "duplicated", "stuck")] == [0, 0, 0, 0]


def counted(states: int) -> dict[str, int]:
    """What the command says of all protocols together."""
    command = [sys.executable, "-m", "harness.protocols", "--states", str(states), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    result = json.loads(done.stdout)
    assert set(result) == {"total", *(protocol.name for protocol in PROTOCOLS)}
    return result["total"]


# The judge sees each kind of fault


def judged(protocol: Protocol) -> Counts:
    with Bench(protocol) as bench:
        return bench.run(300)


def careless_writing(root: Path, told: Told) -> None:
    """Acknowledges what a loss of power may still take."""
    metrics = Store.at(root / "store").run("demo").metrics
    for step in range(len(metrics.rows()) + 1, 4):
        metrics.append({"series": "gpt", "step": step})
        told.acknowledge("demo/metrics")


def test_what_is_acknowledged_before_it_is_safe_is_counted_as_lost() -> None:
    counts = judged(of_store(careless_writing))
    assert counts.lost > 20
    assert (counts.mixed, counts.duplicated, counts.stuck) == (0, 0, 0)


def telling_twice(root: Path, told: Told) -> None:
    """Begins anew after a crash, whatever it had told before."""
    journal = Store.at(root / "store").run("demo").journal
    for number in range(3):
        journal.append("event", number=number)
        told.acknowledge("demo/events")


def test_what_is_told_again_after_a_crash_is_counted_as_duplicated() -> None:
    counts = judged(of_store(telling_twice))
    assert counts.duplicated > 20
    assert (counts.lost, counts.mixed) == (0, 0)


def mixing(root: Path, told: Told) -> None:
    """Writes the files of a new version into the folder of the old one."""
    run = Store.at(root / "store").run("demo")
    for version in (b"1", b"2"):
        for name in ("one", "two"):
            run.write(f"pair/{name}", version)
        told.acknowledge("pair")


def test_files_of_two_versions_side_by_side_are_counted_as_mixed() -> None:
    def pair(root: Path) -> dict[str, object]:
        folder = root / "store" / "runs" / "demo" / "pair"
        return {"pair": tuple(path.read_bytes() for path in sorted(folder.glob("[a-z]*")))} if folder.exists() else {}

    def both(root: Path) -> list[str]:
        return ["two versions"] if pair(root).get("pair") == (b"2", b"1") else []

    protocol = replace(of_store(mixing), shown=pair, wrong=both)  # type: ignore[arg-type]
    assert judged(protocol).mixed > 20


def halting(root: Path, told: Told) -> None:
    """Cannot be done again once it has begun."""
    store = Store.at(root / "store")
    assert not store.run("demo").exists("begun")
    store.run("demo").write("begun", b"")
    told.moment()
    store.run("demo").write("done", b"")


def test_work_that_cannot_be_done_again_is_counted_as_stuck() -> None:
    counts = judged(of_store(halting))
    assert counts.stuck > 20


# The disk keeps what real disks keep


def test_what_was_synced_is_always_kept() -> None:
    disk = on_disk(("create", "a"), ("write", "a", b"safe"), ("sync", "a"), ("sync folder", ""))
    assert found_on(disk, 50) == [{"a": b"safe"}] * 50


def test_a_rename_may_last_without_the_data() -> None:
    disk = on_disk(("create", "a"), ("write", "a", b"data"), ("rename", "a", "b"), ("sync folder", ""))
    found = [state["b"] for state in found_on(disk)]
    assert {b"", b"da", b"data", bytes(4)} <= set(found)


def test_the_data_may_last_without_the_name() -> None:
    disk = on_disk(("create", "a"), ("write", "a", b"data"), ("sync", "a"))
    assert {} in found_on(disk)


def test_blocks_reach_the_disk_in_any_order() -> None:
    disk = on_disk(("create", "a"), ("sync folder", ""), ("write", "a", b"1" * 16 + b"2" * 16 + b"3" * 16))
    found = {state["a"] for state in found_on(disk)}
    assert bytes(16) + b"2" * 16 + b"3" * 16 in found
    assert b"1" * 16 + bytes(16) + b"3" * 16 in found


def test_a_cut_may_be_lost_though_what_was_written_after_it_lasted() -> None:
    written = [("create", "a"), ("write", "a", b"oldold"), ("sync", "a"), ("sync folder", "")]
    disk = on_disk(*written, ("truncate", "a", 3), ("write", "a", b"n"))
    found = {state["a"] for state in found_on(disk)}
    assert {b"oldold", b"old", b"oldn", b"oldnld", b"old\0"} <= found


def test_folders_keep_their_own_beginnings() -> None:
    disk = Disk({"one": {}, "two": {}})
    for folder in ("one", "two"):
        for name in ("a", "b"):
            disk.do(Change("create", (folder, name)))
    found = {(tuple(state["one"]), tuple(state["two"])) for state in found_on(disk)}  # type: ignore[arg-type]
    beginnings = [(), ("a",), ("a", "b")]
    assert found == {(one, two) for one in beginnings for two in beginnings}


def test_a_tree_that_is_laid_out_is_read_in_again(tmp_path: Path) -> None:
    tree = {"a": b"data", "empty": b"", "folder": {"b": b"\0", "none": {}}}
    lay_out(tree, str(tmp_path / "root"))  # type: ignore[arg-type]
    assert read_in(str(tmp_path / "root")) == tree


def test_an_operation_that_the_disk_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="does not know the operation 'link'"):
        on_disk(("create", "a"), ("link", "a"))
