"""Add-k smoothing: every n-gram is counted k times more often than it occurred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from etymon.models.ngram_counting import Grams
from etymon.models.ngram_interpolation import interpolated
from etymon.models.ngram_settings import NgramSettings
from etymon.models.ngram_tables import Counted, Table


def add_k(settings: NgramSettings, grams: Sequence[Grams], vocabulary: int, operations: float) -> Counted:
    """Lidstone 1920 (k = 1: Laplace), as Chen & Goodman 1998 write it (eq. 4, their delta):

    p(w | h) = (c(hw) + k) / (c(h) + k V)

    with h the longest context that the row holds, seen or not: shorter ones do not help. A context that never occurred
    gives every word 1 / V.
    """
    counts = [each.occurrences for each in grams]
    added = settings.k * vocabulary
    nothing = [np.zeros(len(c)) for c in counts]
    plain = interpolated(grams, counts, np.zeros((len(grams), 1)), nothing, vocabulary, operations)
    tables: list[Table] = []
    for n, table in enumerate(plain.tables):
        totals = plain.tables[n - 1].totals[grams[n].contexts(vocabulary)] if n else plain.total
        tables.append(replace(table, hits=counts[n] / (totals + added), backoffs=added / (table.totals + added)))
    return replace(plain, tables=tables, backoff=added / (plain.total + added), mixing="uniform")
