"""Numbers as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.report.numbers import count, duration, fixed, in_words, prefixed, work


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0"), (999, "999"), (1234, "1.23 k"), (1_200_000, "1.2 M"), (999_600_000, "1 G"), (-2500, "\u22122.5 k")],
)
def test_three_digits_and_the_prefix_that_fits(value: float, expected: str) -> None:
    assert prefixed(value) == expected


@pytest.mark.parametrize(("value", "expected"), [(3.4e12, "3.4 TFLOP"), (7.0, "7 FLOP"), (5.1e21, "5.1 ZFLOP")])
def test_flop_takes_its_prefix(value: float, expected: str) -> None:
    assert work(value) == expected


def test_a_count_is_exact_below_a_million() -> None:
    assert (count(999_999), count(1_234_567), count(None)) == ("999,999", "1.23 M", "\u2013")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.0123, "0.012 s"), (8.44, "8.4 s"), (59.97, "1 min"), (192, "3 min 12 s"), (4325, "1 h 12 min"), (3600, "1 h")],
)
def test_a_span_of_time_has_its_two_leading_units(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


def test_there_is_no_negative_zero() -> None:
    assert (fixed(-0.0001, 2), fixed(-0.5, 1)) == ("0.00", "\u22120.5")


@given(st.floats(min_value=1, max_value=9.99e23))
def test_a_prefixed_number_is_within_half_a_percent_of_the_value(value: float) -> None:
    shown, _, prefix = prefixed(value).partition(" ")
    assert float(shown) * 1000 ** " kMGTPEZ".index(prefix or " ") == pytest.approx(value, rel=0.00501)


@given(st.lists(st.sampled_from("abc"), max_size=4))
def test_words_are_joined_as_in_speech(names: list[str]) -> None:
    assert in_words(names).replace(" and ", ", ").split(", ") == (names or [""])
