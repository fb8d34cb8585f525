"""`Result`: a measurement with everything that makes it one: per-item values, mean, interval, n, and how it was taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Result:
    """One measured number.

    `mean` with the 95 % interval [`low`, `high`] over `n` independent items (documents, questions, seeds).
    `values` are the per-item numbers in the order of `items`. `unit` is a word ("bits per byte"). `protocol` says
    exactly what was done, so that two results with the same protocol string may be compared. Where the probe does not
    apply, `reason` says why in words, n is 0 and the numbers are nan.
    """

    name: str
    unit: str
    mean: float
    low: float
    high: float
    n: int
    protocol: str
    values: Sequence[float] = ()
    items: Sequence[str] = ()
    reason: str = ""
    details: Mapping[str, float] = field(default_factory=dict[str, float])

    def as_json(self) -> dict[str, float | int]:
        """The four numbers that every answer for machines carries."""
        return {"mean": self.mean, "low": self.low, "high": self.high, "n": self.n}
