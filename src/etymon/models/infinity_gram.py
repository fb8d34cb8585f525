"""The infinity-gram: the longest context that occurs at all says what follows, looked up in an index of the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.index import Index
from etymon.models.language_model import Ids, check_ids
from etymon.models.ngram_tables import Floats
from etymon.tokens import Batch


class InfinityGram:
    """p(w | h) = c(hw) / c(h) for the longest suffix h of what was read that occurs in the text (Liu et al. 2024,
    "Infini-gram"). Nothing is smoothed: what never followed h has log-probability -inf, so mix it with another model.

    The index holds the documents as token ids without end-of-text. Where h stands at the end of a document,
    end-of-text followed. Contexts do not reach to the left across an end-of-text.
    """

    family = "infinity-gram"
    context: int | None = None

    def __init__(self, index: Index, vocabulary: int, end_of_text: int) -> None:
        self.index = index
        self.vocabulary = vocabulary
        self.end_of_text = end_of_text
        self._tokens = int(index.artifact.statistics["units"])
        self._documents = sum(index.artifact.statistics["shards"])

    def log_probs(self, batch: Batch[Any]) -> Floats:
        ids, targets = np.asarray(batch.ids), np.asarray(batch.targets)
        check_ids(ids, self.vocabulary)
        check_ids(targets, self.vocabulary)
        p = np.zeros(ids.shape)
        for row, (read, following) in enumerate(zip(ids.astype(np.int64), targets, strict=True)):
            context = np.empty(0, np.int64)
            for at, (token, target) in enumerate(zip(read, following.tolist(), strict=True)):
                context = self._longest(self._lengthened(context, token))
                p[row, at] = self._follows(context, target) / self._occurs(context)
        return _log(p)

    def next_log_probs(
        self, ids: Ids, state: Sequence[NDArray[np.int64]] | None = None
    ) -> tuple[Floats, Sequence[NDArray[np.int64]]]:
        """Log-probabilities [B, V]; the state is the longest context of each row that occurs."""
        check_ids(ids, self.vocabulary)
        contexts = [np.empty(0, np.int64) for _ in ids] if state is None else list(state)
        p = np.zeros((len(ids), self.vocabulary))
        for row, read in enumerate(ids.astype(np.int64)):
            for token in read:
                contexts[row] = self._longest(self._lengthened(contexts[row], token))
            follows = [self._follows(contexts[row], token) for token in range(self.vocabulary)]
            p[row] = np.array(follows) / self._occurs(contexts[row])
        return _log(p), contexts

    def sites(self) -> Sequence[str]:
        return []

    def _lengthened(self, context: NDArray[np.int64], token: np.int64) -> NDArray[np.int64]:
        return np.empty(0, np.int64) if token == self.end_of_text else np.append(context, token)

    def _longest(self, context: NDArray[np.int64]) -> NDArray[np.int64]:
        """The longest suffix that occurs, by halving: a suffix of one that occurs occurs too.

        What was too long before a token is too long after it, so that only the last longest one must be looked at."""
        low, high = 0, len(context)
        while low < high:
            middle = (low + high + 1) // 2
            if self._occurs(context[len(context) - middle :]):
                low = middle
            else:
                high = middle - 1
        return context[len(context) - low :]

    def _occurs(self, context: NDArray[np.int64]) -> int:
        """How often the context occurs; the empty one before every token and every end of a document."""
        if not len(context):
            return self._tokens + self._documents
        in_bytes = self.index.unit == "bytes"
        return self.index.count(context.astype(np.uint8).tobytes() if in_bytes else context.astype(self.index.unit))

    def _follows(self, context: NDArray[np.int64], token: int) -> int:
        """How often the token follows the context."""
        if token != self.end_of_text:
            return self._occurs(np.append(context, token))
        if not len(context):
            return self._documents
        known = np.arange(self.vocabulary)
        return self._occurs(context) - sum(
            self._occurs(np.append(context, other)) for other in known if other != self.end_of_text
        )


def _log(p: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.log(p)
