"""`train_tokenizer`: from the train split alone, the same every time, and honest about how much it learned."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest

from etymon.corpus import Corpus, CorpusSettings, build
from etymon.errors import EtymonError
from etymon.recipe import Bytes, Count
from etymon.storage import Artifact, Store
from etymon.tokens import END_OF_TEXT, Tokenizer, TokenizerSettings, train_tokenizer
from etymon.tokens.merges import learn, training_text
from etymon.tokens.vocabulary import assemble

SMALL = TokenizerSettings(vocabulary=Count(600))


def corpus_of(store: Store, folder: Path, text: str) -> Artifact:
    (folder / "text.txt").write_text(text, encoding="utf-8")
    return build(store, [str(folder / "text.txt")], CorpusSettings())


def test_it_learns_from_the_train_split_alone(store: Store, corpus: Artifact, tmp_path: Path):
    artifact = train_tokenizer(store, corpus, SMALL)
    train = list(Corpus.open(corpus).documents("train"))
    assert artifact.statistics["learned_from"] == {
        "documents": len(train),
        "bytes": sum(document.bytes for document in train),
    }
    (tmp_path / "text").write_bytes(b"".join(training_text(document.text for document in train)))
    merges = learn(tmp_path / "text", 600)
    assert artifact.read("tokenizer.json") == assemble(merges, limit=600, special=[END_OF_TEXT])


def test_the_artifact_opens_as_the_tokenizer(store: Store, corpus: Artifact):
    artifact = train_tokenizer(store, corpus, SMALL)
    assert (artifact.kind, artifact.inputs) == ("tokenizer", {"corpus": corpus.id})
    assert artifact.statistics["vocabulary"] == artifact.statistics["asked"] == 600
    assert Tokenizer.open(artifact).vocabulary == 600


def test_the_same_work_is_not_done_twice(store: Store, corpus: Artifact):
    def told(done: float, total: float | None = None, note: str = "") -> None:
        raise AssertionError("it learns again")

    first = train_tokenizer(store, corpus, SMALL)
    assert train_tokenizer(store, corpus, SMALL, progress=told) == first


def test_nothing_but_the_tokenizer_is_left_behind(store: Store, corpus: Artifact):
    train_tokenizer(store, corpus, TokenizerSettings(vocabulary=Count(300)))
    kinds = {path.name.split("-")[0] for path in (store.root / "artifacts").iterdir()}
    assert kinds <= {"corpus", "tokenizer", "shards"}


def test_another_store_and_the_reference_trainer_give_the_same_bytes(
    store: Store, corpus: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first = train_tokenizer(store, corpus, SMALL)
    monkeypatch.setitem(sys.modules, "gigabpe", None)
    monkeypatch.setattr(store, "find", lambda *_, **__: None)
    monkeypatch.setattr("etymon.tokens.training.STAGE_VERSION", 10**6)
    second = train_tokenizer(store, corpus, SMALL)
    assert second.id != first.id
    assert second.content_hash == first.content_hash


def test_two_kilobytes_give_a_smaller_vocabulary_and_that_is_said(tmp_path: Path):
    store = Store.at(tmp_path / "store")
    text = "".join(f"Sentence {n} says little that was not said before, but it has words.\n\n" for n in range(30))
    artifact = train_tokenizer(store, corpus_of(store, tmp_path, text), TokenizerSettings())
    said = artifact.statistics
    assert said["asked"] == 4096
    assert 257 < said["vocabulary"] < 500
    assert said["special"] == {END_OF_TEXT: said["vocabulary"] - 1}
    tokenizer = Tokenizer.open(artifact)
    assert tokenizer.decode(tokenizer.encode("Quite öther wörds!")) == "Quite öther wörds!"


def test_of_a_large_corpus_a_random_part_is_learned_from(store: Store, corpus: Artifact):
    limit = Bytes(10_000)
    artifact = train_tokenizer(store, corpus, TokenizerSettings(vocabulary=Count(400), learn_from=limit))
    learned_from = artifact.statistics["learned_from"]
    assert 3_000 < learned_from["bytes"] < 20_000
    assert learned_from["documents"] < corpus.statistics["splits"]["train"]["documents"]


def test_named_special_tokens_follow_end_of_text(store: Store, corpus: Artifact):
    settings = TokenizerSettings(vocabulary=Count(400), special=("<|user|>", "<|model|>"))
    tokenizer = Tokenizer.open(train_tokenizer(store, corpus, settings))
    assert tokenizer.special == {END_OF_TEXT: 397, "<|user|>": 398, "<|model|>": 399}


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        (TokenizerSettings(special=("<a>", "<a>")), "named twice"),
        (TokenizerSettings(special=(END_OF_TEXT,)), "named twice"),
        (TokenizerSettings(special=("",)), "no name"),
        (TokenizerSettings(vocabulary=Count(257), special=("<a>",)), "too small"),
    ],
)
def test_settings_that_cannot_be_are_told_in_words(
    store: Store, corpus: Artifact, settings: TokenizerSettings, what: str
):
    with pytest.raises(EtymonError, match=what) as caught:
        train_tokenizer(store, corpus, settings)
    assert caught.value.where.startswith("tokenizer.")


def test_progress_is_told_in_bytes(tmp_path: Path):
    store = Store.at(tmp_path / "store")
    corpus = corpus_of(store, tmp_path, "".join(f"Some words, {n}, and some more.\n\n" for n in range(300)))
    told: list[tuple[float, float | None]] = []
    train_tokenizer(store, corpus, SMALL, progress=lambda done, total=None, note="": told.append((done, total)))
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] == corpus.statistics["splits"]["train"]["bytes"]


def test_the_bytes_of_stage_version_1_do_not_change():
    """Where this fails, raise STAGE_VERSION in training.py and put the new digest here."""
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("Ċ", "Ċ")]
    data = assemble(merges, limit=270, special=[END_OF_TEXT, "<|user|>"])
    assert hashlib.sha256(data).hexdigest() == "a585ff3a47533d39e9dca54c8385439f17486f34d90d7c644fedbd545303550a"
    assert json.loads(data)["model"]["merges"][-1] == ["Ċ", "Ċ"]


def test_the_merges_of_stage_version_1_do_not_change(tmp_path: Path):
    """Where this fails, raise STAGE_VERSION in training.py and put the new digest here."""
    text = "".join(f"line {n % 7}: the {'a' * (n % 5)} café\r\n\tand\n\n  {n * n}\n" for n in range(200))
    (tmp_path / "text").write_bytes(b"".join(training_text([text, "日本語" * 400, " " * 2000 + "x"])))
    merges = learn(tmp_path / "text", 60)[:60]
    assert (
        hashlib.sha256(json.dumps(merges).encode()).hexdigest()
        == "081611efab5f36c866b881964cf2a334e3f37b4bd0facd239822f4608134ba42"
    )
