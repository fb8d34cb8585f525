"""Repairing: the right bytes come back from wherever they are, none but those are taken, and a kill costs nothing."""

from __future__ import annotations

import errno
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from filled_store import sealed

from etymon.errors import EtymonError
from etymon.progress import Progress
from etymon.storage import Artifact, Remake, Repair, Scratch, Store, Unmade, Work, repair
from etymon.storage.canonical import seal
from etymon.storage.commit import Operation
from etymon.storage.lock import locked
from etymon.storage.one_byte import mend_records, mend_sealed
from harness import faults

BLOCK = 1 << 20


def noise(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


def change(path: Path, *positions: int) -> None:
    """Another byte at each of these places."""
    data = bytearray(path.read_bytes())
    for position in positions:
        data[position] ^= 0x55
    path.write_bytes(data)


def everything(root: Path) -> dict[str, bytes]:
    """All files below a folder but locks."""
    files = [path for path in root.rglob("*") if path.is_file() and "lock" not in path.name]
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def lines(result: Repair) -> list[str]:
    return [*map(str, result.mended), *(f"left: {damage}" for damage in result.left)]


def again(files: dict[str, bytes]) -> Remake:
    """A stage that makes these files."""

    def make(scratch: Scratch, work: Work, progress: Progress) -> Artifact:
        scratch.find(work.kind, work.recipe, work.inputs, stage_version=work.stage_version)
        with scratch.create(work.kind, work.recipe, work.inputs, stage_version=work.stage_version) as draft:
            for name, data in files.items():
                draft.write(name, data)
            return draft.seal()

    return make


# One wrong byte


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.ci)])
def test_any_byte_of_a_sealed_object_is_found_whatever_it_was_changed_to(every: int) -> None:
    data = seal({"files": {"a.bin": {"size": 3, "sha256": "ab" * 32}}, "recipe": {"name": "ü", "shares": [0.5, 1e-9]}})
    chance = random.Random(1)
    for position in range(0, len(data), every):
        changed = bytearray(data)
        changed[position] ^= chance.randrange(1, 256)
        assert mend_sealed(bytes(changed)) == data, position
    assert mend_sealed(data) == data


def test_two_wrong_bytes_of_a_sealed_object_are_not_guessed() -> None:
    data = seal({"recipe": {"a": 1, "b": 2}})
    changed = bytearray(data)
    changed[80] ^= 1
    changed[90] ^= 1
    assert mend_sealed(bytes(changed)) is None
    assert mend_sealed(data[:-1]) is None
    assert mend_sealed(b"") is None


@pytest.fixture
def records(store: Store) -> bytes:
    journal = store.run("demo").journal
    for number in range(6):
        journal.append("phase", number=number, text="ü" * number)
    return (store.run("demo").path / "events.jsonl").read_bytes()


@pytest.mark.parametrize("every", [101, pytest.param(7, marks=pytest.mark.ci), pytest.param(1, marks=pytest.mark.slow)])
def test_any_byte_of_a_journal_is_found_and_the_line_is_told(records: bytes, every: int) -> None:
    chance = random.Random(2)
    for position in range(0, len(records) - 1, every):
        changed = bytearray(records)
        changed[position] ^= chance.randrange(1, 256)
        assert mend_records(bytes(changed)) == (records, [records[:position].count(b"\n") + 1]), position


def test_one_byte_in_each_of_several_lines_is_found_and_two_in_one_line_are_not(records: bytes) -> None:
    starts = [place + 1 for place, byte in enumerate(records) if byte == 0x0A]
    changed = bytearray(records)
    changed[starts[0] + 60] ^= 4
    changed[starts[3] + 60] ^= 4
    assert mend_records(bytes(changed)) == (records, [2, 5])
    changed[starts[3] + 70] ^= 4
    assert mend_records(bytes(changed)) is None


def test_a_torn_tail_is_no_damage(records: bytes) -> None:
    assert mend_records(records[:-5]) == (records[:-5], [])


# Where the bytes come from


def test_only_the_bad_block_is_looked_for_and_the_same_bytes_stand_in_another_artifact(store: Store) -> None:
    data = noise(2 * BLOCK + 5000, 1)
    other = sealed(store, "model", {"weights": noise(BLOCK, 2) + data[BLOCK : 2 * BLOCK]}, number=1)
    made = sealed(store, "model", {"weights": data, "config": b"{}"}, number=2)
    before = everything(made.path)
    change(made.path / "weights", BLOCK + 7)
    result = repair(store)
    assert lines(result) == [f"{made.label}: weights, block 1: the same bytes stand in artifacts/{other.label}/weights"]
    assert everything(made.path) == before
    assert store.verify() == []


