"""Weights of a mixture, fitted to a text that none of its models has learned from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from etymon.models.ngram_tables import Floats
from etymon.tokens import Batch

Scored: TypeAlias = Callable[[Callable[[Batch[Any]], NDArray[Any]], int | None], NDArray[Any]]
"""(ask, longest window) -> what `ask` answers for each token of a text, [n, ...]: `evaluation.scored_tokens` of it."""

STEPS = 200
LEAST_GAIN = 1e-9
"""Nats per token: once a step brings less, the weights stay."""


def em(p: Floats) -> Iterator[tuple[Floats, float]]:
    """Weights [K] of models that give the same tokens the probabilities p [K, n], step after step, and the mean nats
    that the mixture costs a token: expectation-maximisation (Dempster, Laird & Rubin 1977), from equal weights.

    Each weight becomes the share of the tokens that its model accounts for, so that no step makes the text less
    likely; the mean is concave in the weights, so that there is one best place.
    """
    weights = np.full(len(p), 1 / len(p))
    while True:
        mixed = weights @ p
        with np.errstate(divide="ignore"):
            yield weights, float(-np.log(mixed).mean()) if p.shape[1] else 0.0
        if not p.shape[1]:
            continue
        shares = np.divide(p, mixed, out=np.full(p.shape, 1.0), where=mixed > 0)
        weights = weights * shares.mean(axis=1)
        weights /= weights.sum()


def fitted_weights(p: Floats) -> Floats:
    """The weights [K] under which the mixture says most for the tokens with probabilities p [K, n]."""
    before = np.inf
    weights = np.full(len(p), 1 / len(p))
    for step, (weights, nats) in enumerate(em(p)):  # noqa: B007 (the last one is what is wanted)
        if step == STEPS or before - nats < LEAST_GAIN:
            break
        before = nats
    return weights
