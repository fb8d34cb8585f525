"""What a column is: one number per document, with its unit, its range and its meaning."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One number per document, between `low` and `high`; 0 where a text has nothing to measure."""

    unit: str
    low: float
    high: float
    meaning: str
