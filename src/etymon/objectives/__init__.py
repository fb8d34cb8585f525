"""The training signal: what a network is asked at each position, and how far off it was."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from etymon.objectives.settings import SETTINGS, MaskedSettings, PermutationSettings

if TYPE_CHECKING:
    from etymon.objectives.choice import objective_for
    from etymon.objectives.cost import step_flops
    from etymon.objectives.cross_entropy import summed_cross_entropy
    from etymon.objectives.masked import Masked
    from etymon.objectives.next_token import NextToken, Objective
    from etymon.objectives.permutation import Permutation
    from etymon.objectives.permuted_pairs import PermutedPairs
    from etymon.objectives.translation import Translation

_PLACES = {
    "Masked": "etymon.objectives.masked",
    "NextToken": "etymon.objectives.next_token",
    "Objective": "etymon.objectives.next_token",
    "Permutation": "etymon.objectives.permutation",
    "PermutedPairs": "etymon.objectives.permuted_pairs",
    "Translation": "etymon.objectives.translation",
    "objective_for": "etymon.objectives.choice",
    "step_flops": "etymon.objectives.cost",
    "summed_cross_entropy": "etymon.objectives.cross_entropy",
}

__all__ = [
    "SETTINGS",
    "Masked",
    "MaskedSettings",
    "NextToken",
    "Objective",
    "Permutation",
    "PermutationSettings",
    "PermutedPairs",
    "Translation",
    "objective_for",
    "step_flops",
    "summed_cross_entropy",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(_PLACES[name]), name)
