"""A keyed permutation of 0 … n-1 that is computed, not stored: the order in which an epoch visits its windows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

ROUNDS = 6
"""Four rounds of a Feistel network already give a permutation that passes for a random one (Luby and Rackoff 1988)."""

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def mixed(words: Words) -> Words:
    """Each 64-bit word scrambled into another, one to one (the finaliser of SplitMix64, Steele et al. 2014)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def keys(seed: int, numbers: NDArray[np.int64]) -> Words:
    """One 64-bit key for each of `numbers` (of epochs, say) under `seed`, of which the lowest 64 bits count."""
    seeds = np.full(numbers.shape, seed & _MASK, np.uint64)
    return mixed(mixed(seeds + np.uint64(_GOLDEN)) ^ numbers.astype(np.uint64))


def permuted(indices: NDArray[np.int64], size: int, key: Words) -> NDArray[np.int64]:
    """Where each of `indices` [N] (0 <= index < size) goes under the permutation that its own `key` [N] names.

    A balanced Feistel network permutes the smallest 2^2k >= size; a value that falls outside `size` is sent through
    again until it falls inside, which keeps the map one to one (cycle walking, Black and Rogaway 2002). Constant
    memory, and under four passes on average, whatever the size and the index.
    """
    half = np.uint64(max(1, ((size - 1).bit_length() + 1) // 2))
    values = indices.astype(np.uint64)
    outside = np.arange(len(values))
    while len(outside):
        values[outside] = _feistel(values[outside], half, key[outside])
        outside = outside[values[outside] >= np.uint64(size)]
    return values.astype(np.int64)


def _feistel(values: Words, half: np.uint64, key: Words) -> Words:
    low = (np.uint64(1) << half) - np.uint64(1)
    left, right = values >> half, values & low
    for number in range(ROUNDS):
        subkey = key + np.uint64((number + 1) * _GOLDEN & _MASK)
        left, right = right, left ^ (mixed(right ^ subkey) & low)
    return (left << half) | right
