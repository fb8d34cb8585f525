"""How fast a training would go here: a few real steps on a network that is thrown away."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

from etymon.models import Network
from etymon.objectives import Objective, step_flops
from etymon.training.device import choose_device, choose_precision, keep_memory
from etymon.training.optimizer import AdamW, clipped_norm
from etymon.training.randomness import own_randomness
from etymon.training.settings import TrainingSettings
from etymon.training.step import Gradients

if TYPE_CHECKING:
    from etymon.tokens import Loader


def flops_per_second(
    network: Network,
    objective: Objective,
    loader: Loader,
    settings: TrainingSettings,
    *,
    device: str,
    seconds: float = 1.5,
) -> float:
    """Model FLOPs per second of training steps of this shape on this machine: the median of those that fit.

    At least three steps are timed, the first before them warms up; more follow until `seconds` have passed. The
    network's weights are changed: give it one that nobody needs.
    """
    place = choose_device(device)
    if place.type == "cpu":
        keep_memory()
    network.to(place).train()
    precision = choose_precision(settings.precision, place)
    gradients = Gradients(network, objective, loader, settings.micro_batch or loader.slots, precision, seed=0)
    optimizer = AdamW(network, settings)
    state, times, begin = None, list[float](), time.monotonic()
    with own_randomness(place):
        for step in range(10_000):
            before = time.monotonic()
            state = gradients.of(step, state).state
            clipped_norm(network, settings.clip)
            optimizer.step(settings.learning_rate)
            times.append(time.monotonic() - before)
            if step >= 3 and time.monotonic() - begin > seconds:
                break
    return step_flops(objective, network.counts, loader.slots, loader.length) / median(times[1:])
