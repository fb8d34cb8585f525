"""What general compressors need for the same text: the floor below which a language model has learnt nothing."""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Iterable
from itertools import chain
from typing import Protocol

from etymon.errors import EtymonError

LARGEST_DICTIONARY = 32 << 20  # bytes; xz needs about ten times as much memory


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


def compression_floor(texts: Iterable[bytes], *, after: Iterable[bytes] | None = None) -> dict[str, float]:
    """Bits per byte that bz2 (level 9) and xz (preset 6) need for the texts one after the other, headers included.

    With `after`, the training texts, "xz after training text" is the number of bits by which the held-out texts
    lengthen the compressed training text, for an xz that remembers the last 32 MiB: a compressor that has seen what the
    model has seen. It compresses the training text twice.
    """
    held_out = list(texts)
    size = sum(map(len, held_out))
    if size == 0:
        raise EtymonError("There is no text to compress", help="give held-out documents that are not empty")
    floor = {"bz2": _compressed(bz2.BZ2Compressor(9), held_out), "xz": _compressed(_xz(size), held_out)}
    if after is not None:
        training = list(after)
        reach = size + sum(map(len, training))
        both = _compressed(_xz(reach), chain(training, held_out))
        floor["xz after training text"] = both - _compressed(_xz(reach), training)
    return {name: 8 * compressed / size for name, compressed in floor.items()}


def _xz(size: int) -> lzma.LZMACompressor:
    dictionary = min(max(size, 1 << 20), LARGEST_DICTIONARY)
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": dictionary}]
    return lzma.LZMACompressor(lzma.FORMAT_XZ, check=lzma.CHECK_NONE, filters=filters)


def _compressed(compressor: _Compressor, texts: Iterable[bytes]) -> int:
    return sum(len(compressor.compress(text)) for text in texts) + len(compressor.flush())
