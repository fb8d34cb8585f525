"""What runs in a worker process: tasks come as JSON lines on standard input, answers leave on standard output."""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, BinaryIO

from etymon.errors import EtymonError

PLACE_BYTES = 8
PR_SET_PDEATHSIG = 1
OUT_OF_MEMORY = 71
"""What a worker exits with when memory is used up: with all that it holds, it is of no more use."""


class Place:
    """Where a worker is: the number of the step that it has begun, in memory that outlives it.

    Beginning a step also gives it its CPU time: when that is used up the system ends the process by SIGPROF, which code
    outside of Python cannot put off."""

    def __init__(self, descriptor: int, cpu_seconds: float) -> None:
        self._memory = mmap.mmap(descriptor, PLACE_BYTES)
        self._cpu_seconds = cpu_seconds

    def begin(self, number: int) -> None:
        """Step `number` begins now."""
        self._memory[:] = number.to_bytes(PLACE_BYTES, "little", signed=True)
        signal.setitimer(signal.ITIMER_PROF, self._cpu_seconds)

    def end(self) -> None:
        """Nothing is being done."""
        signal.setitimer(signal.ITIMER_PROF, 0)


def end_with_parent(parent: int) -> None:
    """Lets the system end this process when the thread that started it ends (Linux; elsewhere its pipes tell it)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def limit_memory(size: int) -> None:
    """At most `size` bytes of data; beyond that an allocation fails."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard == resource.RLIM_INFINITY or size < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (size, hard))


def resolve(function: str) -> Callable[[Any, Mapping[int, str], Callable[[int], None]], Any]:
    """The callable that "module:name" names."""
    module, _, name = function.partition(":")
    return getattr(import_module(module), name)


def answer(request: dict[str, Any], place: Place) -> bytes:
    """Does one task; its result, or what went wrong, as a line of JSON."""
    try:
        work = resolve(request["function"])
        skip = {int(step): reason for step, reason in request["skip"].items()}
        said: dict[str, Any] = {"result": work(request["task"], skip, place.begin)}
        return json.dumps(said).encode() + b"\n"
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except EtymonError as error:
        told = {name: getattr(error, name) for name in ("what", "where", "why", "help")}
        return json.dumps({"error": told, "exit_code": error.exit_code}).encode() + b"\n"
    except Exception:
        return json.dumps({"bug": traceback.format_exc()}).encode() + b"\n"
    finally:
        place.end()


def serve(requests: BinaryIO, answers: BinaryIO, place: Place) -> None:
    """Answers requests until there are no more."""
    for line in requests:
        place.begin(-1)
        answers.write(answer(json.loads(line), place))
        answers.flush()


def main(descriptor: str, cpu_seconds: str, memory_bytes: str, parent: str) -> None:
    """A worker's life, from the words on its command line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor ends its workers
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGPROF,))
    end_with_parent(int(parent))
    limit_memory(int(memory_bytes))
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints must not be taken for an answer
    serve(sys.stdin.buffer, answers, Place(int(descriptor), float(cpu_seconds)))
