"""The learning rate of each step: warm-up, a long stable stretch, and a decay to the end.

Hu et al. 2024 (arXiv 2404.06395) and Hägele et al. 2024 (arXiv 2405.18392), whose 1 - sqrt is the best of the shapes
they tried; a cosine over all steps is Loshchilov and Hutter 2017.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from etymon.training.settings import TrainingSettings

# What is left of the rate, 1 to 0, when the decay has come as far as p, 0 to 1.
SHAPES: dict[str, Callable[[float], float]] = {
    "1-sqrt": lambda p: 1 - math.sqrt(p),
    "linear": lambda p: 1 - p,
    "cosine": lambda p: (1 + math.cos(math.pi * p)) / 2,
}


def learning_rate(settings: TrainingSettings, step: int, progress: float, *, total: int | None) -> float:
    """The rate of the step with this number (from 0), when the decay has come as far as `progress`.

    total: steps in all where that was given beforehand; the warm-up then takes a tenth of them at most.
    """
    warmup = settings.warmup_steps if total is None else min(settings.warmup_steps, total // 10)
    warm = min(1.0, (step + 1) / warmup) if warmup else 1.0
    left = SHAPES[settings.decay](progress)
    return settings.learning_rate * min(warm, settings.minimum_rate + (1 - settings.minimum_rate) * left)
