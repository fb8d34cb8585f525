"""Pruning: n-grams that occur too rarely are left out, and their probability goes to the order below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from etymon.models.ngram_counting import Grams
from etymon.models.ngram_tables import Counted, Table


def prune(counted: Counted, grams: Sequence[Grams], thresholds: Sequence[int], vocabulary: int) -> Counted:
    """The tables without the n-grams that occur at most `thresholds` times (one per order, the last holds on).

    What an n-gram had, (a - D) / total, its context leaves to the order below; totals and discounts stay those of the
    whole text, as in KenLM's `--prune`. An n-gram occurs no more often than those within it, so with thresholds that
    do not fall everything that a kept one needs is kept too.
    """
    if not any(thresholds):
        return counted
    pairs = [(each, thresholds[min(n, len(thresholds) - 1)]) for n, each in enumerate(grams)]
    kept = [each.occurrences > most if most else np.ones(len(each.keys), np.bool_) for each, most in pairs]
    tables: list[Table] = []
    for n, table in enumerate(counted.tables):
        keys, totals, backoffs = table.keys, table.totals, table.backoffs
        if n > 0:
            rows = np.cumsum(kept[n - 1]) - 1  # a kept n-gram's row among the kept
            contexts = grams[n].contexts(vocabulary)
            keys = keys + ((rows[contexts] - contexts) * vocabulary).astype(np.uint64)
        if n + 1 < len(grams):
            contexts, longer = grams[n + 1].contexts(vocabulary), counted.tables[n + 1].counts
            gone = np.where(kept[n + 1], 0, longer - counted.discount(n + 2, longer))
            lost = np.bincount(contexts, weights=gone, minlength=len(keys))
            backoffs = backoffs + lost / np.maximum(totals, 1)
            totals, backoffs = totals[kept[n]], backoffs[kept[n]]
        tables.append(
            replace(table, keys=keys[kept[n]], counts=table.counts[kept[n]], totals=totals, backoffs=backoffs)
        )
    return replace(counted, tables=tables)
