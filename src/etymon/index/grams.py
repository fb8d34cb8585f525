"""A Bloom filter over all runs of a fixed number of bytes: what cannot occur is told without a search."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEP = 1 << 20
WORD = 8
BITS_PER_RUN = 8
LEAST_BITS, MOST_BITS = 10, 27  # of a hash: the filter takes 128 bytes to 16 MiB
MULTIPLIERS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], np.uint64)  # odd, from the golden ratio and XXH64


def _words(data: NDArray[np.uint8], count: int) -> NDArray[np.uint64]:
    """The 8-byte words that begin at each of the first `count` bytes. [count]"""
    return np.lib.stride_tricks.as_strided(data[:WORD].view(np.uint64), shape=(count,), strides=(1,))


def _hashes(data: NDArray[np.uint8], length: int, bits: int) -> NDArray[np.uint64]:
    """A hash of `bits` bits of each run of `length` >= 8 bytes: of its first and its last eight. [len - length + 1]"""
    count = len(data) - length + 1
    first, last = _words(data, count), _words(data[length - WORD :], count)
    mixed = first * MULTIPLIERS[0] ^ (last * MULTIPLIERS[1] >> np.uint64(29))
    return mixed * MULTIPLIERS[0] >> np.uint64(64 - bits)


class GramFilter:
    """Which runs of `length` bytes `buffer` may hold. It never denies one that is there; of those that are not, it lets
    about one in eight pass (more beyond 16 MB of text). Runs shorter than eight bytes all pass."""

    def __init__(self, buffer: bytes, length: int) -> None:
        self.length = length
        data = np.frombuffer(buffer, np.uint8)
        runs = max(len(data) - length + 1, 0)
        self._bits = min(max((runs * BITS_PER_RUN).bit_length(), LEAST_BITS), MOST_BITS)
        marks = np.zeros(1 << self._bits, np.bool_)
        if length >= WORD:
            for start in range(0, runs, STEP):
                marks[_hashes(data[start : start + STEP + length - 1], length, self._bits)] = True
        self._marks = np.packbits(marks, bitorder="little")

    def possible(self, text: bytes) -> NDArray[np.bool_]:
        """For each byte of `text` whether a run that begins there may be in the buffer. [len(text)]"""
        answer = np.zeros(len(text), np.bool_)
        runs = len(text) - self.length + 1
        if runs <= 0:
            return answer
        if self.length < WORD:
            answer[:runs] = True
            return answer
        hashes = _hashes(np.frombuffer(text, np.uint8), self.length, self._bits)
        answer[:runs] = (self._marks[hashes >> np.uint64(3)] >> (hashes & np.uint64(7)).astype(np.uint8)) & 1
        return answer
