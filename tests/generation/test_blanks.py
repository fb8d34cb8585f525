"""A model that fills in is shown at its work: one token of six, hidden alone, in brackets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from etymon.generation import fill_blanks
from etymon.tokens import END_OF_TEXT, Tokenizer
from etymon.tokens.vocabulary import assemble

X = ord("x")


class SaysX:
    """Guesses "x" for every hidden token, and keeps what it was asked."""

    family, vocabulary, context = "masked", 258, 20

    def __init__(self) -> None:
        self.asked: list[tuple[NDArray[Any], NDArray[Any]]] = []

    def hidden_log_probs(self, ids: NDArray[Any], places: NDArray[Any]) -> NDArray[np.float64]:
        self.asked.append((ids, places))
        return np.where(np.arange(self.vocabulary) == X, 0.0, -np.inf)[None].repeat(len(ids), 0)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(assemble([("t", "h")], limit=258, special=[END_OF_TEXT]))


def test_one_token_of_six_stands_in_brackets_and_the_rest_as_it_was(tokenizer: Tokenizer) -> None:
    model = SaysX()
    assert fill_blanks(model, tokenizer, "0123456789abc") == "012[x]45678[x]abc"
    ((ids, places),) = model.asked
    assert places.tolist() == [3, 9]
    assert ids.tolist() == [tokenizer.encode("0123456789abc").tolist()] * 2


def test_a_text_is_cut_to_the_context_and_may_be_short_or_empty(tokenizer: Tokenizer) -> None:
    assert fill_blanks(SaysX(), tokenizer, "0" * 30) == "000[x]00000[x]00000[x]0000"
    assert fill_blanks(SaysX(), tokenizer, "0") == "[x]"
    assert fill_blanks(SaysX(), tokenizer, "") == ""
