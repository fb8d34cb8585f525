"""Quantiles of Student's t for any real number of degrees of freedom, without scipy."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

_PRECISION = 1e-15
_NORMAL_FROM = 1e7  # degrees of freedom beyond which t and the normal agree to seven digits
_SMALLEST = 1e-300


def _continued_fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method (NIST DLMF 8.17.22)."""
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0) or _SMALLEST)
    value = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        step = 1.0
        for term in (even, odd):
            d = 1.0 / (1.0 + term * d or _SMALLEST)
            c = 1.0 + term / c or _SMALLEST
            step = c * d
            value *= step
        if abs(step - 1.0) < _PRECISION:
            return value
    raise ArithmeticError(f"the incomplete beta function did not converge at a={a}, b={b}, x={x}")


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """I_x(a, b), the regularised incomplete beta function (NIST DLMF 8.17)."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    if x > (a + 1.0) / (a + b + 2.0):  # the fraction converges fast only on the near side of the mode
        return 1.0 - math.exp(log_front) * _continued_fraction(b, a, 1.0 - x) / b
    return math.exp(log_front) * _continued_fraction(a, b, x) / a


def _upper_tail(t: float, freedom: float) -> float:
    """P(T > t) for t >= 0."""
    return 0.5 * _incomplete_beta(freedom / 2.0, 0.5, freedom / (freedom + t * t))


@lru_cache(maxsize=1024)
def student_quantile(probability: float, freedom: float) -> float:
    """The t with P(T <= t) = `probability` for T of `freedom` > 0 degrees of freedom, to eight digits."""
    if not 0.0 < probability < 1.0 or not freedom > 0.0:
        raise ValueError("a probability strictly between 0 and 1 and positive degrees of freedom are needed")
    if freedom > _NORMAL_FROM:
        return NormalDist().inv_cdf(probability)
    tail = min(probability, 1.0 - probability)
    low, high = 0.0, 1.0
    while _upper_tail(high, freedom) > tail:
        low, high = high, 2.0 * high
    while high - low > 1e-12 * high:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _upper_tail(middle, freedom) > tail else (low, middle)
    return math.copysign(high, probability - 0.5) if probability != 0.5 else 0.0
