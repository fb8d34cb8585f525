"""Regression of a loss on the weights of domains: ridge, judged by leaving out one run at a time, and its optimum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STRENGTHS = tuple(10.0**power for power in range(-6, 2))
FEATURES: dict[str, Callable[[Floats], Floats]] = {
    "linear": lambda weights: weights,
    "quadratic": lambda weights: np.concatenate([weights, weights**2], axis=1),
    "logarithmic": lambda weights: np.log(weights + 0.01),
}
CANDIDATES, AVERAGED = 50_000, 100
RESAMPLES = 200


@dataclass(frozen=True)
class Regression:
    """loss = intercept + features(weights) · slopes. `error` is the root mean square of leave-one-out errors, `r2` is
    one less their share of the spread of the losses about their leave-one-out mean: 0 or less predicts nothing."""

    kind: str
    strength: float
    slopes: Floats
    intercept: float
    error: float
    r2: float

    def predict(self, weights: Floats) -> Floats:
        """The losses [N] of mixtures [N, D]."""
        return self.intercept + FEATURES[self.kind](weights) @ self.slopes


def fit(weights: Floats, losses: Floats) -> Regression:
    """Of all kinds and strengths of ridge the one with the least leave-one-out error; weights [N, D], losses [N]."""
    tried = [_ridge(kind, strength, weights, losses) for kind in FEATURES for strength in STRENGTHS]
    return min(tried, key=lambda each: each.error)


def _ridge(kind: str, strength: float, weights: Floats, losses: Floats) -> Regression:
    """Ridge with a free intercept. Leaving out run i changes its error to residual / (1 - leverage) exactly (Hastie,
    Tibshirani and Friedman 2009, eq. 7.64), the intercept's leverage of 1 / N included."""
    features = FEATURES[kind](weights)
    centre: Floats = np.asarray(features.mean(axis=0), np.float64)
    mean, n = losses.mean(), len(losses)
    centred = features - centre
    inverse: Floats = np.asarray(np.linalg.inv(centred.T @ centred + strength * np.eye(features.shape[1])), np.float64)
    slopes: Floats = inverse @ centred.T @ (losses - mean)
    leverage: Floats = ((centred @ inverse) * centred).sum(axis=1) + 1 / n
    errors: Floats = (losses - mean - centred @ slopes) / (1 - leverage)
    alone = (losses - mean) / (1 - 1 / n)  # what the mean of the others misses each by
    return Regression(
        kind=kind,
        strength=strength,
        slopes=slopes,
        intercept=float(mean - centre @ slopes),
        error=float(np.sqrt(np.square(errors).mean())),
        r2=float(1 - np.square(errors).sum() / max(float(np.square(alone).sum()), 1e-300)),
    )


def optimum(regression: Regression, most: Floats, seed: int) -> Floats:
    """The weights [D], none above `most` [D], with the least loss predicted: the mean of the hundred best of 50,000
    drawn from the simplex, as RegMix does (Liu et al. 2024, arXiv 2407.01492), for a mean of many mixtures trusts no
    single prediction."""
    drawn = candidates(most, seed)
    best = np.argsort(regression.predict(drawn), kind="stable")[:AVERAGED]
    return drawn[best].mean(axis=0)


def candidates(most: Floats, seed: int) -> Floats:
    """Mixtures [50,000, D] drawn evenly from the simplex, with no weight above `most` [D]."""
    generator = np.random.Generator(np.random.Philox(key=seed))
    return bounded(generator.dirichlet(np.ones(len(most)), CANDIDATES), most)


def optimum_interval(weights: Floats, losses: Floats, regression: Regression, most: Floats, seed: int) -> Floats:
    """The 95 % interval [D, 2] of the optimum's weights: the middle of those that other draws of as many runs give
    (pairs bootstrap, Efron and Tibshirani 1993, section 9.5), kind and strength being kept as they are."""
    generator, drawn = np.random.Generator(np.random.Philox(key=[seed, 1])), candidates(most, seed)
    found: list[Floats] = []
    for _ in range(RESAMPLES):
        rows = generator.integers(0, len(losses), len(losses))
        predicted = _ridge(regression.kind, regression.strength, weights[rows], losses[rows]).predict(drawn)
        found.append(drawn[np.argpartition(predicted, AVERAGED)[:AVERAGED]].mean(axis=0))
    return np.percentile(np.array(found), [2.5, 97.5], axis=0).T


def bounded(weights: Floats, most: Floats) -> Floats:
    """Rows [N, D] of the simplex with what is above `most` [D] given to the rest in proportion to the room left."""
    over = np.maximum(weights - most, 0.0).sum(axis=1, keepdims=True)
    kept = np.minimum(weights, most)
    room = most - kept
    return kept + over * room / np.maximum(room.sum(axis=1, keepdims=True), 1e-300)
