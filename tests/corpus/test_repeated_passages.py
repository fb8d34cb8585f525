"""Passages that stand earlier are found in any number of texts exactly as in all of them at once."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.corpus.passages import earlier_passages
from etymon.corpus.substrings import repeated_spans
from etymon.corpus.winnow import fingerprints

LETTERS = st.text("ab", max_size=60).map(str.encode)


def texts_of(seed: int, count: int = 40) -> list[bytes]:
    """Texts of phrases, some of which stand in several."""
    rng = random.Random(seed)
    phrases = ["".join(rng.choices("abcdefgh ", k=rng.randint(10, 90))) for _ in range(60)]
    return ["".join(rng.choices(phrases, k=rng.randint(0, 8))).encode() for _ in range(count)]


@settings(deadline=None, max_examples=200)
@given(st.lists(LETTERS, max_size=6), st.integers(1, 24), st.sampled_from([1 << 20, 600]))
def test_the_spans_are_those_of_all_texts_at_once(texts: list[bytes], least: int, at_once: int) -> None:
    passages = earlier_passages(lambda: enumerate(texts), least, at_once)
    if passages.bytes_apart == 0:
        assert [passages.spans.get(row, []) for row in range(len(texts))] == repeated_spans(texts, least)


@pytest.mark.parametrize("least", [20, 33, 50])
@pytest.mark.parametrize("at_once", [1 << 20, 4_000])
def test_a_search_in_parts_finds_the_same(least: int, at_once: int) -> None:
    for seed in range(4):
        texts = texts_of(seed)
        passages = earlier_passages(lambda texts=texts: enumerate(texts), least, at_once)
        assert passages.bytes_apart == 0
        assert (passages.parts > 1) == (at_once == 4_000)
        assert [passages.spans.get(row, []) for row in range(len(texts))] == repeated_spans(texts, least)


def test_what_one_passage_in_too_many_texts_leaves_unsearched_is_told() -> None:
    texts = [b"%05d<a notice under every page .>%05d" % (number, number) for number in range(200)]
    passages = earlier_passages(lambda: enumerate(texts), 30, 2_000)
    assert passages.bytes_apart > 0
    assert sum(map(bool, repeated_spans(texts, 30))) == 199
    assert 100 < sum(bool(passages.spans.get(row)) for row in range(200)) < 199


@given(LETTERS, LETTERS, LETTERS, LETTERS, st.text("ab", min_size=1, max_size=30).map(str.encode))
def test_equal_passages_share_a_fingerprint_at_the_same_place(
    one: bytes, two: bytes, three: bytes, four: bytes, passage: bytes
) -> None:
    chosen = []
    for before, after in ((one, two), (three, four)):
        places, hashes = fingerprints(before + passage + after, len(passage))
        inside = [
            (place - len(before), hash)
            for place, hash in zip(places.tolist(), hashes.tolist(), strict=True)
            if len(before) <= place <= len(before) + len(passage) - (len(passage) // 2 or 1)
        ]
        chosen.append(set(inside))
    assert chosen[0] & chosen[1]


def test_few_places_are_chosen() -> None:
    rng = random.Random(1)
    text = bytes(rng.choices(b"abcdefghij ", k=100_000))
    assert 0.015 < len(fingerprints(text, 200)[0]) / len(text) < 0.025
