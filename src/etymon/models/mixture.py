"""A mixture: several language models speak at once, each with its weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from etymon.errors import EtymonError
from etymon.models.language_model import Ids, LanguageModel, LogProbs
from etymon.tokens import Batch


class Mixture:
    """p(w | h) = sum over the models of weight x p of the model (Jelinek & Mercer 1980).

    With a `UnigramCache` it is the cache model of Kuhn & De Mori. It sums to 1 as its parts do, and is 0 only where all
    of them are.
    """

    family = "mixture"

    def __init__(self, models: Sequence[LanguageModel], weights: Sequence[float]) -> None:
        if len({model.vocabulary for model in models}) != 1:
            raise EtymonError("Models with different vocabularies cannot be mixed", help="use one tokenizer for all")
        if len(weights) != len(models) or not (min(weights) >= 0 and abs(sum(weights) - 1) <= 1e-9):
            raise EtymonError(
                "These are no weights for a mixture",
                why=f"{len(models)} models need {len(models)} weights of 0 or more that sum to 1, not {list(weights)}",
            )
        self.models, self.weights = models, weights
        self.vocabulary = models[0].vocabulary
        self.context = min((model.context for model in models if model.context is not None), default=None)

    def log_probs(self, batch: Batch[Any]) -> LogProbs:
        return self._mixed([model.log_probs(batch) for model in self.models])

    def next_log_probs(self, ids: Ids, state: Sequence[Any] | None = None) -> tuple[LogProbs, Sequence[Any]]:
        states: Sequence[Any] = [None] * len(self.models) if state is None else state
        said = [model.next_log_probs(ids, own) for model, own in zip(self.models, states, strict=True)]
        return self._mixed([log_probs for log_probs, _ in said]), tuple(own for _, own in said)

    def sites(self) -> Sequence[str]:
        return []

    def _mixed(self, log_probs: Sequence[LogProbs]) -> LogProbs:
        with np.errstate(divide="ignore"):
            parts = [np.log(weight) + each for weight, each in zip(self.weights, log_probs, strict=True)]
        return np.logaddexp.reduce(parts, axis=0)
