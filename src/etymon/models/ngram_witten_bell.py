"""Witten-Bell smoothing: a context that many different words followed expects more new ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from etymon.models.ngram_columns import Columns
from etymon.models.ngram_counting import Grams
from etymon.models.ngram_interpolation import interpolated
from etymon.models.ngram_settings import NgramSettings
from etymon.models.ngram_tables import Counted, Floats


def witten_bell(
    settings: NgramSettings, grams: Sequence[Grams], vocabulary: int, operations: float, columns: Columns
) -> Counted:
    """Witten & Bell 1991, "The Zero-Frequency Problem", method C, as Chen & Goodman 1998 write it (eq. 15 to 17):

    p(w | h) = (c(hw) + N(h) p(w | h')) / (c(h) + N(h)),  N(h) the number of different words that followed h
    """
    counts = [each.occurrences for each in grams]
    undiscounted = np.zeros((len(grams), 1))

    def kinds(n: int, c: NDArray[np.uint32]) -> Floats:
        return (c > 0).astype(np.float64)

    return interpolated(grams, counts, undiscounted, kinds, vocabulary, operations, columns, besides=True)
