"""Counter-based random numbers: the published values, no state, and an even spread."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.generation.uniforms import philox, uniforms

# Random123's known-answer file kat_vectors, philox4x32 of 10 rounds.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text: str) -> np.ndarray:
    return np.array([int(word, 16) for word in text.split()], np.uint64)


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_philox_gives_the_published_answers(counter: str, key: str, answer: str):
    assert philox(words(counter)[None], words(key))[0].tolist() == words(answer).tolist()


@given(
    seed=st.integers(0, 2**64 - 1),
    requests=st.lists(st.integers(0, 2**62), min_size=1, max_size=8),
    position=st.integers(0, 2**62),
)
def test_each_number_depends_on_its_own_seed_request_and_position_only(seed: int, requests: list[int], position: int):
    together = uniforms(seed, np.array(requests), position)
    alone = [uniforms(seed, np.array([request]), position)[0] for request in requests]
    assert together.tolist() == alone
    assert ((together >= 0) & (together < 1)).all()


def test_neighbouring_seeds_requests_and_positions_differ():
    drawn = {float(u) for seed in range(5) for position in range(5) for u in uniforms(seed, np.arange(5), position)}
    assert len(drawn) == 125


def test_numbers_are_spread_evenly():
    drawn = uniforms(7, np.arange(100_000), 3)
    counts = np.histogram(drawn, bins=100, range=(0, 1))[0]
    chi_square = float(((counts - 1000) ** 2 / 1000).sum())
    assert 58 < chi_square < 149  # 99.8 % of chi-square with 99 degrees of freedom
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.01
