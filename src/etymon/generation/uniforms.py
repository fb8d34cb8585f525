"""Uniform random numbers that are computed from what they are for, so that no generator has a state to keep."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_MULTIPLIERS = np.array([0xD2511F53, 0xCD9E8D57], np.uint64)
_STEPS = np.array([0x9E3779B9, 0xBB67AE85], np.uint64)


def philox(counters: Words, key: Words) -> Words:
    """Philox4x32 of ten rounds on `counters` [..., 4] with `key` [2], each word 32 bits wide; gives words [..., 4].

    Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), section 3.4.
    """
    a, b, c, d = (counters[..., column] for column in range(4))
    key = key.copy()
    for _ in range(10):
        first, second = a * _MULTIPLIERS[0], c * _MULTIPLIERS[1]
        a, b, c, d = (second >> _SHIFT) ^ b ^ key[0], second & _LOW, (first >> _SHIFT) ^ d ^ key[1], first & _LOW
        key = (key + _STEPS) & _LOW
    return np.stack([a, b, c, d], axis=-1)


def uniforms(seed: int, requests: NDArray[np.int64], position: int) -> NDArray[np.float64]:
    """One number in [0, 1) of 53 random bits for each of `requests` [B], at one position of their texts.

    A pure function of (seed, request, position), each of up to 64 bits: what a row draws depends neither on the rows
    beside it nor on what was drawn before.
    """
    counters = np.empty((len(requests), 4), np.uint64)
    numbers = requests.astype(np.uint64)
    counters[:, 0], counters[:, 1] = numbers & _LOW, numbers >> _SHIFT
    counters[:, 2], counters[:, 3] = position & 0xFFFFFFFF, position >> 32
    words = philox(counters, np.array([seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF], np.uint64))
    high, low = words[:, 0] >> np.uint64(5), words[:, 1] >> np.uint64(6)
    return (high.astype(np.float64) * 67108864.0 + low.astype(np.float64)) / 9007199254740992.0
