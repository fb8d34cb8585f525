"""Mixing: shares hold at every point of the reading, and a reading that was stopped goes on as if it had not been."""

from __future__ import annotations

import math
from collections import Counter
from itertools import accumulate, islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.corpus.mixing import (
    Weights,
    even_rows,
    limited,
    order,
    realised,
    weights_by_hand,
    weights_by_temperature,
)
from etymon.errors import EtymonError

NAMES = ["a", "b", "c", "d", "e"]
SHARES = st.lists(st.floats(0.01, 1), min_size=1, max_size=5).map(
    lambda values: Weights({name: value / math.fsum(values) for name, value in zip(NAMES, values, strict=False)})
)
SIZES = st.lists(st.integers(0, 1000), min_size=1, max_size=40)
SEEDS = st.integers(0, 2**40)


def documents_of(weights: Weights, sizes: list[int]) -> tuple[list[int], list[str]]:
    """Sizes and domains of documents, each domain with at least one that holds text."""
    names = list(weights.shares)
    every = [*sizes, *(1 for _ in names)]
    return every, [names[number % len(names)] for number in range(len(sizes))] + names


@given(weights=SHARES, sizes=SIZES, seed=SEEDS)
def test_no_domain_is_ever_further_from_its_share_than_the_stated_bound(weights, sizes, seed):
    sizes, domains = documents_of(weights, sizes)
    largest, read, total = max(sizes), Counter[str](), 0
    for document in islice(order(sizes, domains, weights, seed=seed, budget=5000), 2000):
        read[domains[document]] += sizes[document]
        total += sizes[document]
        for domain, share in weights.shares.items():
            ahead = read[domain] - share * total
            assert -(len(weights.shares) - 1) * largest - 1e-6 <= ahead <= largest + 1e-6


@given(weights=SHARES, sizes=SIZES, seed=SEEDS, start=st.integers(0, 50))
def test_a_reading_goes_on_anywhere_as_if_it_had_not_stopped(weights, sizes, seed, start):
    sizes, domains = documents_of(weights, sizes)
    whole = list(order(sizes, domains, weights, seed=seed, budget=300))
    assert list(order(sizes, domains, weights, seed=seed, budget=300, start=start)) == whole[start:]


@given(weights=SHARES, sizes=SIZES, seed=SEEDS)
def test_all_documents_of_a_domain_are_read_before_one_is_read_again(weights, sizes, seed):
    sizes, domains = documents_of(weights, sizes)
    read = list(islice(order(sizes, domains, weights, seed=seed, budget=10_000), 300))
    for domain in weights.shares:
        own = [document for document in read if domains[document] == domain]
        members = sum(size > 0 and name == domain for size, name in zip(sizes, domains, strict=True))
        for begin in range(0, len(own), members):
            assert len(set(own[begin : begin + members])) == len(own[begin : begin + members])


@pytest.mark.parametrize("stop", [0, 1, 700, 2999])
def test_realised_shares_are_within_a_thousandth_wherever_the_reading_stopped(stop: int):
    generator = np.random.default_rng(3)
    sizes = generator.integers(50, 2000, 3000).tolist()
    domains = generator.choice(["news", "code", "law"], 3000, p=[0.7, 0.25, 0.05]).tolist()
    weights = weights_by_hand({"news": 1, "code": 1, "law": 0.25}, {"news": 1, "code": 1, "law": 1})
    first = list(islice(order(sizes, domains, weights, seed=5, budget=4_000_000), stop))
    whole = first + list(order(sizes, domains, weights, seed=5, budget=4_000_000, start=stop))
    for domain, share in realised(whole, sizes, domains).items():
        assert share == pytest.approx(weights.shares[domain], abs=0.001)


def test_the_order_depends_on_the_seed():
    sizes, domains, weights = [10] * 40, ["a"] * 40, Weights({"a": 1.0})
    orders = {tuple(order(sizes, domains, weights, seed=seed, budget=400)) for seed in range(5)}
    assert len(orders) == 5 and all(sorted(each) == list(range(40)) for each in orders)


@given(weights=SHARES, period=st.integers(100, 500))
def test_up_to_any_row_a_domain_is_less_than_one_row_from_its_share(weights, period):
    rows = even_rows(weights, period)
    counts = Counter(rows)
    for domain, share in weights.shares.items():
        assert abs(counts[domain] - share * period) < 1
        so_far = list(accumulate(row == domain for row in rows))
        assert all(abs(n - counts[domain] * t / period) < 1 for t, n in enumerate(so_far, 1))


def test_temperature_one_keeps_the_sizes_and_a_high_one_makes_them_equal():
    sizes = {"a": 900, "b": 100, "empty": 0}
    assert weights_by_temperature(sizes, 1.0).shares == pytest.approx({"a": 0.9, "b": 0.1})
    assert weights_by_temperature(sizes, math.inf).shares == pytest.approx({"a": 0.5, "b": 0.5})
    assert weights_by_temperature(sizes, 2.0).shares == pytest.approx({"a": 0.75, "b": 0.25})


def test_what_a_domain_cannot_use_goes_to_the_others_and_is_told():
    weights = weights_by_hand({"small": 0.5, "x": 0.25, "y": 0.25}, {"small": 10, "x": 1000, "y": 1000})
    met = limited(weights, {"small": 10, "x": 1000, "y": 1000}, budget=400, most_epochs=4)
    assert met.shares == pytest.approx({"small": 0.1, "x": 0.45, "y": 0.45})
    assert len(met.told) == 1 and met.told[0].startswith("small: 50.00% was asked for and 10.00% can be had")


@given(weights=SHARES, data=st.data())
def test_limits_are_kept_and_shares_still_add_up(weights, data):
    sizes = {name: data.draw(st.integers(10, 1000)) for name in weights.shares}
    budget = data.draw(st.floats(1, 4.0 * sum(sizes.values())))
    met = limited(weights, sizes, budget, most_epochs=4)
    assert math.fsum(met.shares.values()) == pytest.approx(1)
    assert all(share * budget <= 4 * sizes[name] * (1 + 1e-9) + 1e-9 for name, share in met.shares.items())


def test_a_budget_that_no_repetition_fills_is_refused():
    with pytest.raises(EtymonError, match="too short"):
        limited(Weights({"a": 1.0}), {"a": 10}, budget=100, most_epochs=4)


@pytest.mark.parametrize("asked", [{"nowhere": 1.0}, {"a": -1.0}, {"a": math.nan}, {"a": 0.0}])
def test_weights_that_make_no_sense_are_refused(asked: dict[str, float]):
    with pytest.raises(EtymonError):
        weights_by_hand(asked, {"a": 5})


def test_a_temperature_of_nothing_is_refused():
    with pytest.raises(EtymonError, match="says nothing"):
        weights_by_temperature({"a": 5}, 0.0)
