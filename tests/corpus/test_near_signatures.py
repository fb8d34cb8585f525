"""Word 5-grams and MinHash signatures: as sets of Python say, and agreeing as often as Jaccard similarity says."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.corpus.near import PRESETS, NearSettings, jaccard, shingles, signatures

WORD = re.compile(r"[\u3041-\u9fff]|[a-z0-9\u00c0-\u024f]+")
WORDS = st.sampled_from(["tea", "Tea", "cup", "7", "über", "水", "火", "of", "x1"])
TEXTS = st.lists(st.lists(WORDS | st.sampled_from(["—", "!", "\n", "’"]), max_size=30).map(" ".join), max_size=6)


def sets_of(text: str) -> set[tuple[str, ...]]:
    """The word 5-grams of a text, the slow way."""
    words = WORD.findall(text.lower())
    return {tuple(words[place : place + 5]) for place in range(len(words) - 4)}


def expected(a: str, b: str) -> float:
    one, two = sets_of(a), sets_of(b)
    return len(one & two) / len(one | two) if one and two else 0.0


@given(TEXTS)
def test_shingles_are_the_sets_that_python_makes(texts: list[str]) -> None:
    made = shingles(texts)
    assert [len(each) for each in made] == [len(sets_of(text)) for text in texts]
    for a, one in zip(texts, made, strict=True):
        assert (np.diff(one) > 0).all()
        for b, two in zip(texts, made, strict=True):
            assert jaccard(one, two) == pytest.approx(expected(a, b))


@given(TEXTS)
def test_a_text_has_the_same_shingles_and_signature_in_any_batch(texts: list[str]) -> None:
    settings = PRESETS["default"]
    together = signatures(texts, settings)
    assert together.shape == (len(texts), settings.hashes)
    for number, text in enumerate(texts):
        assert np.array_equal(together[number], signatures([text], settings)[0])
        assert np.array_equal(shingles(texts)[number], shingles([text])[0])


@pytest.mark.parametrize("text", ["", "   \n", "four words are few", "!!! … — ???", "水火"])
def test_fewer_than_five_words_have_no_shingles_and_a_signature_of_zeros(text: str) -> None:
    assert len(shingles([text])[0]) == 0
    assert not signatures([text], PRESETS["fineweb"]).any()


def test_ideographs_are_words_each() -> None:
    assert len(shingles(["天地玄黃宇宙洪荒"])[0]) == 4


def test_case_punctuation_and_white_space_do_not_matter() -> None:
    one, two = shingles(["The cat, she sat: on “mats”!", "the CAT she\n\nsat on — mats"])
    assert np.array_equal(one, two)


def test_signatures_agree_as_often_as_the_texts_are_alike() -> None:
    random = np.random.default_rng(0)
    settings = NearSettings(bands=256, rows=8, threshold=0.7, verify=True)
    words = [f"w{number}" for number in random.permutation(4000)]
    base = " ".join(words[:1004])
    for shared in (250, 500, 900):
        other = " ".join([*words[:shared], *words[2000 : 3004 - shared]])
        similarity = jaccard(*shingles([base, other]))
        one, two = signatures([base, other], settings)
        spread = (similarity * (1 - similarity) / settings.hashes) ** 0.5
        assert abs((one == two).mean() - similarity) < 5 * spread + 1 / 1000
