"""`choose`: exactly the tokens that the settings allow, exactly as often as their probabilities say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.generation import Sampling, choose
from etymon.generation.sampling import top_k, top_p
from etymon.generation.uniforms import uniforms

# Few different values, so that ties are common; minus infinity stands for a token that is impossible.
SCORES = st.lists(st.sampled_from([0.0, -0.5, -1.0, -3.0, -20.0, float("-inf")]), min_size=1, max_size=12)
ROWS = SCORES.filter(lambda row: max(row) > float("-inf"))
UNIFORMS = st.floats(0, 1, exclude_max=True)


def by_likelihood(row: list[float]) -> list[int]:
    return sorted(range(len(row)), key=lambda id: (-row[id], id))


def drawn(row: list[float], sampling: Sampling, draws: int) -> NDArray[np.float64]:
    """How often each token comes, of so many draws."""
    tokens = choose(np.tile(row, (draws, 1)), sampling, uniforms(sampling.seed, np.arange(draws), 0))
    return np.bincount(tokens, minlength=len(row)).astype(np.float64)


@given(row=ROWS, u=UNIFORMS)
def test_temperature_zero_takes_the_likeliest_and_of_equals_the_lowest_id(row: list[float], u: float):
    assert choose(np.array([row]), Sampling(temperature=0), np.array([u]))[0] == by_likelihood(row)[0]


@given(row=ROWS, u=UNIFORMS, k=st.integers(1, 14))
def test_top_k_draws_from_exactly_k(row: list[float], u: float, k: int):
    kept = top_k(np.array([row]), k)[0]
    assert np.flatnonzero(kept).tolist() == sorted(by_likelihood(row)[:k])
    assert choose(np.array([row]), Sampling(top_k=k), np.array([u]))[0] in by_likelihood(row)[:k]


@given(row=ROWS, p=st.floats(0, 1))
def test_top_p_keeps_the_smallest_prefix_that_reaches_p(row: list[float], p: float):
    masses = np.exp(row)
    kept = top_p(masses[None], p)[0]
    order, total = by_likelihood(np.log(np.maximum(masses, 1e-300)).tolist()), masses.sum()
    count = int(kept.sum())
    assert np.flatnonzero(kept).tolist() == sorted(order[:count])
    assert masses[order[:count]].sum() >= p * total * (1 - 1e-12)
    assert count == 1 or masses[order[: count - 1]].sum() < p * total * (1 + 1e-12)


def test_what_has_no_mass_is_not_needed_to_reach_all_of_it():
    row = np.exp([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.5, -1.0, -np.inf])
    assert top_p(row[None], 1.0)[0].tolist() == [True] * 8 + [False]


def test_the_token_that_crosses_p_is_kept():
    row = np.log([0.5, 0.3, 0.2])
    assert top_p(np.exp(row)[None], 0.5)[0].tolist() == [True, False, False]
    assert top_p(np.exp(row)[None], 0.51)[0].tolist() == [True, True, False]


def test_temperature_acts_before_top_p():
    row = np.array([[3.0, 2.0, 1.0]])  # at temperature 0.5 the first has 0.86 of the mass, at 1 only 0.67
    last = np.array([0.999999])
    assert choose(row, Sampling(temperature=0.5, top_p=0.8), last)[0] == 0
    assert choose(row, Sampling(top_p=0.8), last)[0] == 1


@given(row=ROWS, u=UNIFORMS, temperature=st.floats(1e-6, 10), k=st.integers(0, 14), p=st.floats(0, 1))
def test_an_impossible_token_is_never_drawn(row: list[float], u: float, temperature: float, k: int, p: float):
    sampling = Sampling(temperature=temperature, top_k=k, top_p=p)
    assert row[choose(np.array([row]), sampling, np.array([u]))[0]] > float("-inf")


@given(row=ROWS, us=st.lists(UNIFORMS, min_size=2, max_size=5))
def test_keeping_all_is_keeping_all_however_it_is_said(row: list[float], us: list[float]):
    rows = np.tile(row, (len(us), 1))
    plain = choose(rows, Sampling(), np.array(us))
    assert np.array_equal(plain, choose(rows, Sampling(top_k=len(row)), np.array(us)))
    assert np.array_equal(plain, choose(rows + 5.0, Sampling(top_k=len(row) + 3, top_p=1.0), np.array(us)))


@given(rows=st.lists(st.tuples(UNIFORMS, st.permutations([0.0, -1.0, -2.0, -5.0])), min_size=1, max_size=6))
def test_rows_do_not_touch_each_other(rows: list[tuple[float, list[float]]]):
    us, scores = np.array([u for u, _ in rows]), np.array([row for _, row in rows])
    sampling = Sampling(temperature=0.7, top_k=3, top_p=0.9)
    alone = [choose(scores[at : at + 1], sampling, us[at : at + 1])[0] for at in range(len(rows))]
    assert choose(scores, sampling, us).tolist() == alone


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(seed=1), [0.4, 0.3, 0.15, 0.1, 0.05]),
        (Sampling(seed=2, temperature=2.0), np.sqrt([0.4, 0.3, 0.15, 0.1, 0.05])),
        (Sampling(seed=3, temperature=0.5), np.square([0.4, 0.3, 0.15, 0.1, 0.05])),
        (Sampling(seed=4, top_k=3), [0.4, 0.3, 0.15, 0, 0]),
        (Sampling(seed=5, top_p=0.6), [0.4, 0.3, 0, 0, 0]),
        (Sampling(seed=6, temperature=2.0, top_k=4, top_p=0.9), np.sqrt([0.4, 0.3, 0.15, 0.1, 0])),
    ],
    ids=lambda value: str(value) if isinstance(value, Sampling) else "",
)
def test_tokens_come_as_often_as_their_probabilities_say(sampling: Sampling, expected: list[float]):
    draws = 200_000
    wanted = np.array(expected) / np.sum(expected) * draws
    found = drawn(np.log([0.4, 0.3, 0.15, 0.1, 0.05]).tolist(), sampling, draws)
    possible = wanted > 0
    assert found[~possible].sum() == 0
    chi_square = float(((found - wanted)[possible] ** 2 / wanted[possible]).sum())
    assert chi_square < 18.5  # 99.9 % of chi-square with 4 degrees of freedom


def test_a_uniform_just_below_one_stays_within_what_is_kept():
    row = np.log(np.full((1, 1000), 1e-3))
    highest = np.array([np.nextafter(1.0, 0.0)])
    assert choose(row, Sampling(), highest)[0] == 999
    assert choose(row, Sampling(top_k=10), highest)[0] == 9


@pytest.mark.parametrize("bad", [[np.nan, 0.0], [-np.inf, -np.inf], [np.inf, 0.0]])
def test_a_row_without_a_possible_token_is_told_in_words(bad: list[float]):
    with pytest.raises(EtymonError, match="No token can follow") as caught:
        choose(np.array([[0.0, 0.0], bad]), Sampling(), np.zeros(2))
    assert caught.value.where == "row 1"
