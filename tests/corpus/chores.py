"""Work for workers that ends, starves or delays whoever takes it, at steps that the task names."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

STEPS = 20


def digests(task: dict[str, Any], skip: Mapping[int, str], at: Callable[[int], None]) -> list[str]:
    """A digest for each step, "left out" for those in `skip`; before that, whatever harm `task` wants at the step."""
    made: list[str] = []
    for step in range(task.get("steps", STEPS)):
        if step in skip:
            made.append("left out")
            continue
        at(step)
        harm = task.get("harm", {}).get(str(step))
        if harm is not None:
            HARMS[harm](task)
        time.sleep(task.get("seconds", 0))
        made.append(hashlib.sha256(f"{task['seed']}-{step}".encode() * 1000).hexdigest())
    return made


def reasons(task: dict[str, Any], skip: Mapping[int, str], at: Callable[[int], None]) -> list[str]:
    """What is said of each step of `digests`: "done", or why it is left out."""
    digests(task, skip, at)
    return [skip.get(step, "done") for step in range(task["steps"])]


def crash(task: dict[str, Any]) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def be_killed(task: dict[str, Any]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def be_killed_once(task: dict[str, Any]) -> None:
    """As if another program had done it: only the first attempt ends."""
    if not Path(task["mark"]).exists():
        Path(task["mark"]).touch()
        be_killed(task)


def kill_parent_once(task: dict[str, Any]) -> None:
    """As if the machine of a cluster had ended whoever supervises this worker."""
    if not Path(task["mark"]).exists():
        Path(task["mark"]).touch()
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)


def note(task: dict[str, Any]) -> None:
    """Leaves a file for each time that the task was begun."""
    Path(task["folder"], f"{task['seed']}-{os.getpid()}").touch()


def spin_in_c(task: dict[str, Any]) -> None:
    """A regular expression that backtracks for hours within one call to C, deaf to Python's own signal handlers."""
    signal.signal(signal.SIGALRM, lambda *_: None)
    re.match(r"(a+)+$", "a" * 60 + "b")


def sleep_long(task: dict[str, Any]) -> None:
    """Longer than the budget of CPU time, of which it takes none."""
    time.sleep(1.5)


def hoard(task: dict[str, Any]) -> None:
    held: list[bytes] = []
    while True:
        held.append(os.urandom(1 << 20) * 32)


def work_a_while(task: dict[str, Any]) -> None:
    """Takes 0.3 s of CPU time."""
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass


def fail(task: dict[str, Any]) -> None:
    raise KeyError("a mistake in the program")


def answer_strangely(task: dict[str, Any], skip: Mapping[int, str], at: Callable[[int], None]) -> Any:
    """A result that is no JSON, and noise where answers go."""
    print("noise of a library", flush=True)
    return {1, 2}


def print_noise(task: Any, skip: Mapping[int, str], at: Callable[[int], None]) -> Any:
    print('{"result": "a forged answer"}', flush=True)
    return task


def write_pid(task: dict[str, Any], skip: Mapping[int, str], at: Callable[[int], None]) -> str:
    """Says who it is, then waits to be ended."""
    Path(task["folder"], str(os.getpid())).touch()
    time.sleep(60)
    return ""


def die_at_once(task: Any, skip: Mapping[int, str], at: Callable[[int], None]) -> None:
    os.abort()


def loaded_modules(task: Any, skip: Mapping[int, str], at: Callable[[int], None]) -> bool:
    return "torch" in sys.modules


HARMS: dict[str, Callable[[dict[str, Any]], None]] = {
    "crash": crash,
    "kill": be_killed,
    "kill once": be_killed_once,
    "kill parent once": kill_parent_once,
    "note": note,
    "spin": spin_in_c,
    "sleep": sleep_long,
    "hoard": hoard,
    "work": work_a_while,
    "fail": fail,
}
