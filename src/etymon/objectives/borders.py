"""Which tokens of a tokenizer begin words, end sentences or may stand behind the end of one, from their bytes."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
from numpy.typing import NDArray

from etymon.tokens import Tokenizer

Bools = NDArray[np.bool_]

GOES_ON = re.compile(rb"[0-9A-Za-z_\x80-\xff]")
"""A token that begins like this goes on with the word before it: a tokenizer of bytes keeps the space before a word."""
ENDS = re.compile(rb"[.!?]['\")\]]*\s*$|\n\s*\n$")
"""A full stop, exclamation or question mark, closing quotes and brackets behind it; or the end of a paragraph."""
OPENS = re.compile(rb"\s")
"""What follows the end of a sentence: so neither 3.14 nor example.org is cut."""


@cache
def word_begins(tokenizer: Tokenizer) -> Bools:
    """[V]: whether a token begins a word; punctuation and spaces do, too."""
    return ~_matching(tokenizer, GOES_ON)


@cache
def sentence_ends(tokenizer: Tokenizer) -> Bools:
    """[V]: whether a sentence can end with a token."""
    return _matching(tokenizer, ENDS, anywhere=True)


@cache
def sentence_opens(tokenizer: Tokenizer) -> Bools:
    """[V]: whether a token can stand behind the end of a sentence."""
    return _matching(tokenizer, OPENS)


def _matching(tokenizer: Tokenizer, pattern: re.Pattern[bytes], *, anywhere: bool = False) -> Bools:
    look = pattern.search if anywhere else pattern.match
    found = np.array([bool(look(tokenizer.token_bytes(id))) for id in range(tokenizer.vocabulary)])
    found[list(tokenizer.special.values())] = False
    return found
