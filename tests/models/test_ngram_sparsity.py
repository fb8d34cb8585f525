"""Unseen n-grams are counted as one counts them by hand, and perplexity falls with smoothing and with more text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from test_ngram import END, VOCABULARY, documents, english_like, model_of, orders, stream_of

from etymon.models import NgramSettings
from etymon.models.ngram_sparsity import perplexities, unseen


def grams_of(texts, n):
    texts = [(END, *text, END) for text in texts]
    return [text[at - n + 1 : at + 1] for text in texts for at in range(max(n - 1, 1), len(text))]


@given(documents, documents, orders)
@settings(max_examples=60, deadline=None)
def test_unseen_n_grams_are_those_that_do_not_stand_in_the_text(texts, held_out, order):
    found = unseen(model_of(texts, order), stream_of(held_out))
    for n, row in enumerate(found, start=1):
        seen, asked = set(grams_of(texts, n)), grams_of(held_out, n)
        assert (row.order, row.grams, row.unseen) == (n, len(asked), sum(gram not in seen for gram in asked))


def test_the_chain_rule_makes_perplexity_of_the_product_of_all_factors():
    train, held_out = stream_of([[0, 1, 2, 0, 1], [0, 1]]), stream_of([[0, 1]])
    (row,) = perplexities([NgramSettings(order=2)], VOCABULARY, train, held_out, END, [len(train)])
    model = model_of([[0, 1, 2, 0, 1], [0, 1]], 2)
    product = 1.0
    for before, word in ((END, 0), (0, 1), (1, END)):
        product *= np.exp(model.next_log_probs(np.array([[before]]))[0][0, word])
    assert row.perplexity == pytest.approx(product ** (-1 / 3), rel=1e-12)
    assert (row.tokens, row.scored) == (len(train) - 1, 3)


def test_more_text_helps_and_what_was_never_seen_costs_everything_without_smoothing():
    train, held_out = stream_of(english_like(1, 3000), 41), stream_of(english_like(2, 600), 41)
    choices = [NgramSettings(order=3, smoothing=name) for name in ("modified-kneser-ney", "maximum-likelihood")]
    found = perplexities(choices, 42, train, held_out, 41, [1100, len(train)])
    little, nothing, much, _ = (row.perplexity for row in found)
    assert much < little and nothing == np.inf
