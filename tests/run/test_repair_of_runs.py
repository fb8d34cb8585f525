"""Repairing a store of real runs: what any stage has made comes back bit for bit, from its text if need be."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_runs import Heard, paragraphs, run

from etymon.errors import EtymonError
from etymon.run import Outcome, Silent, repair_store
from etymon.run.job import command_here
from etymon.run.repair import command_for, why_not
from etymon.storage import Artifact, Repair, Store, Work

Three = tuple[Store, Outcome, Heard]


def change(path: Path) -> None:
    """Another byte in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


def bytes_of(store: Store) -> dict[str, bytes]:
    files = [path for path in (store.root / "artifacts").rglob("*") if path.is_file()]
    return {str(path.relative_to(store.root)): path.read_bytes() for path in files}


def mend(store: Store, *copies: Path, reference: str | None = None, **options: Any) -> Repair:
    return repair_store(store, reference, copies, Silent(), **{"retrain": False, "dry_run": False, **options})


@pytest.fixture
def copy(three: Three, tmp_path: Path) -> Store:
    """A copy of the store with three families, to be damaged."""
    shutil.copytree(three[0].root, tmp_path / "copy")
    return Store.at(tmp_path / "copy")


def the(store: Store, kind: str, name: str = "") -> Artifact:
    return next(each for each in store.artifacts(kind) if name in each.name)


@pytest.mark.parametrize(
    "damaged",
    [
        [("corpus", "", "documents.parquet"), ("shards", "", "train.ids"), ("model", "ngram", "order.2.counts.codes")],
        [("tokenizer", "", "tokenizer.json"), ("measurement", "gpt", "result.json"), ("report", "", "report.html")],
        [("model", "gpt", "model.safetensors"), ("model", "lstm", "config.json"), ("corpus", "", "decisions.parquet")],
        [
            ("shards", "", "manifest.json"),
            ("model", "lstm", "manifest.json"),
            ("measurement", "ngram", "manifest.json"),
        ],
    ],
    ids=lambda each: ", ".join(file for _, _, file in each),
)
def test_what_was_damaged_is_the_same_again_to_the_byte(copy: Store, damaged: list[tuple[str, str, str]]) -> None:
    before = bytes_of(copy)
    for path in [the(copy, kind, name).path / file for kind, name, file in damaged]:
        change(path)
    result = mend(copy)
    assert result.left == [] and len(result.mended) == len(damaged)
    assert bytes_of(copy) == before
    assert copy.verify() == []


@pytest.mark.ci
def test_any_file_of_any_artifact_is_the_same_again_to_the_byte(copy: Store) -> None:
    before = bytes_of(copy)
    for name, data in before.items():
        if data:
            change(copy.root / name)
            result = mend(copy)
            assert result.left == [], name
            assert [each.file for each in result.mended] == [Path(name).name]
    assert bytes_of(copy) == before


@pytest.mark.ci
def test_a_network_is_trained_again_to_the_same_bits_where_that_is_asked_for(copy: Store) -> None:
    before = bytes_of(copy)
    shutil.rmtree(copy.run("small").path / "checkpoints")  # where the same weights stand
    change(the(copy, "model", "gpt").path / "model.safetensors")
    [left] = mend(copy).left
    assert "only where --retrain asks for it" in left.why and "etymon run" in left.remedy
    result = mend(copy, retrain=True)
    assert [each.how for each in result.mended] == ["made once more"] and result.left == []
    assert bytes_of(copy) == before


def test_a_network_that_was_trained_for_a_time_is_not_trained_again(store: Store) -> None:
    recipe = {"family": "gpt", "settings": {}, "seed": 0, "training": {}, "seconds": 9.0, "device": "cpu"}
    work = Work("model", recipe, {}, 1, {"left_out": "", "steps": 3}, frozenset({"model.safetensors"}))
    assert "trained for a time" in why_not(store, (), True, work)
    assert why_not(store, (), True, replace(work, recipe={**recipe, "seconds": None})) == ""


