"""Differences of trainings: documents and seeds both widen the interval."""

from __future__ import annotations

import numpy as np
import pytest

from etymon.run.paired import seeded_difference

SIZES = np.full(200, 100.0)


def test_seeds_that_disagree_widen_what_documents_alone_would_claim():
    generator = np.random.default_rng(0)
    a = 200 + generator.normal(0, 1, (3, 200)) + np.array([[10.0], [-8.0], [1.0]])
    found = seeded_difference(a, np.full((3, 200), 200.0), SIZES)
    assert found.low < 0 < found.high and found.n == 200
    assert found.by_seed == pytest.approx((0.1, -0.08, 0.01), abs=0.01)


def test_a_difference_that_all_seeds_show_is_one():
    generator = np.random.default_rng(1)
    a = 190 + generator.normal(0, 5, (3, 200))
    found = seeded_difference(a, np.full((3, 200), 200.0), SIZES)
    assert found.mean == pytest.approx(-0.1, abs=0.02) and found.high < 0


def test_intervals_over_equal_ways_to_train_hold_zero_nineteen_times_of_twenty():
    generator, held = np.random.default_rng(2), 0
    for _ in range(200):
        shift = generator.normal(0, 2, (2, 3, 1))
        bits = 200 + shift + generator.normal(0, 5, (2, 3, 50))
        found = seeded_difference(bits[0], bits[1], SIZES[:50])
        held += found.low <= 0 <= found.high
    assert held >= 185


def test_one_seed_has_the_interval_of_its_documents():
    a = np.random.default_rng(3).normal(200, 5, (1, 200))
    found = seeded_difference(a, np.full((1, 200), 200.0), SIZES)
    assert found.low < found.mean < found.high and len(found.by_seed) == 1
