"""Kneser-Ney smoothing, interpolated: one discount per order, or the modified kind with three."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.models.ngram_columns import IN_MEMORY, Columns, counts_of_counts
from etymon.models.ngram_counting import Grams
from etymon.models.ngram_interpolation import interpolated
from etymon.models.ngram_settings import NgramSettings
from etymon.models.ngram_tables import Counted, Floats

FALLBACK = NgramSettings().fallback
"""Discounts where the counts of counts give none, as in KenLM's `--discount_fallback`."""


def modified_kneser_ney(
    settings: NgramSettings, grams: Sequence[Grams], vocabulary: int, operations: float, columns: Columns
) -> Counted:
    """Chen & Goodman 1998, "An Empirical Study of Smoothing Techniques for Language Modeling", eq. 21 to 26:

    p(w | h) = (a(hw) - D(a(hw))) / total(h) + gamma(h) p(w | h'),
    gamma(h) = [D1 N1(h) + D2 N2(h) + D3 N3+(h)] / total(h)
    """
    discounts = [discounts_of(each.adjusted, settings.fallback, n, columns) for n, each in enumerate(grams, start=1)]
    return _discounted(grams, np.stack(discounts), vocabulary, operations, columns)


def kneser_ney(
    settings: NgramSettings, grams: Sequence[Grams], vocabulary: int, operations: float, columns: Columns
) -> Counted:
    """Kneser & Ney 1995, "Improved Backing-off for M-gram Language Modeling", interpolated as Chen & Goodman 1998 do:
    as above, with one D for all counts, n1 / (n1 + 2 n2) (Ney, Essen & Kneser 1994).
    """
    discounts = [discount_of(each.adjusted, settings.fallback, n, columns) for n, each in enumerate(grams, start=1)]
    return _discounted(grams, np.stack(discounts), vocabulary, operations, columns)


def _discounted(
    grams: Sequence[Grams], discounts: Floats, vocabulary: int, operations: float, columns: Columns
) -> Counted:
    def cuts(n: int, a: NDArray[np.uint32]) -> Floats:
        return discounts[n][np.minimum(a, 3)]

    return interpolated(grams, [each.adjusted for each in grams], discounts, cuts, vocabulary, operations, columns)


def discounts_of(
    counts: NDArray[Any], fallback: Sequence[float] = FALLBACK, order: int = 0, columns: Columns = IN_MEMORY
) -> Floats:
    """D of adjusted counts 0, 1, 2, 3+ from the counts of counts (Chen & Goodman 1998, eq. 26).

    Y = n1 / (n1 + 2 n2); D_j = j - (j + 1) Y n_{j+1} / n_j. Where some n_j is 0 or a D_j is not in (0, j], the order
    has too few n-grams for the estimate and takes `fallback`. A D_j of 0 would leave nothing to the order below.
    """
    n = counts_of_counts(counts, 4, columns)
    if n[1:4].all():
        y = n[1] / (n[1] + 2 * n[2])
        discounts = np.array([0.0, *(j - (j + 1) * y * n[j + 1] / n[j] for j in (1, 2, 3))])
        if all(0 < discounts[j] <= j for j in (1, 2, 3)):
            return discounts
    return np.array([0.0, *_given(fallback, order)])


def discount_of(
    counts: NDArray[Any], fallback: Sequence[float] = FALLBACK, order: int = 0, columns: Columns = IN_MEMORY
) -> Floats:
    """The same with one D for all counts; where no n-gram has a count of 1 it is the first of `fallback`."""
    n = counts_of_counts(counts, 4, columns)
    discount = n[1] / (n[1] + 2 * n[2]) if n[1] else _given(fallback, order)[0]
    return np.array([0.0, discount, discount, discount])


def _given(fallback: Sequence[float], order: int) -> Sequence[float]:
    if not fallback:
        raise EtymonError(
            f"The discounts of the {order}-grams cannot be estimated",
            why="this text has too few that occur once, twice or three times",
            help="give discounts to fall back on: fallback=0.5,1,1.5",
        )
    return fallback