def test_a_dry_run_promises_nothing_that_cannot_be_made_once_more(store: Store, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(paragraphs(10, 1))
    corpus = run(store, text).corpus
    change(corpus.path / "documents.parquet")
    assert [each.how for each in mend(store, dry_run=True).mended] == [
        "the corpus stage would be run again, and its bytes taken if they are the same"
    ]
    text.rename(tmp_path / "elsewhere")
    would = mend(store, dry_run=True)
    assert would.mended == [] and would.left == mend(store).left
    assert str(text) in would.left[0].why


def test_the_command_that_is_named_makes_it_in_the_store_that_was_looked_at(store: Store, text: Path) -> None:
    corpus = run(store, text).corpus
    moved = Store(store.root.rename(store.root.with_name("a store that moved")))
    assert f"--store {shlex.quote(str(moved.root))}` makes" in command_for(moved, "corpus", corpus.id)
    told = "etymon run texts --budget 9s --name x --store elsewhere families=gpt"
    here = f"etymon run texts --budget 9s --name x families=gpt --store {shlex.quote(str(moved.root))}"
    assert command_here(told, moved) == here


def test_text_that_has_changed_is_refused_and_the_text_as_it_was_can_be_named(store: Store, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(paragraphs(10, 1))
    corpus = run(store, text).corpus
    before = bytes_of(store)
    text.rename(tmp_path / "elsewhere")
    (tmp_path / "kept").mkdir()
    shutil.copy(tmp_path / "elsewhere", tmp_path / "kept" / "text.txt")
    text.write_text(paragraphs(10, 2))
    change(corpus.path / "documents.parquet")
    damaged = bytes_of(store)

    [left] = mend(store, reference=corpus.id).left
    assert "has changed since" in left.why and "--from" in left.why
    assert left.remedy.endswith("makes the corpus anew") and str(corpus.path) in left.remedy
    text.unlink()
    assert "not found; name it with --from" in mend(store).left[0].why
    assert bytes_of(store) == damaged

    result = mend(store, tmp_path / "kept" / "text.txt")
    assert result.left == [] and bytes_of(store) == before


def test_what_is_damaged_above_is_repaired_first_or_told(store: Store, text: Path) -> None:
    outcome = run(store, text)
    model = outcome.models["ngram"]
    before = bytes_of(store)
    for artifact in (model, outcome.corpus):
        change(artifact.path / next(iter(artifact.files)))
    change(store.run("small").path / "events.jsonl")  # which says where the text was read from
    result = mend(store, reference=model.id, dry_run=True)
    assert [each.owner for each in result.mended] == [outcome.corpus.label, model.label]
    result = mend(store)
    assert [each.owner for each in result.mended] == ["The run small", outcome.corpus.label, model.label]
    assert result.left == [] and bytes_of(store) == before


def test_a_lost_manifest_is_made_anew_where_a_run_tells_what_it_was_of(store: Store, text: Path) -> None:
    outcome = run(store, text)
    before = bytes_of(store)
    lost = [store.open(f"small/{kind}") for kind in ("corpus", "tokenizer", "shards")]
    for artifact in lost:
        (artifact.path / "manifest.json").write_bytes(b"{}")
    change(lost[2].path / "train.ids")
    model = outcome.models["ngram"].path / "manifest.json"
    model.write_bytes(b"{}")

    result = mend(store)
    assert [(each.owner, each.file) for each in result.mended] == [
        *((each.label, "manifest.json") for each in lost),
        (lost[2].label, "train.ids"),
    ]
    assert [damage.path for damage in result.left] == [model.parent]
    assert "no copy of it was found" in result.left[0].why and "etymon run" in result.left[0].remedy
    changed = {name for name, data in bytes_of(store).items() if before[name] != data}
    assert changed == {
        str(path.relative_to(store.root)) for path in (*(each.path / "manifest.json" for each in lost), model)
    }
    for artifact in lost:
        again = Artifact(artifact.path)
        assert (again.id, again.statistics, again.records) == (artifact.id, artifact.statistics, artifact.records)
        assert again.verify() == []


def test_a_copy_that_is_not_there_is_a_mistake(store: Store, tmp_path: Path) -> None:
    with pytest.raises(EtymonError, match="there is no"):
        mend(store, tmp_path / "nowhere")
