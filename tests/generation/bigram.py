"""A small language model with known probabilities: the next token depends on the last few and on nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.tokens import Batch


class TableModel:
    """p(next | last `order` tokens) from a table [V, …, V] (order + 1 axes); before the text there are only zeros.

    `reads` keeps the shape of every call, so that a test can tell how the text was fed.
    """

    family = "table"

    def __init__(self, probabilities: NDArray[np.float64], context: int | None = None) -> None:
        self.table = np.log(probabilities)
        self.order = probabilities.ndim - 1
        self.vocabulary = probabilities.shape[-1]
        self.context = context
        self.reads: list[tuple[int, ...]] = []

    def next_log_probs(self, ids: NDArray[Any], state: Any = None) -> tuple[NDArray[np.float64], Any]:
        self.reads.append(ids.shape)
        before, length = (np.zeros((len(ids), self.order), np.int64), 0) if state is None else state
        length += ids.shape[1]
        assert ids.shape[1] >= 1
        assert self.context is None or length <= self.context
        last = np.concatenate([before, ids], axis=1)[:, -self.order :]
        return self.table[tuple(last.T)], (last, length)

    def log_probs(self, batch: Batch[Any]) -> NDArray[np.float64]:
        rows = [
            [self.next_log_probs(batch.ids[:, : t + 1])[0][b, batch.targets[b, t]] for t in range(batch.ids.shape[1])]
            for b in range(len(batch.ids))
        ]
        return np.array(rows)

    def sites(self) -> Sequence[str]:
        return []


def random_model(vocabulary: int, order: int = 1, context: int | None = None, seed: int = 0) -> TableModel:
    table = np.random.default_rng(seed).gamma(0.5, size=(vocabulary,) * (order + 1)) + 1e-6
    return TableModel(table / table.sum(axis=-1, keepdims=True), context)
