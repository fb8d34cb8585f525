"""The learning rate: it rises, stays, and falls to where it was told to, in the shape it was told."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_training import settings

from etymon.training.budget import Horizon
from etymon.training.schedule import SHAPES, learning_rate


def rates(total: int, **changed: float | str) -> list[float]:
    chosen = settings(**({"learning_rate": 1.0} | changed))
    horizon = Horizon(steps=total, seconds=None, decay_share=chosen.decay_share)
    return [learning_rate(chosen, step, horizon.progress(step), total=total) for step in range(total)]


def test_it_rises_over_the_warm_up_stays_and_falls_over_the_decay() -> None:
    curve = rates(100, warmup_steps=10, decay="linear", decay_share=0.2)
    assert curve[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert curve[10:81] == [1.0] * 71
    assert curve[81:] == pytest.approx([1 - step / 20 for step in range(1, 20)])


def test_the_warm_up_takes_a_tenth_of_a_short_training_at_most() -> None:
    curve = rates(20, warmup_steps=1000, decay_share=0.0)
    assert curve == [0.5] + [1.0] * 19
    assert learning_rate(settings(warmup_steps=1000, learning_rate=1.0), 499, 0.0, total=None) == 0.5


def test_one_minus_sqrt_falls_fast_at_first() -> None:
    curve = rates(100, warmup_steps=0, decay="1-sqrt", decay_share=0.25)
    assert curve[76] == pytest.approx(1 - math.sqrt(1 / 25))


def test_a_cosine_over_all_steps_is_the_classical_schedule() -> None:
    curve = rates(100, warmup_steps=0, decay="cosine", decay_share=1.0, minimum_rate=0.1)
    expected = [0.1 + 0.9 * (1 + math.cos(math.pi * step / 100)) / 2 for step in range(100)]
    assert curve == pytest.approx(expected)


@given(
    total=st.integers(1, 300),
    warmup_steps=st.integers(0, 50),
    decay=st.sampled_from(sorted(SHAPES)),
    decay_share=st.floats(0, 1),
    minimum_rate=st.floats(0, 1),
)
def test_it_is_never_above_its_highest_nor_below_its_least_but_in_the_warm_up(
    total: int, warmup_steps: int, decay: str, decay_share: float, minimum_rate: float
) -> None:
    curve = rates(total, warmup_steps=warmup_steps, decay=decay, decay_share=decay_share, minimum_rate=minimum_rate)
    warm = min(warmup_steps, total // 10)
    assert all(0 <= rate <= 1 for rate in curve)
    assert all(rate >= minimum_rate - 1e-9 for rate in curve[warm:])
    falling = curve[warm:]
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(falling))