@pytest.mark.parametrize("kind", ["snapshot", "checkpoint"])
def test_weights_come_back_from_a_state_of_the_training(store: Store, kind: str) -> None:
    weights = noise(5000, 3)
    made = sealed(store, "model", {"weights": weights})
    checkpoints = store.run("demo").checkpoints("gpt-1")
    save = checkpoints.snapshot if kind == "snapshot" else checkpoints.save
    saved = save(9, {"weights": weights}, {})
    (made.path / "weights").unlink()
    assert lines(repair(store)) == [
        f"{made.label}: weights, block 0: the same bytes stand in {saved.path.relative_to(store.root)}/weights"
    ]
    assert made.verify() == []


def test_a_report_comes_back_from_its_runs_folder(store: Store) -> None:
    made = sealed(store, "report", {"report.html": b"<!doctype html>"})
    store.run("demo").write("report.html", b"<!doctype html>")
    change(made.path / "report.html", 3)
    assert lines(repair(store)) == [
        f"{made.label}: report.html, block 0: the same bytes stand in runs/demo/report.html"
    ]


@pytest.mark.parametrize("given", ["store", "artifacts", "artifact"])
@pytest.mark.parametrize("file", ["data.bin", "manifest.json"])
def test_a_copy_is_taken_from_wherever_it_is_named(store: Store, tmp_path: Path, given: str, file: str) -> None:
    made = sealed(store, files={"data.bin": noise(3000, 4)})
    shutil.copytree(store.root, tmp_path / "copy")
    before = everything(made.path)
    change(made.path / file, 11, 100)
    assert repair(store).left != []
    place = {"store": "copy", "artifacts": "copy/artifacts", "artifact": f"copy/artifacts/{made.label}"}[given]
    result = repair(store, copies=[tmp_path / place])
    assert result.left == [] and "copy" in lines(result)[0]
    assert everything(made.path) == before


def test_a_copy_that_is_damaged_itself_is_not_taken(store: Store, tmp_path: Path) -> None:
    made = sealed(store, files={"data.bin": noise(3000, 4)})
    shutil.copytree(store.root, tmp_path / "copy")
    change(made.path / "data.bin", 11)
    change(tmp_path / "copy" / "artifacts" / made.label / "data.bin", 2000)
    before = everything(store.root)
    result = repair(store, copies=[tmp_path / "copy"])
    assert [damage.block for damage in result.left] == [0] and result.mended == []
    assert everything(store.root) == before


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


def foreign(path: Path) -> None:
    path.with_name("stranger").write_bytes(b"?")


@pytest.mark.parametrize("damage", [cut, grow, foreign, Path.unlink], ids=lambda each: each.__name__)
def test_cut_grown_missing_and_foreign_files_are_put_right(store: Store, damage: Callable[[Path], Any]) -> None:
    files = {"data.bin": noise(BLOCK + 100, 5), "empty": b""}
    made = sealed(store, files=files)
    before = everything(made.path)
    for name in ("data.bin", "empty") if damage is not cut else ("data.bin",):
        damage(made.path / name)
        result = repair(store, remake={"corpus": again(files)})
        assert result.left == [] and result.mended != []
        assert everything(made.path) == before


def test_a_manifest_with_one_wrong_byte_is_put_right_by_itself(store: Store) -> None:
    made = sealed(store)
    before = everything(made.path)
    change(made.path / "manifest.json", 200)
    assert lines(repair(store)) == [f"{made.label}: manifest.json: one byte was wrong; its own checksum tells which"]
    assert everything(made.path) == before


def test_a_manifest_beyond_repair_is_left_with_what_to_do(store: Store) -> None:
    made = sealed(store)
    change(made.path / "manifest.json", 200, 300)
    before = everything(store.root)
    [left] = repair(store, remedies=lambda kind, id: f"`etymon make {kind} {id}`").left
    assert left.remedy.endswith(f"remove {made.path}, then `etymon make corpus {made.id[:16]}`")
    assert everything(store.root) == before


# Made once more


def test_what_is_in_no_other_file_is_made_once_more_inputs_first(store: Store) -> None:
    text = sealed(store, "corpus", {"text": b"the text"})
    tokens = sealed(store, "shards", {"ids": b"the tokens"}, text)
    before = everything(store.root)
    asked: list[str] = []

    def make(kind: str, file: str) -> Remake:
        def remake(scratch: Scratch, work: Work, progress: Progress) -> Artifact:
            asked.append(kind)
            assert all(scratch.open(id).verify() == [] for id in work.inputs.values())
            return again({file: b"the text" if kind == "corpus" else b"the tokens"})(scratch, work, progress)

        return remake

    remake = {"corpus": make("corpus", "text"), "shards": make("shards", "ids")}
    for artifact, file in ((tokens, "ids"), (text, "text")):
        change(artifact.path / file, 3)
    result = repair(store, tokens.label, remake=remake)
    assert asked == ["corpus", "shards"]
    assert lines(result) == [
        f"{text.label}: text, block 0: made once more",
        f"{tokens.label}: ids, block 0: made once more",
    ]
    assert everything(store.root) == before


