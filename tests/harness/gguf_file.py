"""Reads a GGUF file (version 3) far enough for tests: what it tells of a model, and tensors in F32, Q8_0 and Q4_1.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. It is trusted here; Etymon itself reads none."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUMBERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
TEXT, LIST = 8, 9
BLOCK = 32
"""Numbers that share a scale."""
Q8_0 = np.dtype([("scale", "<f2"), ("whole", "i1", BLOCK)])
Q4_1 = np.dtype([("scale", "<f2"), ("least", "<f2"), ("halves", "u1", BLOCK // 2)])
KINDS = {0: np.dtype("<f4"), 3: Q4_1, 8: Q8_0}


@dataclass(frozen=True)
class Place:
    """Where a tensor lies: its shape (the last number varies fastest, as in numpy), kind, and place behind the head."""

    shape: tuple[int, ...]
    kind: int
    begin: int


class GGUF:
    """A file. `about` is what it tells, `places` where its tensors are, `tensor` gives one in float32."""

    def __init__(self, path: Path) -> None:
        self._data = memoryview(path.read_bytes())
        self._at = 8
        if bytes(self._data[:4]) != b"GGUF" or self._data[4] != 3:
            raise ValueError(f"{path} is no GGUF file of version 3")
        tensors, entries = self._number(10), self._number(10)
        self.about: dict[str, Any] = {}
        for _ in range(entries):
            name = self._text()
            self.about[name] = self._value(self._number(4))
        self.places = dict(self._place() for _ in range(tensors))
        align = self.about.get("general.alignment", 32)
        self._begin = -(-self._at // align) * align

    def _number(self, kind: int) -> Any:
        (value,) = struct.unpack_from(NUMBERS[kind], self._data, self._at)
        self._at += struct.calcsize(NUMBERS[kind])
        return value

    def _text(self) -> str:
        length = self._number(10)
        self._at += length
        return bytes(self._data[self._at - length : self._at]).decode()

    def _value(self, kind: int) -> Any:
        if kind == TEXT:
            return self._text()
        if kind == LIST:
            inner, length = self._number(4), self._number(10)
            return [self._value(inner) for _ in range(length)]
        return self._number(kind)

    def _place(self) -> tuple[str, Place]:
        name = self._text()
        shape = [self._number(10) for _ in range(self._number(4))]
        return name, Place(tuple(reversed(shape)), self._number(4), self._number(10))

    def tensor(self, name: str) -> NDArray[np.float32]:
        """Its numbers, those that share a scale unpacked."""
        place = self.places[name]
        kind, count = KINDS[place.kind], int(np.prod(place.shape))
        blocks = np.frombuffer(
            self._data, kind, count if place.kind == 0 else count // BLOCK, self._begin + place.begin
        )
        return _unpacked(blocks).reshape(place.shape)

    @cached_property
    def tokens(self) -> list[str]:
        """The spelled tokens in the order of their ids."""
        return self.about["tokenizer.ggml.tokens"]


def _unpacked(blocks: NDArray[Any]) -> NDArray[np.float32]:
    if blocks.dtype.names is None:
        return blocks.astype(np.float32)
    scale = blocks["scale"].astype(np.float32)[:, None]
    if "whole" in blocks.dtype.names:
        return scale * blocks["whole"].astype(np.float32)
    halves = blocks["halves"]
    numbers = np.concatenate([halves & 15, halves >> 4], 1)  # low halves first
    return scale * numbers.astype(np.float32) + blocks["least"].astype(np.float32)[:, None]
