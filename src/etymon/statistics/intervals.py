"""Means and ratios with their interval: of a corpus, of the difference of two models on it, of plain values."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from etymon.errors import EtymonError
from etymon.statistics.bootstrap import Documents, Floats, Numbers, documents, resampled_sums
from etymon.statistics.student import student_quantile

RESAMPLES = 2000
LEVEL = 0.95


class Interval(NamedTuple):
    """A mean and the interval around it: low <= mean <= high, all three finite."""

    mean: float
    low: float
    high: float


def why_no_interval(denominators: Numbers) -> str:
    """The reason, in words, why these documents give no interval; empty where they give one."""
    below = np.asarray(denominators, np.float64)
    if len(below) == 0:
        return "no documents: no mean and no interval"
    counting = int(np.count_nonzero(below))
    if counting == 0:
        return "all denominators are zero: no mean and no interval"
    if len(below) == 1:
        return "one document: no interval"
    return "only one document has a denominator above zero: no interval" if counting == 1 else ""


def ratio_interval(
    numerators: Numbers, denominators: Numbers, *, seed: int = 0, resamples: int = RESAMPLES, level: float = LEVEL
) -> Interval:
    """sum(numerators) / sum(denominators) over documents, with its `level` interval by a cluster bootstrap.

    Percentiles of the resampled ratio, stretched about the mean to the jackknife's standard error and to Student's t
    with Kish's effective number of documents, (sum d)^2 / sum d^2, less one, as degrees of freedom. The stretch tends
    to 1 as documents grow in number. It is there because a few long documents carry most of a corpus: for log-normal
    lengths (sigma 1.5, 30 documents, 1,000 simulated corpora) nominal 95 % intervals held the truth 91 % (plain
    percentiles), 86 % (BCa), 91 % (studentised) and 97 % (this one) of the time; where quality also depends on length
    88, 85, 91 and 93 %. Corpora of fewer than ten documents stay approximate: 86-97 % at three.

    The result does not depend on the order of the documents, and is a function of the numbers and `seed`. Resamples
    whose denominators are all zero have no ratio and are left out. With one document (or one that counts)
    low = high = mean: `why_no_interval` has the words. Raises `EtymonError` where not even a mean exists.
    """
    if not 0.0 < level < 1.0 or resamples < 1:
        raise EtymonError(f"an interval needs a level between 0 and 1 and resamples, not {level} and {resamples}")
    columns = documents(numerators, denominators)
    reason = why_no_interval(columns.denominators)
    if reason and not columns.denominators.any():
        raise EtymonError(reason)
    total = math.fsum(columns.denominators)
    mean = math.fsum(columns.numerators) / total
    if reason:
        return Interval(mean, mean, mean)
    sums = resampled_sums(columns, seed=seed, resamples=resamples)
    counting = sums.denominators > 0
    ratios = sums.numerators[counting] / sums.denominators[counting]
    tail = (1.0 - level) / 2.0
    low, high = (float(bound) for bound in np.quantile(ratios, [tail, 1.0 - tail]))
    stretch = _stretch(columns, mean, float(ratios.std()), tail)
    return Interval(mean, min(mean, mean + (low - mean) * stretch), max(mean, mean + (high - mean) * stretch))


def mean_interval(values: Numbers, *, seed: int = 0, resamples: int = RESAMPLES, level: float = LEVEL) -> Interval:
    """The plain mean of independent values (seeds, questions) with its interval: `ratio_interval` of equal weights."""
    return ratio_interval(values, np.ones(len(values)), seed=seed, resamples=resamples, level=level)


def _jackknife_error(columns: Documents, mean: float) -> float:
    """Standard error of the ratio from leaving out each document in turn (Efron and Tibshirani 1993, eq. 11.5).

    The ratio without document i is mean - (n_i - mean d_i) / (D - d_i), so only its change is computed: the
    difference of two nearly equal ratios would lose the digits.
    """
    rest = columns.denominators.sum() - columns.denominators
    change: Floats = (columns.numerators - mean * columns.denominators) / rest
    n = len(change)
    return math.sqrt((n - 1) / n * float(np.square(change - change.mean()).sum()))


def _stretch(columns: Documents, mean: float, spread: float, tail: float) -> float:
    """How much wider than the percentiles of resamples with standard deviation `spread` the interval must be."""
    if spread == 0.0:
        return 1.0
    below = columns.denominators
    effective = float(below.sum()) ** 2 / float(np.square(below).sum())
    student = student_quantile(1.0 - tail, max(1.0, effective - 1.0))
    return _jackknife_error(columns, mean) / spread * student / NormalDist().inv_cdf(1.0 - tail)
