"""The sparsity problem as numbers: how many n-grams of a new text were never seen, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.models.ngram import NgramModel, estimate_ngram
from etymon.models.ngram_settings import NgramSettings
from etymon.tokens import Batch


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """Of the n-grams of one order in a held-out text: how many there are, and how many of them the model never saw."""

    order: int
    grams: int
    unseen: int

    @property
    def share(self) -> float:
        return self.unseen / max(self.grams, 1)


def unseen(model: NgramModel, held_out: NDArray[Any]) -> list[Unseen]:
    """For each order of the model; `held_out` is a token stream. n-grams that reach across an end-of-text are none."""
    ids = np.asarray(held_out, np.int64)
    seen = model.orders(_batch(ids))[0]
    position = np.arange(len(ids))
    left = (position - np.maximum.accumulate(np.where(ids == model.end_of_text, position, 0)))[:-1] + 1
    found: list[Unseen] = []
    for n in range(1, model.settings.order + 1):
        within = left >= n - 1
        found.append(Unseen(order=n, grams=int(within.sum()), unseen=int((within & (seen < n)).sum())))
    return found


@dataclass(frozen=True, kw_only=True)
class Perplexity:
    """exp of the nats per token on `scored` tokens of a model that counted `tokens`; inf where one of them got 0."""

    smoothing: str
    tokens: int
    scored: int
    perplexity: float


def perplexities(
    choices: Sequence[NgramSettings],
    vocabulary: int,
    train: NDArray[Any],
    held_out: NDArray[Any],
    end_of_text: int,
    amounts: Sequence[int],
) -> list[Perplexity]:
    """Each of these settings on the first `amounts` tokens of the training stream, cut after a whole document."""
    ends = np.flatnonzero(np.asarray(train) == end_of_text)
    found: list[Perplexity] = []
    for amount in amounts:
        part = train[: int(ends[ends <= amount][-1]) + 1]
        for settings in choices:
            model = estimate_ngram(settings, vocabulary, part, end_of_text)
            nats = model.log_probs(_batch(np.asarray(held_out, np.int64)))
            found.append(
                Perplexity(
                    smoothing=settings.smoothing,
                    tokens=len(part) - 1,
                    scored=nats.size,
                    perplexity=float(np.exp(-nats.mean())),
                )
            )
    return found


def _batch(ids: NDArray[Any]) -> Batch[Any]:
    return Batch(ids=ids[None, :-1], targets=ids[None, 1:], weights=np.ones((1, len(ids) - 1)))
