"""What has seen a document: every artifact and run with how, from the store alone; and how it is made to be gone."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import paragraphs, run

from etymon.corpus import Corpus, build
from etymon.errors import EtymonError, Interrupted
from etymon.run import Outcome, Uses, uses_of
from etymon.run.uses import trainings_of
from etymon.storage import Artifact, Remote, Store
from etymon.tokens import Loader, open_shards

Alone = tuple[Store, Outcome]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two texts, a copy of one of them, and a file that is too short."""
    (tmp_path / "texts" / "sub").mkdir(parents=True)
    (tmp_path / "texts" / "one.txt").write_text(paragraphs(8, 1))
    (tmp_path / "texts" / "two.txt").write_text(paragraphs(8, 2))
    (tmp_path / "texts" / "sub" / "copy.txt").write_text(paragraphs(8, 1))
    (tmp_path / "texts" / "short.txt").write_text("short")
    return tmp_path / "texts"


def of(found: Uses, kind: str) -> dict[str, Any]:
    """The only artifact of a kind in an answer."""
    [each] = [each for each in found.artifacts if each["kind"] == kind]
    return each


def ids_in(corpus: Artifact, split: str) -> list[str]:
    return [document.id for document in Corpus.open(corpus).documents(split)]


def test_a_training_document_is_followed_into_everything_that_was_made_of_it(alone: Alone) -> None:
    store, outcome = alone
    id = ids_in(outcome.corpus, "train")[0]
    found = uses_of(store, id[:8])
    assert [
        (each["kind"], each["how"]) for each in found.artifacts if each["kind"] not in ("measurement", "report")
    ] == [
        ("corpus", "holds"),
        ("tokenizer", "learned"),
        ("shards", "tokens"),
        ("model", "counted"),
        ("model", "trained"),
        ("model", "trained"),
    ]
    assert {each["how"] for each in found.artifacts if each["kind"] == "measurement"} == {"made from"}
    assert all(each["exact"] and each["documents"] == 1 for each in found.artifacts)
    [row] = found.runs
    assert (row["name"], row["working"]) == ("small", False)
    trainings = {each["series"]: each for each in row["trainings"]}
    assert set(trainings) == {f"{name}-{outcome.models[name].id[:12]}" for name in ("lstm", "gpt")}
    assert all(each["how"] == "trained" and each["states"] > 0 for each in trainings.values())
    assert found.as_json()["documents"][0]["split"] == "train"
    words = found.in_words()
    for part in ("its counts include it", "trained on it", "learned from it", "etymon rm small", "etymon gc"):
        assert part in words


def test_a_held_out_document_was_only_measured_on(alone: Alone) -> None:
    store, outcome = alone
    test = uses_of(store, ids_in(outcome.corpus, "test")[0])
    assert {each["how"] for each in test.artifacts if each["kind"] in ("model", "tokenizer")} == {"made from"}
    assert {each["how"] for each in test.artifacts if each["kind"] == "measurement"} == {"measured"}
    assert "held out, to be measured on at the end" in test.in_words()
    validation = uses_of(store, ids_in(outcome.corpus, "validation")[0])
    models = [each for each in validation.artifacts if each["kind"] == "model"]
    assert {(each["how"], each["exact"]) for each in models} == {("measured", False)}


def test_what_is_put_together_and_its_index_say_what_they_hold_and_follow_from(store: Store, text: Path) -> None:
    outcome = run(store, text, "models.ngram.order=2", families="ngram,infinity,mixture")
    train = uses_of(store, ids_in(outcome.corpus, "train")[0])
    assert (of(train, "index")["how"], of(train, "index")["exact"]) == ("tokens", True)
    assert "holds the tokens of it" in of(train, "index")["text"]
    hows = {each["id"]: each["how"] for each in train.artifacts if each["kind"] == "model"}
    assert hows == {
        outcome.models["ngram"].id: "counted",
        outcome.models["infinity"].id: "made from",
        outcome.models["mixture"].id: "made from",
    }
    validation = uses_of(store, ids_in(outcome.corpus, "validation")[0])
    assert "its weights follow from it (at most)" in validation.in_words()
    assert of(validation, "index")["how"] == "made from"


def test_the_report_is_asked_for_the_passages_that_it_quotes(alone: Alone) -> None:
    store, outcome = alone
    quoted = {span["document"]["id"] for span in outcome.data["sources"]["spans"]}
    for id in ids_in(outcome.corpus, "train"):
        assert (of(uses_of(store, id), "report")["how"] == "quotes") == (id in quoted)


