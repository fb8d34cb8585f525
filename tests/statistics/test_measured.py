"""Results: what a measurement says of itself."""

import json
import math

import numpy as np
import pytest

from etymon.errors import EtymonError
from etymon.statistics import Result, paired_ratio_difference, ratio_interval, ratio_result

BITS, BYTES, NAMES = [30.0, 80.0, 20.0], [20.0, 50.0, 10.0], ["a", "b", "c"]


def measured(bits: list[float], size: list[float], names: list[str]) -> Result:
    return ratio_result("bits per byte", "bits per byte", bits, size, names, "length 128", 5)


def test_a_result_keeps_what_it_was_computed_from() -> None:
    result = measured(BITS, BYTES, NAMES)
    assert (result.mean, result.low, result.high) == ratio_interval(BITS, BYTES, seed=5)
    assert (result.n, result.values, result.weights, result.items) == (3, BITS, BYTES, NAMES)
    assert sum(result.values) / sum(result.weights) == result.mean
    assert (result.protocol, result.reason) == ("length 128", "")
    assert result.details["numerator"] == 130.0
    assert result.details["denominator"] == 80.0
    assert result.details["seed"] == 5


def test_one_document_says_why_it_has_no_interval() -> None:
    result = measured([30.0], [20.0], ["a"])
    assert (result.mean, result.low, result.high, result.n) == (1.5, 1.5, 1.5, 1)
    assert result.reason == "one document: no interval"
    assert result.as_json() == {"mean": 1.5, "low": None, "high": None, "n": 1}


@pytest.mark.parametrize(("bits", "size", "names"), [([], [], []), ([0.0, 0.0], [0.0, 0.0], ["a", "b"])])
def test_nothing_measured_is_nan_with_a_reason_and_null_for_machines(bits, size, names) -> None:
    result = measured(bits, size, names)
    assert math.isnan(result.mean)
    assert result.n == 0
    assert "no mean" in result.reason
    assert json.loads(json.dumps(result.as_json(), allow_nan=False)) == {
        "mean": None,
        "low": None,
        "high": None,
        "n": 0,
    }


def test_a_measured_result_gives_machines_four_numbers() -> None:
    result = measured(BITS, BYTES, NAMES)
    assert result.as_json() == {"mean": result.mean, "low": result.low, "high": result.high, "n": 3}


def test_names_must_match_documents() -> None:
    with pytest.raises(EtymonError, match="2 names for 3 documents"):
        measured(BITS, BYTES, NAMES[:2])


def test_a_model_does_not_differ_from_itself() -> None:
    result = paired_ratio_difference(BITS, BITS, BYTES)
    assert (result.mean, result.low, result.high) == (0.0, 0.0, 0.0)
    assert result.items == ["0", "1", "2"]


def test_a_paired_difference_is_the_difference_of_the_ratios_and_turns_its_sign() -> None:
    other = [33.0, 81.0, 25.0]
    forward = paired_ratio_difference(BITS, other, BYTES, unit="bits per byte", items=NAMES, seed=2)
    backward = paired_ratio_difference(other, BITS, BYTES, seed=2)
    assert forward.mean == pytest.approx(130 / 80 - 139 / 80)
    assert forward.mean == -backward.mean
    assert forward.values == [-3.0, -1.0, -5.0]
    assert (forward.unit, forward.items) == ("bits per byte", NAMES)


def test_pairing_sees_a_small_difference_that_two_separate_intervals_hide() -> None:
    generator = np.random.default_rng(1)
    size = generator.lognormal(6, 1, 200)
    a = size * generator.lognormal(0.4, 0.3, 200)
    b = a + 0.02 * size * generator.normal(1.0, 0.5, 200)
    paired = paired_ratio_difference(a, b, size)
    alone_a, alone_b = ratio_interval(a, size), ratio_interval(b, size)
    assert paired.high < 0
    assert alone_a.high > alone_b.low


def test_a_paired_difference_needs_the_same_documents() -> None:
    with pytest.raises(EtymonError, match="same documents twice"):
        paired_ratio_difference(BITS, BITS[:2], BYTES)
