"""Being asked to stop: the first signal lets the step finish and saves, the second ends the process at once."""

from __future__ import annotations

import os
import signal
from types import FrameType

STANDARD_ERROR = 2
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


def forget_interrupt() -> None:
    """Where Ctrl-C arrived within code that C has run (an import by a library, say), Python takes it for one that
    nobody caught, and would end by the signal instead of with our number; running anything anew makes it forget."""
    from ctypes import pythonapi

    pythonapi.PyRun_SimpleString(b"")


class StopRequests:
    """Answers "has anybody asked to stop?" for Ctrl-C, a scheduler's TERM, and USR1 (Slurm before its time limit)."""

    def __init__(self) -> None:
        self.asked = False
        self._arrived, told = os.pipe()  # Python writes the number of every signal into it the moment that it comes
        for end in (self._arrived, told):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, self._handle)

    def __call__(self) -> bool:
        return self.asked

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        # What is on disk is always whole, so the second signal needs no code of ours, which would have to wait until
        # long work outside of Python, such as the learning of a tokenizer, comes back.
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        self.asked = True
        arrived = os.read(self._arrived, 64)
        if len(arrived) > 1:  # the second came before its handler was the system's own, and would be lost
            os.kill(os.getpid(), arrived[1])
        os.write(STANDARD_ERROR, b"\nstopping after this step; once more to stop at once\n")
