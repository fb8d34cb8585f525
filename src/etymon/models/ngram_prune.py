"""Pruning: n-grams that occur too rarely are left out, and their probability goes to the order below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from etymon.models.ngram_columns import Columns, Part, by_context
from etymon.models.ngram_counting import Grams
from etymon.models.ngram_interpolation import SHARES
from etymon.models.ngram_tables import Counted, GramTable, Table


def prune(
    counted: Counted, grams: Sequence[Grams], thresholds: Sequence[int], vocabulary: int, columns: Columns
) -> Counted:
    """The tables without the n-grams that occur at most `thresholds` times (one per order, the last holds on).

    What an n-gram had, (a - D) / total, its context leaves to the order below; totals and discounts stay those of the
    whole text, as in KenLM's `--prune`. An n-gram occurs no more often than those within it, so with thresholds that
    do not fall everything that a kept one needs is kept too.
    """
    if not any(thresholds):
        return counted
    most = [thresholds[min(n, len(thresholds) - 1)] for n in range(len(grams))]
    tables: list[Table] = []
    for n, table in enumerate(counted.tables):
        keys, counts, totals, backoffs = table.keys, table.counts, table.totals, table.backoffs
        if n > 0:
            rows = partial(_kept, table, grams[n], grams[n - 1], most[n], most[n - 1], vocabulary, columns)
            made = columns.made(f"{n + 1}.kept", KEPT, rows)
            keys, counts = made["keys"], made["counts"]
        if n + 1 < len(grams):
            made = columns.made(
                f"{n + 1}.kept-shares", SHARES, partial(_shares, counted, n, grams, most, vocabulary, columns)
            )
            totals, backoffs = made["totals"], made["backoffs"]
        tables.append(Table(keys=keys, counts=counts, totals=totals, backoffs=backoffs))
    return replace(counted, tables=tables)


KEPT = {"keys": "<u8", "counts": "<u4"}


def _keeps(grams: Grams, rows: slice, most: int) -> NDArray[np.bool_]:
    """Which of these n-grams occur more often than `most` times; with 0 that is all, also words that never occur."""
    return np.greater(grams.occurrences[rows], most) | (most == 0)


def _kept(
    table: GramTable, own: Grams, shorter: Grams, most: int, most_below: int, vocabulary: int, columns: Columns
) -> Iterator[Part]:
    """The n-grams that are kept, named by the rows that their contexts have among those that are kept."""
    before = 0
    for part in by_context(own.keys, len(shorter.keys), vocabulary, columns.piece):
        below = np.cumsum(_keeps(shorter, part.below, most_below)) + (before - 1)
        before = int(below[-1]) + 1
        moved = ((below[part.contexts] - part.contexts - part.below.start) * vocabulary).astype(np.uint64)
        keep = _keeps(own, part.rows, most)
        yield {"keys": (own.keys[part.rows] + moved)[keep], "counts": table.counts[part.rows][keep]}


def _shares(
    counted: Counted,
    n: int,
    grams: Sequence[Grams],
    most: Sequence[int],
    vocabulary: int,
    columns: Columns,
) -> Iterator[Part]:
    """Totals and shares of the contexts that are kept, of those of order n + 1."""
    table, longer = counted.tables[n], counted.tables[n + 1]
    for part in by_context(grams[n + 1].keys, len(grams[n].keys), vocabulary, columns.piece):
        counts = longer.counts[part.rows]
        gone = np.where(_keeps(grams[n + 1], part.rows, most[n + 1]), 0, counts - counted.discount(n + 2, counts))
        totals = table.totals[part.below]
        keep = _keeps(grams[n], part.below, most[n])
        backoffs = table.backoffs[part.below] + part.summed(gone) / np.maximum(totals, 1)
        yield {"totals": totals[keep], "backoffs": backoffs[keep]}
