"""Sizes: the convention of our FLOP counts, and the search for the settings nearest to a wanted size.

FLOPs are those of the model, not of a kernel: two for each multiplication with its addition in a matrix product,
nothing for what is done element by element, nothing for recomputation. Backward costs one product for the gradient of
each factor that needs one. The sums equal `torch.utils.flop_counter.FlopCounterMode` on the meta device, with the
plain-mathematics attention and the explicit recurrent cells.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TypeVar

from etymon.models.family import Counts

Settings = TypeVar("Settings")

# The widths that a preset tries: multiples of 64 fill whole vector registers, and heads, on every machine.
WIDTHS = range(64, 16_385, 64)


def nearest(wanted: float, candidates: Iterable[Settings], parameters: Callable[[Settings], int]) -> Settings:
    """The candidate whose number of parameters is nearest to the wanted one in ratio; the first of equals."""
    target = math.log(max(wanted, 1))
    return min(candidates, key=lambda settings: abs(math.log(parameters(settings)) - target))


def decoder_counts(
    *, embedding: int, head: int, layers: int, block: int, matrices: int, across: int, last: int, length: int
) -> Counts:
    """Size and cost of a stack of `layers` equal Transformer blocks, for windows of `length` tokens.

    `embedding`: parameters that only look up; `head`: multiplications of the head for one token; `block`: parameters
    of a block and `matrices` those of them in matrix products; `across`: width of all heads of queries together, over
    which Q K^T and the pattern times V go; `last`: parameters behind the blocks. Attention counts over the full T x T
    square, whatever a kernel skips of it.
    """
    forward = 2 * (layers * (matrices + 2 * length * across) + head)
    return Counts(
        parameters=embedding + layers * block + last,
        embedding_parameters=embedding,
        length=length,
        forward_flops_per_token=forward,
        training_flops_per_token=3 * forward,  # backward: the gradients of both factors of each product
    )
