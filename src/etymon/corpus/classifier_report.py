"""How good a text classifier is: accuracy, area under the curve and calibration, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.statistics import Result, mean_interval

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

BINS = 10
RESAMPLES = 1000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Report:
    """Measured on texts that the classifier never saw: the share it gets right at 0.5, the area under the ROC curve
    (how often a text with the label scores above one without), and the expected calibration error."""

    accuracy: Result
    auc: Result
    calibration_error: Result


def report(scores: Floats, labels: Sequence[bool] | Bools, *, seed: int, protocol: str = "held-out texts") -> Report:
    """The report on the scores of some texts whose labels are known. Raises EtymonError without two of each label."""
    truth = np.asarray(labels, bool)
    if len(truth) != len(scores) or min(truth.sum(), (~truth).sum()) < 2:
        raise EtymonError("a report needs a label for each score, and two texts of each label at least")
    return Report(
        _accuracy(scores, truth, seed, protocol),
        area_under_curve(scores, truth, protocol),
        _error(scores, truth, seed, protocol),
    )


def _accuracy(scores: Floats, truth: Bools, seed: int, protocol: str) -> Result:
    right = ((scores >= 0.5) == truth).astype(np.float64)
    mean, low, high = mean_interval(right, seed=seed, resamples=RESAMPLES, level=LEVEL)
    return Result(
        name="accuracy",
        unit="share",
        mean=mean,
        low=low,
        high=high,
        n=len(truth),
        protocol=protocol,
        values=right.tolist(),
    )


def area_under_curve(scores: Floats, truth: Bools, protocol: str) -> Result:
    """How often a text with the label scores above one without, ties by half.

    With the interval of DeLong, DeLong and Clarke-Pearson (1988), from the variance of the texts' placements: the
    share of the other label's texts that each stands on the right side of."""
    yes, no = np.sort(scores[truth]), np.sort(scores[~truth])
    placed_yes = _placements(no, scores[truth])
    placed_no = 1 - _placements(yes, scores[~truth])
    mean = float(placed_yes.mean())
    error = float(placed_yes.var(ddof=1) / len(yes) + placed_no.var(ddof=1) / len(no)) ** 0.5
    wide = NormalDist().inv_cdf(0.5 + LEVEL / 2) * error
    return Result(
        name="area under the ROC curve",
        unit="probability",
        mean=mean,
        low=max(mean - wide, 0.0),
        high=min(mean + wide, 1.0),
        n=len(truth),
        protocol=protocol,
        details={"with the label": len(yes), "without": len(no)},
    )


def _placements(others: Floats, scores: Floats) -> Floats:
    below, upto = (np.searchsorted(others, scores, side) for side in ("left", "right"))
    return (below + upto) / (2 * len(others))


def _error(scores: Floats, truth: Bools, seed: int, protocol: str) -> Result:
    """Over ten bins of as many texts each: how far their mean score is from the share with the label, on average
    (Naeini et al. 2015). Its interval is of resampled texts; of few texts the error comes out too high by chance."""
    mean = _calibration_error(scores, truth)
    rng = np.random.default_rng(seed)
    drawn = [_calibration_error(scores[at], truth[at]) for at in rng.integers(len(truth), size=(RESAMPLES, len(truth)))]
    low, high = (float(bound) for bound in np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    return Result(
        name="expected calibration error",
        unit="probability",
        mean=mean,
        low=min(low, mean),
        high=max(high, mean),
        n=len(truth),
        protocol=protocol,
    )


def _calibration_error(scores: Floats, truth: Bools) -> float:
    order = np.argsort(scores, kind="stable")
    bins = np.arange(len(order)) * BINS // len(order)
    gaps = np.bincount(bins, scores[order] - truth[order], BINS)
    return float(np.abs(gaps).sum()) / len(order)
