"""Connected components of pairs: whatever shares a band, directly or through others, is one cluster."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from etymon.corpus.near.edges import ends

Rows = NDArray[np.int64]


def clusters(count: int, edges: NDArray[np.uint64]) -> Rows:
    """The lowest number in the cluster of each document. [count]

    Labels spread along edges and to the labels' own documents until nothing changes, which takes a number of rounds
    about logarithmic in the longest chain; the result depends on the pairs alone, not on their order. Documents without
    a pair cost 8 bytes each, those with pairs about 40."""
    earlier, later = ends(edges)
    nodes = np.unique(np.concatenate([earlier, later]))
    labels = _spread(np.searchsorted(nodes, earlier), np.searchsorted(nodes, later), len(nodes))
    lowest = np.arange(count)
    lowest[nodes] = nodes[labels]
    return lowest


def _spread(a: Rows, b: Rows, count: int) -> Rows:
    labels = np.arange(count)
    while True:
        before = labels.copy()
        least = np.minimum(before[a], before[b])
        for place in (a, b, before[a], before[b]):
            np.minimum.at(labels, place, least)
        labels = labels[labels]
        if np.array_equal(labels, before):
            return labels
