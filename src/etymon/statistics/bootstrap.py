"""The cluster bootstrap: how far sums over documents move when other documents of the same kind had been drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from etymon.errors import EtymonError

Floats = npt.NDArray[np.float64]
Numbers = Sequence[float] | npt.NDArray[np.generic]

_DRAWS_AT_ONCE = 1 << 17  # 3 MB of work at a time: as fast as larger pieces, and it stays in the cache


class Documents(NamedTuple):
    """Numerator and denominator of each document [n], sorted, so that what follows cannot depend on their order."""

    numerators: Floats
    denominators: Floats


def documents(numerators: Numbers, denominators: Numbers) -> Documents:
    """Checked columns; raises `EtymonError` if they differ in length, are not finite, or a denominator is negative."""
    above, below = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    if above.ndim != 1 or above.shape != below.shape:
        raise EtymonError(
            f"one numerator and one denominator per document are needed, not {above.shape} and {below.shape}"
        )
    if not (np.isfinite(above).all() and np.isfinite(below).all()):
        raise EtymonError("a document's numbers are not finite", why="an interval over nan or infinity means nothing")
    if (below < 0).any():
        raise EtymonError("a document has a negative denominator", why="it counts bytes, tokens or items")
    order = np.lexsort((above, below))
    return Documents(above[order], below[order])


def resampled_sums(columns: Documents, *, seed: int, resamples: int, at_once: int = _DRAWS_AT_ONCE) -> Documents:
    """Sums of both columns over `resamples` draws of n documents with replacement; two arrays [resamples].

    Each draw is an exact one (n independent uniform indices), from the counter-based Philox generator keyed by `seed`,
    in one order whatever `at_once` is. Time n x resamples (100,000 documents: about 0.8 ms a resample), memory
    24 bytes x `at_once`. Efron and Tibshirani 1993, chapter 6; documents are the clusters, so dependence inside a
    document is kept.
    """
    generator = np.random.Generator(np.random.Philox(key=seed))
    pairs = columns.numerators + 1j * columns.denominators  # one gather fetches both columns
    n = len(pairs)
    rows, width = max(1, at_once // n), min(n, at_once)
    sums = np.zeros(resamples, np.complex128)
    for start in range(0, resamples, rows):
        piece = sums[start : start + rows]
        for done in range(0, n, width):
            drawn = generator.integers(0, n, (len(piece), min(width, n - done)))
            piece += pairs.take(drawn).sum(axis=1)
    return Documents(sums.real, sums.imag)
