"""The infinity-gram: the longest context that occurs at all says what follows, looked up in an index of the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.index import Index
from etymon.models.language_model import Ids, check_ids
from etymon.models.ngram_tables import Floats
from etymon.tokens import Batch


@dataclass(frozen=True)
class Evidence:
    """[B, T] each: tokens in the longest context that occurs, how often it occurs, and how often before the target."""

    lengths: NDArray[np.int64]
    occurred: NDArray[np.int64]
    followed: NDArray[np.int64]


class InfinityGram:
    """p(w | h) = c(hw) / c(h) for the longest suffix h of what was read that occurs in the text (Liu et al. 2024,
    "Infini-gram"). Nothing is smoothed: what never followed h has log-probability -inf; `Infinity` mixes in an n-gram.

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
        found = self.evidence(batch)
        return _log(found.followed / found.occurred)

    def evidence(self, batch: Batch[Any]) -> Evidence:
        """For each position the longest context that occurs, and how often it does before anything and the target."""
        ids, targets = np.asarray(batch.ids), np.asarray(batch.targets)
        check_ids(ids, self.vocabulary)
        check_ids(targets, self.vocabulary)
        found = Evidence(*(np.zeros(ids.shape, np.int64) for _ in range(3)))
        for row, (read, following) in enumerate(zip(ids.astype(np.int64), targets, strict=True)):
            lengths = self._longest_contexts(read)
            contexts = [read[at + 1 - length : at + 1] for at, length in enumerate(lengths.tolist())]
            found.lengths[row], found.occurred[row] = lengths, [self.occurs(context) for context in contexts]
            for at, (context, target) in enumerate(zip(contexts, following.tolist(), strict=True)):
                if at + 1 < len(read) and target == read[at + 1] != self.end_of_text:
                    # The context and this token together are the next longest context, or they never occur.
                    grown = lengths[at + 1] == lengths[at] + 1
                    found.followed[row, at] = found.occurred[row, at + 1] if grown else 0
                else:
                    found.followed[row, at] = self._follows(context, target)
        return found

    def _longest_contexts(self, read: NDArray[np.int64]) -> NDArray[np.int64]:
        """For each token how many that end with it, of its document, occur together.

        What occurs from one token on reaches no less far than what occurs from the token before it: the first stretch
        that reaches a token is the longest that ends there."""
        lengths = np.zeros(len(read), np.int64)
        ends = np.flatnonzero(read == self.end_of_text).tolist()
        for start, end in zip([0, *(at + 1 for at in ends)], [*ends, len(read)], strict=True):
            if start == end:
                continue
            reach = np.arange(end - start) + self.index.longest_match(self._asked(read[start:end])).lengths
            places = np.arange(end - start)
            first = np.searchsorted(reach, places, side="right")
            lengths[start:end] = np.where(first <= places, places + 1 - first, 0)
        return lengths

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
            p[row] = self.follows(contexts[row]) / self.occurs(contexts[row])
        return _log(p), contexts

    def follows(self, context: NDArray[np.int64]) -> NDArray[np.int64]:
        """[V]: how often each token follows the context."""
        found = self.index.following(self._asked(context))
        counts = np.zeros(self.vocabulary, np.int64)
        counts[found.units], counts[self.end_of_text] = found.counts, found.ends
        return counts

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
            if self.occurs(context[len(context) - middle :]):
                low = middle
            else:
                high = middle - 1
        return context[len(context) - low :]

    def occurs(self, context: NDArray[np.int64]) -> int:
        """How often the context occurs; the empty one before every token and every end of a document."""
        return self.index.count(self._asked(context)) if len(context) else self._tokens + self._documents

    def _follows(self, context: NDArray[np.int64], token: int) -> int:
        """How often the token follows the context."""
        if token != self.end_of_text:
            return self.occurs(np.append(context, token))
        return self.index.following(self._asked(context)).ends if len(context) else self._documents

    def _asked(self, context: NDArray[np.int64]) -> Any:
        """The context as the index is asked for it."""
        return context.astype(np.uint8).tobytes() if self.index.unit == "bytes" else context.astype(self.index.unit)


def _log(p: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.log(p)
