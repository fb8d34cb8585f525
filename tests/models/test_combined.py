"""Weights fitted to a text: no step makes it less likely, what is mixed sums to one, and what is saved opens again."""

from __future__ import annotations

from itertools import count, islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from test_ngram import END, VOCABULARY, batch_of, contexts, documents, model_of, orders, stream_of
from test_ngram_mixture import following, read_as_scored

from etymon.errors import EtymonError
from etymon.evaluation import scored_tokens
from etymon.index import Index, build
from etymon.models import (
    Infinity,
    InfinityGram,
    InfinitySettings,
    Mixture,
    UnigramCache,
    fitted_infinity,
    fitted_mixture,
    fitted_weights,
    load,
    save,
)
from etymon.models.infinity import cells, cells_of, fitted_cells
from etymon.models.mixture import MixtureOfModels
from etymon.models.weights import em
from etymon.storage import Artifact, Store
from etymon.tokens import TokenStream

probabilities = arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 12)), elements=st.floats(1e-6, 1))
numbers = count()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store.at(tmp_path_factory.mktemp("store"))


@given(probabilities)
@settings(max_examples=100, deadline=None)
def test_no_step_of_em_makes_the_text_less_likely(p):
    steps = list(islice(em(p), 30))
    nats = [each for _, each in steps]
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(nats))
    for weights, _ in steps:
        assert weights.min() >= 0 and abs(weights.sum() - 1) < 1e-9


@given(probabilities)
@settings(max_examples=50, deadline=None)
def test_fitted_weights_are_no_worse_than_any_one_model_or_equal_weights(p):
    found = -np.log(fitted_weights(p) @ p).mean()
    assert found <= -np.log(p.mean(axis=0)).mean() + 1e-12
    assert found <= (-np.log(p)).mean(axis=1).min() + 1e-2  # the last steps towards a corner are slow ones


def index_of(store: Store, texts, inputs=None) -> Artifact:
    named = [(f"d{n}", np.array(text, "uint16")) for n, text in enumerate(texts)]
    return build(store, "", named, inputs=inputs or {}, unit="uint16", recipe={"test": next(numbers)})


def stream_named(texts) -> TokenStream:
    sizes = np.array([len(text) for text in texts])
    starts = np.concatenate([[0], np.cumsum(sizes + 1)])
    names = [f"v{n}" for n in range(len(texts))]
    ids = np.array(stream_of(texts))
    return TokenStream(ids=ids, starts=starts, bytes=sizes, documents=names, vocabulary=VOCABULARY, end_of_text=END)


def scored_by(texts):
    stream = stream_named(texts)
    return lambda ask, length: scored_tokens(ask, stream, length=length)


@given(documents, orders, contexts, following, st.lists(st.floats(0, 0.999), min_size=6, max_size=6))
@settings(max_examples=25, deadline=None)
def test_an_infinity_gram_with_its_n_gram_sums_to_one_and_reads_as_it_scores(
    store, texts, order, row, targets, weights
):
    alone = InfinityGram(Index.open(index_of(store, texts)), VOCABULARY, END)
    ngram = model_of(texts, order)
    model = Infinity(alone, ngram, weights, InfinitySettings(bands=(1, 3)))
    scored = read_as_scored(model, row, targets)
    batch = batch_of(row, targets[: len(row)])
    found = alone.evidence(batch)
    own = np.array(weights)[2 * np.digitize(found.lengths, [1, 3]) + (found.occurred > 1)]
    by_hand = own * np.exp(alone.log_probs(batch)) + (1 - own) * np.exp(ngram.log_probs(batch))
    np.testing.assert_allclose(np.exp(scored), by_hand[0], atol=1e-12)


def test_weights_go_by_what_is_known_and_never_forbid():
    kind = InfinitySettings(bands=(1, 2))
    lengths, occurred = np.array([0, 1, 1, 2, 9]), np.array([5, 1, 2, 2, 1])
    assert cells_of(lengths, occurred, kind).tolist() == [1, 2, 3, 5, 4] and cells(kind) == 6
    said = np.array([1.0] * 50 + [0.0] * 50)
    weights = fitted_cells(np.repeat([3, 4], 50), said, np.full(100, 0.1), kind)
    assert 0.95 < weights[3] < 1 and weights[4] < 0.01 and weights[[0, 1, 2, 5]].tolist() == [0, 0, 0, 0]


def test_what_is_saved_opens_again_with_the_same_bits_and_names_its_parts(store):
    random = np.random.default_rng(3)
    texts, held = ([random.integers(0, END, 40).tolist() for _ in range(9)] for _ in range(2))
    ngram = model_of(texts, 3)
    parts = {}
    with store.create("model", {"of": next(numbers)}, {}, stage_version=1) as draft:
        save(draft, ngram)
        parts["part/ngram"] = draft.seal().id
    indexed = index_of(store, texts)
    alone = InfinityGram(Index.open(indexed), VOCABULARY, END)
    infinity = fitted_infinity(alone, ngram, InfinitySettings(), scored_by(held))
    with store.create("model", {"of": next(numbers)}, {**parts, "index": indexed.id}, stage_version=1) as draft:
        save(draft, infinity)
        parts["part/infinity"] = draft.seal().id
    models = [ngram, infinity, UnigramCache(VOCABULARY, END, 7)]
    mixture = fitted_mixture(models, ["ngram", "infinity", "cache"], MixtureOfModels(cache_length=7), scored_by(held))
    with store.create("model", {"of": next(numbers)}, parts, stage_version=1) as draft:
        save(draft, mixture)
        made = draft.seal()
    assert {each.id for each in store.lineage(made)} == {*parts.values(), indexed.id}
    again = load(store.open(made.id))
    batch = batch_of([END, *held[0]], [*held[0], END])
    assert again.log_probs(batch).tobytes() == mixture.log_probs(batch).tobytes()
    ids = np.array([[END, *held[1]]])
    assert again.next_log_probs(ids)[0].tobytes() == mixture.next_log_probs(ids)[0].tobytes()
    assert isinstance(again, Mixture) and list(again.weights) == list(mixture.weights)


def test_what_is_made_of_others_says_so_where_they_are_not_beside_it(store, tmp_path):
    with store.create("model", {"of": next(numbers)}, {}, stage_version=1) as draft:
        save(draft, model_of([[0, 1]], 2))
        ngram = draft.seal()
    with store.create("model", {"of": next(numbers)}, {"part/ngram": ngram.id}, stage_version=1) as draft:
        save(draft, Mixture([load(ngram), UnigramCache(VOCABULARY, END)], [0.5, 0.5], ["ngram", "cache"]))
        made = draft.seal()
    away = made.path.rename(tmp_path / made.path.name)
    with pytest.raises(EtymonError, match="etymon pull"):
        load(Artifact(away))
    away.rename(made.path)


@pytest.mark.parametrize(
    ("bands", "weights", "says"),
    [((1, 1), [0.0] * 6, "do not ascend"), ((1,), [0.0] * 3, "4 are needed"), ((1,), [1.0] * 4, "below 1")],
)
def test_weights_of_an_infinity_gram_that_are_none_are_refused(store, bands, weights, says):
    alone = InfinityGram(Index.open(index_of(store, [[0, 1]])), VOCABULARY, END)
    with pytest.raises(EtymonError, match=says):
        Infinity(alone, model_of([[0]], 2), weights, InfinitySettings(bands=bands))
