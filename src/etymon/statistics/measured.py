"""From per-document numbers to a `Result`: one model's ratio, and the difference of two on the same documents."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from etymon.errors import EtymonError
from etymon.statistics.bootstrap import Numbers
from etymon.statistics.intervals import LEVEL, RESAMPLES, Interval, ratio_interval, why_no_interval
from etymon.statistics.result import Result


def ratio_result(
    name: str,
    unit: str,
    numerators: Numbers,
    denominators: Numbers,
    items: Sequence[str],
    protocol: str,
    seed: int = 0,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Result:
    """sum(numerators) / sum(denominators) over documents named `items`, with interval; for example bits per byte.

    `values` are the numerators and `weights` the denominators, both in the order of `items`. Without an interval
    (one document) low = high = mean; without a mean (no documents, no bytes) n is 0 and the numbers are nan; either
    way `reason` says so. `details` keep both totals, `level`, `resamples` and `seed`.
    """
    values, weights = [float(v) for v in numerators], [float(w) for w in denominators]
    if len(items) != len(values):
        raise EtymonError(f"{len(items)} names for {len(values)} documents", where=name)
    reason = why_no_interval(weights)
    measured = any(weights)
    interval = Interval(math.nan, math.nan, math.nan)
    if measured:
        interval = ratio_interval(values, weights, seed=seed, resamples=resamples, level=level)
    details = {"numerator": math.fsum(values), "denominator": math.fsum(weights)}
    return Result(
        name=name,
        unit=unit,
        mean=interval.mean,
        low=interval.low,
        high=interval.high,
        n=len(values) if measured else 0,
        protocol=protocol,
        values=values,
        weights=weights,
        items=list(items),
        reason=reason,
        details={**details, "level": level, "resamples": resamples, "seed": seed},
    )


def paired_ratio_difference(
    numerators_a: Numbers,
    numerators_b: Numbers,
    denominators: Numbers,
    *,
    name: str = "difference",
    unit: str = "",
    items: Sequence[str] = (),
    protocol: str = "",
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Result:
    """(sum(a) - sum(b)) / sum(denominators): a less b on the same documents; below zero where a is the lower.

    Documents stay paired in every resample, so what makes a document hard for both models cancels; an interval
    without zero is a difference that other documents of this kind would show again. `values` are a - b per document.
    Without `items` the documents are called by their position.
    """
    a, b = np.asarray(numerators_a, np.float64), np.asarray(numerators_b, np.float64)
    if a.shape != b.shape:
        raise EtymonError(f"a paired difference needs the same documents twice, not {a.shape} and {b.shape}")
    names = items or [str(position) for position in range(len(a))]
    return ratio_result(name, unit, a - b, denominators, names, protocol, seed, resamples=resamples, level=level)
