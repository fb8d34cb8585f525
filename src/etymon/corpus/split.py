"""Train, validation, test: by a hash of what a document says, so that copies never end up on two sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FEW = 30
"""With fewer documents one per held-out split must do; with more, three are asked for, so that an interval exists."""


def positions(keys: Sequence[bytes]) -> NDArray[np.float64]:
    """Where each content key lies in [0, 1): its first eight bytes as a fraction. [D]"""
    return np.array([int.from_bytes(key[:8], "big") for key in keys], np.float64) / 2.0**64


def held_out(
    place: NDArray[np.float64], sizes: NDArray[np.int64], fraction: float, limit: int, least: int
) -> NDArray[np.int64]:
    """The documents (indices) that lie lowest: those below `fraction`, up to `limit` bytes in all, at least `least`.

    Adding documents can push one out of this set but never bring an old one in, as long as `least` stays the same."""
    order = np.argsort(place, kind="stable")
    below = int(np.searchsorted(place[order], fraction))
    within = int(np.searchsorted(np.cumsum(sizes[order[:below]]), limit, side="right"))
    return order[: max(least, min(below, within))]


def split_documents(
    keys: Sequence[bytes], sizes: Sequence[int], *, validation: float, test: float, limit: int
) -> list[str]:
    """The split of each kept document, keys all different and `sizes` in bytes; `limit` bounds each held-out split.

    Validation takes the lowest positions, test the highest. From three documents on no split is empty; with fewer all
    are for training."""
    splits = np.full(len(keys), "train", dtype=object)
    if len(keys) < 3:
        return list(splits)
    least = 1 if len(keys) < FEW else 3
    place, volume = positions(keys), np.asarray(sizes, np.int64)
    low = held_out(place, volume, validation, limit, least)
    high = held_out(1.0 - place, volume, test, limit, least)
    splits[low] = "validation"
    splits[high] = "test"
    return [str(split) for split in splits]
