"""Checkpoints of several ranks: all of them have it or none, whichever of them dies, fails or differs."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from etymon.errors import EtymonError
from etymon.storage import Checkpoint, Checkpoints, Run, Store, commit
from etymon.storage.commit import Operation
from etymon.storage.ranks import rank_file
from harness.groups import Outcome, SocketGroup, ranks


@pytest.fixture
def run(store: Store) -> Run:
    return store.run("demo")


def series(root: Path) -> Checkpoints:
    """The series as another process sees it."""
    return Store.at(root).run("demo").checkpoints("gpt")


def part(rank: int, step: int) -> dict[str, bytes]:
    return {"model.safetensors": b"model %d of %d" % (step, rank) * 99, "optimizer": b"optimizer %d %d" % (step, rank)}


def saving(root: Path, step: int, fault: Callable[[SocketGroup, Operation], None] | None = None) -> Any:
    """What a rank does that saves its part of `step`; `fault` is called before each of its operations."""

    def work(group: SocketGroup) -> int:
        if fault is not None:
            commit.fault = lambda operation: fault(group, operation)
        return series(root).save(step, part(group.rank, step), {"loss": 1 / step}, group=group).step

    return work


def looking(root: Path) -> Any:
    """What a rank does that goes on from the latest checkpoint: its step, and its own file."""

    def work(group: SocketGroup) -> list[Any]:
        found = series(root).latest(group=group)
        assert found is not None
        return [found.step, found.read(rank_file(group, "model.safetensors")).decode()]

    return work


def saved(root: Path, size: int, *steps: int) -> None:
    for step in steps:
        assert [outcome.gave for outcome in ranks(size, saving(root, step))] == [step] * size


def seen(root: Path, size: int) -> int:
    """The step of the latest checkpoint as all ranks agree on, once each has found its own files in it."""
    found = [outcome.gave for outcome in ranks(size, looking(root))]
    step = found[0][0]
    assert found == [[step, (b"model %d of %d" % (step, rank) * 99).decode()] for rank in range(size)]
    return step


def steps_there(checkpoints: Checkpoints) -> list[int]:
    return sorted(int(path.name[5:]) for path in checkpoints.path.iterdir() if path.name.startswith("step-"))


def check_all_say(outcomes: list[Outcome], odd: int, *words: str) -> None:
    """The ranks that live got one error, which names the odd one."""
    living = [outcome for outcome in outcomes if not outcome.signal]
    assert len({outcome.error for outcome in living}) == 1
    assert living[0].ranks == [odd]
    for word in (f"Rank {odd}", *words):
        assert word in living[0].error


def operations(root: Path, size: int, step: int) -> list[int]:
    """How many operations each rank asks of the disk to save a step."""

    def counted(group: SocketGroup) -> int:
        count: list[Operation] = []
        commit.fault = count.append
        series(root).save(step, part(group.rank, step), {"loss": 1 / step}, group=group)
        return len(count)

    return [outcome.gave for outcome in ranks(size, counted)]


def at(odd: int, number: int, happens: Callable[[], None]) -> Callable[[SocketGroup, Operation], None]:
    """A fault of one rank at its operation of this number."""
    count = 0

    def fault(group: SocketGroup, operation: Operation) -> None:
        nonlocal count
        if group.rank == odd:
            count += 1
            if count == number:
                happens()

    return fault


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def disk_full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("size", [2, 4])
def test_the_files_of_all_ranks_are_in_one_sealed_folder(run: Run, size: int) -> None:
    root = run.store.root
    saved(root, size, 1, 2, 3)
    assert seen(root, size) == 3
    assert steps_there(run.checkpoints("gpt")) == [2, 3]
    found = Checkpoint(run.checkpoints("gpt").path / "step-000000003", "it")
    names = {f"rank-{rank:03d}.{name}" for rank in range(size) for name in ("model.safetensors", "optimizer")}
    assert (found.ranks, set(found.files)) == (size, names)
    assert run.verify() == []


def test_a_group_of_one_saves_what_a_process_alone_saves(run: Run) -> None:
    saved(run.store.root, 1, 7)
    found = run.checkpoints("gpt").latest()
    assert found is not None
    assert (found.ranks, found.read("optimizer")) == (1, b"optimizer 7 0")


def check_a_killed_rank(root: Path, size: int) -> None:
    saved(root, size, 1, 2)
    checkpoints, step, killed = series(root), 3, 0
    for odd, count in enumerate(operations(root, size, step)):
        for number in range(1, count + 1):
            step += 1
            before = steps_there(checkpoints)
            outcomes = ranks(size, saving(root, step, at(odd, number, die)))
            killed += outcomes[odd].signal == signal.SIGKILL
            check_all_say(outcomes, odd, "no longer answer")
            latest = seen(root, size)
            assert latest == before[-1] or (odd == 0 and latest == step)
            if latest != step:
                assert steps_there(checkpoints) == before
            step += 1
            saved(root, size, step)
            assert seen(root, size) == step
            assert all(path.name.startswith("step-") for path in checkpoints.path.iterdir())
    assert killed > 20


def test_a_rank_killed_at_any_operation_leaves_the_earlier_and_stops_the_others(run: Run) -> None:
    check_a_killed_rank(run.store.root, 2)


@pytest.mark.ci
def test_one_of_four_ranks_killed_at_any_operation_leaves_the_earlier_and_stops_the_others(run: Run) -> None:
    check_a_killed_rank(run.store.root, 4)


def test_a_full_disk_at_any_operation_of_any_rank_is_told_by_all(run: Run) -> None:
    root, size = run.store.root, 2
    saved(root, size, 1, 2)
    checkpoints, step, failed = run.checkpoints("gpt"), 3, 0
    for odd, count in enumerate(operations(root, size, step)):
        for number in range(1, count + 1):
            step += 1
            before = steps_there(checkpoints)
            outcomes = ranks(size, saving(root, step, at(odd, number, disk_full)))
            check_all_say(outcomes, odd, "The disk is full", "free some space")
            assert {outcome.exit_code for outcome in outcomes} == {74}
            assert not [path for path in checkpoints.path.iterdir() if path.name.startswith(".draft-")]
            latest = seen(root, size)
            if latest != step:  # a fault in letting go of what is older comes when all have the new one
                assert (latest, steps_there(checkpoints)) == (before[-1], before)
                failed += 1
            else:
                assert "letting go" in outcomes[0].error
    assert failed > 15


@pytest.mark.parametrize("odd", [0, 2])
def test_a_rank_that_stands_still_does_not_hold_up_the_others(run: Run, odd: int) -> None:
    root = run.store.root
    saved(root, 3, 1)
    stop = at(odd, 2, lambda: os.kill(os.getpid(), signal.SIGSTOP))
    outcomes = ranks(3, saving(root, 2, stop), patience=1.5, within=4)
    assert outcomes[odd].signal == signal.SIGKILL  # by the test, once the others had ended
    check_all_say(outcomes, odd, "no longer answer")
    assert seen(root, 3) == 1
    saved(root, 3, 2)
    assert [path.name for path in run.checkpoints("gpt").path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("what", ["step", "about", "plan"])
@pytest.mark.parametrize("odd", [0, 3])
def test_ranks_that_disagree_are_named_and_nothing_is_saved(run: Run, what: str, odd: int) -> None:
    root = run.store.root
    saved(root, 4, 1)

    def work(group: SocketGroup) -> None:
        other = 3 if group.rank == odd else 2
        given = {"step": 2, "about": {"loss": 2}, "plan": {"layout": 2}}
        given[what] = other if what == "step" else {**given[what], "loss": other}  # type: ignore[dict-item]
        series(root).save(given["step"], {"x": b""}, given["about"], plan=given["plan"], group=group)  # type: ignore

    outcomes = ranks(4, work)
    check_all_say(outcomes, odd, "differs from the others", what)
    assert [path.name for path in run.checkpoints("gpt").path.iterdir()] == ["step-000000001"]
    assert seen(root, 4) == 1


def test_ranks_that_do_different_things_are_named(run: Run) -> None:
    root = run.store.root
    saved(root, 3, 1)
    check_all_say(ranks(3, lambda group: (looking if group.rank == 1 else lambda r: saving(r, 2))(root)(group)), 1)
    assert seen(root, 3) == 1


def test_a_rank_that_raises_is_named_with_its_words(run: Run) -> None:
    root = run.store.root
    saved(root, 2, 1)

    def work(group: SocketGroup) -> None:
        def parts():  # type: ignore[no-untyped-def]
            yield b"half"
            if group.rank == 1:
                raise ValueError("not this one")

        series(root).save(2, {"model": parts()}, {}, group=group)

    check_all_say(ranks(2, work), 1, "ValueError: not this one", "while writing demo/gpt/step-000000002")
    assert [path.name for path in run.checkpoints("gpt").path.iterdir()] == ["step-000000001"]


def test_a_file_that_does_not_read_back_as_written_takes_the_new_one_out_of_sight(run: Run) -> None:
    root = run.store.root
    saved(root, 2, 1, 2)

    def spoil(group: SocketGroup, operation: Operation) -> None:
        new = run.checkpoints("gpt").path / "step-000000003"
        if group.rank == 0 and operation.name == "sync folder" and new.exists():
            commit.fault = None
            (new / "rank-001.optimizer").write_bytes(b"optimizer 3 !")

    outcomes = ranks(2, saving(root, 3, spoil))
    check_all_say(outcomes, 1, "rank-001.optimizer")
    assert outcomes[0].exit_code == 74
    assert steps_there(run.checkpoints("gpt")) == [1, 2]
    assert seen(root, 2) == 2


@pytest.mark.parametrize("damage", ["changed", "gone", "swapped", "one more"])
def test_what_one_rank_finds_damaged_all_step_over(run: Run, damage: str) -> None:
    root = run.store.root
    saved(root, 2, 1, 2)
    folder = run.checkpoints("gpt").path / "step-000000002"
    first, second = folder / "rank-000.optimizer", folder / "rank-001.optimizer"
    data = first.read_bytes()
    if damage == "changed":
        second.write_bytes(b"!" + second.read_bytes()[1:])
    elif damage == "gone":
        second.unlink()
    elif damage == "swapped":
        first.write_bytes(second.read_bytes())
        second.write_bytes(data)
    else:
        (folder / "rank-002.optimizer").write_bytes(data)
    assert seen(root, 2) == 1
    told = run.journal.events()
    assert [event["event"] for event in told] == ["checkpoint damaged"]
    assert told[0]["checkpoint"] == "demo/gpt/step-000000002"


@pytest.mark.parametrize(("by", "opened"), [(4, 2), (2, 4), (2, 1), (1, 2)])
def test_another_number_of_ranks_is_refused(run: Run, by: int, opened: int) -> None:
    root = run.store.root
    saved(root, by, 5)
    outcomes = ranks(opened, looking(root))
    counted = "1 rank" if by == 1 else f"{by} ranks"
    assert len({outcome.error for outcome in outcomes}) == 1
    assert f"step-000000005 was saved by {counted} and is opened by {opened}" in outcomes[0].error
    assert f"start {counted}" in outcomes[0].error
    assert run.verify() == []


def test_damage_is_found_also_where_another_number_of_ranks_looks(run: Run) -> None:
    root = run.store.root
    saved(root, 4, 1, 2)
    (run.checkpoints("gpt").path / "step-000000002" / "rank-003.optimizer").write_bytes(b"optimizer 2 !")

    def looking_only(group: SocketGroup) -> int:
        found = series(root).newest_good(group=group)
        assert found is not None
        return found.step

    assert [outcome.gave for outcome in ranks(2, looking_only)] == [1, 1]


def test_a_disk_that_is_not_shared_is_told(run: Run, tmp_path: Path) -> None:
    root = run.store.root
    (tmp_path / "elsewhere").mkdir()
    roots = [root, tmp_path / "elsewhere" / "store"]
    outcomes = ranks(2, lambda group: saving(roots[group.rank], 1)(group))
    check_all_say(outcomes, 1, "is not seen here", "a disk that all machines share")
    assert list(run.checkpoints("gpt").path.iterdir()) == []


def test_the_same_step_saved_again_by_ranks_counts_with_its_new_state(run: Run) -> None:
    root = run.store.root
    saved(root, 2, 1, 2)
    folder = run.checkpoints("gpt").path / "step-000000002"
    before = folder.stat().st_ino
    saved(root, 2, 2)
    assert folder.stat().st_ino == before

    def other(group: SocketGroup) -> int:
        return series(root).save(2, {"model": b"other"}, {}, group=group).step

    assert [outcome.gave for outcome in ranks(2, other)] == [2, 2]
    assert Checkpoint(folder, "it").read("rank-001.model") == b"other"
    assert {path.name for path in folder.parent.iterdir()} == {"step-000000001", "step-000000002"}


def test_a_failed_replacement_of_the_same_step_leaves_the_earlier_state(run: Run) -> None:
    root = run.store.root
    saved(root, 2, 1, 2)
    folder = run.checkpoints("gpt").path / "step-000000002"

    def other(group: SocketGroup) -> None:
        def fault(operation: Operation) -> None:
            if operation.name == "sync folder" and operation.path == folder.parent and folder.exists():
                raise OSError(errno.EIO, os.strerror(errno.EIO))

        commit.fault = fault if group.rank == 0 else None
        series(root).save(2, {"model": b"other"}, {}, group=group)

    check_all_say(ranks(2, other), 0, "The disk failed")
    assert seen(root, 2) == 2
    assert steps_there(run.checkpoints("gpt")) == [1, 2]


def test_snapshots_of_ranks_stay(run: Run) -> None:
    root = run.store.root

    def work(group: SocketGroup) -> None:
        for step in (1, 2, 3):
            series(root).snapshot(step, {"weights": b"%d" % group.rank}, {}, group=group)

    assert [outcome.error for outcome in ranks(2, work)] == ["", ""]
    found = run.checkpoints("gpt").snapshots()
    assert [snapshot.step for snapshot in found] == [1, 2, 3]
    assert found[0].read("rank-001.weights") == b"1"


def test_a_negative_step_is_refused_by_all(run: Run) -> None:
    outcomes = ranks(2, saving(run.store.root, -1))
    assert len({outcome.error for outcome in outcomes}) == 1
    assert "step -1" in outcomes[0].error
    with pytest.raises(EtymonError, match="step -1"):
        run.checkpoints("gpt").save(-1, {}, {})
