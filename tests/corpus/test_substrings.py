"""Passages that stand earlier are found to the byte, and where they stand first they stay."""

from __future__ import annotations

import random
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.corpus.substrings import repeated_spans, without_repeats

TEXT = st.text("aé", max_size=30)


def by_hand(texts: list[bytes], least: int) -> list[list[tuple[int, int]]]:
    """Every window that an equal one, which begins at least `least` earlier or in an earlier text, stands before."""
    first: dict[bytes, tuple[int, int]] = {}
    spans: list[list[tuple[int, int]]] = []
    for number, text in enumerate(texts):
        covered: set[int] = set()
        for at in range(len(text) - least + 1):
            document, place = first.setdefault(text[at : at + least], (number, at))
            if document < number or at - place >= least:
                covered.update(range(at, at + least))
        begins = sorted(covered - {each + 1 for each in covered})
        ends = sorted({each + 1 for each in covered} - covered)
        spans.append(list(zip(begins, ends, strict=True)))
    return spans


@settings(deadline=None)
@given(st.lists(TEXT.map(str.encode), max_size=6), st.integers(1, 20))
def test_spans_are_those_of_comparing_every_window_with_every_earlier_one(texts: list[bytes], least: int) -> None:
    assert repeated_spans(texts, least) == by_hand(texts, least)


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from([0, 1, 256]), max_size=12), max_size=5), st.integers(1, 6))
def test_token_ids_repeat_as_whole_ids(texts: list[list[int]], least: int) -> None:
    stored = [np.array(text, ">u2").tobytes() for text in texts]
    as_letters = [bytes({0: 97, 1: 98, 256: 99}[token] for token in text) for text in texts]
    assert repeated_spans(stored, least, width=2) == by_hand(as_letters, least)


@settings(deadline=None)
@given(st.lists(TEXT, max_size=6), st.integers(2, 12))
def test_a_character_is_cut_where_all_its_bytes_repeat(texts: list[str], least: int) -> None:
    kept, cut = without_repeats(texts, least)
    repeated = by_hand([text.encode() for text in texts], least)
    for text, rest, spans, bytes_of in zip(texts, kept, cut, repeated, strict=True):
        ends = list(accumulate(len(c.encode()) for c in text))
        begins = [0, *ends][: len(ends)]
        gone = [any(s <= b and e <= t for s, t in bytes_of) for b, e in zip(begins, ends, strict=True)]
        assert [any(s <= at < e for s, e in spans) for at in range(len(text))] == gone
        assert rest == "".join(c for c, is_gone in zip(text, gone, strict=True) if not is_gone)


def test_a_passage_between_other_words_is_cut_from_all_but_the_first_text() -> None:
    rng = random.Random(0)
    texts = ["".join(rng.choices("abcdefgh ", k=400)) for _ in range(4)]
    passage = "".join(rng.choices("ijklmnop ", k=120))
    kept, cut = without_repeats([text[:200] + passage + text[200:] for text in texts], 100)
    assert kept == [texts[0][:200] + passage + texts[0][200:], *texts[1:]]
    assert cut == [[], *[[(200, 320)]] * 3]


def test_a_text_of_one_letter_keeps_what_a_repeat_needs() -> None:
    assert repeated_spans([b"a" * 100], 10) == [[(10, 100)]]


def test_nothing_repeats_in_nothing() -> None:
    assert repeated_spans([], 5) == []
    assert repeated_spans([b"", b"", b"abc"], 5) == [[], [], []]
    with pytest.raises(ValueError, match="at least 1"):
        repeated_spans([b"a"], 0)
