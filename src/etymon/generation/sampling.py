"""`Sampling` and `choose`: which token follows, given the probabilities, the settings and one random number a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.recipe import Setting

LogProbs = NDArray[np.floating[Any]]
Kept = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How text is drawn from a model. The defaults draw from its distribution as it is.

    The settings act in this order: temperature, then top-k, then top-p on what top-k left.
    """

    temperature: Annotated[
        float, Setting("1: as the model says; lower: more often what is likely; 0: always the likeliest", low=0.0)
    ] = 1.0
    top_k: Annotated[int, Setting("draw from so many of the likeliest tokens; 0: from all", unit="tokens", low=0)] = 0
    top_p: Annotated[
        float, Setting("draw from the fewest likeliest tokens that together have this probability", low=0.0, high=1.0)
    ] = 1.0
    seed: Annotated[int, Setting("every draw follows from it, the number of the text and the place in it", low=0)] = 0
    max_tokens: Annotated[int, Setting("the longest continuation", unit="tokens", low=1)] = 256


def choose(log_probs: LogProbs, sampling: Sampling, uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
    """One token id [B] for each row of log-probabilities (or logits) [B, V] and each number u in [0, 1) [B]. Pure.

    Temperature 0 takes the largest, of equal ones the lowest id. Otherwise: divide by the temperature; keep exactly
    top_k by (-log p, id); of those the smallest set of the likeliest that reaches top_p, the one that crosses it
    included (Holtzman et al. 2020, section 3.1); and take the first id, in the order of ids, up to which more than the
    share u of the kept mass lies. Raises EtymonError for a row with nan or no token that is possible.
    """
    _check_rows(log_probs)
    if sampling.temperature == 0:
        return np.argmax(log_probs, axis=1).astype(np.int64)
    scaled = log_probs.astype(np.float64) - log_probs.max(axis=1, keepdims=True)
    with np.errstate(over="ignore"):  # at a temperature near 0 all but the largest go to minus infinity
        scaled /= sampling.temperature
    kept = top_k(scaled, sampling.top_k)
    masses = np.where(kept, np.exp(scaled), 0.0)
    if sampling.top_p < 1:
        masses = np.where(top_p(masses, sampling.top_p), masses, 0.0)
    cumulative = np.cumsum(masses, axis=1)
    total = cumulative[:, -1]
    below = np.minimum(uniforms * total, np.nextafter(total, 0.0))  # rounding must not carry u past the last token
    return np.argmax(cumulative > below[:, None], axis=1).astype(np.int64)


def top_k(scores: NDArray[np.float64], k: int) -> Kept:
    """Which of `scores` [B, V] are among the k largest of their row: exactly k, of equal ones the lower ids. 0: all."""
    size = scores.shape[1]
    if k == 0 or k >= size:
        return np.ones(scores.shape, np.bool_)
    least = np.partition(scores, size - k, axis=1)[:, size - k, None]
    above = scores > least
    ties = scores == least
    room = k - above.sum(axis=1, keepdims=True)
    return above | (ties & (np.cumsum(ties, axis=1) <= room))


def top_p(masses: NDArray[np.float64], p: float) -> Kept:
    """Which of `masses` [B, V] (not normalised) belong to the smallest set of the largest that has the share p.

    The mass that crosses p is kept, so there is always one; of equal ones the lower ids come first.
    """
    order = np.argsort(-masses, axis=1, kind="stable")
    ordered = np.take_along_axis(masses, order, axis=1)
    reached = np.cumsum(ordered, axis=1)  # what is compared is summed in one order: another rounds another way
    needed = np.ones(masses.shape, np.bool_)
    needed[:, 1:] = reached[:, :-1] < p * reached[:, -1:]
    kept = np.empty_like(needed)
    np.put_along_axis(kept, order, needed, axis=1)
    return kept


def _check_rows(log_probs: LogProbs) -> None:
    best = log_probs.max(axis=1)
    unusable = np.flatnonzero(~np.isfinite(best))  # nan, or every token at minus infinity
    if len(unusable):
        raise EtymonError(
            "No token can follow.",
            where=f"row {unusable[0]}",
            why=f"the largest log-probability is {best[unusable[0]]}",
            help="the model's training may have diverged: `etymon eval` tells",
        )
