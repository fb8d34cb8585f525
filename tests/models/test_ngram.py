"""The n-gram model gives the published probabilities, sums to one everywhere, and keeps documents apart."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kneser_ney_by_hand import KneserNeyByHand

from etymon.errors import EtymonError
from etymon.models import NgramSettings, estimate_ngram, extend_ngram
from etymon.models.ngram_kneser_ney import FALLBACK, discounts_of
from etymon.models.ngram_tables import ascending
from etymon.tokens import Batch

END = 5
VOCABULARY = 7  # tokens 0-4 occur, 5 is end-of-text, 6 is never seen
SHARED = Path(os.environ.get("ETYMON_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))

documents = st.lists(st.lists(st.integers(0, 4), max_size=12), min_size=1, max_size=8)
orders = st.integers(1, 6)
contexts = st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=8)


def stream_of(texts, end=END):
    return np.array([end, *(token for text in texts for token in (*text, end))], np.uint16)


def model_of(texts, order, vocabulary=VOCABULARY, end=END):
    return estimate_ngram(NgramSettings(order=order), vocabulary, stream_of(texts, end), end)


def batch_of(ids, targets):
    ids, targets = np.atleast_2d(ids), np.atleast_2d(targets)
    return Batch(ids=ids, targets=targets, weights=np.ones_like(ids))


def since_end_of_text(context, end=END):
    """The part of a context that counts: from its last end-of-text on."""
    cut = max((i for i, token in enumerate(context) if token == end), default=0)
    return context[cut:]


def english_like(seed, tokens, words=40):
    """Documents in which every order has n-grams of all counts, so that discounts are estimated, not fallen back on."""
    random = np.random.default_rng(seed)
    frequencies = 1 / np.arange(1, words + 1)
    text = random.choice(words, size=tokens, p=frequencies / frequencies.sum())
    text[1::2] = (text[::2][: len(text[1::2])] * 3 + random.integers(0, 2, len(text[1::2]))) % words
    return [list(map(int, part)) for part in np.array_split(text, 6)]


@given(documents, orders, contexts)
@settings(max_examples=60, deadline=None)
@example([[]], 3, [END])
@example([[0]], 6, [END, 0, 0])
def test_probabilities_are_those_of_the_published_equations(texts, order, context):
    model, by_hand = model_of(texts, order), KneserNeyByHand(texts, order, VOCABULARY, END)
    found, _ = model.next_log_probs(np.array([context]))
    expected = [by_hand.p(word, since_end_of_text(context)) for word in range(VOCABULARY)]
    np.testing.assert_allclose(np.exp(found[0]), expected, atol=1e-9, rtol=0)


@pytest.mark.parametrize("order", range(1, 7))
def test_estimated_discounts_give_the_published_probabilities_too(order):
    texts = english_like(order, 1500)
    model, by_hand = model_of(texts, order, 42, 41), KneserNeyByHand(texts, order, 42, 41)
    assert order == 1 or any(tuple(d[1:]) != FALLBACK for d in model.counted.discounts)
    np.testing.assert_allclose(model.counted.discounts[:, 1:], by_hand.discounts, atol=1e-12)
    text = [41, *texts[2], 41]
    found = model.log_probs(batch_of(text[:-1], text[1:]))[0]
    expected = [by_hand.p(text[t], text[max(t - 6, 0) : t]) for t in range(1, len(text))]
    np.testing.assert_allclose(np.exp(found), expected, atol=1e-9, rtol=0)


def test_a_bigram_model_worked_out_on_paper():
    a, b, end, unseen = range(4)
    model = estimate_ngram(NgramSettings(order=2), 4, np.array([end, a, b, a, end]), end)
    # Predecessors: a has 2 (end, b), b has 1, end has 1, together 4. All discounts are the fallback 0.5, 1, 1.5.
    left_over = (0.5 + 0.5 + 1.0) / 4
    p = {a: 1 / 4 + left_over / 4, b: 0.5 / 4 + left_over / 4, end: 0.5 / 4 + left_over / 4, unseen: left_over / 4}
    # After a, b and end each came once, of 2; each gives up 0.5.
    after_a = {word: (0.5 / 2 if word in (b, end) else 0) + 0.5 * p[word] for word in p}
    found, _ = model.next_log_probs(np.array([[a]]))
    np.testing.assert_allclose(np.exp(found[0]), [after_a[word] for word in range(4)], rtol=1e-14)
    assert after_a[b] == 0.375


@given(documents, orders, contexts)
@settings(max_examples=60, deadline=None)
def test_every_token_has_a_probability_in_every_context_and_they_sum_to_one(texts, order, context):
    log_probs, _ = model_of(texts, order).next_log_probs(np.array([context]))
    assert np.isfinite(log_probs).all()
    assert abs(np.exp(log_probs).sum() - 1) < 1e-12


@given(documents, orders, contexts, st.lists(st.integers(0, VOCABULARY - 1), min_size=8, max_size=8))
@settings(max_examples=60, deadline=None)
def test_scoring_a_row_and_reading_it_token_by_token_agree_whatever_the_targets(texts, order, row, targets):
    model = model_of(texts, order)
    targets = targets[: len(row)]
    scored = model.log_probs(batch_of(row, targets))[0]
    state = None
    for t, token in enumerate(row):
        following, state = model.next_log_probs(np.array([[token]]), state)
        assert following[0, targets[t]] == pytest.approx(scored[t], abs=1e-12)


@given(documents, orders, contexts, contexts)
@settings(max_examples=40, deadline=None)
def test_a_text_may_be_read_in_any_pieces(texts, order, first, second):
    model = model_of(texts, order)
    at_once, state_at_once = model.next_log_probs(np.array([first + second]))
    _, state = model.next_log_probs(np.array([first]))
    in_two, state_in_two = model.next_log_probs(np.array([second]), state)
    np.testing.assert_array_equal(at_once, in_two)
    np.testing.assert_array_equal(state_at_once, state_in_two)


@given(documents, orders, contexts, contexts)
@settings(max_examples=40, deadline=None)
def test_nothing_before_an_end_of_text_matters(texts, order, before, after):
    model = model_of(texts, order)
    alone, _ = model.next_log_probs(np.array([[END, *after]]))
    preceded, _ = model.next_log_probs(np.array([[*before, END, *after]]))
    np.testing.assert_array_equal(alone, preceded)


@given(documents, orders, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_documents_does_not_matter(texts, order, random):
    shuffled = list(texts)
    random.shuffle(shuffled)
    for one, other in zip(model_of(texts, order).counted.tables, model_of(shuffled, order).counted.tables, strict=True):
        np.testing.assert_array_equal(one.keys, other.keys)
        np.testing.assert_array_equal(one.counts, other.counts)
        np.testing.assert_array_equal(one.totals, other.totals)
        np.testing.assert_allclose(one.backoffs, other.backoffs, rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.int64])
def test_the_same_text_gives_the_same_bits_in_any_integer_type(dtype):
    stream = stream_of(english_like(0, 800), 41)
    one, other = (estimate_ngram(NgramSettings(order=4), 42, ids, 41).counted for ids in (stream, stream.astype(dtype)))
    assert [t.backoffs.tobytes() + t.keys.tobytes() + t.counts.tobytes() for t in one.tables] == [
        t.backoffs.tobytes() + t.keys.tobytes() + t.counts.tobytes() for t in other.tables
    ]


@given(documents, documents, orders)
@settings(max_examples=30, deadline=None)
def test_going_on_with_more_text_is_counting_all_of_it(first, second, order):
    together = model_of(first + second, order)
    extended = extend_ngram(NgramSettings(order=order), VOCABULARY, [stream_of(first), stream_of(second)], END)
    assert extended.tokens == together.tokens
    for one, other in zip(extended.counted.tables, together.counted.tables, strict=True):
        np.testing.assert_array_equal(one.keys, other.keys)
        np.testing.assert_array_equal(one.counts, other.counts)


@given(st.lists(st.integers(0, 2**64 - 1)) | st.lists(st.integers(0, 50)))
def test_keys_are_sorted_alike_whether_they_leave_room_for_their_places_or_not(numbers):
    keys = np.array(numbers, np.uint64)
    in_order, places = ascending(keys)
    assert in_order.tolist() == sorted(numbers)
    assert keys[places].tolist() == sorted(numbers)
    assert sorted(places.tolist()) == list(range(len(numbers)))


def test_parameters_are_the_stored_n_grams_and_the_contexts_that_occur():
    model = model_of([[0, 1, 0]], 2)
    # 7 unigrams, the bigrams (end, 0) (0, 1) (1, 0) (0, end); back-offs of the empty context, end, 0 and 1.
    assert model.counts().parameters == 7 + 4 + 1 + 3
    assert model.counts().embedding_parameters == 0


def test_work_of_training_is_counted_per_token():
    texts = english_like(0, 1200)
    counts = model_of(texts, 5, 42, 41).counts()
    assert counts.training_flops_per_token > 4 * (4 + np.log2(1000))  # four sorts, and something on top
    assert counts.training_flops_per_token < 4 * (4 + np.log2(1300)) + 5 * 4 + 1


def test_a_tap_hears_every_order_and_the_parts_make_up_the_probability():
    model = model_of(english_like(1, 900), 4, 42, 41)
    text = [41, *english_like(1, 900)[0]]
    heard = {}

    def listen(site, value):
        heard[site] = value
        return value

    log_probs = model.log_probs(batch_of(text[:-1], text[1:]), tap=listen)
    assert list(heard) == list(model.sites())
    probability = 1 / 42
    for n in range(1, 5):
        probability = heard[f"order.{n}.hit"] + heard[f"order.{n}.backoff"] * probability
    np.testing.assert_allclose(np.exp(log_probs), probability, rtol=1e-12)


def test_a_tap_can_silence_an_order():
    long, short = (model_of([[0, 1, 2, 3], [4, 1, 2, 0]], order) for order in (3, 2))
    batch = batch_of([0, 1, 2], [1, 2, 3])

    def without_trigrams(site, value):
        return {"order.3.hit": np.zeros_like(value), "order.3.backoff": np.ones_like(value)}.get(site, value)

    silenced = long.log_probs(batch, tap=without_trigrams)
    assert (silenced != long.log_probs(batch)).any()
    assert silenced.shape == short.log_probs(batch).shape


def test_orders_names_the_longest_n_gram_that_was_seen():
    model = model_of([[0, 1, 2, 3]], 3)
    spoke = model.orders(batch_of([END, 0, 1, 2, 3, 4], [0, 1, 2, 4, 6, 0]))
    # the row begins with end-of-text: (end 0), (end 0 1), (0 1 2) are known; 4 and 6 never occurred; after 4, only 0 is
    assert spoke.tolist() == [[2, 3, 3, 0, 0, 1]]


def test_discounts_are_those_of_the_counts_of_counts():
    counts = np.repeat([1, 2, 3, 4, 9], [50, 20, 10, 5, 3])
    y = 50 / 90
    np.testing.assert_allclose(discounts_of(counts), [0, 1 - 2 * y * 20 / 50, 2 - 3 * y * 10 / 20, 3 - 4 * y * 5 / 10])


@pytest.mark.parametrize("counts", [[], [1, 1, 1], [2, 3, 3], [1, 2, 2, 3, 3, 3, 3, 3, 3, 3]])
def test_an_order_with_too_few_n_grams_takes_the_fallback_discounts(counts):
    assert tuple(discounts_of(np.array(counts, np.uint32))) == (0, *FALLBACK)


def test_a_stream_that_does_not_begin_with_end_of_text_is_refused():
    with pytest.raises(EtymonError, match="does not begin with end-of-text"):
        estimate_ngram(NgramSettings(order=2), VOCABULARY, np.array([0, 1, END]), END)


@pytest.mark.parametrize("token", [-1, VOCABULARY])
def test_tokens_outside_the_vocabulary_are_refused_everywhere(token):
    model = model_of([[0, 1]], 2)
    with pytest.raises(EtymonError, match="outside the vocabulary"):
        estimate_ngram(NgramSettings(order=2), VOCABULARY, np.array([END, token, END]), END)
    with pytest.raises(EtymonError, match="outside the vocabulary"):
        model.log_probs(batch_of([0], [token]))
    with pytest.raises(EtymonError, match="outside the vocabulary"):
        model.next_log_probs(np.array([[token]]))


def test_progress_is_told_per_order():
    told = []
    estimate_ngram(
        NgramSettings(order=4),
        VOCABULARY,
        stream_of([[0, 1, 2]]),
        END,
        lambda done, total, note: told.append((done, total)),
    )
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]


def test_tiny_shakespeare_costs_what_kenlm_says():
    file = SHARED / "text" / "tinyshakespeare.txt"
    if not file.exists():
        pytest.skip("the shared real data is not beside this checkout")
    text = np.frombuffer(file.read_bytes(), np.uint8)
    split = len(text) * 9 // 10
    train = np.concatenate([[256], text[:split], [256]])
    held_out = np.concatenate([[256], text[split:]]).astype(np.int64)
    model = estimate_ngram(NgramSettings(order=6), 257, train, 256)
    assert -model.log_probs(batch_of(held_out[:-1], held_out[1:])).mean() == pytest.approx(1.523, abs=0.001)
