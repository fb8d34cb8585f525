"""Checkpoints: the newest good one always loads, and none is let go before a newer one was read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from etymon.errors import EtymonError
from etymon.storage import Checkpoint, Checkpoints, Damaged, Run, Store, commit


@pytest.fixture
def run(store: Store) -> Run:
    return store.run("demo")


@pytest.fixture
def checkpoints(run: Run) -> Checkpoints:
    return run.checkpoints("gpt")


def state(step: int) -> dict[str, bytes]:
    return {"weights": b"weights %d" % step, "optimizer": b"optimizer %d" % step}


def saved(checkpoints: Checkpoints, *steps: int) -> list[Checkpoint]:
    return [checkpoints.save(step, state(step), {"loss": 1 / step}) for step in steps]


def steps_there(checkpoints: Checkpoints) -> list[int]:
    return sorted(int(path.name[5:]) for path in checkpoints.path.iterdir() if path.name.startswith("step-"))


def newest(checkpoints: Checkpoints) -> int:
    found = checkpoints.latest()
    assert found is not None
    return found.step


def events(run: Run) -> list[str]:
    return [event["event"] for event in run.journal.events()]


def test_what_was_saved_loads_in_another_process(store: Store, checkpoints: Checkpoints) -> None:
    assert checkpoints.latest() is None
    saved(checkpoints, 3)
    found = store.run("demo").checkpoints("gpt").latest()
    assert found is not None
    assert (found.step, found.about, found.files) == (3, {"loss": 1 / 3}, {"weights": 9, "optimizer": 11})
    assert found.read("weights") == b"weights 3"
    assert found.path == store.root / "runs" / "demo" / "checkpoints" / "gpt" / "step-000000003"


def test_parts_are_joined_and_empty_files_kept(checkpoints: Checkpoints) -> None:
    found = checkpoints.save(1, {"parts": (part for part in (b"a", b"", b"b")), "none": b""}, {})
    assert (found.read("parts"), found.read("none")) == (b"ab", b"")


def test_two_are_kept_rolling(checkpoints: Checkpoints) -> None:
    saved(checkpoints, 1)
    assert steps_there(checkpoints) == [1]
    saved(checkpoints, 2)
    assert steps_there(checkpoints) == [1, 2]
    saved(checkpoints, 3, 10)
    assert steps_there(checkpoints) == [3, 10]
    assert newest(checkpoints) == 10


def test_series_do_not_touch_each_other(run: Run) -> None:
    saved(run.checkpoints("gpt"), 1, 2, 3)
    saved(run.checkpoints("lstm"), 1)
    assert newest(run.checkpoints("lstm")) == 1
    assert steps_there(run.checkpoints("gpt")) == [2, 3]


def test_the_older_goes_only_after_the_newer_was_read_back(checkpoints: Checkpoints) -> None:
    saved(checkpoints, 1, 2)

    def spoil_after_it_is_in_place(operation: commit.Operation) -> None:
        if operation.name == "sync folder" and (checkpoints.path / "step-000000003").exists():
            commit.fault = None
            (checkpoints.path / "step-000000003" / "weights").write_bytes(b"weights !")

    commit.fault = spoil_after_it_is_in_place
    with pytest.raises(Damaged, match="demo/gpt/step-000000003"):
        saved(checkpoints, 3)
    assert steps_there(checkpoints) == [1, 2, 3]
    assert newest(checkpoints) == 2


@pytest.mark.parametrize("name", ["weights", "optimizer", "manifest.json"])
@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_a_damaged_one_is_told_and_stepped_over(run: Run, name: str, damage: str) -> None:
    checkpoints = run.checkpoints("gpt")
    path = saved(checkpoints, 1, 2)[-1].path / name
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(data[:-1] + (b"" if damage == "cut" else b"!"))
    assert newest(checkpoints) == 1
    told = run.journal.events()[-1]
    assert (told["event"], told["checkpoint"], told["file"]) == (
        "checkpoint damaged",
        "demo/gpt/step-000000002",
        name,
    )


def test_files_of_two_checkpoints_are_never_mixed(run: Run) -> None:
    checkpoints = run.checkpoints("gpt")
    one, two = saved(checkpoints, 1, 2)
    (two.path / "weights").write_bytes((one.path / "weights").read_bytes())
    assert newest(checkpoints) == 1
    (one.path / "manifest.json").write_bytes((two.path / "manifest.json").read_bytes())
    assert checkpoints.latest() is None
    assert events(run) == ["checkpoint damaged"] * 3


def test_after_a_damaged_one_two_good_ones_are_kept_again(run: Run) -> None:
    damaged = saved(run.checkpoints("gpt"), 1, 2)[-1]
    (damaged.path / "weights").write_bytes(b"!")
    checkpoints = Store.at(run.store.root).run("demo").checkpoints("gpt")
    saved(checkpoints, 3)
    assert steps_there(checkpoints) == [1, 3]
    assert newest(checkpoints) == 3


def test_saving_an_earlier_step_takes_the_place_of_later_ones(checkpoints: Checkpoints) -> None:
    saved(checkpoints, 5, 10)
    saved(checkpoints, 6)
    assert steps_there(checkpoints) == [5, 6]
    assert newest(checkpoints) == 6


def test_rewinding_removes_the_later_ones(checkpoints: Checkpoints) -> None:
    saved(checkpoints, 5, 10)
    checkpoints.rewind(10)
    assert steps_there(checkpoints) == [5, 10]
    checkpoints.rewind(7)
    assert newest(checkpoints) == 5


def test_the_same_step_saved_again_counts_with_its_new_state(checkpoints: Checkpoints) -> None:
    first = saved(checkpoints, 1, 2)[-1].path.stat().st_ino
    assert saved(checkpoints, 2)[0].path.stat().st_ino == first  # the same to the byte: left as it is
    again = checkpoints.save(2, {"weights": b"other"}, {})
    assert again.read("weights") == b"other"
    assert newest(checkpoints) == 2
    assert steps_there(checkpoints) == [1, 2]
    assert {path.name for path in checkpoints.path.iterdir()} == {"step-000000001", "step-000000002"}


def test_snapshots_stay_and_clearing_leaves_them(checkpoints: Checkpoints) -> None:
    for step in (4, 1, 2):
        checkpoints.snapshot(step, {"weights": b"%d" % step}, {"tokens": step})
    saved(checkpoints, 5, 6)
    assert [snapshot.step for snapshot in checkpoints.snapshots()] == [1, 2, 4]
    checkpoints.clear()
    assert checkpoints.latest() is None
    assert [snapshot.read("weights") for snapshot in checkpoints.snapshots()] == [b"1", b"2", b"4"]


def test_damaged_snapshots_are_told_and_left_out(run: Run) -> None:
    checkpoints = run.checkpoints("gpt")
    for step in (1, 2, 3):
        checkpoints.snapshot(step, {"weights": b"%d" % step}, {})
    (checkpoints.snapshots()[0].path / "manifest.json").write_bytes(b"{}")
    (checkpoints.snapshots()[0].path / "weights").unlink()
    assert [snapshot.step for snapshot in checkpoints.snapshots()] == [3]
    assert set(events(run)) == {"snapshot damaged"}


def test_metrics_are_durable_before_a_checkpoint_counts(run: Run) -> None:
    run.metrics.append({"series": "gpt", "step": 1})
    seen: list[tuple[str, str]] = []
    commit.fault = lambda operation: seen.append((operation.name, operation.path.name))
    saved(run.checkpoints("gpt"), 1)
    assert seen.index(("sync", "metrics.jsonl")) < seen.index(("sync", "manifest.json"))


def test_the_manifest_is_written_last_and_all_is_synced_before_it_is_in_place(checkpoints: Checkpoints) -> None:
    seen: list[commit.Operation] = []
    commit.fault = seen.append
    saved(checkpoints, 1)
    names = [(operation.name, operation.path.name) for operation in seen]
    renaming = next(number for number, operation in enumerate(seen) if operation.name == "rename")
    draft = seen[renaming].path.name
    in_order = [("sync", "weights"), ("sync", "optimizer"), ("create", "manifest.json"), ("sync", "manifest.json")]
    places = [names.index(name) for name in [*in_order, ("sync folder", draft)]]
    assert places == sorted(places)
    assert places[-1] < renaming
    assert names[renaming + 1] == ("sync folder", "gpt")


def test_what_a_kill_left_is_swept_by_the_next_save(checkpoints: Checkpoints) -> None:
    saved(checkpoints, 1)
    for left in (".draft-step-000000002-x", ".old-step-000000001-x"):
        (checkpoints.path / left).mkdir()
        (checkpoints.path / left / "weights").write_bytes(b"half")
    assert newest(checkpoints) == 1
    saved(checkpoints, 2)
    assert {path.name for path in checkpoints.path.iterdir()} == {"step-000000001", "step-000000002"}


@pytest.mark.parametrize("name", ["../x", "a/b", "manifest.json", ".hidden", ""])
def test_unsafe_file_names_are_refused_and_the_earlier_stays(checkpoints: Checkpoints, name: str) -> None:
    saved(checkpoints, 1)
    with pytest.raises(EtymonError):
        checkpoints.save(2, {"weights": b"", name: b""}, {})
    assert steps_there(checkpoints) == [1]
    assert len(list(checkpoints.path.iterdir())) == 1


def test_a_producer_that_fails_leaves_the_earlier_in_place(checkpoints: Checkpoints) -> None:
    saved(checkpoints, 1)

    def parts():  # type: ignore[no-untyped-def]
        yield b"half"
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        checkpoints.save(2, {"weights": parts()}, {})
    assert [path.name for path in checkpoints.path.iterdir()] == ["step-000000001"]
    assert newest(checkpoints) == 1


@pytest.mark.parametrize("series", ["../x", "", "a/b", "."])
def test_series_that_could_leave_the_folder_are_refused(run: Run, series: str) -> None:
    with pytest.raises(EtymonError, match="cannot be the name of a series"):
        run.checkpoints(series)
    with pytest.raises(EtymonError, match="step -1"):
        run.checkpoints("gpt").save(-1, {}, {})


def test_looking_writes_nothing(run: Run, tmp_path: Path) -> None:
    assert run.checkpoints("gpt").latest() is None
    assert run.checkpoints("gpt").snapshots() == []
    assert not run.path.exists()
