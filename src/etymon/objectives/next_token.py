"""Next token: the training signal of every left-to-right model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor

from etymon.models import Network
from etymon.objectives.cross_entropy import summed_cross_entropy
from etymon.tokens import Batch

if TYPE_CHECKING:
    from etymon.tokens import Loader

State = tuple[Tensor, ...]


class Objective(Protocol):
    """What a training minimises: batches made from a loader, and a loss as (sum, count), so that whoever adds up
    several micro-batches can divide once."""

    @property
    def name(self) -> str:
        """What a checkpoint says it was trained by."""
        ...

    def asked(self, length: int) -> tuple[int, float]:
        """How many tokens a row has that is made from a window of `length`, and the share of them that is asked for."""
        ...

    def read(self, batch: Batch[Any]) -> float:
        """How many tokens the network learns from in a batch: what a training counts as read."""
        ...

    def batch(self, loader: Loader, step: int, slots: range | None = None) -> Batch[Any]:
        """The rows `slots` of step `step`, as numpy arrays; a pure function of its arguments."""
        ...

    def loss(
        self, network: Network, batch: Batch[Tensor], state: State | None = None
    ) -> tuple[Tensor, Tensor, State | None]:
        """Sum of nats (scalar, fp32), how many targets it is over, and the state for the batch that follows.

        What a network's penalty adds is in the gradient alone: the loss that is told stays the cross-entropy.
        """
        ...


class NextToken:
    """-log p(next token | all before it), summed over the targets that count."""

    name = "next token"

    def asked(self, length: int) -> tuple[int, float]:
        """Every token of a window."""
        return length, 1.0

    def read(self, batch: Batch[Any]) -> float:
        """The targets that count: each token once an epoch."""
        return float(batch.weights.sum())

    def batch(self, loader: Loader, step: int, slots: range | None = None) -> Batch[Any]:
        """The rows `slots` of step `step`, as the loader has them."""
        return loader.batch(step, slots)

    def loss(
        self, network: Network, batch: Batch[Tensor], state: State | None = None
    ) -> tuple[Tensor, Tensor, State | None]:
        """Sum of nats, number of targets, and what the network remembers if the next batch goes on where this ends.

        The state handed on is cut off from the graph: gradients end where the batch begins.
        """
        keeper = _Keeper(network.penalised) if network.training and network.penalised else None
        hidden, after = network(batch, tap=keeper, state=state if batch.carries_state else None)
        weights = batch.weights.flatten()
        nats = summed_cross_entropy(hidden.flatten(0, 1), *network.output, batch.targets.flatten(), weights)
        if keeper is not None:  # a sum over targets, so that whoever divides by their number divides this with it
            penalty = (network.penalty(keeper.heard) * batch.weights).sum()
            nats = nats + (penalty - penalty.detach())
        kept = tuple(memory.detach() for memory in after) if batch.carries_state and after is not None else None
        return nats, weights.sum(), kept


class _Keeper:
    """A tap that keeps what it hears at some sites."""

    def __init__(self, sites: Sequence[str]) -> None:
        self.sites = sites
        self.heard: dict[str, Tensor] = {}

    def __call__(self, site: str, value: Tensor) -> Tensor:
        self.heard[site] = value
        return value
