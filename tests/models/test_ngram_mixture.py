"""The cache, the infinity-gram and mixtures give what counting by hand gives, and read as they score."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_ngram import END, VOCABULARY, batch_of, contexts, documents, model_of, orders, since_end_of_text

from etymon.errors import EtymonError
from etymon.index import Index, build
from etymon.models import LanguageModel, NgramSettings, estimate_ngram
from etymon.models.infinity_gram import InfinityGram
from etymon.models.mixture import Mixture
from etymon.models.ngram_cache import UnigramCache
from etymon.storage import Store

following = st.lists(st.integers(0, VOCABULARY - 1), min_size=8, max_size=8)
lengths = st.integers(1, 5)
names = count()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store.at(tmp_path_factory.mktemp("store"))


def infinity_gram_of(store, texts, unit="uint16"):
    make = bytes if unit == "bytes" else lambda text: np.array(text, unit)
    named = [(f"d{n}", make(text)) for n, text in enumerate(texts)]
    artifact = build(store, "", named, inputs={}, unit=unit, shard_bytes=16, recipe={"test": next(names)})
    return InfinityGram(Index.open(artifact), VOCABULARY, END)


def read_as_scored(model: LanguageModel, row, targets):
    """The log-probabilities of both ways, after checking that they sum to one wherever one stops."""
    scored = model.log_probs(batch_of(row, targets[: len(row)]))[0]
    state, read = None, []
    for t, token in enumerate(row):
        log_probs, state = model.next_log_probs(np.array([[token]]), state)
        assert abs(np.exp(log_probs).sum() - 1) < 1e-9
        read.append(log_probs[0, targets[t]])
    np.testing.assert_allclose(np.exp(read), np.exp(scored), atol=1e-12)
    return scored


@given(contexts, following, lengths)
@settings(max_examples=80, deadline=None)
def test_the_cache_is_the_share_of_a_word_in_the_recent_text(row, targets, length):
    scored = read_as_scored(UnigramCache(VOCABULARY, END, length), row, targets)
    for t in range(len(row)):
        own = row[: t + 1]
        own = own[len(own) - own[::-1].index(END) :] if END in own else own
        recent = own[-length:]
        expected = recent.count(targets[t]) / len(recent) if recent else 1 / VOCABULARY
        assert np.exp(scored[t]) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("unit", ["uint16", "bytes"])
@given(texts=documents, row=contexts, targets=following)
@settings(max_examples=25, deadline=None)
def test_the_infinity_gram_is_the_share_after_the_longest_context_that_occurs(store, unit, texts, row, targets):
    scored = read_as_scored(infinity_gram_of(store, texts, unit), row, targets)
    ended = [[*text, END] for text in texts]
    for t in range(len(row)):
        context = [token for token in since_end_of_text(row[: t + 1]) if token != END]
        while True:
            after = [
                text[at + len(context)]
                for text in ended
                for at in range(len(text) - len(context))
                if text[at : at + len(context)] == context
            ]
            if after:
                break
            context = context[1:]
        assert np.exp(scored[t]) == pytest.approx(after.count(targets[t]) / len(after), abs=1e-12)


@given(documents, orders, contexts, following, st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_a_mixture_adds_up_its_parts(texts, order, row, targets, weight):
    parts = [model_of(texts, order), UnigramCache(VOCABULARY, END, 4)]
    scored = read_as_scored(Mixture(parts, [1 - weight, weight]), row, targets)
    said = [np.exp(part.log_probs(batch_of(row, targets[: len(row)])))[0] for part in parts]
    np.testing.assert_allclose(np.exp(scored), (1 - weight) * said[0] + weight * said[1], atol=1e-12)


def test_a_cache_helps_where_words_come_again():
    random = np.random.default_rng(0)
    texts = [(random.choice(40, 3)[random.integers(0, 3, 60)]).tolist() for _ in range(30)]
    stream = np.array([41, *(token for text in texts for token in (*text, 41))])
    model = estimate_ngram(NgramSettings(order=2), 42, stream, 41)
    new = [41, *(random.choice(40, 3)[random.integers(0, 3, 60)]).tolist()]
    batch = batch_of(new[:-1], new[1:])
    mixed = Mixture([model, UnigramCache(42, 41)], [0.5, 0.5])
    assert mixed.log_probs(batch).mean() > model.log_probs(batch).mean() + 0.1


@pytest.mark.parametrize("weights", [[0.5], [0.5, 0.6], [1.5, -0.5], [0.3, 0.3, 0.4], [np.nan, np.nan]])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(EtymonError, match="no weights for a mixture"):
        Mixture([model_of([[0]], 2), UnigramCache(VOCABULARY, END)], weights)
    with pytest.raises(EtymonError, match="different vocabularies"):
        Mixture([model_of([[0]], 2), UnigramCache(9, END)], [0.5, 0.5])


def test_a_cache_of_nothing_and_ids_that_are_fractions_are_refused():
    with pytest.raises(EtymonError, match="remembers nothing"):
        UnigramCache(VOCABULARY, END, 0)
    with pytest.raises(EtymonError, match="whole numbers"):
        UnigramCache(VOCABULARY, END).log_probs(batch_of([0.5], [0]))