def test_what_was_dropped_or_is_a_copy_is_told_as_such(store: Store, folder: Path) -> None:
    outcome = run(store, folder)
    short = uses_of(store, "short.txt")
    assert "dropped: too short: read, but in no text" in short.in_words()
    assert {each["how"] for each in short.artifacts} == {"made from"}
    assert [row["name"] for row in short.runs] == ["small"]

    [copied] = [each.duplicate_of for each in Corpus.open(outcome.corpus).find("sub/copy.txt")][:1]
    copy = uses_of(store, Corpus.open(outcome.corpus).find("sub/copy.txt")[0].id)
    assert f"says the same as {copied}, which was kept: its text is" in copy.in_words()
    assert of(copy, "corpus")["how"] == "holds"
    assert "one.txt" in copy.remedy[0]
    whole = uses_of(store, "one.txt")
    assert "the same text stands in sub/copy.txt" in whole.remedy[0]


def test_a_file_and_a_folder_stand_for_all_that_was_read_from_them(store: Store, folder: Path) -> None:
    outcome = run(store, folder)
    decisions = list(Corpus.open(outcome.corpus).decisions())
    for question, prefix in ((str(folder / "one.txt"), "one.txt"), ("sub", "sub/"), (str(folder / "sub"), "sub/")):
        asked = uses_of(store, question).as_json()["documents"]
        assert [each["id"] for each in asked] == [each.id for each in decisions if each.source_file.startswith(prefix)]
    assert len(uses_of(store, str(folder)).as_json()["documents"]) == len(decisions)


def test_what_no_corpus_has_read_is_told_with_near_names(alone: Alone) -> None:
    store, _ = alone
    with pytest.raises(EtymonError, match=r"no corpus of this store has read smal\.txt") as caught:
        uses_of(store, "smal.txt")
    assert "did you mean small.txt?" in caught.value.help


@pytest.mark.parametrize("name", ["ngram", pytest.param("gpt", marks=pytest.mark.ci)])
def test_a_model_that_goes_on_has_seen_what_the_earlier_one_saw(alone: Alone, tmp_path: Path, name: str) -> None:
    store = Store.at(tmp_path / "store")
    shutil.copytree(alone[0].root, store.root, dirs_exist_ok=True)
    new = tmp_path / "new.txt"
    new.write_text(paragraphs(8, 2).replace("model", "ocean"))
    later = run(store, new, name="later", initial=f"small/{name}").models[name]
    found = uses_of(store, ids_in(alone[1].corpus, "train")[0])
    [row] = [each for each in found.artifacts if each["id"] == later.id]
    assert row["how"] == ("counted" if name == "ngram" else "trained")
    assert f"goes on from model {alone[1].models[name].id[:12]}" in row["text"]
    assert [each["name"] for each in found.runs] == ["later", "small"]
    assert ["makes the run small" in found.remedy[-2], "makes the run later" in found.remedy[-1]] == [True, True]
    assert [each["name"] for each in uses_of(store, "new.txt").runs] == ["later"]


def after(store: Store, steps: int) -> Any:
    """Asks to stop once a training has done so many steps."""
    return lambda: any(row["step"] >= steps and "loss" in row for row in store.run("small").metrics.rows())


def test_a_run_that_is_still_training_on_it_is_told_with_its_checkpoints(store: Store, text: Path) -> None:
    with pytest.raises(Interrupted):
        run(store, text, families="gpt", stop_requested=after(store, 2))
    with store.run("small").lock():
        found = uses_of(store, "small.txt")
    [row] = found.runs
    assert row["working"] and "stop the run small" in found.remedy
    assert "stop the run small" not in uses_of(store, "small.txt").remedy
    assert row["copies"] == []
    bucket = str(store.root.parent / "bucket")
    Remote(bucket).push_run(store.run("small"))
    pushed = uses_of(store, "small.txt")
    assert pushed.runs[0]["copies"] == [bucket]
    assert f"remove the copies of the run small, and of what it made, from {bucket}" in pushed.remedy
    remote = store.run("small").path / "remote.json"
    whole = remote.read_bytes()
    remote.write_bytes(b"{")
    assert "where it was pushed to" in "; ".join(uses_of(store, "small.txt").unknown)
    remote.write_bytes(whole)
    [training] = row["trainings"]
    assert (training["how"], training["model"]) == ("at most", "") and training["states"] >= 2


