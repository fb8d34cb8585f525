"""Collecting garbage: nothing that a run leads to is ever removed, and the rest goes whole."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from filled_store import sealed
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.errors import EtymonError
from etymon.storage import Artifact, Damaged, Store, commit

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
