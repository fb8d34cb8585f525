"""Collecting garbage: nothing that a run leads to is ever removed, and the rest goes whole."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from filled_store import sealed
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.errors import EtymonError
from etymon.storage import Artifact, Damaged, Held, Store, commit
from harness import faults

GRAPHS = st.lists(st.sets(st.integers(0, 5), max_size=3), min_size=1, max_size=6)


@given(GRAPHS, st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5)))
@settings(max_examples=25, deadline=None)
def test_exactly_what_is_led_to_is_kept(inputs: list[set[int]], recorded: set[int], kept: set[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store.at(folder)
        made: list[Artifact] = []
        for number, wanted in enumerate(inputs):
            made.append(sealed(store, "corpus", None, *(made[one] for one in wanted if one < number), number=number))
        roots = {made[number] for number in recorded | kept if number < len(made)}
        for number in recorded:
            if number < len(made):
                store.run(f"run{number}").record("corpus", made[number].id)
        led_to = roots | {ancestor for root in roots for ancestor in store.lineage(root)}
        keep = [made[number].id for number in kept if number < len(made)]

        would = store.gc(keep=keep, dry_run=True)
        assert set(store.artifacts()) == set(made)
        removed = store.gc(keep=keep)
        assert removed == would
        assert set(removed) == set(made) - led_to
        assert set(store.artifacts()) == led_to
        assert store.verify() == []
        assert store.gc(keep=keep) == []


def test_made_ones_go_before_what_they_were_made_from(store: Store) -> None:
    text = sealed(store, "corpus")
    tokenizer = sealed(store, "tokenizer", None, text)
    model = sealed(store, "model", None, tokenizer, text)
    assert store.gc() == [model, tokenizer, text]


def test_what_dead_drafts_and_removals_left_goes_too(store: Store) -> None:
    folder = sealed(store).path.parent
    dead = store.create("corpus", {"dead": 1}, {}, stage_version=1)
    dead.write("data", b"data")
    lock = dead._lock  # pyright: ignore[reportPrivateUsage]
    lock.release()  # as its process would when killed
    (folder / ".damaged-corpus-x").mkdir()
    (folder / ".unused-corpus-x").mkdir()
    (folder / ".unused-corpus-x" / "data").write_bytes(b"")
    store.run("demo").write("notes", b"")
    (store.root / "runs" / "demo" / ".report.html.0.tmp").write_bytes(b"half")
    store.gc()
    assert list(folder.iterdir()) == []
    assert [path.name for path in (store.root / "runs" / "demo").iterdir()] == ["notes"]


def test_a_dead_draft_that_could_not_be_removed_goes_the_next_time(store: Store) -> None:
    dead = store.create("corpus", {"dead": 1}, {}, stage_version=1)
    dead.write("data", b"data")
    dead._lock.release()  # pyright: ignore[reportPrivateUsage]
    stuck = faults.failing(faults.FAILED, lambda count, operation: operation.name == "rmdir")
    with stuck, pytest.raises(commit.DiskFault):
        store.gc()
    store.gc()
    assert list(dead.path.parent.iterdir()) == []


def test_a_draft_being_written_and_its_inputs_are_kept(store: Store) -> None:
    text = sealed(store, "corpus")
    sealed(store, "corpus", unused=1)
    with store.create("shards", {}, {"text": text.id}, stage_version=1) as draft:
        draft.write("data", b"data")
        assert [artifact.recipe for artifact in store.gc()] == [{"unused": 1}]
        made = draft.seal()
    assert store.lineage(made) == [text]
    assert made.verify() == []


def test_nothing_is_removed_while_a_run_is_written(store: Store) -> None:
    made = sealed(store)
    with store.run("demo").lock(), pytest.raises(EtymonError, match="The run demo is being written") as caught:
        store.gc()
    assert "pid" in caught.value.why
    assert store.artifacts() == [made]
    assert store.gc() == [made]


def test_nothing_is_removed_where_a_manifest_cannot_be_trusted(store: Store) -> None:
    made = sealed(store, "model", None, sealed(store))
    (made.path / "manifest.json").write_bytes(b"{}")
    with pytest.raises(Damaged, match=made.label):
        store.gc()
    assert len(list(made.path.parent.iterdir())) == 2


def test_nothing_is_removed_where_a_runs_list_cannot_be_trusted(store: Store) -> None:
    made = sealed(store)
    run = store.run("demo")
    run.record("corpus", made.id)
    (run.path / "artifacts.json").write_bytes(b'{"roles":{}}')
    with pytest.raises(Damaged, match="artifacts"):
        store.gc()
    assert store.artifacts() == [made]


def test_keeping_a_name_that_leads_nowhere_is_a_mistake(store: Store) -> None:
    made = sealed(store)
    with pytest.raises(EtymonError, match="no artifact"):
        store.gc(keep=["model-123456"])
    assert store.artifacts() == [made]


def test_a_kill_on_the_way_leaves_no_artifact_without_its_inputs(store: Store) -> None:
    text = sealed(store, "corpus")
    tokenizer = sealed(store, "tokenizer", None, text)
    sealed(store, "model", None, tokenizer, text)
    renamed: list[Path] = []

    def stop_after_two(operation: commit.Operation) -> None:
        if operation.name == "rename":
            renamed.append(operation.path)
        if len(renamed) == 2:
            raise KeyboardInterrupt

    commit.fault = stop_after_two
    with pytest.raises(KeyboardInterrupt):
        store.gc()
    commit.fault = None
    assert store.artifacts() == [text, tokenizer]
    assert all(store.lineage(artifact) is not None for artifact in store.artifacts())
    assert store.gc() == [tokenizer, text]
    assert list(text.path.parent.iterdir()) == []


NODES = st.sets(st.integers(0, 7), max_size=4)


GIVEN = given(
    st.lists(st.sets(st.integers(0, 7), max_size=3), min_size=1, max_size=8), NODES, NODES, NODES, st.integers(0, 60)
)


@GIVEN
@settings(max_examples=8, deadline=None)
def test_killed_anywhere_it_has_removed_nothing_that_runs_drafts_or_the_user_lead_to(
    inputs: list[set[int]], recorded: set[int], kept: set[int], drafted: set[int], kill: int
) -> None:
    hold_a_killed_collection(inputs, recorded, kept, drafted, kill)


@pytest.mark.ci
@GIVEN
@settings(max_examples=60, deadline=None)
def test_killed_anywhere_the_same_many_times(
    inputs: list[set[int]], recorded: set[int], kept: set[int], drafted: set[int], kill: int
) -> None:
    hold_a_killed_collection(inputs, recorded, kept, drafted, kill)


def hold_a_killed_collection(
    inputs: list[set[int]], recorded: set[int], kept: set[int], drafted: set[int], kill: int
) -> None:
    """Artifacts made from some of those before them; runs, the user and living drafts hold on to some; collecting is
    killed at one operation, then done."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store.at(folder)
        made: list[Artifact] = []
        for number, wanted in enumerate(inputs):
            made.append(sealed(store, "corpus", None, *(made[one] for one in wanted if one < number), number=number))
        for number in recorded & set(range(len(made))):
            store.run(f"run{number % 3}").record(f"corpus/{number}", made[number].id)
        drafts = [
            store.create("shards", {"draft": number}, {"text": made[number].id}, stage_version=1)
            for number in drafted & set(range(len(made)))
        ]
        needed = closure(inputs, (recorded | kept | drafted) & set(range(len(made))))
        keep = [made[number].id for number in kept & set(range(len(made)))]
        with faults.dead_from(kill), suppress(SystemExit):
            store.gc(keep=keep)
        there = {artifact.recipe["number"] for artifact in store.artifacts()}
        assert there >= needed
        assert there == closure(inputs, there)  # nothing is there without what it was made from
        store.gc(keep=keep)
        assert {artifact.recipe["number"] for artifact in store.artifacts()} == needed
        for draft in drafts:
            assert store.lineage(draft.seal()) is not None
        assert store.verify() == []


