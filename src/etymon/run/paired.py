"""The difference of two ways to train, from several trainings of each on the same documents."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etymon.statistics import mean_interval, paired_ratio_difference

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SeededDifference:
    """a less b in bits per byte, with a 95 % interval [`low`, `high`] over `n` documents and trainings together."""

    mean: float
    low: float
    high: float
    n: int
    by_seed: tuple[float, ...]


def seeded_difference(a: Floats, b: Floats, sizes: Floats) -> SeededDifference:
    """Bits [S, D] of S trainings of each for D documents of `sizes` [D] bytes; training s of both has the same seed.

    Half the interval is the root of the sum of squares of two halves: that of a bootstrap over documents (paired, the
    mean over seeds in each), and that of the differences by seed. The first alone takes three samples of one text for
    the truth: it called a mixture of two equal domains better than another.
    """
    result = paired_ratio_difference(a.mean(axis=0), b.mean(axis=0), sizes)
    by_seed: Floats = (a - b).sum(axis=1) / sizes.sum()  # [S]
    below, above = result.mean - result.low, result.high - result.mean
    if len(by_seed) > 1:
        spread = mean_interval(by_seed)
        below, above = math.hypot(below, spread.mean - spread.low), math.hypot(above, spread.high - spread.mean)
    differences: list[float] = by_seed.tolist()
    return SeededDifference(result.mean, result.mean - below, result.mean + above, result.n, tuple(differences))
