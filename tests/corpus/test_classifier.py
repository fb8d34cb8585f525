"""A small classifier learns what separates two kinds of text, says how sure it is, and is the same every time."""

from __future__ import annotations

import csv
import time
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.corpus.classifier import LEAST, Classifier, train
from etymon.corpus.classifier_report import area_under_curve, report
from etymon.errors import EtymonError
from harness.bad_pages import bad_page


@cache
def pages() -> tuple[list[str], list[bool]]:
    """Paragraphs of documentation, and made pages that are none of it."""
    good = [each for text in topics.values() for each in text.split("\n\n") if len(each) > 200][:600]
    kinds = ("keyword spam", "word salad", "login wall", "listing")
    bad = [bad_page(kind, seed, held_out=False).text for kind in kinds for seed in range(150)]
    return [*good, *bad], [True] * len(good) + [False] * len(bad)


@cache
def trained() -> Classifier:
    texts, labels = pages()
    return train(texts[::2], labels[::2], seed=1)


def test_quality_is_learned_from_two_sets_of_texts() -> None:
    texts, labels = pages()
    found = report(trained().scores(texts[1::2]), labels[1::2], seed=1)
    print(found.accuracy.as_json(), found.auc.as_json(), found.calibration_error.as_json())
    assert found.accuracy.mean > 0.97
    assert found.auc.low > 0.98
    assert found.calibration_error.mean < 0.03


def test_the_same_texts_and_seed_give_the_same_weights() -> None:
    texts, labels = pages()
    again = train(texts[::2], labels[::2], seed=1)
    assert all(np.array_equal(again.to_arrays()[name], value) for name, value in trained().to_arrays().items())
    other = train(texts[::2], labels[::2], seed=2)
    assert not np.array_equal(other.weights, again.weights)


def test_what_was_kept_scores_as_before() -> None:
    texts, _ = pages()
    kept = Classifier.from_arrays(trained().to_arrays())
    assert np.array_equal(kept.scores(texts), trained().scores(texts))
    assert sum(array.nbytes for array in trained().to_arrays().values()) < 600_000


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=8), st.randoms())
def test_a_text_scores_the_same_in_any_company(texts: list[str], random) -> None:
    scores = trained().scores(texts)
    order = list(range(len(texts)))
    random.shuffle(order)
    assert trained().scores([texts[at] for at in order]) == pytest.approx(scores[order] if texts else [], abs=1e-12)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_large_batches_are_cut_and_come_back_in_order() -> None:
    texts, _ = pages()
    many = texts * 12
    assert sum(map(len, many)) > 3 << 20
    assert np.allclose(trained().scores(many), np.tile(trained().scores(texts), 12), atol=1e-12)


def test_text_without_spaces_is_told_apart_too() -> None:
    weather, trade = ("今天天气很好", "明天会下雨", "北方有大风"), ("公司股票上涨", "市场价格下跌", "银行利率不变")
    rng = np.random.default_rng(0)
    texts = ["。".join(rng.choice(kind, 6)) for _ in range(60) for kind in (weather, trade)]
    labels = [True, False] * 60
    found = report(train(texts[:80], labels[:80], seed=0).scores(texts[80:]), labels[80:], seed=0)
    assert found.accuracy.mean == 1.0


def test_labels_by_chance_are_not_learned_and_the_scores_say_so() -> None:
    texts, _ = pages()
    labels = np.random.default_rng(5).random(len(texts)) < 0.3
    scores = train(texts[:900], labels[:900], seed=1).scores(texts[900:])
    assert abs(scores.mean() - 0.3) < 0.1
    found = report(scores, labels[900:], seed=1)
    assert found.auc.low < 0.55
    assert found.calibration_error.mean < 0.12


def test_too_few_texts_and_damaged_weights_are_refused() -> None:
    with pytest.raises(EtymonError, match=f"needs {LEAST} texts of each label"):
        train(["a"] * 30 + ["b"] * 3, [True] * 30 + [False] * 3, seed=0)
    with pytest.raises(EtymonError, match="2 labels for 1 texts"):
        train(["a"], [True, False], seed=0)
    arrays = trained().to_arrays()
    with pytest.raises(EtymonError, match="no text classifier"):
        Classifier.from_arrays({"weights": arrays["weights"][:5], "numbers": arrays["numbers"]})
    with pytest.raises(EtymonError, match="damaged"):
        Classifier.from_arrays({**arrays, "numbers": np.array([1.0, np.nan, 0.0])})


def test_the_area_under_the_curve_is_the_share_of_pairs_in_order() -> None:
    rng = np.random.default_rng(3)
    scores, truth = rng.integers(0, 6, 80) / 5.0, rng.random(80) < 0.4
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[truth] for b in scores[~truth]]
    found = report(scores, truth, seed=0)
    assert found.auc.mean == pytest.approx(np.mean(pairs))
    assert found.auc.low < found.auc.mean < found.auc.high


def test_intervals_of_the_area_hold_the_truth_as_often_as_they_say() -> None:
    """Two normal scores one standard deviation apart: the true area is 0.760."""
    rng = np.random.default_rng(8)
    held = 0
    for _ in range(400):
        truth = rng.random(120) < 0.5
        area = area_under_curve(rng.normal(size=120) + truth, truth, "simulated")
        held += area.low <= 0.7602 <= area.high
    assert 0.92 <= held / 400 <= 0.98


@cache
def tweets(path: Path) -> tuple[list[str], list[bool]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["tweet"] for row in rows], [row["class"] != "2" for row in rows]


def every_fifth(count: int) -> Iterator[bool]:
    return (at % 5 == 0 for at in range(count))


def test_toxic_messages_are_told_from_others(public_data: Path) -> None:
    texts, labels = tweets(public_data / "labelled/toxic_davidson.csv")
    test = np.fromiter(every_fifth(len(texts)), bool)
    truth = np.array(labels)
    toxicity = train([texts[at] for at in np.flatnonzero(~test)], truth[~test], seed=0)
    begin = time.process_time()
    scores = toxicity.scores([texts[at] for at in np.flatnonzero(test)])
    speed = sum(len(texts[at].encode()) for at in np.flatnonzero(test)) / 1e6 / (time.process_time() - begin)
    found = report(scores, truth[test], seed=0, protocol="Davidson et al. 2017, every fifth message")
    print(found.accuracy.as_json(), found.auc.as_json(), found.calibration_error.as_json(), f"{speed:.1f} MB/s")
    assert found.auc.mean > 0.965
    assert found.accuracy.mean > 0.92
    assert found.calibration_error.mean < 0.03
    assert speed > 2  # 20 on an idle core


def test_subjective_sentences_are_told_from_facts(public_data: Path) -> None:
    with zipfile.ZipFile(public_data / "labelled/subjectivity.zip") as archive:
        files = {name: archive.read(name).decode("latin-1").splitlines() for name in archive.namelist()}
    subjective = next(lines for name, lines in files.items() if "quote" in name)
    plain = next(lines for name, lines in files.items() if "plot" in name)
    texts = [each for pair in zip(subjective, plain, strict=False) for each in pair]
    labels = np.tile([True, False], len(texts) // 2)
    found = report(train(texts[:6000], labels[:6000], seed=0).scores(texts[6000:]), labels[6000:], seed=0)
    print(found.accuracy.as_json(), found.auc.as_json(), found.calibration_error.as_json())
    assert found.accuracy.mean > 0.88
    assert found.calibration_error.mean < 0.04
