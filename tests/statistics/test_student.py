"""Student's t, against the printed tables and against scipy where it is installed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.statistics.student import student_quantile


@pytest.mark.parametrize(
    ("probability", "freedom", "expected"),
    [(0.975, 1, 12.7062), (0.975, 2, 4.30265), (0.975, 4, 2.77645), (0.975, 29, 2.04523), (0.95, 10, 1.81246)],
)
def test_quantiles_are_those_of_the_printed_tables(probability: float, freedom: float, expected: float) -> None:
    assert student_quantile(probability, freedom) == pytest.approx(expected, rel=1e-5)


def test_many_degrees_of_freedom_are_the_normal() -> None:
    assert student_quantile(0.975, 1e9) == pytest.approx(1.959964, rel=1e-6)
    assert student_quantile(0.975, 9e6) == pytest.approx(1.959964, rel=1e-6)


@given(st.floats(0.001, 0.999), st.floats(1.0, 1e5))
def test_the_distribution_is_symmetric_and_heavier_with_fewer_degrees(probability: float, freedom: float) -> None:
    assert student_quantile(probability, freedom) == pytest.approx(
        -student_quantile(1 - probability, freedom), abs=1e-6
    )
    assert abs(student_quantile(probability, freedom)) >= abs(student_quantile(probability, 2 * freedom)) - 1e-6


@given(st.floats(1e-4, 1 - 1e-4), st.floats(0.5, 1e5))
def test_quantiles_agree_with_scipy(probability: float, freedom: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert student_quantile(probability, freedom) == pytest.approx(
        stats.t.ppf(probability, freedom), rel=1e-7, abs=1e-7
    )


@pytest.mark.parametrize(("probability", "freedom"), [(0.0, 3.0), (1.0, 3.0), (0.5, 0.0), (0.5, float("nan"))])
def test_impossible_questions_are_refused(probability: float, freedom: float) -> None:
    with pytest.raises(ValueError, match="degrees of freedom"):
        student_quantile(probability, freedom)
