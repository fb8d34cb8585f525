"""Randomness as a function: the numbers drawn at a place depend on where that is, and on nothing that came before.

So a checkpoint holds no generator's state, and the same step draws the same numbers after any number of stops.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import contextmanager

import torch


def seed_of(seed: int, *place: int | str) -> int:
    """A number in [0, 2^63) for a place in a run: a hash of the run's seed and the place's parts in order."""
    text = "/".join(map(str, (seed, *place)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def seed_generator(device: torch.device, seed: int) -> None:
    """Seed the generator that draws for tensors on the device, and no other.

    `torch.manual_seed` seeds those of all devices, and notes the whole call stack for each that has not been used yet.
    """
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


@contextmanager
def own_randomness(device: torch.device) -> Generator[None, None, None]:
    """Whatever is seeded and drawn inside, torch's random state is afterwards what it was before."""
    devices = [device] if device.type != "cpu" else []
    with torch.random.fork_rng(devices=devices, device_type=device.type if devices else "cuda"):
        yield


@contextmanager
def seeded(seed: int, *place: int | str) -> Generator[None, None, None]:
    """torch draws as the place says, inside; for fresh weights: `with seeded(seed, "weights"): family.build(...)`."""
    with own_randomness(torch.device("cpu")):
        torch.manual_seed(seed_of(seed, *place))
        yield
