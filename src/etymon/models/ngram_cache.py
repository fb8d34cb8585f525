"""The cache: words that came up lately come up again. A unigram model of the recent text alone, to be mixed in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.models.language_model import Ids, check_ids
from etymon.models.ngram_tables import Floats
from etymon.tokens import Batch

NOTHING = -1
"""In place of a token where the recent text is shorter than the cache."""


class UnigramCache:
    """p(w) = how often w is among the last `length` tokens of its document, of how many there are (Kuhn & De Mori 1990,
    "A Cache-Based Natural Language Model for Speech Recognition"). Where there are none yet it is 1 / V; a word that is
    not among them has probability 0, log-probability -inf, so that it is of use in a `Mixture`.
    """

    family = "cache"
    context: int | None = None

    def __init__(self, vocabulary: int, end_of_text: int, length: int = 500) -> None:
        if length < 1:
            raise EtymonError(f"A cache of {length} tokens remembers nothing", help="give 1 or more; 500 is usual")
        self.vocabulary = vocabulary
        self.end_of_text = end_of_text
        self.length = length

    def log_probs(self, batch: Batch[Any]) -> Floats:
        ids, targets = np.asarray(batch.ids), np.asarray(batch.targets)
        check_ids(ids, self.vocabulary)
        check_ids(targets, self.vocabulary)
        rows = [self._row(*row) for row in zip(ids.astype(np.int64), targets.astype(np.int64), strict=True)]
        return np.stack(rows) if rows else np.zeros(ids.shape)

    def next_log_probs(self, ids: Ids, state: NDArray[np.int64] | None = None) -> tuple[Floats, NDArray[np.int64]]:
        """Log-probabilities [B, V]; the state is the last `length` tokens of each row."""
        check_ids(ids, self.vocabulary)
        before = np.full((len(ids), self.length), NOTHING) if state is None else state
        recent = np.concatenate([before, ids.astype(np.int64)], axis=1)[:, -self.length :]
        p = np.full((len(ids), self.vocabulary), 1 / self.vocabulary)
        for row, tokens in enumerate(recent):
            ends = np.flatnonzero(tokens == self.end_of_text)
            own = tokens[ends[-1] + 1 if len(ends) else 0 :]
            own = own[own != NOTHING]
            if len(own):
                p[row] = np.bincount(own, minlength=self.vocabulary) / len(own)
        return _log(p), recent

    def sites(self) -> Sequence[str]:
        return []

    def _row(self, ids: NDArray[np.int64], targets: NDArray[np.int64]) -> Floats:
        """One row: occurrences in a stretch are two look-ups in all places, sorted by token and then by place."""
        position = np.arange(len(ids))
        document = np.maximum.accumulate(np.where(ids == self.end_of_text, position + 1, 0))
        start = np.maximum(document, position + 1 - self.length)
        places = np.sort(ids * (len(ids) + 1) + position)
        among = np.searchsorted(places, targets * (len(ids) + 1) + position, side="right")
        among -= np.searchsorted(places, targets * (len(ids) + 1) + start)
        size = position + 1 - start
        p = np.divide(among, size, out=np.full(len(ids), 1 / self.vocabulary), where=size > 0)
        return _log(p)


def _log(p: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.log(p)