def test_what_comes_out_differently_is_refused_with_the_versions(store: Store) -> None:
    made = sealed(store, files={"text": b"the text"})
    change(made.path / "text", 3)
    before = everything(store.root)
    [left] = repair(store, remake={"corpus": again({"text": b"the test"})}).left
    assert "other bytes" in left.why and "versions then and now: the same" in left.why
    assert everything(store.root) == before


def test_a_stage_that_would_make_something_else_is_stopped_before_it_begins(store: Store) -> None:
    made = sealed(store, files={"text": b"the text"}, digest="old")
    change(made.path / "text", 3)

    def make(scratch: Scratch, work: Work, progress: Progress) -> Artifact:
        scratch.find("corpus", {"digest": "new"}, {}, stage_version=1)
        raise AssertionError("not reached")

    [left] = repair(store, remake={"corpus": make}).left
    assert "it differs in: digest" in left.why


def test_one_that_cannot_be_repaired_does_not_keep_the_others_from_it(store: Store) -> None:
    def refuse(scratch: Scratch, work: Work, progress: Progress) -> Artifact:
        raise Unmade("the text is gone")

    text = sealed(store, "corpus", {"text": b"the text"})
    tokens = sealed(store, "shards", {"ids": b"the tokens"}, text)
    other = sealed(store, "tokenizer", {"vocabulary": b"abc"})
    for artifact in (text, tokens, other):
        change(artifact.path / next(iter(artifact.files)), 1)
    result = repair(store, remake={"corpus": refuse, "shards": again({}), "tokenizer": again({"vocabulary": b"abc"})})
    assert lines(result)[0] == f"{other.label}: vocabulary, block 0: made once more"
    whys = {damage.owner: damage.why for damage in result.left}
    assert "the text is gone" in whys[text.label] and "is damaged, too" in whys[tokens.label]


def test_a_dry_run_tells_the_same_and_changes_nothing(store: Store) -> None:
    files = {"text": b"the text", "more": b"1" * 40}
    made = sealed(store, files=files)
    sealed(store, "tokenizer", {"x": b"1" * 40})
    run = store.run("demo")
    run.journal.append("start")
    run.journal.append("end")
    change(run.path / "events.jsonl", 40)
    change(made.path / "more", 3)
    change(made.path / "text", 3)
    before = everything(store.root)
    would = repair(store, remake={"corpus": again(files)}, dry_run=True)
    assert everything(store.root) == before
    did = repair(store, remake={"corpus": again(files)})
    assert [(each.owner, each.file) for each in would.mended] == [(each.owner, each.file) for each in did.mended]
    assert would.left == did.left == []
    assert store.verify() == []
    assert repair(store) == Repair()


# Runs


def test_journal_metrics_and_list_of_artifacts_are_put_right(store: Store) -> None:
    made = sealed(store)
    run = store.run("demo")
    run.record("corpus", made.id)
    for step in range(5):
        run.journal.append("phase", step=step)
        run.metrics.append({"series": "gpt", "step": step, "loss": 1 / (1 + step)})
    before = everything(run.path)
    for name in ("artifacts.json", "events.jsonl", "metrics.jsonl"):
        data = (run.path / name).read_bytes()
        change(run.path / name, data.find(b"\n") + 61)
    result = repair(store)
    assert [(each.file, each.how.partition(":")[0]) for each in result.mended][1:] == [
        ("events.jsonl", "line 2"),
        ("metrics.jsonl", "line 2"),
    ]
    assert everything(run.path) == before
    assert store.verify() == []


def test_the_files_of_a_run_at_work_are_left_to_it(store: Store) -> None:
    run = store.run("demo")
    run.journal.append("start")
    run.journal.append("end")
    change(run.path / "events.jsonl", 30)
    before = everything(store.root)
    with run.lock():
        [left] = repair(store).left
    assert "wait until the run ends" in left.remedy
    assert everything(store.root) == before


