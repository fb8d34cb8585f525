"""Intervals: laws that hold for any corpus."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.errors import EtymonError
from etymon.statistics import Interval, mean_interval, ratio_interval
from etymon.statistics.bootstrap import documents, resampled_sums

# The square of a smaller number than that is subnormal, and has fewer digits than a double should.
numbers = st.floats(-1e6, 1e6).map(lambda value: value if abs(value) > 1e-100 else 0.0)
corpora = st.lists(st.tuples(numbers, st.floats(1e-3, 1e6)), min_size=1, max_size=12)


def columns(corpus: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [above for above, _ in corpus], [below for _, below in corpus]


def log_normal_corpus(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    lengths = generator.lognormal(6, 1, n)
    return lengths * generator.normal(1.5, 0.3, n), lengths


@given(corpora)
@settings(max_examples=60)
def test_the_mean_is_the_ratio_of_sums_and_lies_in_its_interval(corpus: list[tuple[float, float]]) -> None:
    above, below = columns(corpus)
    mean, low, high = ratio_interval(above, below, resamples=100)
    assert mean == math.fsum(above) / math.fsum(below)
    assert low <= mean <= high
    assert math.isfinite(low)
    assert math.isfinite(high)


@given(corpora, st.randoms())
@settings(max_examples=40)
def test_the_order_of_documents_changes_nothing(corpus: list[tuple[float, float]], shuffler) -> None:
    shuffled = list(corpus)
    shuffler.shuffle(shuffled)
    assert ratio_interval(*columns(corpus), resamples=50) == ratio_interval(*columns(shuffled), resamples=50)


@given(corpora, st.integers(-3, 3))
@settings(max_examples=40)
def test_another_unit_scales_the_interval(corpus: list[tuple[float, float]], power: int) -> None:
    above, below = columns(corpus)
    factor = 2.0**power  # a power of two, so that not even rounding differs
    scaled = ratio_interval([factor * value for value in above], below, resamples=50)
    assert scaled == tuple(factor * bound for bound in ratio_interval(above, below, resamples=50))


def test_the_same_seed_gives_the_same_bits_and_another_seed_other_bits() -> None:
    corpus = log_normal_corpus(50)
    assert ratio_interval(*corpus, seed=7) == ratio_interval(*corpus, seed=7)
    assert ratio_interval(*corpus, seed=7) != ratio_interval(*corpus, seed=8)


def test_the_interval_of_a_known_corpus_stays_what_it_was() -> None:
    interval = ratio_interval([3.0, 8.0, 2.0, 9.0, 4.0], [2.0, 5.0, 1.0, 7.0, 3.0], seed=1, resamples=500)
    assert interval == pytest.approx((1.4444444444444444, 1.1600750553542296, 1.886909266700163), rel=1e-12)


@pytest.mark.parametrize("at_once", [1, 7, 50, 64, 5000])
def test_memory_at_hand_does_not_change_the_resamples(at_once: int) -> None:
    corpus = documents(*log_normal_corpus(50))
    usual = resampled_sums(corpus, seed=3, resamples=20)
    pieces = resampled_sums(corpus, seed=3, resamples=20, at_once=at_once)
    assert pieces.numerators == pytest.approx(usual.numerators, rel=1e-12)
    assert pieces.denominators == pytest.approx(usual.denominators, rel=1e-12)


def test_a_hundred_thousand_documents_need_little_memory() -> None:
    corpus = log_normal_corpus(100_000)
    tracemalloc.start()
    ratio_interval(*corpus, resamples=20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30e6


def test_resampling_draws_each_document_equally_often() -> None:
    marked = documents([1.0] + [0.0] * 9, [1.0] * 10)
    counts = resampled_sums(marked, seed=0, resamples=20_000).numerators
    assert counts.mean() == pytest.approx(1.0, abs=0.03)  # Binomial(10, 1/10): mean 1, variance 0.9
    assert counts.var() == pytest.approx(0.9, abs=0.04)


def test_one_document_has_a_mean_and_no_interval() -> None:
    assert ratio_interval([3.0], [2.0]) == Interval(1.5, 1.5, 1.5)
    assert ratio_interval([3.0, 0.0], [2.0, 0.0]) == Interval(1.5, 1.5, 1.5)


def test_documents_that_all_have_the_same_ratio_have_no_spread() -> None:
    mean, low, high = ratio_interval([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    assert (mean, low, high) == pytest.approx((2.0, 2.0, 2.0), abs=1e-12)


def test_empty_documents_among_others_do_not_disturb() -> None:
    mean, low, high = ratio_interval([1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    assert mean == 1.5
    assert low < 1.5 < high
    assert math.isfinite(high - low)


def test_a_higher_level_gives_a_wider_interval_and_more_documents_a_narrower_one() -> None:
    few, many = log_normal_corpus(30), log_normal_corpus(3000)
    narrow, wide = ratio_interval(*few, level=0.5), ratio_interval(*few, level=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high
    assert np.diff(ratio_interval(*many)[1:]) < np.diff(ratio_interval(*few)[1:])


def test_the_mean_of_plain_values_has_about_the_width_of_student_s_interval() -> None:
    mean, low, high = mean_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert mean == 3.0
    assert high - low == pytest.approx(2 * 2.776 * math.sqrt(2.5 / 5), rel=0.1)


@pytest.mark.parametrize(
    ("above", "below", "complaint"),
    [
        ([1.0, 2.0], [1.0], "one numerator and one denominator per document"),
        ([math.nan], [1.0], "not finite"),
        ([1.0], [math.inf], "not finite"),
        ([1.0, 1.0], [2.0, -1.0], "negative denominator"),
        ([], [], "no documents"),
        ([1.0, 2.0], [0.0, 0.0], "all denominators are zero"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_words(above: list[float], below: list[float], complaint: str) -> None:
    with pytest.raises(EtymonError, match=complaint):
        ratio_interval(above, below)


@pytest.mark.parametrize(("level", "resamples"), [(0.0, 10), (1.0, 10), (0.9, 0)])
def test_an_impossible_interval_is_refused(level: float, resamples: int) -> None:
    with pytest.raises(EtymonError, match="level between 0 and 1"):
        ratio_interval([1.0, 2.0], [1.0, 1.0], level=level, resamples=resamples)
