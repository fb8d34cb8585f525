"""A foreign `model.safetensors`, trusted in nothing: its header is checked before a single number is read."""

from __future__ import annotations

import hashlib
import math
import os
import re
import stat
import struct
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, cast

from etymon.errors import EtymonError
from etymon.models.exchange.given import plain_json
from etymon.storage import told

if TYPE_CHECKING:
    from torch import Tensor

MOST_HEADER = 1 << 24
"""Bytes of a header; that of a model of a thousand layers has about two million."""
KINDS = {"F32": (4, "float32"), "F16": (2, "float16"), "BF16": (2, "bfloat16"), "BOOL": (1, "bool"),
         "U8": (1, "uint8"), "I64": (8, "int64")}  # fmt: skip
"""Types of number: bytes of one, and torch's name."""
WEIGHTS = ("F32", "F16", "BF16")
"""Those that float32 holds exactly."""
_NAME = re.compile(r"[A-Za-z0-9_.]{1,200}", re.ASCII)
_ENTRY = {"dtype", "shape", "data_offsets"}


@dataclass(frozen=True)
class Entry:
    """One tensor as the header has it."""

    kind: str
    shape: tuple[int, ...]
    begin: int
    end: int


@contextmanager
def opened(path: Path, most: int) -> Generator[tuple[BinaryIO, int]]:
    """A plain file of at most so many bytes, and how many it has. A pipe or a device is not waited for."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise EtymonError("This is not a plain file.", where=str(path), help="name a folder of files")
            if status.st_size > most:
                why = f"it has {status.st_size:,} bytes; at most {most:,} are read"
                raise EtymonError("This file is too large to be what it is called.", where=str(path), why=why)
            yield file, status.st_size
    except FileNotFoundError as error:
        help = "name a folder with config.json and model.safetensors"
        raise EtymonError("This file is missing.", where=str(path), help=help) from error
    except OSError as error:
        raise told(error, path) from error


def whole(path: Path, most: int) -> bytes:
    """All bytes of a small file."""
    with opened(path, most) as (file, size):
        return file.read(size)


class ForeignWeights:
    """The tensors of an open file. `entries` come from its header; `read` gives the numbers."""

    def __init__(self, file: BinaryIO, size: int, where: str) -> None:
        self._file, self.where = file, where
        begin = file.read(8)
        length = struct.unpack("<Q", begin)[0] if len(begin) == 8 else 0
        if not 2 <= length <= min(MOST_HEADER, size - 8):
            self._refuse(f"its header would have {length:,} bytes, of {size:,} in the file and {MOST_HEADER:,} allowed")
        header = file.read(length)
        self._hash = hashlib.sha256(begin + header)
        self._bytes = size - 8 - length
        content = plain_json(header, where)
        content.pop("__metadata__", None)  # words about the file; nothing is read from them
        self.entries = {name: self._entry(name, value) for name, value in content.items()}
        self._check_places()

    def _refuse(self, why: str) -> NoReturn:
        raise EtymonError("This is not a sound safetensors file.", where=self.where, why=why)

    def _entry(self, name: str, value: Any) -> Entry:
        shown = ascii(name[:60])
        if not _NAME.fullmatch(name):
            self._refuse(f"{shown} is no name of a tensor: letters, digits, _ and . are")
        if not isinstance(value, dict) or set(cast("dict[str, Any]", value)) != _ENTRY:
            self._refuse(f"{shown} must have {', '.join(sorted(_ENTRY))} and nothing else")
        entry = cast("dict[str, Any]", value)
        kind: Any = entry["dtype"]
        shape, places = _counts(entry["shape"]), _counts(entry["data_offsets"])
        if not isinstance(kind, str) or kind not in KINDS:
            self._refuse(f"{shown} has numbers of type {str(kind)[:20]!r}; {', '.join(KINDS)} are read")
        if shape is None or len(shape) > 8 or places is None or len(places) != 2:
            self._refuse(f"the shape and places of {shown} must be whole numbers from 0 up")
        begin, end = places
        if end - begin != math.prod(shape) * KINDS[kind][0]:
            self._refuse(f"{shown} has {end - begin:,} bytes for {shape} numbers of {kind}")
        return Entry(kind, tuple(shape), begin, end)

    def _check_places(self) -> None:
        """The tensors lie one behind the other, from the first byte behind the header to the last of the file."""
        reached = 0
        for name, entry in sorted(self.entries.items(), key=lambda each: (each[1].begin, each[1].end)):
            if entry.begin != reached:
                what = "overlaps the one before it" if entry.begin < reached else "leaves a gap before it"
                self._refuse(f"{name!a} {what}: it begins at byte {entry.begin:,}, not {reached:,}")
            reached = entry.end
        if reached != self._bytes:
            self._refuse(f"its tensors need {reached:,} bytes, and {self._bytes:,} are there")

    def read(self) -> tuple[dict[str, Tensor], str]:
        """All tensors as they are, and the SHA-256 (hex) of the file."""
        import torch

        data = bytearray(self._bytes)
        if self._file.readinto(data) != self._bytes:  # type: ignore[attr-defined]
            self._refuse("it became shorter while it was read")
        self._hash.update(data)
        tensors: dict[str, Tensor] = {}
        for name, entry in self.entries.items():
            kind = getattr(torch, KINDS[entry.kind][1])
            flat = torch.zeros(0, dtype=kind)
            if entry.end > entry.begin:
                count = math.prod(entry.shape)
                size = KINDS[entry.kind][0]
                odd = entry.begin % size
                source = data[entry.begin : entry.end] if odd else data  # torch reads only from even places
                flat = torch.frombuffer(source, dtype=kind, count=count, offset=0 if odd else entry.begin)
            tensors[name] = flat.reshape(entry.shape)
        return tensors, self._hash.hexdigest()


def _counts(value: Any) -> list[int] | None:
    """A list of whole numbers from 0 up; None if it is none."""
    numbers: list[Any] = cast("list[Any]", value) if isinstance(value, list) else [None]
    return numbers if all(type(each) is int and 0 <= each < 1 << 48 for each in numbers) else None