@pytest.mark.ci
def test_whether_a_short_training_came_to_a_document_is_told_exactly(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tmp_path / "long.txt"
    text.write_text(paragraphs(60, 5))
    read: list[np.ndarray[Any, Any]] = []
    batch = Loader.batch

    def listening(self: Loader, step: int, slots: range | None = None) -> Any:
        found = batch(self, step, slots)
        read.append(np.unique(found.documents[found.weights > 0]))
        return found

    small = ("training.gpt.length=16", "training.gpt.batch_tokens=32", "models.gpt.width=16", "models.gpt.layers=1")
    monkeypatch.setattr(Loader, "batch", listening)
    outcome = run(store, text, *small, "models.gpt.heads=2", families="gpt", budget="5e7FLOP")
    monkeypatch.undo()
    stream = open_shards(store.open(outcome.models["gpt"].inputs["shards"]))["train"]
    numbers = set(np.concatenate(read).tolist())
    assert 0 < len(numbers) < len(stream.documents)
    unread = sorted(set(range(len(stream.documents))) - numbers)
    for number in [*sorted(numbers)[:4], *unread[:4]]:
        id = stream.documents[number]
        told = of(uses_of(store, id), "model")
        assert told["exact"] and (told["how"] == "trained") == (number in numbers), told


def test_following_the_words_every_trace_is_gone_and_that_is_proved(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETYMON_STORE", str(store.root))
    secret = "the ship sails over the seven seas at midnight in december"
    (folder / "secret.txt").write_text(f"{secret}. " * 20)
    run(store, folder, name="first")
    kept = run(store, folder / "two.txt", name="other")
    (folder.parent / "third.txt").write_text(paragraphs(8, 3))
    unused = build(store, [str(folder.parent / "third.txt")])
    found = uses_of(store, "secret.txt")
    assert [row["name"] for row in found.runs] == ["first"]
    assert f"etymon gc --keep {unused.label}" in found.remedy

    (folder / "secret.txt").unlink()
    for step in found.remedy:
        match shlex.split(step)[:3]:
            case ["etymon", "rm", name]:
                store.remove_run(name)
            case ["etymon", "gc", *_]:
                store.gc(keep=[unused.id])
            case _:
                continue
    with pytest.raises(EtymonError, match="no corpus of this store has read"):
        uses_of(store, "secret.txt")
    everything = b"".join(path.read_bytes() for path in store.root.rglob("*") if path.is_file())
    assert secret.encode() not in everything and b"secret.txt" not in everything
    assert kept.corpus in store.artifacts() and unused in store.artifacts()
    assert store.verify() == []


def test_what_cannot_be_known_is_said(store: Store, folder: Path) -> None:
    first = run(store, folder, name="first")
    run(store, folder / "two.txt", name="other")
    shutil.rmtree(first.corpus.path)
    with pytest.raises(EtymonError) as caught:
        uses_of(store, "one.txt")
    assert f"its corpus {first.corpus.id[:12]} is not in this store" in caught.value.why
    assert "run first" in caught.value.why and "etymon rm first" in caught.value.why
    found = uses_of(store, "two.txt")
    assert any("run first" in text for text in found.unknown)
    with store.create("scratch", {}, {}, stage_version=1) as draft:
        assert str(draft.path) in uses_of(store, "two.txt").in_words()


def test_a_model_that_a_stopped_run_goes_on_from_is_no_garbage(store: Store, text: Path, tmp_path: Path) -> None:
    initial = run(store, text).models["ngram"]
    new = tmp_path / "new.txt"
    new.write_text(paragraphs(8, 2).replace("model", "ocean"))
    with pytest.raises(Interrupted):
        run(store, new, name="later", initial="small/ngram", stop_requested=lambda: bool(store.artifacts("corpus")[1:]))
    store.remove_run("small")
    store.gc()
    assert store.open(initial.id) == initial
    assert run(store, new, name="later", initial=initial.id).models["ngram"].inputs["initial"] == initial.id


def test_the_states_of_a_training_are_told_wherever_the_store_lies(tmp_path: Path) -> None:
    run = Store.at(tmp_path / ".drafts").run("demo")
    run.checkpoints("gpt-0123").save(1, {"weights": b"1"}, {})
    (told,) = trainings_of(run, {}, set(), refers=True)
    assert (told["series"], told["states"], told["how"]) == ("gpt-0123", 1, "at most")
