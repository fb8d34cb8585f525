"""`step_flops`: what a step costs under an objective that does not ask for every token that is read."""

from __future__ import annotations

from collections.abc import Callable

from etymon.models import Counts
from etymon.objectives.next_token import Objective


def step_flops(objective: Objective, counts: Callable[[int], Counts], rows: int, length: int) -> float:
    """FLOPs of a training step on so many windows of `length` tokens; `counts` is the network's, by row length."""
    row, share = objective.asked(length)
    each = counts(row)
    return rows * row * (each.training_flops_per_token - (1 - share) * each.asked_flops_per_token)
