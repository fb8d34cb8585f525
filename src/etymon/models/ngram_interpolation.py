"""Interpolated smoothing: what an n-gram keeps of its count, and what its context leaves to the order below."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from etymon.models.ngram_counting import Grams
from etymon.models.ngram_tables import Counted, Floats, Table


def interpolated(
    grams: Sequence[Grams],
    counts: Sequence[NDArray[np.uint32]],
    discounts: Floats,
    left: Sequence[Floats],
    vocabulary: int,
    operations: float,
    *,
    besides: bool = False,
) -> Counted:
    """Tables in which every n-gram has (a - D) / total and its context leaves sum(left) / total to the order below.

    `left` says what each n-gram adds to the share of the order below: what was cut from its count, or, `besides`,
    something that the total grows by. Operations counted: per n-gram, one each for its count, the total and the
    discounts of its context; per context, one division.
    """
    tables: list[Table] = []
    for n, own in enumerate(counts):
        totals, backoffs = np.empty(0, np.uint32), np.empty(0, np.float64)
        if n + 1 < len(counts):
            contexts = grams[n + 1].contexts(vocabulary)
            sums = np.bincount(contexts, weights=counts[n + 1], minlength=len(own))
            left_over = np.bincount(contexts, weights=left[n + 1], minlength=len(own))
            sums += left_over if besides else 0
            backoffs = np.divide(left_over, sums, out=np.ones(len(own)), where=sums > 0)
            totals = sums.astype(np.uint32)
            operations += int(np.count_nonzero(totals))
        tables.append(Table(keys=grams[n].keys, counts=own, totals=totals, backoffs=backoffs))
        operations += 3 * int(np.count_nonzero(own))
    rest = float(left[0].sum())
    total = int(counts[0].sum(dtype=np.int64)) + (round(rest) if besides else 0)
    backoff = rest / total if total else 1.0
    return Counted(tables=tables, discounts=discounts, total=total, backoff=backoff, operations=round(operations))