def test_a_damaged_checkpoint_is_told_with_the_one_that_training_goes_on_from(store: Store) -> None:
    checkpoints = store.run("demo").checkpoints("gpt")
    for step in (1, 2):
        checkpoints.save(step, {"weights": b"%d" % step * 100}, {})
    checkpoints.snapshot(2, {"weights": b"other"}, {})
    change(checkpoints.path / "step-000000002" / "weights", 3)
    change(checkpoints.path / "snapshots" / "step-000000002" / "weights", 3)
    left = {damage.path.parent.name: damage.remedy for damage in repair(store).left}
    assert "goes on from step-000000001 by itself" in left["gpt"]
    assert "only for looking back" in left["snapshots"]
    change(checkpoints.path / "step-000000001" / "weights", 3)
    assert "training begins anew" in repair(store).left[0].remedy


# Kills, faults and company


@pytest.fixture
def damaged(store: Store) -> tuple[Store, Callable[[], Repair], dict[str, bytes]]:
    """A store with a little of everything damaged, how to repair it, and what it should be."""
    text = {"text": b"the text", "more": b"m"}
    made = sealed(store, "corpus", text)
    tokens = sealed(store, "shards", {"ids": noise(900, 7)}, made)
    sealed(store, "model", {"weights": noise(900, 7)}, tokens)
    run = store.run("demo")
    run.record("corpus", made.id)
    run.journal.append("start")
    run.journal.append("end")
    before = everything(store.root)
    change(made.path / "text", 3)
    change(tokens.path / "ids", 3)
    change(tokens.path / "manifest.json", 100)
    change(run.path / "events.jsonl", 40)
    return store, lambda: repair(store, remake={"corpus": again(text)}), before


@pytest.mark.parametrize("every", [17, pytest.param(1, marks=pytest.mark.ci)])
def test_a_repair_killed_at_any_operation_is_done_by_the_next(
    damaged: tuple[Store, Callable[[], Repair], dict[str, bytes]], tmp_path: Path, every: int
) -> None:
    store, mend, before = damaged
    shutil.copytree(store.root, tmp_path / "as it was")
    number, ended = 0, False
    while not ended:
        shutil.rmtree(store.root)
        shutil.copytree(tmp_path / "as it was", store.root)
        faults.as_a_new_process()
        with faults.dead_from(number) as seen, suppress(SystemExit):
            mend()
        ended = len(seen) <= number
        faults.as_a_new_process()
        result = mend()
        assert result.left == [], (number, seen[-1])
        shown = {name: data for name, data in everything(store.root).items() if "/." not in f"/{name}"}
        assert shown == before, (number, seen[-1])
        number += every
    assert number > 60
    assert store.gc(dry_run=True) != []  # the shards and the model are of no run
    assert store.verify() == []


def test_garbage_that_is_collected_after_a_killed_repair_takes_nothing_that_was_set_aside(
    damaged: tuple[Store, Callable[[], Repair], dict[str, bytes]],
) -> None:
    store, mend, before = damaged
    keep = [artifact.label for artifact in store.artifacts("model")]
    artifacts = store.root / "artifacts"

    def names_the_mended(count: int, operation: Operation) -> bool:
        return operation.name == "rename" and (operation.target or artifacts).parent == artifacts and bool(aside())

    def aside() -> list[Path]:
        return list(artifacts.glob(".replaced-*"))

    with faults.dead_from(names_the_mended), pytest.raises(SystemExit):
        mend()
    [left] = aside()
    assert left.name.startswith(".replaced-corpus")
    change(next(artifacts.glob("shards-*")) / "manifest.json", 100)  # it is sound again: garbage can be collected
    assert store.gc(keep=keep) == []
    assert aside() == []
    assert mend().left == []
    assert everything(store.root) == before


def test_a_full_disk_leaves_the_damaged_artifact_and_all_others_as_they_were(
    damaged: tuple[Store, Callable[[], Repair], dict[str, bytes]],
) -> None:
    store, mend, before = damaged
    for number in range(0, 200, 17):
        with faults.failing(errno.ENOSPC, faults.starting_at(number)) as seen:
            try:
                mend()
            except EtymonError as error:
                assert error.exit_code == 74
        if len(seen) <= number:
            break
        assert len(store.folders()) + len(list((store.root / "artifacts").glob(".replaced-*"))) >= 3
    assert mend().left == []
    assert {name: data for name, data in everything(store.root).items() if "/." not in f"/{name}"} == before


def test_nothing_is_collected_while_a_repair_is_at_work_and_no_second_repair_begins(store: Store) -> None:
    sealed(store)
    with locked(store.root / ".repair.lock", "The repairing of this store"):
        with pytest.raises(EtymonError, match="being repaired"):
            store.gc()
        with pytest.raises(EtymonError, match="in use by another process"):
            repair(store)
    assert len(store.gc()) == 1
