"""Permutation: tokens predicted in a random order, the training signal of XLNet (Yang et al. 2019, section 2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from etymon.errors import EtymonError
from etymon.objectives.cross_entropy import summed_cross_entropy
from etymon.tokens import Batch, Mask

if TYPE_CHECKING:
    from etymon.models import XLNet
    from etymon.tokens import Loader

State = tuple[Tensor, ...]
Numbers = NDArray[np.int64]
Bools = NDArray[np.bool_]

GIVEN = -1
"""The rank of what is not asked for: seen by all, and seeing nothing that is."""


@dataclass(frozen=True, kw_only=True)
class Permutation:
    """-log p(token | all that is given, and what was asked for earlier in a random order); a pure function of (loader,
    step, row), so that nothing of it is kept in a checkpoint.

    `predicted` of a row's tokens are asked for, the last ones of the order (1/6; 1: all of them, any order). They are
    spans of 1 to `span` tokens, n of them with probability proportional to 1 / n, each at a random place in a piece of
    n / predicted tokens; what is missing then is single tokens. What ends a document is never asked for. Segments are
    the row's documents."""

    seed: int
    predicted: float = 1 / 6
    span: int = 5

    @property
    def name(self) -> str:
        """What a checkpoint says it was trained by: all that makes another training of it."""
        return f"{self.predicted:.6g} of tokens in any order, spans to {self.span}, seed {self.seed}"

    def __post_init__(self) -> None:
        if not 0 < self.predicted <= 1:
            raise EtymonError(f"A share of {self.predicted} of the tokens cannot be predicted", help="1/6 is usual")
        if self.span < 1:
            raise EtymonError(f"A span of {self.span} tokens is none", help="give 1 or more; 5 is usual")

    def asked(self, length: int) -> tuple[int, float]:
        """`predicted` of a window."""
        return length, self.predicted

    def read(self, batch: Batch[Any]) -> float:
        """All tokens of the rows: those that are not asked for are given."""
        return float(batch.ids.size)

    def batch(self, loader: Loader, step: int, slots: range | None = None) -> Batch[Any]:
        """The rows `slots` of step `step`: each token is its own target, and weights count those that are asked for."""
        windows = loader.batch(step, slots)
        assert windows.documents is not None, "a loader says which document each token is of"
        first = 0 if slots is None else slots.start
        asked, ranks = np.zeros(windows.ids.shape, np.bool_), np.full(windows.ids.shape, GIVEN, np.int64)
        for row, ids in enumerate(windows.ids):
            draw = np.random.default_rng((self.seed, step, first + row))
            asked[row] = self._chosen(ids != loader.stream.end_of_text, draw)
            ranks[row, asked[row]] = draw.permutation(int(asked[row].sum()))
        return Batch(
            ids=windows.ids,
            targets=windows.ids,
            weights=asked.astype(np.float32),
            segments=windows.documents - windows.documents[:, :1],
            ranks=ranks,
            visibility=Mask(permuted=True),
        )

    def _chosen(self, plain: Bools, draw: np.random.Generator) -> Bools:
        """Which positions are asked for: `predicted` of the plain ones, rounded, at least one."""
        chosen = np.zeros(len(plain), np.bool_)
        if not plain.any():
            return chosen
        wanted = max(round(self.predicted * int(plain.sum())), 1)
        lengths = np.arange(1, self.span + 1)
        shares = 1 / lengths / (1 / lengths).sum()
        missing, piece = wanted, 0
        while missing and piece < len(plain):
            length = min(int(draw.choice(lengths, p=shares)), missing)
            size = round(length / self.predicted)
            begin = piece + int(draw.integers(size - length + 1))
            if begin + length > len(plain):
                break
            chosen[begin : begin + length] = plain[begin : begin + length]
            missing, piece = wanted - int(chosen.sum()), piece + size
        left = np.flatnonzero(plain & ~chosen)
        chosen[draw.choice(left, missing, replace=False)] = True
        return chosen

    def loss(
        self, network: XLNet, batch: Batch[Tensor], state: State | None = None
    ) -> tuple[Tensor, Tensor, State | None]:
        """Sum of nats, and how many tokens were asked for. The query stream reads at their positions alone."""
        most = max(int((batch.weights > 0).sum(-1).max()), 1)
        weights, asked = batch.weights.topk(most)  # [B, K]; a row that asks for fewer has weights of 0 behind
        hidden, _ = network(batch, asked=asked)
        targets = batch.targets.gather(-1, asked).flatten()
        nats = summed_cross_entropy(hidden.flatten(0, 1), *network.output, targets, weights.flatten())
        return nats, batch.weights.sum(), None
