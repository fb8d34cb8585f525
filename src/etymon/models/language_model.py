"""`LanguageModel`: the three methods that make a model of any family one of ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.tokens import Batch

Ids: TypeAlias = NDArray[np.integer[Any]]
"""Token ids, any integer type, each at least 0 and less than the model's vocabulary."""

LogProbs: TypeAlias = NDArray[np.floating[Any]]
"""Natural logarithms of probabilities (their negatives are nats of surprise)."""

State: TypeAlias = Any
"""What a model carries from one call to the next. A search picks rows of it: arrays have the row as their first
dimension, lists an entry for each, tuples are of such parts, numbers hold for all. More of it only its model knows."""


class LanguageModel(Protocol):
    """A model that gives every token a probability. Everything else is a function on it.

    `family` names the kind of model ("ngram", "gpt"); `vocabulary` is the number of token ids, special ones included;
    `context` is the longest row of tokens that it can read (None: as long as you like).
    """

    @property
    def family(self) -> str: ...

    @property
    def vocabulary(self) -> int: ...

    @property
    def context(self) -> int | None: ...

    def log_probs(self, batch: Batch[Any]) -> LogProbs:
        """Nats [B, T]: log p(targets[b, t] | what position t of row b may see), numpy in and out.

        Each row is a window that stands alone: position t sees `ids[b, :t + 1]` and nothing before the row.
        """
        ...

    def next_log_probs(self, ids: Ids, state: State = None) -> tuple[LogProbs, State]:
        """Read `ids` [B, t] (t >= 1) after what `state` remembers; log-probabilities [B, V] of the token that follows.

        The state returned with them goes into the next call, so that a text is read once however it is cut.
        """
        ...

    def sites(self) -> Sequence[str]:
        """The names at which a tap can listen, in the order in which they are computed."""
        ...


@runtime_checkable
class FillsIn(Protocol):
    """A model that says what a hidden token may be, given those on both sides of it; such a one gives a text no
    probability, and writes nothing on."""

    @property
    def family(self) -> str: ...

    @property
    def vocabulary(self) -> int: ...

    @property
    def context(self) -> int: ...

    def hidden_log_probs(self, ids: NDArray[Any], places: NDArray[Any]) -> LogProbs:
        """Log-probabilities [B, V] of the token at `places` [B] of each row of text `ids` [B, T], hidden alone."""
        ...


def check_ids(ids: NDArray[Any], vocabulary: int) -> None:
    """Raise EtymonError for what is no id of the vocabulary, which would silently name something else."""
    if ids.size and ids.dtype.kind not in "iu":
        raise EtymonError("Token ids are whole numbers", why=f"these are of type {ids.dtype}")
    if ids.size and (int(ids.min()) < 0 or int(ids.max()) >= vocabulary):
        raise EtymonError(
            "A token id lies outside the vocabulary of the model",
            why=f"ids go from {int(ids.min())} to {int(ids.max())}, the vocabulary has {vocabulary}",
            help="use the tokenizer with which the model was made",
        )


def check_prompt(ids: NDArray[Any], vocabulary: int) -> None:
    """Raise EtymonError for what `next_log_probs` cannot read: no rows of at least one token."""
    if ids.ndim != 2 or not ids.shape[1]:
        raise EtymonError(
            "There is no token behind which the next one could come",
            why=f"ids have the shape {list(ids.shape)}; rows of one token or more are wanted",
            help="begin a text with end-of-text",
        )
    check_ids(ids, vocabulary)
