"""The corruption sweep: one change after another made to a file in place, each loaded as its reader would load it.

A change is detected where the load raises an EtymonError. One that loads is silent, also where what it gives is right;
one that raises anything else has crashed the reader.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from etymon.errors import EtymonError

Load = Callable[[], Any]
Change = Callable[[int, int], int]
"""(byte, position) -> the byte that takes its place, another one."""


@dataclass
class Sweep:
    """How many changes were tried and detected, and the places of those that were not."""

    tried: int = 0
    detected: int = 0
    silent: list[int] = field(default_factory=list)
    crashed: list[tuple[int, str]] = field(default_factory=list)

    def look(self, place: int, load: Load) -> None:
        self.tried += 1
        try:
            load()
        except EtymonError:
            self.detected += 1
        except Exception as error:
            self.crashed.append((place, repr(error)))
        else:
            self.silent.append(place)


def flipped(byte: int, position: int) -> int:
    """One bit flipped, another one from byte to byte."""
    return byte ^ 1 << position % 8


def inverted(byte: int, position: int) -> int:
    """All bits flipped."""
    return byte ^ 0xFF


def zeroed(byte: int, position: int) -> int:
    """Nothing, as a hole in a file reads; what is nothing already becomes something."""
    return 0 if byte else 1


def sampled(path: Path, count: int, seed: int = 0) -> list[int]:
    """So many positions of a file's bytes, the first and the last among them."""
    size = path.stat().st_size
    return sorted({0, size - 1, *random.Random(seed).sample(range(size), min(count, size))})


def sweep(path: Path, load: Load, positions: Iterable[int] | None = None, change: Change = flipped) -> Sweep:
    """Changes one byte after another (of all, or those at `positions`) in place, and back. Loads before and after."""
    load()
    result = Sweep()
    for position in changes(path, positions, change):
        result.look(position, load)
    load()
    return result


def changes(path: Path, positions: Iterable[int] | None = None, change: Change = flipped) -> Iterator[int]:
    """Gives each position while the byte there is changed; the file is whole again in the end."""
    data = path.read_bytes()
    descriptor = os.open(path, os.O_WRONLY)
    try:
        for position in range(len(data)) if positions is None else positions:
            os.pwrite(descriptor, bytes((change(data[position], position),)), position)
            yield position
            os.pwrite(descriptor, data[position : position + 1], position)
    finally:
        os.close(descriptor)
    assert path.read_bytes() == data


def cuts(path: Path, lengths: Iterable[int] | None = None) -> Iterator[int]:
    """Gives each length while the file has it; the file is put back in the end."""
    data = path.read_bytes()
    for length in range(len(data)) if lengths is None else lengths:
        os.truncate(path, length)
        yield length
        path.write_bytes(data)


def swapped(one: Path, other: Path) -> None:
    """Each of two files takes the name of the other."""
    aside = one.with_name(f"{one.name}.aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)
