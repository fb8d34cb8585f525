"""`TokenizerSettings`: what one may choose about a tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from etymon.recipe import Bytes, Count, Setting
from etymon.tokens.vocabulary import BYTES

_VOCABULARY = Count(4096)
_LEARN_FROM = Bytes(128 << 20)


@dataclass(frozen=True, kw_only=True)
class TokenizerSettings:
    """How text is cut into tokens. What is not here is decided, with its reason where it is done (`merges.py`)."""

    vocabulary: Annotated[
        Count, Setting("kinds of token at most; fewer where the text has no more patterns", low=BYTES + 1, high=1 << 20)
    ] = _VOCABULARY
    learn_from: Annotated[
        Bytes, Setting("of a larger train split, a random part of this size is learned from", low=1)
    ] = _LEARN_FROM
    special: Annotated[
        tuple[str, ...], Setting("names of special tokens beside <|endoftext|>; no text encodes to them")
    ] = ()
