"""Fitted mixtures: what is found is checked anew, and where nothing can be predicted proportional weights stay."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.corpus import CorpusSettings, build
from etymon.errors import EtymonError
from etymon.run.byte_models import learn
from etymon.run.mixture import fit_mixture
from etymon.run.regression import FEATURES, bounded, fit, optimum
from etymon.storage import Artifact, Store


def write(path: Path, draw: random.Random, words: str, documents: int) -> None:
    texts = [" ".join(draw.choices(words.split(), k=60)) for _ in range(documents)]
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store.at(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def corpus(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """Two domains of other words and one of random letters, which is most of it."""
    root, draw = tmp_path_factory.mktemp("domains"), random.Random(5)
    letters = " ".join("".join(draw.choices("abcdefghij", k=6)) for _ in range(3000))
    for name, words, documents in (
        ("river", "the water ran under a bridge and past two mills on its way down", 150),
        ("market", "every trader sold cloth or corn until noon when bells called", 150),
        ("letters", letters, 500),
    ):
        (root / name).mkdir()
        write(root / name / "text.jsonl", draw, words, documents)
    return build(store, [str(root)], CorpusSettings(validation=0.15))


def test_weights_go_to_the_domain_that_the_target_is_of(store: Store, corpus: Artifact):
    fitted = fit_mixture(store, corpus, target={"river": 0.8, "market": 0.2}, runs=10, run_bytes=15_000)
    proportional = fitted.runs[0]["weights"]
    assert fitted.accepted and fitted.regression["r2"] > 0.3 and fitted.check["high"] < 0
    assert fitted.weights.shares["river"] > 1.5 * proportional["river"]
    assert fitted.weights.shares["letters"] < proportional["letters"]
    assert len(fitted.runs) == fitted.regression["n"] == 10
    assert store.runs() == []
    assert fitted.setting.startswith("mixture.weights=letters=") and "river=" in fitted.setting
    for domain, share in fitted.found.items():
        low, high = fitted.interval[domain]
        assert 0 <= low <= share <= high <= 1 and high - low < 0.6

    def told(done: float, total: float | None = None, note: str = "") -> None:
        raise AssertionError("it trains again")

    again = fit_mixture(store, corpus, target={"river": 0.8, "market": 0.2}, runs=10, run_bytes=15_000, progress=told)
    assert again == fitted


def test_domains_that_say_the_same_keep_their_proportions(store: Store, tmp_path: Path):
    draw = random.Random(6)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "text.jsonl", draw, "alike words stand in both of these folders here", 150)
    corpus = build(store, [str(tmp_path)], CorpusSettings(validation=0.15))
    fitted = fit_mixture(store, corpus, runs=10, run_bytes=15_000)
    assert not fitted.accepted and "proportional weights are kept" in fitted.verdict
    assert fitted.weights.shares == pytest.approx(fitted.runs[0]["weights"], abs=1e-9)
    assert fitted.setting == "" and "there is nothing to set" in fitted.in_words()


def test_a_stopped_fit_goes_on_at_the_next_model(
    store: Store, corpus: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(store.root, tmp_path / "other")
    learned: list[str] = []

    def counted(*words: Any, **named: Any) -> Any:
        learned.append(named["series"])
        return learn(*words, **named)

    monkeypatch.setattr("etymon.run.mixture.learn", counted)

    def stop(done: float, total: float | None = None, note: str = "") -> None:
        if done == 5 and total == 18:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_mixture(store, corpus, runs=8, run_bytes=10_000, progress=stop)
    assert learned == [f"run-{number}" for number in range(5)]
    stopped = fit_mixture(store, corpus, runs=8, run_bytes=10_000)
    assert learned[5:8] == ["run-5", "run-6", "run-7"] and len(learned) == len(set(learned))
    other = Store.at(tmp_path / "other")
    straight = fit_mixture(other, other.open(corpus.id), runs=8, run_bytes=10_000)
    assert stopped.artifact.content_hash == straight.artifact.content_hash and stopped.as_json() == straight.as_json()


def test_too_few_runs_and_domains_are_refused(store: Store, corpus: Artifact):
    with pytest.raises(EtymonError, match="too few"):
        fit_mixture(store, corpus, runs=3)
    with pytest.raises(EtymonError, match="no validation text of the domain nowhere"):
        fit_mixture(store, corpus, target={"nowhere": 1.0}, runs=8)


def mixtures(seed: int, runs: int = 24, domains: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(domains), runs)


@pytest.mark.parametrize("kind", FEATURES)
def test_leave_one_out_errors_are_those_of_fits_without_the_run(kind: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("etymon.run.regression.FEATURES", {kind: FEATURES[kind]})
    monkeypatch.setattr("etymon.run.regression.STRENGTHS", (0.01,))
    weights = mixtures(1)
    losses = weights @ [1.0, 2.0, 3.0] + np.random.default_rng(2).normal(0, 0.1, len(weights))
    rows = np.arange(len(weights))
    errors = [losses[i] - fit(weights[rows != i], losses[rows != i]).predict(weights[[i]])[0] for i in rows]
    assert fit(weights, losses).error == pytest.approx(np.sqrt(np.mean(np.square(errors))), rel=1e-3)


def test_noise_is_not_predicted_and_a_law_is():
    weights, generator = mixtures(3, runs=40), np.random.default_rng(4)
    assert fit(weights, generator.normal(0, 1, 40)).r2 < 0.3
    law = fit(weights, 2 - 0.3 * np.log(weights[:, 0] + 0.01))
    assert law.kind == "logarithmic" and law.r2 > 0.99


def test_the_optimum_is_where_the_loss_is_least_within_the_limits():
    weights = mixtures(5, runs=60)
    law = fit(weights, ((weights - [0.6, 0.3, 0.1]) ** 2).sum(axis=1))
    assert optimum(law, np.ones(3), 0) == pytest.approx([0.6, 0.3, 0.1], abs=0.03)
    limited = optimum(law, np.array([0.4, 1.0, 1.0]), 0)
    assert limited[0] <= 0.4 + 1e-9 and limited.sum() == pytest.approx(1)


@given(st.integers(0, 1000), st.lists(st.floats(0.34, 1), min_size=3, max_size=3))
def test_bounded_mixtures_stay_on_the_simplex(seed: int, most: list[float]):
    rows = bounded(mixtures(seed), np.array(most))
    assert np.allclose(rows.sum(axis=1), 1) and (rows <= np.array(most) + 1e-9).all() and (rows >= 0).all()
