"""Katz back-off: small counts are made smaller by Good and Turing's estimate, the order below gets the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.models.ngram_counting import Grams
from etymon.models.ngram_settings import NgramSettings
from etymon.models.ngram_tables import Counted, Floats, Indices, Table

RELIABLE = 5
"""Katz's k: counts above it are left as they are."""

LEAST_BELOW = 1e-12
"""Less probability than this for all words not seen after a context is not told from the rounding of a sum."""


def katz(settings: NgramSettings, grams: Sequence[Grams], vocabulary: int, operations: float) -> Counted:
    """Katz 1987, "Estimation of Probabilities from Sparse Data", as Chen & Goodman 1998 write it (section 2.4):

    p(w | h) = d_c(hw) c(hw) / c(h) where hw was seen, else alpha(h) p(w | h'),
    alpha(h) = (1 - sum over seen w of p(w | h)) / (1 - sum over seen w of p(w | h'))

    The unigrams back off to 1 / V. Two cases that the paper leaves open: where no count of a context is small enough to
    be discounted, c(h) is made larger by 1, so that something is left; and where nothing is left below to give it to,
    because every word was seen after the context, the discounted probabilities are scaled to fill what they should.
    """
    discounts = np.stack([good_turing(each.occurrences) for each in grams])
    lower = np.full(1, 1 / vocabulary)  # p of the n-grams one order below; below the unigrams, of any word
    tables: list[Table] = []
    empty, backoff = 0, 1.0  # of the empty context
    for n, each in enumerate(grams):
        contexts = each.contexts(vocabulary) if n else np.zeros(vocabulary, np.int64)
        discount = discounts[n][np.minimum(each.occurrences, RELIABLE + 1)]
        below = lower[each.suffixes] * (each.occurrences > 0)
        hits, totals, alpha = _back_off(contexts, len(grams[n - 1].keys) if n else 1, each.occurrences, discount, below)
        if n:
            tables[-1] = replace(tables[-1], totals=totals.astype(np.uint32), backoffs=alpha)
        else:
            empty, backoff = round(float(totals[0])), float(alpha[0])
        nothing = np.empty(0, np.uint32)
        tables.append(Table(keys=each.keys, counts=each.occurrences, totals=nothing, backoffs=np.empty(0), hits=hits))
        lower = hits
        operations += 6 * int(np.count_nonzero(each.occurrences)) + 3 * int(np.count_nonzero(totals))
    return Counted(
        tables=tables,
        discounts=discounts,
        total=empty,
        backoff=backoff,
        operations=round(operations),
        mixing="back off",
    )


def _back_off(
    contexts: Indices, size: int, counts: NDArray[np.uint32], discounts: Floats, below: Floats
) -> tuple[Floats, Floats, Floats]:
    """Of one order: p of every n-gram [G]; of every context [size] its total, and alpha, 1 where it never occurred.

    `below` is what the order below gives to the last word of each n-gram."""

    def summed(values: NDArray[Any]) -> Floats:
        return np.bincount(contexts, weights=values, minlength=size).astype(np.float64)

    total, left = summed(counts), summed(discounts)
    nothing_left = (total > 0) & (left <= 0)
    left[nothing_left] = 1
    divisor = np.maximum(total + nothing_left, 1)
    left /= divisor
    own = (counts - discounts) / divisor[contexts]
    room = 1 - summed(below)
    full = room < LEAST_BELOW
    scale = np.where(full, (1 - np.maximum(room, 0)) / np.maximum(1 - left, LEAST_BELOW), 1)
    alpha = np.divide(left, room, out=np.ones(size), where=~full & (total > 0))
    return own * scale[contexts], total, alpha


def good_turing(counts: NDArray[Any]) -> Floats:
    """What is taken from counts 0, 1, ..., RELIABLE + 1 and more: r (1 - d_r), with r* = (r + 1) n_{r+1} / n_r and

    d_r = (r* / r - K) / (1 - K),  K = (k + 1) n_{k+1} / n_1, for r up to k, which is 5 or else the largest that puts
    all d_r between 0 and 1. A text too small for any takes 0.5 from every count.
    """
    n = np.bincount(np.minimum(counts, RELIABLE + 2), minlength=RELIABLE + 3)[: RELIABLE + 2].astype(np.float64)
    for k in range(RELIABLE, 0, -1):
        r = np.arange(1, k + 1)
        if not n[1 : k + 1].all() or n[1] == (k + 1) * n[k + 1]:
            continue
        common = (k + 1) * n[k + 1] / n[1]
        kept = ((r + 1) * n[2 : k + 2] / n[1 : k + 1] / r - common) / (1 - common)
        if np.all((kept > 0) & (kept < 1)):
            return np.array([0.0, *(r * (1 - kept)), *[0.0] * (RELIABLE + 1 - k)])
    return np.array([0.0, *[0.5] * (RELIABLE + 1)])
