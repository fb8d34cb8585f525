"""`generate`: any language model writes on, one token at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.generation.sampling import LogProbs, Sampling, choose
from etymon.generation.uniforms import uniforms
from etymon.models import LanguageModel

Ids = NDArray[np.int64]

ENDED = -1
"""What stands in `Step.tokens` for a row that ended at an earlier step."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One more token for each row. tokens [B]: its id, or `ENDED` after a row's stop token. log_probs [B]: the nats
    that the model gave it before any setting of `Sampling` acted, 0 where the row has ended."""

    tokens: Ids
    log_probs: NDArray[np.float64]


def generate(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    sampling: Sampling,
    *,
    stop: Collection[int] = (),
    requests: Sequence[int] | None = None,
) -> Iterator[Step]:
    """Continues each of `prompts` (B lists of ids, of any lengths) until a token of `stop` or `sampling.max_tokens`.

    The stop token is given out, then `ENDED`; the steps stop when all rows have ended. Prompts are never padded: rows
    of one length are read together, each length by itself. What a row draws depends on `sampling.seed`, its number in
    `requests` (its place in the list where None) and the place in its continuation, not on the rows beside it.

    Where prompt and continuation outgrow the model's context, each token is drawn given the last `context` tokens,
    which are read anew for it. Raises EtymonError for an empty prompt or an id that the model does not know.
    """
    numbers = np.arange(len(prompts)) if requests is None else np.asarray(requests, np.int64)
    readers = [_Reader(model, rows, ids, ids.shape[1]) for rows, ids in _by_length(prompts, model.vocabulary)]
    stops = np.array(sorted(stop), np.int64)
    ended = np.zeros(len(prompts), np.bool_)
    for position in range(sampling.max_tokens):
        if ended.all():
            return
        log_probs = np.empty((len(prompts), model.vocabulary))
        for reader in readers:
            log_probs[reader.rows] = reader.next_log_probs()
        tokens = choose(log_probs, sampling, uniforms(sampling.seed, numbers, position))
        for reader in readers:
            reader.append(tokens[reader.rows])
        chosen = log_probs[np.arange(len(tokens)), tokens]
        yield Step(tokens=np.where(ended, ENDED, tokens), log_probs=np.where(ended, 0.0, chosen))
        ended |= np.isin(tokens, stops)


def _by_length(prompts: Sequence[Sequence[int]], vocabulary: int) -> list[tuple[Ids, Ids]]:
    """The prompts of each length: the rows they belong to [b] and their ids [b, t]."""
    rows: defaultdict[int, list[int]] = defaultdict(list)
    for row, prompt in enumerate(prompts):
        if not prompt or not all(0 <= id < vocabulary for id in prompt):
            raise EtymonError(
                "This prompt cannot be continued.",
                where=f"prompt {row}",
                why="it is empty" if not prompt else f"it has an id that is not in 0 … {vocabulary - 1}",
                help="begin with the end-of-text token, and encode with the model's own tokenizer",
            )
        rows[len(prompt)].append(row)
    return [(np.array(of), np.array([prompts[row] for row in of], np.int64)) for of in rows.values()]


@dataclass
class _Reader:
    """Rows of one length that are read together; it hands the model what is new, or all of the context again.

    ids [b, t]: what may still be needed; the last `unread` of them are not in `state` yet.
    """

    model: LanguageModel
    rows: Ids
    ids: Ids
    unread: int
    state: Any = None

    def next_log_probs(self) -> LogProbs:
        context = self.model.context
        if context is not None and self.ids.shape[1] > context:
            self.ids, self.state, self.unread = self.ids[:, -context:], None, context
        log_probs, self.state = self.model.next_log_probs(self.ids[:, -self.unread :], self.state)
        self.unread = 0
        if context is None:
            self.ids = self.ids[:, :0]
        return log_probs

    def append(self, tokens: Ids) -> None:
        self.ids = np.concatenate([self.ids, tokens[:, None]], axis=1)
        self.unread += 1
