"""Interpolated smoothing: what an n-gram keeps of its count, and what its context leaves to the order below."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from etymon.models.ngram_columns import Columns, Part, by_context, nonzero
from etymon.models.ngram_counting import Grams
from etymon.models.ngram_tables import Counted, Floats, Table

Left: TypeAlias = Callable[[int, NDArray[np.uint32]], Floats]
"""(index of the order, counts of n-grams) -> what each adds to the share of the order below."""

SHARES = {"totals": "<u4", "backoffs": "<f8"}


def interpolated(
    grams: Sequence[Grams],
    counts: Sequence[NDArray[np.uint32]],
    discounts: Floats,
    left: Left,
    vocabulary: int,
    operations: float,
    columns: Columns,
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
            parts = partial(_shares, n + 1, grams[n + 1], counts[n + 1], len(own), left, vocabulary, columns, besides)
            made = columns.made(f"{n + 1}.shares", SHARES, parts)
            totals, backoffs = made["totals"], made["backoffs"]
            operations += nonzero(totals, columns)
        tables.append(Table(keys=grams[n].keys, counts=own, totals=totals, backoffs=backoffs))
        operations += 3 * nonzero(own, columns)
    rest = float(left(0, counts[0]).sum())
    total = int(counts[0].sum(dtype=np.int64)) + (round(rest) if besides else 0)
    backoff = rest / total if total else 1.0
    return Counted(tables=tables, discounts=discounts, total=total, backoff=backoff, operations=round(operations))


def _shares(
    n: int,
    longer: Grams,
    counts: NDArray[np.uint32],
    contexts: int,
    left: Left,
    vocabulary: int,
    columns: Columns,
    besides: bool,
) -> Iterator[Part]:
    """Of each context of the n-grams `longer`: the total, and the share that it leaves (1 where nothing follows it)."""
    for part in by_context(longer.keys, contexts, vocabulary, columns.piece):
        own = counts[part.rows]
        sums, left_over = part.summed(own), part.summed(left(n, own))
        sums += left_over if besides else 0
        shares = np.divide(left_over, sums, out=np.ones(part.size), where=sums > 0)
        yield {"totals": sums.astype(np.uint32), "backoffs": shares}
