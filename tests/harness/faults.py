"""A disk that fails on purpose, in this process: every change goes through the storage's seam, reads through two calls.

Each context manager gives the list of operations seen so far, so that a test can count them and choose among them.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from etymon.storage import commit, folder
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


def as_a_new_process() -> None:
    """Forgets what this process has seen of the disk (folders made durable, mapped files found whole), as each command
    of a user begins with nothing."""
    commit._durable.clear()
    folder._verified.clear()


@contextmanager
def watched() -> Generator[list[Operation]]:
    """A sound disk, watched."""
    with _hooked(lambda count, operation: False, SystemExit) as seen:
        yield seen


@contextmanager
def failing(code: int, which: Which) -> Generator[list[Operation]]:
    """A disk on which operations end with this error number."""
    with _hooked(which, lambda: OSError(code, os.strerror(code))) as seen:
        yield seen


@contextmanager
def dead_from(which: int | Which) -> Generator[list[Operation]]:
    """A process that is killed at the operation of this number, or at the first of these: neither it nor any later one
    happens."""
    chosen = at(which) if isinstance(which, int) else which
    dead = False

    def gone(count: int, operation: Operation) -> bool:
        nonlocal dead
        dead = dead or chosen(count, operation)
        return dead

    with _hooked(gone, SystemExit) as seen:
        yield seen


@contextmanager
def _hooked(which: Which, error: Callable[[], BaseException]) -> Generator[list[Operation]]:
    seen: list[Operation] = []

    def hook(operation: Operation) -> None:
        seen.append(operation)
        if which(len(seen) - 1, operation):
            raise error()

    before, commit.fault = commit.fault, hook
    try:
        yield seen
    finally:
        commit.fault = before


@contextmanager
def unreadable(which: Callable[[Path], bool], code: int = FAILED) -> Generator[list[Path]]:
    """A disk from which some files cannot be read, though they can be opened; gives the files that were asked for.

    Stored bytes are read by `os.pread`, `os.readv` and `Path.read_bytes`.
    """
    asked: list[Path] = []

    def look(path: Path) -> None:
        asked.append(path)
        if which(path):
            raise OSError(code, os.strerror(code), str(path))

    def watched(read: Callable[..., Any]) -> Callable[..., Any]:
        def watching(file: int | Path, *rest: Any) -> Any:
            look(file if isinstance(file, Path) else Path(os.readlink(f"/proc/self/fd/{file}")))
            return read(file, *rest)

        return watching

    with ExitStack() as patches:
        for place, name in ((os, "pread"), (os, "readv"), (Path, "read_bytes")):
            patches.enter_context(mock.patch.object(place, name, watched(getattr(place, name))))
        yield asked
