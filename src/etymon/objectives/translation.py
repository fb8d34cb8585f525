"""Translation: a target given its source, with label smoothing, the training signal of the first Transformer (Vaswani
et al. 2017, section 5.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from etymon.errors import EtymonError
from etymon.models import Network
from etymon.objectives.cross_entropy import summed_cross_entropy
from etymon.tokens import Batch, Mask

if TYPE_CHECKING:
    from etymon.tokens import Loader, TokenStream

State = tuple[Tensor, ...]
Numbers = NDArray[np.int64]

ALIKE = 8
"""Batches' worth of pairs that are sorted by length together."""


@dataclass(frozen=True, kw_only=True)
class Translation:
    """-log p(target | source), summed over the target's tokens; a pure function of (stream, step, row).

    The documents of the loader's stream are pairs: source, target, source, target, … Each epoch visits all of them in
    an order of its own; its last batch is filled up with pairs of weight 0. `smoothing` is the share of a target's
    probability that training spreads evenly over the vocabulary (Szegedy et al. 2016, section 7): it is in the gradient
    alone, the loss that is told stays the cross-entropy. `given`: targets come with their sources; without, the same
    rows have none, and are for a decoder (what is a source worth?)."""

    seed: int
    smoothing: float = 0.1
    given: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing < 1:
            raise EtymonError(f"A label smoothing of {self.smoothing} leaves no label", help="0.1 is usual")

    @property
    def name(self) -> str:
        """What a checkpoint says it was trained by: all that makes another training of it."""
        return f"target{' given source' if self.given else ''}, smoothed by {self.smoothing:g}, seed {self.seed}"

    def asked(self, length: int) -> tuple[int, float]:
        """Rows are as wide as their pairs; counted as windows of which all is asked for."""
        return length, 1.0

    def read(self, batch: Batch[Any]) -> float:
        """The target's tokens."""
        return float(batch.weights.sum())

    def batch(self, loader: Loader, step: int, slots: range | None = None) -> Batch[Any]:
        """The rows `slots` of step `step`, as wide as the longest of them."""
        pairs = _pairs(loader.stream)
        steps = -(-pairs // loader.slots)
        order = self._order(loader.stream, pairs, loader.slots, step // steps)
        rows = np.arange(loader.slots)[slice(None) if slots is None else slice(slots.start, slots.stop)]
        places = step % steps * loader.slots + rows
        whole = self.rows(loader.stream, order[places % pairs].tolist())
        return replace(whole, weights=whole.weights * (places < pairs)[:, None])

    def _order(self, stream: TokenStream, pairs: int, slots: int, epoch: int) -> Numbers:
        """[pairs]: in random order, but `ALIKE` batches' worth of them at a time by length (section 5.1: pairs were
        batched by approximate length), and these batches in random order again."""
        draw = np.random.default_rng((self.seed, epoch))
        order = draw.permutation(pairs)
        lengths = stream.starts[2 * order + 2] - stream.starts[2 * order]
        order = order[np.lexsort((lengths, np.arange(pairs) // (ALIKE * slots)))]
        full = pairs // slots * slots
        return np.concatenate([draw.permutation(order[:full].reshape(-1, slots)).ravel(), order[full:]])

    def rows(self, stream: TokenStream, pairs: Sequence[int]) -> Batch[Any]:
        """These pairs: source, end-of-text, target, and asked for is each token of the target and the end-of-text
        behind it."""
        sources = [_document(stream, 2 * pair)[: None if self.given else 0] for pair in pairs]
        targets = [_document(stream, 2 * pair + 1) for pair in pairs]
        width = max(len(source) + len(target) + 1 for source, target in zip(sources, targets, strict=True))
        ids = np.full((len(pairs), width), stream.end_of_text, np.int64)
        asked, weights = ids.copy(), np.zeros(ids.shape, np.float32)
        for row, (source, target) in enumerate(zip(sources, targets, strict=True)):
            begin, end = len(source), len(source) + len(target) + 1
            ids[row, :begin], ids[row, begin + 1 : end] = source, target
            asked[row, begin : end - 1] = target
            weights[row, begin:end] = 1
        prefixes = np.array([len(source) for source in sources])
        return Batch(ids=ids, targets=asked, weights=weights, prefixes=prefixes, visibility=Mask(prefix=True))

    def loss(
        self, network: Network, batch: Batch[Tensor], state: State | None = None
    ) -> tuple[Tensor, Tensor, State | None]:
        """Sum of nats, and how many tokens were asked for. The head reads at their positions alone."""
        hidden, _ = network(batch)
        asked = batch.weights > 0
        hidden, targets, weights = hidden[asked], batch.targets[asked], batch.weights[asked]
        matrix, offset = network.output
        nats = summed_cross_entropy(hidden, matrix, offset, targets, weights)
        if network.training and self.smoothing:
            # With logits z the cost is (1 - s) (log Z - z_t) + s mean (log Z - z) = log Z - z_t + s (z_t - mean z): of
            # all logits the sum that smoothing adds needs the mean alone, which is a product with the mean row.
            towards = hidden * (matrix[targets] - matrix.mean(0))
            extra = towards.sum(-1) if offset is None else towards.sum(-1) + offset[targets] - offset.mean()
            smoothed = self.smoothing * (extra * weights).sum()
            nats = nats + (smoothed - smoothed.detach())
        return nats, weights.sum(), None


def _pairs(stream: TokenStream) -> int:
    count, odd = divmod(len(stream.starts) - 1, 2)
    if odd or not count:
        raise EtymonError(
            f"A text of {2 * count + odd} documents is no list of pairs",
            why="its documents are sources and targets in turns",
            help="put the target of each document behind it",
        )
    return count


def _document(stream: TokenStream, number: int) -> Numbers:
    """Its tokens, without the end-of-text on either side."""
    return np.asarray(stream.ids[stream.starts[number] + 1 : stream.starts[number + 1]], np.int64)
