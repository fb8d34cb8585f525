"""`beam_search`: the likeliest text that can be found by keeping a few beginnings of it at a time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.models import LanguageModel

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Hypothesis:
    """A continuation: `tokens` with the stop token that ended it, their nats in all, and the score that ranks it."""

    tokens: tuple[int, ...]
    log_prob: float
    score: float


def beam_search(
    model: LanguageModel,
    prompt: Sequence[int],
    *,
    stop: Collection[int],
    max_tokens: int,
    beams: int = 4,
    length_penalty: float = 0.6,
) -> list[Hypothesis]:
    """At most `beams` continuations of the prompt, the best first; all of them ended, or `max_tokens` long.

    The `beams` likeliest beginnings are kept. One that ends leaves the search and its place, so that the search is over
    when all have ended (Sutskever et al. 2014, section 3.2). Scores are log p / ((5 + length) / 6)^length_penalty (Wu
    et al. 2016, arXiv 1609.08144, equation 14), as for the first Transformer with its 4 beams. One beam is greedy.

    Raises EtymonError where prompt and continuation would outgrow the model's context.
    """
    _check(model, len(prompt), max_tokens, beams)
    found: list[Hypothesis] = []
    log_probs, state = model.next_log_probs(np.array([prompt], np.int64))
    begun, nats = np.zeros((1, 0), np.int64), np.zeros(1)
    for length in range(1, max_tokens + 1):
        totals = nats[:, None] + np.asarray(log_probs, np.float64)  # [live, V]
        places = np.argsort(-totals, axis=None, kind="stable")[: beams - len(found)]
        rows, tokens = np.divmod(places, totals.shape[1])
        begun, nats = np.column_stack([begun[rows], tokens]), totals.ravel()[places]
        ends = np.isin(tokens, list(stop)) | (length == max_tokens)
        found += [_hypothesis(begun[row], nats[row], length_penalty) for row in np.flatnonzero(ends)]
        rows, begun, nats = rows[~ends], begun[~ends], nats[~ends]
        if not len(rows):
            break
        log_probs, state = model.next_log_probs(begun[:, -1:], _rows(state, rows))
    return sorted(found, key=lambda hypothesis: -hypothesis.score)


def _check(model: LanguageModel, length: int, max_tokens: int, beams: int) -> None:
    if not length or beams < 1 or max_tokens < 1:
        raise EtymonError(
            f"A search from {length} tokens with {beams} beams for {max_tokens} more finds nothing",
            help="give 1 or more of each",
        )
    if model.context is not None and length + max_tokens - 1 > model.context:
        raise EtymonError(
            f"{length} tokens and {max_tokens} more do not fit a {model.family} that reads {model.context} at once",
            help=f"search for at most {max(model.context - length + 1, 0)} more",
        )


def _hypothesis(tokens: Ids, log_prob: float, length_penalty: float) -> Hypothesis:
    score = log_prob / ((5 + len(tokens)) / 6) ** length_penalty
    return Hypothesis(tuple(tokens.tolist()), float(log_prob), float(score))


def _rows(state: Any, rows: Ids) -> Any:
    """The state of these rows."""
    if isinstance(state, tuple):
        return tuple(_rows(part, rows) for part in cast("tuple[Any, ...]", state))
    if isinstance(state, list):
        return [state[row] for row in rows]
    return state[rows] if hasattr(state, "shape") else state
