"""`Result`: a measurement with all that makes it one: per-item values, mean, interval, n, and how it was taken."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Result:
    """One measured number.

    `mean` with the 95 % interval [`low`, `high`] over `n` independent items (documents, questions, seeds).
    `values` are the per-item numbers in the order of `items`; with `weights` (bytes of each document, say) the mean is
    sum(values) / sum(weights), without them it is the plain mean of the values. `unit` is a word ("bits per byte").
    `protocol` says exactly what was done, so that two results with the same protocol string may be compared.
    `reason` is empty, or says in words why there is no interval (then low = high = mean) or why the probe does not
    apply (then n is 0 and the numbers are nan).
    """

    name: str
    unit: str
    mean: float
    low: float
    high: float
    n: int
    protocol: str
    values: Sequence[float] = ()
    weights: Sequence[float] = ()
    items: Sequence[str] = ()
    reason: str = ""
    details: Mapping[str, float] = field(default_factory=dict[str, float])

    def as_json(self) -> dict[str, float | int | None]:
        """The four numbers that every answer for machines carries; null where there is none, for JSON has no nan, and
        for the bounds of an interval that a single document does not give."""
        bounds = (math.nan, math.nan) if self.reason else (self.low, self.high)
        numbers = {"mean": self.mean, "low": bounds[0], "high": bounds[1]}
        return {**{key: None if math.isnan(value) else value for key, value in numbers.items()}, "n": self.n}
