"""The computed permutation is one to one, differs by key, and looks random."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from etymon.tokens.permutation import keys, permuted

SIZES = st.one_of(st.integers(1, 20), st.integers(21, 3000))
SEEDS = st.integers(0, 2**64 - 1)


def whole(size: int, seed: int, epoch: int) -> list[int]:
    key = np.repeat(keys(seed, np.array([epoch])), size)
    return permuted(np.arange(size), size, key).tolist()


@given(size=SIZES, seed=SEEDS, epoch=st.integers(0, 10**12))
def test_every_place_is_visited_exactly_once(size: int, seed: int, epoch: int):
    assert sorted(whole(size, seed, epoch)) == list(range(size))


@given(size=SIZES, seed=SEEDS)
def test_rows_of_different_epochs_can_be_computed_together(size: int, seed: int):
    epochs = np.array([0, 7, 0, 3])
    indices = np.array([0, size - 1, size // 2, 0])
    together = permuted(indices, size, keys(seed, epochs)).tolist()
    assert together == [whole(size, seed, epoch)[index] for epoch, index in zip(epochs, indices, strict=True)]


def test_seeds_and_epochs_give_different_orders():
    orders = {tuple(whole(1000, seed, epoch)) for seed in range(5) for epoch in range(5)}
    assert len(orders) == 25


def test_no_place_is_favoured():
    size, epochs = 10, 20_000
    key = keys(1, np.arange(epochs))
    firsts = permuted(np.zeros(epochs, np.int64), size, key)
    counts = np.bincount(firsts, minlength=size)
    chi_square = float(((counts - epochs / size) ** 2 / (epochs / size)).sum())
    assert chi_square < 27.9  # 99.9 % of chi-square with 9 degrees of freedom


def test_neighbours_are_torn_apart():
    order = np.array(whole(4096, 3, 0))
    steps = np.abs(np.diff(order))
    assert abs(steps.mean() - 4096 / 3) < 60
    assert (steps == 1).mean() < 0.005


def test_sizes_beyond_any_memory_are_no_harder():
    size = 10**15
    indices = np.arange(size - 50, size)
    places = permuted(indices, size, np.repeat(keys(0, np.array([5])), 50))
    assert len(set(places.tolist())) == 50
    assert places.min() >= 0 and places.max() < size
