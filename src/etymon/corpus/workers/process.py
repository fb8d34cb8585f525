"""One worker process, as its supervisor sees it: a task in, an answer or a death out."""

from __future__ import annotations

import json
import mmap
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from etymon.corpus.workers.child import OUT_OF_MEMORY, PLACE_BYTES

CHILD = "import sys; from etymon.corpus.workers.child import main; main(*sys.argv[1:])"


@dataclass(frozen=True, slots=True)
class Budget:
    """What one step may take in CPU time, never in wall time (what is kept must not depend on how busy a machine is),
    and how much data a worker may hold: RLIMIT_DATA, which counts what can be written, not the address space that
    allocators reserve. A worker that has done nothing yet holds about 130 MB by that count."""

    cpu_seconds: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Death:
    """A worker ended while it had a task: at which step (-1: before any), and by which signal or exit code."""

    step: int
    code: int

    @property
    def over_budget(self) -> bool:
        """Whether it was its own budget of CPU time that ended it."""
        return self.code == -signal.SIGPROF

    @property
    def words(self) -> str:
        """What ended it."""
        if self.over_budget:
            return "cpu time"
        if self.code == OUT_OF_MEMORY:
            return "memory"
        return f"crash: {_signal_name(-self.code)}" if self.code < 0 else f"exit {self.code}"


def _signal_name(number: int) -> str:
    known = {each.value: each.name for each in signal.Signals}
    return known.get(number, f"signal {number}")


class Worker:
    """A process that does tasks one after the other. `fileno` becomes readable when it has answered or died."""

    def __init__(self, budget: Budget) -> None:
        with tempfile.TemporaryFile() as file:
            file.truncate(PLACE_BYTES)
            self._place = mmap.mmap(file.fileno(), PLACE_BYTES)
            words = [file.fileno(), budget.cpu_seconds, budget.memory_bytes, os.getpid()]
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", CHILD, *map(str, words)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=(file.fileno(),),
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def fileno(self) -> int:
        """What to wait on."""
        return self._answers.fileno()

    def ask(self, function: str, task: Any, skip: Mapping[int, str]) -> None:
        """Sends a task; a worker that has died meanwhile is found out by `hear`."""
        self._place[:] = (-1).to_bytes(PLACE_BYTES, "little", signed=True)
        line = json.dumps({"function": function, "task": task, "skip": skip})
        try:
            self._requests.write(line.encode() + b"\n")
            self._requests.flush()
        except BrokenPipeError:
            return

    def hear(self) -> dict[str, Any] | Death:
        """The answer to the last task, waited for; or how the worker died."""
        line = self._answers.readline()
        if line.endswith(b"\n"):
            return json.loads(line)
        return Death(self._step(), self._process.wait())

    def _step(self) -> int:
        """The step that it has begun."""
        return int.from_bytes(self._place[:], "little", signed=True)

    def end(self) -> None:
        """Ends the process, whatever it is doing, and waits for it."""
        self._process.kill()
        self._process.wait()
        self._answers.close()
        self._place.close()
        try:
            self._requests.close()
        except BrokenPipeError:  # what it had not read is of no use to anybody
            return
