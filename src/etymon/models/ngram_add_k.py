"""Add-k smoothing: every n-gram is counted k times more often than it occurred."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from etymon.models.ngram_columns import Columns, Part, by_context, stretches
from etymon.models.ngram_counting import Grams
from etymon.models.ngram_interpolation import interpolated
from etymon.models.ngram_settings import NgramSettings
from etymon.models.ngram_tables import Counted, GramTable, Table


def add_k(
    settings: NgramSettings, grams: Sequence[Grams], vocabulary: int, operations: float, columns: Columns
) -> Counted:
    """Lidstone 1920 (k = 1: Laplace), as Chen & Goodman 1998 write it (eq. 4, their delta):

    p(w | h) = (c(hw) + k) / (c(h) + k V)

    with h the longest context that the row holds, seen or not: shorter ones do not help. A context that never occurred
    gives every word 1 / V.
    """
    counts = [each.occurrences for each in grams]
    added = settings.k * vocabulary
    undiscounted = np.zeros((len(grams), 1))
    plain = interpolated(grams, counts, undiscounted, lambda _, c: np.zeros(len(c)), vocabulary, operations, columns)
    tables: list[Table] = []
    for n, table in enumerate(plain.tables):
        if n:
            totals = plain.tables[n - 1].totals
            made = columns.made(f"{n + 1}.hits", HITS, partial(_hits, table, totals, added, vocabulary, columns))
            hits = made["hits"]
        else:
            hits = table.counts / (plain.total + added)
        shares = columns.made(f"{n + 1}.added", ADDED, partial(_added, table.totals, added, columns))
        tables.append(
            Table(keys=table.keys, counts=table.counts, totals=table.totals, backoffs=shares["backoffs"], hits=hits)
        )
    return replace(plain, tables=tables, backoff=added / (plain.total + added), mixing="uniform")


HITS = {"hits": "<f8"}
ADDED = {"backoffs": "<f8"}


def _hits(
    table: GramTable, totals: NDArray[np.uint32], added: float, vocabulary: int, columns: Columns
) -> Iterator[Part]:
    """The probability that each n-gram has, by the totals of its contexts."""
    for part in by_context(table.keys, len(totals), vocabulary, columns.piece):
        yield {"hits": table.counts[part.rows] / (totals[part.below][part.contexts] + added)}


def _added(totals: NDArray[np.uint32], added: float, columns: Columns) -> Iterator[Part]:
    """What each context leaves to words that never followed it."""
    for part in stretches(len(totals), columns.piece):
        yield {"backoffs": added / (totals[part] + added)}
