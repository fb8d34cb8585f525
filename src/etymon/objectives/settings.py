"""What each training signal leaves to choose, as settings of a recipe; next-token prediction leaves nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from etymon.errors import EtymonError
from etymon.recipe import Setting


@dataclass(frozen=True, kw_only=True)
class MaskedSettings:
    """What is hidden from a network that sees to both sides, and whether it is asked for pairs of segments."""

    hidden: Annotated[float, Setting("share of the tokens that are asked for", low=0.001, high=0.9)] = 0.15
    whole_words: Annotated[bool, Setting("hide all tokens of a word together")] = False
    span: Annotated[
        int, Setting("longest run of tokens hidden together (SpanBERT's is 10); 1: single tokens", unit="tokens", low=1)
    ] = 1
    pairs: Annotated[
        bool, Setting("rows are two segments, and the network is asked whether the second follows the first")
    ] = True
    packed: Annotated[
        bool, Setting("a row holds a pair of every document in its window, each apart; false: one pair, and padding")
    ] = True

    def __post_init__(self) -> None:
        if self.whole_words and self.span > 1:
            raise EtymonError(
                "Whole words or spans can be hidden, not both", help="leave out whole_words or set span=1"
            )


@dataclass(frozen=True, kw_only=True)
class PermutationSettings:
    """What is asked for in a random order."""

    predicted: Annotated[
        float, Setting("share of the tokens that are asked for, the last of the order; 1: all", low=0.001, high=1)
    ] = 1 / 6
    span: Annotated[int, Setting("longest run of tokens asked for together", unit="tokens", low=1)] = 5


SETTINGS: Mapping[str, type[Any]] = {"masked": MaskedSettings, "permutation": PermutationSettings}
"""The settings of each objective that has any, by the name in `Family.objective`."""
