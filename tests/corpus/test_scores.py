"""Classifiers in a build: scores are columns like every measure, rules judge them, and every drop is explained."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from etymon.corpus import Corpus, CorpusSettings, Learning, Working, build, classifier_in, train_on_files
from etymon.errors import EtymonError
from etymon.storage import Artifact, Store

Folder = Callable[[Mapping[str, str | bytes]], Path]
GOOD = ["river", "bridge", "valley", "mountain", "harbour", "orchard"]
BAD = ["casino", "jackpot", "bonus", "discount", "lottery"]


def words(kind: list[str], number: int) -> str:
    return " ".join(kind[(number * step) % len(kind)] for step in range(1, 40)) + f" {number}."


@pytest.fixture
def quality(store: Store, tmp_path: Path) -> Artifact:
    rows = [{"text": words(kind, n), "label": kind is GOOD} for n in range(60) for kind in (GOOD, BAD)]
    (tmp_path / "labelled.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return train_on_files(store, [str(tmp_path / "labelled.jsonl")], Learning(), name="quality")


@pytest.fixture
def texts(folder: Folder) -> list[str]:
    rows = [{"id": n, "text": words(GOOD if n % 3 else BAD, 1000 + n)} for n in range(90)]
    return [str(folder({"pages.jsonl": "\n".join(map(json.dumps, rows))}))]


def with_scores(quality: Artifact, **given: Any) -> CorpusSettings:
    return CorpusSettings(classifiers=(f"quality={quality.id[:12]}",), **given)


def test_a_document_of_low_quality_is_dropped_and_the_drop_explained(
    store: Store, quality: Artifact, texts: list[str]
) -> None:
    artifact = build(store, texts, with_scores(quality, least_score=("quality=0.5",)))
    counts = artifact.statistics["documents"]
    assert (counts["in"], counts["kept"], counts["dropped"]) == (90, 60, {"low quality": 30})
    corpus = Corpus.open(artifact)
    dropped = next(each for each in corpus.decisions() if each.outcome == "dropped")
    assert dropped.threshold == "score.quality < 0.5" and dropped.values["score.quality"] < 0.5
    told = corpus.explain(dropped.id)
    assert any(check.rule == "low quality" and check.drops and check.margin > 0 for check in told.checks)
    assert any("low quality" in each for each in told.kept_if)
    row = next(each for each in artifact.statistics["rules"] if each["rule"] == "low quality")
    assert row["holds"] == row["alone"] == 30 and row["nearest_kept"] and row["nearest_dropped"]


def test_a_score_in_the_decisions_is_that_of_the_kept_text(store: Store, quality: Artifact, texts: list[str]) -> None:
    artifact = build(store, texts, with_scores(quality))
    documents = list(Corpus.open(artifact).documents())
    told = {each.id: each.values["score.quality"] for each in Corpus.open(artifact).decisions()}
    scores = classifier_in(quality).scores([document.text for document in documents])
    assert [told[document.id] for document in documents] == scores.round(6).tolist()


def test_the_classifier_is_an_input_and_part_of_what_makes_the_corpus(
    store: Store, quality: Artifact, texts: list[str], tmp_path: Path
) -> None:
    plain, scored = build(store, texts), build(store, texts, with_scores(quality))
    assert scored.inputs == {"classifier quality": quality.id} and plain.inputs == {}
    assert store.lineage(scored) == [quality]
    by_path = CorpusSettings(classifiers=(f"quality={quality.path}",))
    assert build(store, texts, by_path).id == scored.id
    other = train_on_files(store, [str(tmp_path / "labelled.jsonl")], Learning(seed=1))
    assert build(store, texts, with_scores(other)).id != scored.id


def test_readings_by_workers_score_alike_and_another_threshold_reads_nothing_anew(
    store: Store, quality: Artifact, texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = build(store, texts, with_scores(quality, least_score=("quality=0.5",)))
    monkeypatch.setattr("etymon.corpus.passes.HERE_BYTES", 0)
    other = Store.at(store.root.parent / "other")
    again = train_on_files(other, [str(store.root.parent / "labelled.jsonl")], Learning())
    there = build(other, texts, with_scores(again, least_score=("quality=0.5",)), working=Working(2))
    assert (there.id, there.content_hash) == (here.id, here.content_hash)
    readings = {each.id for each in other.artifacts("reading")}
    assert readings
    build(other, texts, with_scores(again, least_score=("quality=0.2",)))
    assert {each.id for each in other.artifacts("reading")} == readings
    build(other, texts)
    assert {each.id for each in other.artifacts("reading")} > readings


RULES = """
[[rule]]
name = "poor"
column = "score.quality"
op = "<="
threshold = 0.4
source = "ours"
"""


def test_a_recipe_of_ones_own_judges_scores(store: Store, quality: Artifact, texts: list[str], tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(RULES)
    mine = str(tmp_path / "mine.toml")
    artifact = build(store, texts, with_scores(quality, recipe=mine, most_score=("quality=0.99",)))
    dropped = artifact.statistics["documents"]["dropped"]
    assert dropped["poor"] == 30 and set(dropped) <= {"poor", "high quality"}
    with pytest.raises(EtymonError, match="no classifier is called quality"):
        build(store, texts, CorpusSettings(recipe=mine))
    (tmp_path / "mine.toml").write_text(RULES.replace("0.4", "1.4"))
    with pytest.raises(EtymonError, match="can never be met"):
        build(store, texts, with_scores(quality, recipe=mine))


@pytest.mark.parametrize(
    ("given", "what", "where"),
    [
        ({"classifiers": ("quality",)}, "quality is no NAME=VALUE", "corpus.classifiers"),
        ({"classifiers": ("a=ID", "a=ID")}, "a is given twice", "corpus.classifiers"),
        ({"classifiers": ("a=abcdef123456",)}, "abcdef123456", ""),
        ({"classifiers": ("a=CORPUS",)}, "is a corpus, not a classifier", ""),
        ({"least_score": ("quality=0.5",)}, "no classifier is called quality", "the setting corpus.least_score"),
        ({"classifiers": ("a=ID",), "most_score": ("a=1.5",)}, "the threshold 1.5 is no", "corpus.most_score"),
        ({"classifiers": ("a=ID",), "least_score": ("a=nan",)}, "the threshold nan is no", "corpus.least_score"),
        ({"classifiers": ("a=ID",), "least_score": ("a=x",)}, "the threshold x is no", "corpus.least_score"),
    ],
)
def test_a_mistake_in_the_settings_is_one_message(
    store: Store, quality: Artifact, texts: list[str], given: dict[str, tuple[str, ...]], what: str, where: str
) -> None:
    corpus = build(store, texts)
    meant = {
        key: tuple(v.replace("ID", quality.id).replace("CORPUS", corpus.id) for v in values)
        for key, values in given.items()
    }
    with pytest.raises(EtymonError) as error:
        build(store, texts, CorpusSettings(**meant))
    assert what in error.value.what
    assert where in error.value.where


def test_a_classifier_of_another_store_is_not_used(store: Store, quality: Artifact, texts: list[str]) -> None:
    other = Store.at(store.root.parent / "other")
    with pytest.raises(EtymonError):
        build(other, texts, CorpusSettings(classifiers=(f"quality={quality.path}",)))
    assert other.artifacts("corpus") == []


def test_a_classifier_labels_the_genre_where_it_is_sure(store: Store, quality: Artifact, texts: list[str]) -> None:
    artifact = build(store, texts, CorpusSettings(classifiers=(f"genre.nature={quality.id}",)))
    for decision in Corpus.open(artifact).decisions():
        assert decision.genre == ("nature" if decision.values["score.genre.nature"] >= 0.5 else "unknown")
    assert {each.genre for each in Corpus.open(artifact).documents()} == {"nature", "unknown"}
