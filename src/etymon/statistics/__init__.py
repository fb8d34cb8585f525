"""The result: measurements with intervals."""

from etymon.statistics.chrf import chrf, chrf_counts, chrf_of
from etymon.statistics.intervals import Interval, mean_interval, ratio_interval
from etymon.statistics.measured import paired_ratio_difference, ratio_result
from etymon.statistics.result import Result

__all__ = [
    "Interval",
    "Result",
    "chrf",
    "chrf_counts",
    "chrf_of",
    "mean_interval",
    "paired_ratio_difference",
    "ratio_interval",
    "ratio_result",
]
