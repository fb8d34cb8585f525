"""`continue_text`: readable text after a prompt, without the prompt and without broken characters."""

from __future__ import annotations

import numpy as np
import pytest
from bigram import TableModel, random_model
from hypothesis import given
from hypothesis import strategies as st

from etymon.generation import Sampling, continue_text, stream_text
from etymon.tokens import END_OF_TEXT, Tokenizer
from etymon.tokens.vocabulary import assemble

END = 258
"""Ids 0 to 255 are bytes, then two merges: the first two bytes of three in 日, and "th"."""


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(assemble([("æ", "Ĺ"), ("t", "h")], limit=259, special=[END_OF_TEXT]))


def saying(text: bytes) -> TableModel:
    """A model that says just these bytes after the end-of-text and then ends; no byte may come twice."""
    chain = [END, *text, END]
    table = np.full((259, 259), 1e-12)
    table[chain[:-1], chain[1:]] = 1
    return TableModel(table / table.sum(axis=1, keepdims=True))


GREEDY = Sampling(temperature=0, max_tokens=50)


def test_the_text_ends_where_the_model_ends_it(tokenizer: Tokenizer):
    assert continue_text(saying(b"abc!"), tokenizer, "", GREEDY) == "abc!"


def test_the_prompt_is_not_repeated(tokenizer: Tokenizer):
    assert continue_text(saying(b"abcdef"), tokenizer, "abc", GREEDY) == "def"


def test_the_text_ends_at_max_tokens(tokenizer: Tokenizer):
    assert continue_text(saying(b"abcdef"), tokenizer, "", Sampling(temperature=0, max_tokens=3)) == "abc"


def test_a_character_is_held_back_until_it_is_whole(tokenizer: Tokenizer):
    assert list(stream_text(saying("a日é".encode()), tokenizer, "", GREEDY)) == ["a", "日", "é"]


def test_a_character_that_max_tokens_cuts_is_left_out(tokenizer: Tokenizer):
    assert continue_text(saying("a日".encode()), tokenizer, "", Sampling(temperature=0, max_tokens=3)) == "a"


def test_bytes_that_are_no_text_become_replacement_characters(tokenizer: Tokenizer):
    assert continue_text(saying(b"a\xffb"), tokenizer, "", GREEDY) == "a\ufffdb"


NOISE = random_model(259)


@given(seed=st.integers(0, 500))
def test_pieces_are_whole_characters_and_make_the_text(tokenizer: Tokenizer, seed: int):
    sampling = Sampling(seed=seed, max_tokens=40)
    pieces = list(stream_text(NOISE, tokenizer, "日 and more", sampling))
    assert "" not in pieces
    assert "".join(pieces) == continue_text(NOISE, tokenizer, "日 and more", sampling)
    assert "".join(pieces).encode().decode() == "".join(pieces)


def test_requests_under_one_seed_give_different_texts(tokenizer: Tokenizer):
    texts = {continue_text(NOISE, tokenizer, "a", Sampling(max_tokens=20), request=request) for request in range(5)}
    assert len(texts) == 5
