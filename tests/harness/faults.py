"""A disk that fails on purpose, in this process: every change goes through the storage's seam, reads through two calls.

Each context manager gives the list of operations seen so far, so that a test can count them and choose among them.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from etymon.storage import commit
from etymon.storage.commit import Operation

FULL, QUOTA, FAILED, READ_ONLY, CLOSED = errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES
FAULTS = (FULL, QUOTA, FAILED, READ_ONLY, CLOSED)
"""The faults of a disk that each have words of their own."""

Which = Callable[[int, Operation], bool]
"""Whether the operation of this number (from 0) is one that goes wrong."""


def at(number: int) -> Which:
    """Only the operation of this number."""
    return lambda count, operation: count == number


def starting_at(number: int) -> Which:
    """The operation of this number and all later ones."""
    return lambda count, operation: count >= number


def always(count: int, operation: Operation) -> bool:
    """Every operation."""
    return True


@contextmanager
def watched() -> Generator[list[Operation]]:
    """A sound disk, watched."""
    with _hooked(lambda operation: None) as seen:
        yield seen


@contextmanager
def failing(code: int, which: Which) -> Generator[list[Operation]]:
    """A disk on which operations end with this error number."""
    count = -1

    def fault(operation: Operation) -> None:
        nonlocal count
        count += 1
        if which(count, operation):
            raise OSError(code, os.strerror(code))

    with _hooked(fault) as seen:
        yield seen


@contextmanager
def dead_from(number: int) -> Generator[list[Operation]]:
    """A process that is killed at the operation of this number: neither it nor any later one happens."""
    count = -1

    def fault(operation: Operation) -> None:
        nonlocal count
        count += 1
        if count >= number:
            raise SystemExit

    with _hooked(fault) as seen:
        yield seen


@contextmanager
def _hooked(fault: Callable[[Operation], None]) -> Generator[list[Operation]]:
    seen: list[Operation] = []

    def hook(operation: Operation) -> None:
        seen.append(operation)
        fault(operation)

    before, commit.fault = commit.fault, hook
    try:
        yield seen
    finally:
        commit.fault = before


@contextmanager
def unreadable(which: Callable[[Path], bool], code: int = FAILED) -> Generator[list[Path]]:
    """A disk from which some files cannot be read, though they can be opened; gives the files that were asked for.

    Stored bytes are read by `os.pread` and `Path.read_bytes`.
    """
    asked: list[Path] = []

    def look(path: Path) -> None:
        asked.append(path)
        if which(path):
            raise OSError(code, os.strerror(code), str(path))

    pread, read_bytes = os.pread, Path.read_bytes

    def failing_pread(descriptor: int, *rest: int) -> bytes:
        look(Path(os.readlink(f"/proc/self/fd/{descriptor}")))
        return pread(descriptor, *rest)

    def failing_read_bytes(path: Path) -> bytes:
        look(path)
        return read_bytes(path)

    with mock.patch("os.pread", failing_pread), mock.patch.object(Path, "read_bytes", failing_read_bytes):
        yield asked
