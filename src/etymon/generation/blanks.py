"""`fill_blanks`: what a model that sees both sides puts in the place of single tokens of a text."""

from __future__ import annotations

import numpy as np

from etymon.models import FillsIn
from etymon.tokens import Tokenizer


def fill_blanks(model: FillsIn, tokenizer: Tokenizer, text: str, *, every: int = 6) -> str:
    """The text, cut to the model's context, with one token of `every` replaced by its likeliest guess in [brackets].

    Each of them is guessed with all other tokens of the text in view as they are."""
    ids = np.asarray(tokenizer.encode(text)[: model.context], np.int64)
    if not len(ids):
        return ""
    places = np.arange(min(every // 2, len(ids) - 1), len(ids), every)
    guesses = np.asarray(model.hidden_log_probs(np.tile(ids, (len(places), 1)), places)).argmax(-1)
    pieces: list[str] = []
    for before, place, guess in zip([-1, *places[:-1]], places, guesses, strict=True):
        said = tokenizer.decode([guess])
        word = said.lstrip()
        space = said.removesuffix(word) if word else ""
        inside = word or said.replace("\n", "\\n")  # a line that ends would be seen as nothing
        pieces.append(f"{tokenizer.decode(ids[before + 1 : place])}{space}[{inside}]")
    return "".join([*pieces, tokenizer.decode(ids[places[-1] + 1 :])])
