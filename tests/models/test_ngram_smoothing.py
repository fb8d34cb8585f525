"""Each smoothing gives its published probabilities, sums to one everywhere, and reads as it scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from smoothing_by_hand import AddK, Katz, KneserNeyOnce, MaximumLikelihood, WittenBell
from test_ngram import (
    END,
    VOCABULARY,
    batch_of,
    contexts,
    documents,
    english_like,
    orders,
    since_end_of_text,
    stream_of,
)

from etymon.errors import EtymonError
from etymon.models import NgramSettings, estimate_ngram, load, save
from etymon.models.ngram_katz import good_turing
from etymon.storage import Store

K = 0.25
BY_HAND = {
    "kneser-ney": KneserNeyOnce,
    "witten-bell": WittenBell,
    "katz": Katz,
    "add-k": lambda *about: AddK(*about, k=K),
    "maximum-likelihood": MaximumLikelihood,
}
POSITIVE = ["modified-kneser-ney", "kneser-ney", "witten-bell", "katz", "add-k"]
every_smoothing = pytest.mark.parametrize("smoothing", ["modified-kneser-ney", *BY_HAND])


def settings_of(smoothing, order, **more):
    return NgramSettings(order=order, smoothing=smoothing, **({"k": K} if smoothing == "add-k" else {}), **more)


def model_of(smoothing, texts, order, vocabulary=VOCABULARY, end=END, **more):
    return estimate_ngram(settings_of(smoothing, order, **more), vocabulary, stream_of(texts, end), end)


@pytest.mark.parametrize("smoothing", BY_HAND)
@given(texts=documents, order=orders, context=contexts)
@settings(max_examples=40, deadline=None)
def test_probabilities_are_those_of_the_published_equations(smoothing, texts, order, context):
    found, _ = model_of(smoothing, texts, order).next_log_probs(np.array([context]))
    by_hand = BY_HAND[smoothing](texts, order, VOCABULARY, END)
    expected = [by_hand.p(word, since_end_of_text(context)) for word in range(VOCABULARY)]
    np.testing.assert_allclose(np.exp(found[0]), expected, atol=1e-9, rtol=0)


@pytest.mark.parametrize("smoothing", BY_HAND)
def test_a_larger_text_gives_the_published_probabilities_too(smoothing):
    texts = english_like(3, 1500)
    text = [41, *texts[2][:120], 41]
    found = model_of(smoothing, texts, 3, 42, 41).log_probs(batch_of(text[:-1], text[1:]))[0]
    by_hand = BY_HAND[smoothing](texts, 3, 42, 41)
    expected = [by_hand.p(text[t], text[max(t - 2, 0) : t]) for t in range(1, len(text))]
    np.testing.assert_allclose(np.exp(found), expected, atol=1e-9, rtol=0)


@every_smoothing
@given(texts=documents, order=orders, context=contexts)
@settings(max_examples=40, deadline=None)
def test_probabilities_sum_to_one_and_are_zero_with_maximum_likelihood_alone(smoothing, texts, order, context):
    log_probs, _ = model_of(smoothing, texts, order).next_log_probs(np.array([context]))
    assert abs(np.exp(log_probs).sum() - 1) < 1e-9
    assert np.isfinite(log_probs).all() or smoothing == "maximum-likelihood"


@every_smoothing
@given(texts=documents, order=orders, row=contexts, targets=st.lists(st.integers(0, 6), min_size=8, max_size=8))
@settings(max_examples=40, deadline=None)
def test_scoring_a_row_and_reading_it_token_by_token_agree(smoothing, texts, order, row, targets):
    model = model_of(smoothing, texts, order)
    targets = targets[: len(row)]
    scored = model.log_probs(batch_of(row, targets))[0]
    state = None
    for t, token in enumerate(row):
        following, state = model.next_log_probs(np.array([[token]]), state)
        assert following[0, targets[t]] == pytest.approx(scored[t], abs=1e-9)


@every_smoothing
def test_a_stored_model_says_exactly_what_it_said_before(smoothing, tmp_path):
    model = model_of(smoothing, english_like(1, 400), 3, 42, 41)
    with Store.at(tmp_path).create("model", {"smoothing": smoothing}, {}, stage_version=1) as draft:
        save(draft, model)
        again = load(draft.seal())
    batch = batch_of([41, 3, 5, 7, 9], [3, 5, 7, 9, 40])
    assert again.log_probs(batch).tobytes() == model.log_probs(batch).tobytes()
    assert again.settings == model.settings and again.counts() == model.counts()


@every_smoothing
def test_a_tap_that_silences_an_order_leaves_the_word_to_the_others(smoothing):
    model = model_of(smoothing, [[0, 1, 2, 3], [4, 1, 2, 0]], 3)
    silent = {f"order.{n}.{site}": value for n in (2, 3) for site, value in (("hit", 0.0), ("backoff", 1.0))}
    heard = model.log_probs(
        batch_of([0, 1], [1, 2]), tap=lambda site, x: np.full_like(x, silent[site]) if site in silent else x
    )
    unigrams = model_of(smoothing, [[0, 1, 2, 3], [4, 1, 2, 0]], 3).next_log_probs(np.array([[END]]))[0]
    assert np.isfinite(heard).all() and unigrams.shape == (1, VOCABULARY)
    assert (heard < model.log_probs(batch_of([0, 1], [1, 2]))).all()


def test_maximum_likelihood_worked_out_on_paper():
    model = model_of("maximum-likelihood", [[0, 1, 0, 2]], 2)
    after_0 = np.exp(model.next_log_probs(np.array([[0]]))[0][0])
    assert after_0.tolist() == [0, 0.5, 0.5, 0, 0, 0, 0]
    assert model.log_probs(batch_of([0], [3]))[0, 0] == -np.inf
    never = np.exp(model.next_log_probs(np.array([[4]]))[0][0])  # 4 never occurred: the unigrams speak
    np.testing.assert_allclose(never, [0.4, 0.2, 0.2, 0, 0, 0.2, 0], rtol=1e-14)


def test_good_turing_discounts_are_those_of_katz():
    counts = np.repeat([1, 2, 3, 4, 5, 6, 50], [100, 40, 22, 14, 10, 7, 3])
    common = 6 * 7 / 100
    ratios = [(2 * 40 / 100 - common) / (1 - common), (3 * 22 / 40 / 2 - common) / (1 - common)]
    taken = good_turing(counts)
    np.testing.assert_allclose(taken[1:3], [1 - ratios[0], 2 * (1 - ratios[1])])
    assert taken[0] == 0 and taken[6] == 0 and len(taken) == 7


@pytest.mark.parametrize("smoothing", ["modified-kneser-ney", "kneser-ney", "witten-bell"])
@given(texts=documents, order=orders, context=contexts, most=st.lists(st.integers(0, 3), max_size=3).map(sorted))
@settings(max_examples=40, deadline=None)
def test_a_pruned_model_sums_to_one_too(smoothing, texts, order, context, most):
    model = model_of(smoothing, texts, order, prune=(0, *most)[:order])
    log_probs, _ = model.next_log_probs(np.array([context]))
    assert np.isfinite(log_probs).all() and abs(np.exp(log_probs).sum() - 1) < 1e-12


def test_pruning_leaves_out_what_is_rare_and_nothing_else():
    texts = english_like(5, 900)
    whole, pruned = (model_of("modified-kneser-ney", texts, 4, 42, 41, prune=p) for p in ((), (0, 1, 2)))
    sizes = [[len(table.keys) for table in model.counted.tables] for model in (whole, pruned)]
    assert sizes[0][0] == sizes[1][0] and all(b < a for a, b in zip(sizes[0][1:], sizes[1][1:], strict=True))
    assert pruned.counted.discounts.tobytes() == whole.counted.discounts.tobytes()
    text = [41, *texts[0]]
    occurrences = {n: {} for n in (2, 3, 4)}
    for document in texts:
        read = (41, *document, 41)
        for end in range(1, len(read)):
            for n in (2, 3, 4):
                if end - n + 1 >= 0:
                    gram = read[end - n + 1 : end + 1]
                    occurrences[n][gram] = occurrences[n].get(gram, 0) + 1
    expected = [sum(c > most for c in occurrences[n].values()) for n, most in ((2, 1), (3, 2), (4, 2))]
    assert sizes[1][1:] == expected
    assert (pruned.orders(batch_of(text[:-1], text[1:])) <= whole.orders(batch_of(text[:-1], text[1:]))).all()


def test_given_fallback_discounts_are_used_and_without_any_a_small_text_is_refused():
    model = model_of("modified-kneser-ney", [[0, 1]], 2, fallback=(0.25, 0.5, 0.75))
    assert model.counted.discounts.tolist() == [[0, 0.25, 0.5, 0.75]] * 2
    with pytest.raises(EtymonError, match=r"(?s)discounts of the 1-grams cannot be estimated.*fallback=0.5,1,1.5"):
        model_of("modified-kneser-ney", [[0, 1]], 2, fallback=())


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"k": 2.0}, "k=2 would do nothing with smoothing=modified-kneser-ney"),
        ({"prune": (0, 1), "smoothing": "katz"}, "cannot be pruned with smoothing=katz"),
        ({"prune": (1, 1)}, "every token keeps its place"),
        ({"prune": (0, 2, 1)}, "none is less than the one before"),
        ({"prune": (0, 0, 0, 1), "order": 3}, "there are 3 orders"),
        ({"fallback": (0.5, 1.0)}, "no set of discounts"),
        (
            {"fallback": (0.4, 1.0, 1.0), "smoothing": "katz"},
            "fallback=0.4,1.0,1.0 would do nothing",
        ),
        ({"fallback": (1.5, 1.0, 1.0)}, "no set of discounts"),
        ({"smoothing": "imported"}, "came from an ARPA file"),
    ],
)
def test_settings_that_would_do_nothing_or_harm_are_refused(wrong, says):
    with pytest.raises(EtymonError, match=says):
        estimate_ngram(NgramSettings(**wrong), VOCABULARY, stream_of([[0, 1]]), END)
