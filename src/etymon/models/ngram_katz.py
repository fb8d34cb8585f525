"""Katz back-off: small counts are made smaller by Good and Turing's estimate, the order below gets the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.models.ngram_columns import (
    IN_MEMORY,
    Columns,
    Part,
    Stretch,
    by_context,
    counts_of_counts,
    nonzero,
    taken,
)
from etymon.models.ngram_counting import Grams
from etymon.models.ngram_settings import NgramSettings
from etymon.models.ngram_tables import Counted, Floats, Table

RELIABLE = 5
"""Katz's k: counts above it are left as they are."""

LEAST_BELOW = 1e-12
"""Less probability than this for all words not seen after a context is not told from the rounding of a sum."""


def katz(
    settings: NgramSettings, grams: Sequence[Grams], vocabulary: int, operations: float, columns: Columns
) -> Counted:
    """Katz 1987, "Estimation of Probabilities from Sparse Data", as Chen & Goodman 1998 write it (section 2.4):

    p(w | h) = d_c(hw) c(hw) / c(h) where hw was seen, else alpha(h) p(w | h'),
    alpha(h) = (1 - sum over seen w of p(w | h)) / (1 - sum over seen w of p(w | h'))

    The unigrams back off to 1 / V. Two cases that the paper leaves open: where no count of a context is small enough to
    be discounted, c(h) is made larger by 1, so that something is left; and where nothing is left below to give it to,
    because every word was seen after the context, the discounted probabilities are scaled to fill what they should.
    """
    discounts = np.stack([good_turing(each.occurrences, columns) for each in grams])
    lower = np.full(1, 1 / vocabulary)  # p of the n-grams one order below; below the unigrams, of any word
    tables: list[Table] = []
    empty, backoff = 0, 1.0  # of the empty context
    for n, each in enumerate(grams):
        size = len(grams[n - 1].keys) if n else 1
        parts = partial(_back_off, n, each, size, discounts[n], lower, vocabulary, columns)
        made = columns.made(f"{n + 1}.katz", KATZ, parts)
        hits, totals, alpha = made["hits"], made["totals"], made["alpha"]
        if n:
            tables[-1] = replace(tables[-1], totals=totals, backoffs=alpha)
        else:
            empty, backoff = int(totals[0]), float(alpha[0])
        nothing = np.empty(0, np.uint32)
        tables.append(Table(keys=each.keys, counts=each.occurrences, totals=nothing, backoffs=np.empty(0), hits=hits))
        lower = hits
        operations += 6 * nonzero(each.occurrences, columns) + 3 * nonzero(totals, columns)
    return Counted(
        tables=tables,
        discounts=discounts,
        total=empty,
        backoff=backoff,
        operations=round(operations),
        mixing="back off",
    )


KATZ = {"hits": "<f8", "totals": "<u4", "alpha": "<f8"}


def _back_off(
    n: int, grams: Grams, size: int, discount: Floats, lower: Floats, vocabulary: int, columns: Columns
) -> Iterator[Part]:
    """Of one order: p of every n-gram; of every context its total, and alpha, 1 where it never occurred.

    `lower` is what the order below gives to each of its n-grams. The unigrams have one context, which is empty."""
    whole = Stretch(rows=slice(0, vocabulary), below=slice(0, 1), contexts=np.zeros(vocabulary, np.int64))
    for part in by_context(grams.keys, size, vocabulary, columns.piece) if n else [whole]:
        counts = grams.occurrences[part.rows]
        discounts = discount[np.minimum(counts, RELIABLE + 1)]
        total, left = part.summed(counts), part.summed(discounts)
        nothing_left = (total > 0) & (left <= 0)
        left[nothing_left] = 1
        divisor = np.maximum(total + nothing_left, 1)
        left /= divisor
        own = (counts - discounts) / divisor[part.contexts]
        room = 1 - part.summed(taken(lower, grams.suffixes[part.rows], columns) * (counts > 0))
        full = room < LEAST_BELOW
        scale = np.where(full, (1 - np.maximum(room, 0)) / np.maximum(1 - left, LEAST_BELOW), 1)
        alpha = np.divide(left, room, out=np.ones(part.size), where=~full & (total > 0))
        yield {"hits": own * scale[part.contexts], "totals": total.astype(np.uint32), "alpha": alpha}


def good_turing(counts: NDArray[Any], columns: Columns = IN_MEMORY) -> Floats:
    """What is taken from counts 0, 1, ..., RELIABLE + 1 and more: r (1 - d_r), with r* = (r + 1) n_{r+1} / n_r and

    d_r = (r* / r - K) / (1 - K),  K = (k + 1) n_{k+1} / n_1, for r up to k, which is 5 or else the largest that puts
    all d_r between 0 and 1. A text too small for any takes 0.5 from every count.
    """
    n = counts_of_counts(counts, RELIABLE + 1, columns)
    for k in range(RELIABLE, 0, -1):
        r = np.arange(1, k + 1)
        if not n[1 : k + 1].all() or n[1] == (k + 1) * n[k + 1]:
            continue
        common = (k + 1) * n[k + 1] / n[1]
        kept = ((r + 1) * n[2 : k + 2] / n[1 : k + 1] / r - common) / (1 - common)
        if np.all((kept > 0) & (kept < 1)):
            return np.array([0.0, *(r * (1 - kept)), *[0.0] * (RELIABLE + 1 - k)])
    return np.array([0.0, *[0.5] * (RELIABLE + 1)])