def closure(inputs: list[set[int]], roots: set[int]) -> set[int]:
    """The numbers that are led to, found the slow way."""
    found = set(roots)
    while more := {one for number in found for one in inputs[number] if one < number} - found:
        found |= more
    return found


def test_what_is_sealed_while_the_artifacts_are_listed_keeps_its_inputs(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = sealed(store, "corpus")
    draft = store.create("shards", {}, {"text": text.id}, stage_version=1)
    listed = Store.artifacts

    def then_sealed(self: Store, kind: str | None = None) -> list[Artifact]:
        found = listed(self, kind)
        draft.seal()
        return found

    monkeypatch.setattr(Store, "artifacts", then_sealed)
    assert store.gc() == []
    monkeypatch.undo()
    assert store.verify() == []


RECORDING = """
import sys
from etymon.storage import Store
store = Store.at(sys.argv[1])
for number in range(int(sys.argv[2])):
    run = store.run(f"run{number % 2}")
    with run.lock():
        made = []
        for kind in ("corpus", "tokenizer", "shards"):
            inputs = {each.kind: each.id for each in made}
            with store.create(kind, {"number": number}, inputs, stage_version=1) as draft:
                draft.write("data", b"%d" % number)
                made.append(draft.seal())
        run.record(f"shards/{number}", made[-1].id)
"""
DRAFTING = """
import sys
from etymon.errors import EtymonError
from etymon.storage import Store
store = Store.at(sys.argv[1])
done = 0
while done < int(sys.argv[2]):
    with store.create("corpus", {"alone": done}, {}, stage_version=1) as draft:
        draft.write("data", b"%d" % done)
        text = draft.seal()
    try:
        draft = store.create("shards", {"alone": done}, {"text": text.id}, stage_version=1)
    except EtymonError as error:
        assert "is not in this store" in str(error)
        continue  # nothing referred to the text: it was collected before the draft began, and that was told
    draft.write("data", b"%d" % done)
    draft.seal()
    done += 1
"""


@pytest.mark.parametrize("rounds", [8, pytest.param(80, marks=pytest.mark.ci)])
def test_nothing_is_lost_to_runs_and_drafts_of_other_processes_that_go_on_meanwhile(store: Store, rounds: int) -> None:
    words = (str(store.root), str(rounds))
    others = [subprocess.Popen([sys.executable, "-c", script, *words]) for script in (RECORDING, DRAFTING)]
    collected = refused = 0
    while any(other.poll() is None for other in others):
        try:
            collected += len(store.gc())
        except EtymonError as error:
            assert "is being written" in str(error) or "manifest.json" in str(error)
            refused += 1
        assert [damage for damage in store.dangling([]) if "runs" in str(damage.path)] == []
    assert [other.returncode for other in others] == [0, 0]
    assert collected > 0 and refused > 0
    assert store.verify() == []
    store.gc()
    assert sorted(artifact.recipe["number"] for artifact in store.artifacts("shards")) == list(range(rounds))
    assert len(store.artifacts()) == 3 * rounds
    assert store.verify() == []


# Removing a run


@pytest.fixture
def run_of_all_kinds(store: Store) -> Artifact:
    """A run with every kind of file, and what it refers to."""
    made = sealed(store)
    run = store.run("demo")
    with run.lock():
        run.record("corpus", made.id)
        run.journal.append("start")
        run.metrics.append({"series": "gpt", "step": 1})
        run.checkpoints("gpt").save(1, {"weights": b"1"}, {})
        run.checkpoints("gpt").snapshot(1, {"weights": b"1"}, {})
        run.write("report.html", b"<html>")
    return made


def test_a_run_goes_whole_and_what_it_made_goes_with_the_garbage(store: Store, run_of_all_kinds: Artifact) -> None:
    would = store.remove_run("demo", dry_run=True)
    assert [run.name for run in store.runs()] == ["demo"]
    files, refers = store.remove_run("demo")
    assert (files, refers) == would
    assert refers == {"corpus": run_of_all_kinds.id}
    assert set(files) >= {"artifacts.json", "events.jsonl", "metrics.jsonl", "report.html"}
    assert sum("checkpoints/gpt" in name for name in files) == 4
    assert store.runs() == [] and list((store.root / "runs").iterdir()) == []
    assert store.gc() == [run_of_all_kinds]


def test_a_run_at_work_is_not_removed(store: Store, run_of_all_kinds: Artifact) -> None:
    with store.run("demo").lock(), pytest.raises(Held, match="in use"):
        store.remove_run("demo")
    assert store.run("demo").verify() == []


def test_a_run_that_there_is_not_is_told_with_near_names(store: Store, run_of_all_kinds: Artifact) -> None:
    with pytest.raises(EtymonError, match="no run 'demmo'") as caught:
        store.remove_run("demmo")
    assert "did you mean demo?" in caught.value.help


def test_a_run_whose_list_is_damaged_can_be_removed(store: Store, run_of_all_kinds: Artifact) -> None:
    (store.run("demo").path / "artifacts.json").write_bytes(b"{}")
    assert store.remove_run("demo")[1] == {}
    assert store.runs() == []


def test_a_removal_killed_at_any_operation_leaves_the_run_whole_or_gone(
    store: Store, run_of_all_kinds: Artifact, tmp_path: Path
) -> None:
    shutil.copytree(store.root, tmp_path / "as it was")
    number, ended = 0, False
    while not ended:
        shutil.rmtree(store.root)
        shutil.copytree(tmp_path / "as it was", store.root)
        faults.as_a_new_process()
        with faults.dead_from(number) as seen, suppress(SystemExit):
            store.remove_run("demo")
        ended = len(seen) <= number
        runs = store.runs()
        assert all(run.verify() == [] and run.artifacts() for run in runs)
        if runs:
            store.remove_run("demo")
        assert store.gc() == [run_of_all_kinds]
        assert list((store.root / "runs").iterdir()) == []
        number += 1
    assert number > 10
