"""Coverage by simulation: how often the interval holds the truth when the truth is known."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from etymon.statistics import mean_interval, paired_ratio_difference, ratio_interval
from etymon.statistics.bootstrap import documents, resampled_sums

RATE = 1.5  # bits per byte of the simulated language


def simulated_corpora(count: int, n: int, spread: float, by_length: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Bits and bytes [count, n]: log-normal lengths; short documents cost more by `by_length` / sqrt(length)."""
    generator = np.random.default_rng(seed)
    lengths = generator.lognormal(6.0, spread, (count, n))
    hardness = generator.lognormal(-0.045, 0.3, (count, n))  # mean 1
    return lengths * RATE * hardness * (1 + by_length / np.sqrt(lengths)), lengths


def true_ratio(spread: float, by_length: float) -> float:
    """E[bits] / E[bytes]: by the moments of the log-normal E[L^p] = exp(6 p + p^2 spread^2 / 2)."""
    return RATE * (1 + by_length * math.exp(-3.0 - 0.375 * spread**2))


def coverage(
    interval: Callable[..., tuple[float, float, float]], bits: np.ndarray, size: np.ndarray, truth: float
) -> float:
    found = [interval(above, below) for above, below in zip(bits, size, strict=True)]
    return sum(low <= truth <= high for _, low, high in found) / len(found)


def quick(bits: np.ndarray, size: np.ndarray) -> tuple[float, float, float]:
    return ratio_interval(bits, size, resamples=500)


@pytest.mark.parametrize(
    ("n", "spread", "by_length"),
    [
        (10, 1.0, 0.0),
        (30, 1.0, 0.0),
        (30, 1.5, 0.0),
        (30, 1.0, 10.0),
        (100, 1.0, 10.0),
        (100, 1.5, 0.0),
        (300, 1.0, 10.0),
    ],
)
def test_a_95_percent_interval_holds_the_truth_about_95_times_in_a_hundred(n, spread, by_length) -> None:
    bits, size = simulated_corpora(400, n, spread, by_length, seed=11)
    assert 0.92 <= coverage(quick, bits, size, true_ratio(spread, by_length)) <= 0.98


def test_a_paired_difference_of_two_equal_models_holds_zero() -> None:
    bits, size = simulated_corpora(400, 40, 1.0, 0.0, seed=5)
    other = size * np.roll(bits / size, 1, axis=0)  # the rates of the next corpus: as good, and independent

    def difference(pair: np.ndarray, below: np.ndarray) -> tuple[float, float, float]:
        result = paired_ratio_difference(pair[0], pair[1], below, resamples=500)
        return result.mean, result.low, result.high

    assert 0.92 <= coverage(difference, np.stack([bits, other], axis=1), size, 0.0) <= 0.98


def test_a_mean_over_a_handful_of_seeds_is_covered() -> None:
    values = np.random.default_rng(3).normal(2.0, 0.1, (500, 5))
    held = [low <= 2.0 <= high for _, low, high in (mean_interval(row, resamples=500) for row in values)]
    assert 0.91 <= sum(held) / len(held) <= 0.98


def percentiles(bits: np.ndarray, size: np.ndarray) -> tuple[float, float, float]:
    """What the plain percentile bootstrap gives, for comparison."""
    sums = resampled_sums(documents(bits, size), seed=0, resamples=500)
    low, high = np.quantile(sums.numerators / sums.denominators, [0.025, 0.975])
    return float(bits.sum() / size.sum()), float(low), float(high)


def test_the_stretch_repairs_what_plain_percentiles_miss() -> None:
    bits, size = simulated_corpora(600, 30, 1.5, 10.0, seed=2)
    truth = true_ratio(1.5, 10.0)
    plain, stretched = coverage(percentiles, bits, size, truth), coverage(quick, bits, size, truth)
    assert plain < 0.915
    assert 0.915 <= stretched <= 0.98


@pytest.mark.slow
def test_the_stretch_beats_bca_on_every_corpus_simulated() -> None:
    stats = pytest.importorskip("scipy.stats")

    def bca(bits: np.ndarray, size: np.ndarray) -> tuple[float, float, float]:
        def ratio(above: np.ndarray, below: np.ndarray, axis: int) -> np.ndarray:
            return above.sum(axis) / below.sum(axis)

        found = stats.bootstrap((bits, size), ratio, paired=True, vectorized=True, n_resamples=500, rng=1)
        return 0.0, *found.confidence_interval

    for spread in (1.0, 1.5, 2.0):
        for by_length in (0.0, 10.0):
            bits, size = simulated_corpora(300, 30, spread, by_length, seed=4)
            truth = true_ratio(spread, by_length)
            ours, theirs = coverage(quick, bits, size, truth), coverage(bca, bits, size, truth)
            assert abs(ours - 0.95) < abs(theirs - 0.95), (spread, by_length, ours, theirs)


def test_percentiles_agree_with_scipy_and_the_stretch_vanishes_for_many_documents() -> None:
    stats = pytest.importorskip("scipy.stats")
    bits, size = (column[0] for column in simulated_corpora(1, 2000, 0.5, 0.0, seed=8))
    found = stats.bootstrap(
        (bits, size),
        lambda above, below, axis: above.sum(axis) / below.sum(axis),
        paired=True,
        vectorized=True,
        n_resamples=4000,
        method="percentile",
        rng=np.random.default_rng(1),
    )
    theirs, width = found.confidence_interval, np.diff(found.confidence_interval)[0]
    _, low, high = ratio_interval(bits, size, resamples=4000)
    assert abs(low - theirs.low) < 0.06 * width
    assert abs(high - theirs.high) < 0.06 * width
