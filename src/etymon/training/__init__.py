"""The step: how a network learns, from the order of a step to what a stopped training needs to go on."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from etymon.training.settings import TrainingSettings, what_is_learned

if TYPE_CHECKING:
    from etymon.training.checkpoint import load_weights
    from etymon.training.device import choose_device
    from etymon.training.fingerprint import differences
    from etymon.training.loop import Observer, Trained, train
    from etymon.training.randomness import seeded
    from etymon.training.speed import flops_per_second

_PLACES = {
    "Observer": "loop",
    "Trained": "loop",
    "choose_device": "device",
    "differences": "fingerprint",
    "flops_per_second": "speed",
    "load_weights": "checkpoint",
    "seeded": "randomness",
    "train": "loop",
}

__all__ = [
    "Observer",
    "Trained",
    "TrainingSettings",
    "choose_device",
    "differences",
    "flops_per_second",
    "load_weights",
    "seeded",
    "train",
    "what_is_learned",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"etymon.training.{_PLACES[name]}"), name)
