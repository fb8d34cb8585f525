"""A corpus that a classifier has chosen holds nothing of the text that the classifier was trained on, and says so."""

from __future__ import annotations

import json
from pathlib import Path

from etymon.corpus import CorpusSettings, Learning, build, train_on_corpora
from etymon.run import uses_of
from etymon.storage import Artifact, Store


def corpus_of(store: Store, path: Path, words: str, settings: CorpusSettings | None = None) -> Artifact:
    kind = words.split()
    texts = [" ".join(kind[(n * step) % len(kind)] for step in range(1, 40)) + f" {n}." for n in range(90)]
    path.write_text("\n".join(json.dumps({"id": n, "text": text}) for n, text in enumerate(texts)))
    return build(store, [str(path)], settings)


def test_what_a_classifier_was_trained_on_is_not_said_to_be_in_the_corpus_that_it_chose(tmp_path: Path) -> None:
    store = Store.at(tmp_path / "store")
    good = corpus_of(store, tmp_path / "good.jsonl", "river bridge valley mountain harbour")
    bad = corpus_of(store, tmp_path / "bad.jsonl", "casino jackpot bonus lottery")
    classifier = train_on_corpora(store, good, bad, Learning())
    settings = CorpusSettings(classifiers=(f"quality={classifier.id}",))
    chosen = corpus_of(store, tmp_path / "new.jsonl", "river jackpot harbour lottery", settings)
    told = {each["id"]: (each["how"], each["documents"]) for each in uses_of(store, "good.jsonl").artifacts}
    assert told == {
        good.id: ("holds", 90),
        classifier.id: ("learned", good.statistics["splits"]["train"]["documents"]),
        chosen.id: ("chosen by", 0),
    }
