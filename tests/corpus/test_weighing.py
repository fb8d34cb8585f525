"""Mixture settings: weights by hand, by temperature and within a limit, from words to shares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.corpus import MixtureSettings, allowed_weights, asked_weights
from etymon.errors import EtymonError
from etymon.recipe import RecipeError, load

SIZES = {"a": 100, "b": 300, "c": 600}


def test_nothing_is_asked_for_by_default():
    assert asked_weights(MixtureSettings(), SIZES) is None
    assert allowed_weights(MixtureSettings(), SIZES, 1e9) is None


@given(st.lists(st.floats(0, 1e6), min_size=3, max_size=3).filter(any))
def test_weights_by_hand_are_shares_in_proportion(numbers: list[float]):
    words = tuple(f"{name}={number!r}" for name, number in zip(SIZES, numbers, strict=True))
    weights = asked_weights(MixtureSettings(weights=words), SIZES)
    assert weights is not None
    expected = {name: number / sum(numbers) for name, number in zip(SIZES, numbers, strict=True) if number}
    assert weights.shares == pytest.approx(expected)


def test_a_domain_may_hold_an_equals_sign():
    weights = asked_weights(MixtureSettings(weights=("x=y=2", "b=2")), SIZES | {"x=y": 1})
    assert weights is not None and weights.shares == {"b": 0.5, "x=y": 0.5}


@given(st.floats(0.3, 10), st.floats(10, 5000))
def test_a_limit_holds_whatever_the_temperature(temperature: float, tokens: float):
    settings = MixtureSettings(temperature=temperature, most_epochs=6.0)
    weights = allowed_weights(settings, SIZES, tokens)
    assert weights is not None
    assert all(share * tokens <= 6.0 * SIZES[name] * (1 + 1e-9) for name, share in weights.shares.items())
    assert sum(weights.shares.values()) == pytest.approx(1)


def test_a_limit_alone_leaves_the_text_as_it_is_or_refuses():
    settings = MixtureSettings(most_epochs=2.0)
    weights = allowed_weights(settings, SIZES, 1900)
    assert weights is not None and weights.shares == pytest.approx({"a": 0.1, "b": 0.3, "c": 0.6})
    with pytest.raises(EtymonError, match="too short"):
        allowed_weights(settings, SIZES, 2100)


@pytest.mark.parametrize("words", ["a=0.5,b=-1", "a=nan", "a", "=1", "a=0", "a=1,a=2", "a=inf"])
def test_a_mistake_is_laid_at_the_setting(words: str):
    with pytest.raises(RecipeError, match="weights"):
        load(MixtureSettings, overrides=[f"weights={words}"])
