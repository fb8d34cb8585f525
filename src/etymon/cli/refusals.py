"""What the operating system refused (a stream, a file, memory), in words, where no room has told it."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from io import BufferedWriter, FileIO, TextIOWrapper
from pathlib import Path

from etymon.errors import EtymonError

# How libraries say that memory ran out where they raise no MemoryError: torch, the threads of Python, shared libraries.
_NO_MEMORY = (
    "allocate memory",
    "out of memory",
    "can't start new thread",
    "Resource temporarily unavailable",
    "failed to map segment",
)


# Every write to the disk is told by the storage, with its path. What is left is writing to standard output.
_WRITING = (errno.EBADF, errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_STREAMS = (("stdin", os.O_RDONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY))


def fill_standard_streams() -> None:
    """Gives a process that was started without standard streams something in their place. Otherwise the next files that
    it opens, of the store perhaps, would take their numbers, and words meant for people would be written into them.

    In place of standard output comes something that refuses all: an answer that nobody gets is an error. Messages that
    nobody gets are none.
    """
    for number, (name, flags) in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, flags)
            if opened != number:  # the lowest number that is free
                os.dup2(opened, number)
            if name != "stdin":
                setattr(sys, name, TextIOWrapper(BufferedWriter(FileIO(number, "w", closefd=False))))


def leave_standard_output() -> None:
    """What is still to be written on standard output goes nowhere, so that Python does not complain of it at exit."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def is_panic(error: BaseException) -> bool:
    """Whether it is what libraries in Rust raise where they give up, which is no Exception."""
    return type(error).__name__ == "PanicException"


def refusal(error: BaseException) -> EtymonError | None:
    """The error in words, if it is the operating system that refused something; None for an error of ours."""
    if isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY):
        return EtymonError(
            "There is not enough memory.",
            why=" ".join(str(error).split()) or "an allocation was refused",
            help="end other programs, or ask for less (less text, a smaller model), then run the same command again",
        )
    return _of_a_file(error) if isinstance(error, OSError) else None


def _of_a_file(error: OSError) -> EtymonError:
    from etymon.storage import DiskFault, told

    if error.filename is not None:
        return told(error, Path(os.fsdecode(error.filename)))
    if error.errno in _WRITING:
        leave_standard_output()
        return DiskFault(
            "Standard output takes no more of what is written.",
            why=os.strerror(error.errno),
            help="let it go to a terminal, to a file on a disk with room, or to /dev/null; everything finished is kept",
        )
    return DiskFault("The operating system refused something.", why=str(error), help="put the cause right")
