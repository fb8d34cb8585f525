"""One step's gradient: micro-batch by micro-batch, divided once by all targets of the step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from etymon.errors import EtymonError
from etymon.models import Network, as_tensors
from etymon.objectives import Objective
from etymon.training.device import autocast
from etymon.training.randomness import seed_generator, seed_of

if TYPE_CHECKING:
    from etymon.tokens import Loader

State = tuple[Tensor, ...]


@dataclass(frozen=True)
class Gradient:
    """What a step's batch says: mean `loss` in nats per target, the tokens it was read from, the state for the next
    step."""

    loss: float
    tokens: int
    state: State | None


@dataclass(frozen=True)
class Gradients:
    """Works out gradients: everything about them that is the same in all steps."""

    network: Network
    objective: Objective
    loader: Loader
    rows: int  # of a micro-batch
    precision: torch.dtype
    seed: int

    @property
    def pieces(self) -> list[range]:
        """The rows of each micro-batch."""
        return [range(i, min(i + self.rows, self.loader.slots)) for i in range(0, self.loader.slots, self.rows)]

    def of(self, step: int, state: State | None) -> Gradient:
        """Put the gradient of the mean loss of a step into the network's parameters.

        The sums of nats of all micro-batches are divided by the number of targets of the whole step, so that it does
        not matter how the rows are split, nor that rows have different numbers of targets.
        """
        device = self.network.device
        pieces = self.pieces
        batches = [self.objective.batch(self.loader, step, piece) for piece in pieces]
        targets = sum(float(batch.weights.sum()) for batch in batches)
        if not targets:
            raise EtymonError(
                f"Step {step + 1} asks for no token",
                why="nothing stands in its rows but ends of documents",
                help="give longer rows, or a text with longer documents",
            )
        nats = torch.zeros((), device=device)
        after: list[State] = []
        for number, (piece, batch) in enumerate(zip(pieces, batches, strict=True)):
            seed_generator(device, seed_of(self.seed, step, number, "dropout"))
            before = None if state is None else tuple(memory[piece.start : piece.stop] for memory in state)
            with autocast(device, self.precision):
                part, _, kept = self.objective.loss(self.network, as_tensors(batch, device), before)
            (part / targets).backward()
            nats += part.detach()
            after += [] if kept is None else [kept]
        joined = tuple(torch.cat(memories) for memories in zip(*after, strict=True)) if after else None
        tokens = round(sum(self.objective.read(batch) for batch in batches))
        return Gradient(float(nats) / targets, tokens, joined)
