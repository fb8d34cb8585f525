"""Kills: a job runs in forked children that are ended by SIGKILL at chosen moments, again and again, until it is done.

A server process imports torch and etymon once and forks one child for each attempt, so that an attempt costs tenths of
a second. Where a child is (its place) and what it has been told is durable stands in memory that it shares with the
server, so that both are known after a kill, too. Run as a program, this file is the server.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import mmap
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

TESTS = Path(__file__).parents[1]
SLOTS = 512
NAMES, WIDTH = 256, 80
PLACE, OPERATIONS, EVENTS, SEALED, STEP, KNOWN = range(6)
PLAIN_DEATH = 97
"""Exit code of a child whose job failed; what it printed says why."""


@dataclass(frozen=True)
class Target:
    """The moment of a kill: within `place`, at one of

    - its k-th change of the disk, counted from 1, before that change is made (`operation`),
    - so many seconds after it was entered for the `entry`-th time (`seconds`; the server kills, from outside),
    - its `entry`-th entering, in the middle of what it does (neither; only "backward" tells its middle).

    A child that reaches a place which comes later in the job is killed there at its first change of the disk.
    `number` other than SIGKILL is sent by the server once the moment has come, and the child goes on as it likes.
    """

    place: str
    operation: int | None = None
    seconds: float | None = None
    entry: int = 1
    number: int = signal.SIGKILL
    again: float | None = None
    """Seconds after the signal when it is sent a second time."""


@dataclass(frozen=True)
class End:
    """How an attempt ended: the signal that ended it (0: none) or its exit code, where it was, what it was told.

    `events`, `sealed`: how many calls of the journal's `append` and a draft's `seal` had returned; `step`: of the last
    checkpoint of this training whose saving had returned (-1: none). `hit` says whether the target was reached;
    `waited`: seconds from the signal to the end. `printed`: standard output and error. `places`: place -> changes of
    the disk made there.
    """

    signal: int
    code: int
    place: str
    events: int
    sealed: int
    step: int
    seconds: float
    waited: float
    hit: bool
    printed: str
    places: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def killed(self) -> bool:
        return self.signal == signal.SIGKILL


class Killer:
    """The client of a server. `task` is "module:function" below tests/ (a function of `Watch` and keywords)."""

    def __init__(self, *, imports: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> None:
        """`imports`: modules that the server loads before it forks, and functions ("module:function") that it calls."""
        self._server = subprocess.Popen(
            [sys.executable, __file__, *imports],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **_environment(), **(environment or {})},
        )

    def attempt(
        self, task: str, arguments: Mapping[str, Any], target: Target | None = None, *, order: Sequence[str] = ()
    ) -> End:
        """Run a task in a child of its own until it ends or is killed. `order`: places as they follow each other."""
        assert self._server.stdin is not None and self._server.stdout is not None
        request = {
            "task": task,
            "arguments": dict(arguments),
            "target": target and asdict(target),
            "order": list(order),
        }
        print(json.dumps(request), file=self._server.stdin, flush=True)
        line = self._server.stdout.readline()
        assert line, "the server of kills has ended"
        end = End(**json.loads(line))
        assert end.code != PLAIN_DEATH, end.printed
        return end

    def close(self) -> None:
        """End the server, and with it a child that still runs."""
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()

    def __enter__(self) -> Killer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def fresh_process(
    task: str,
    arguments: Mapping[str, Any],
    target: Target | None = None,
    *,
    order: Sequence[str] = (),
    **environment: str,
) -> End:
    """The same in a process of its own from the first line on, as a user starts it; only the signal, the exit code,
    what was printed and how long it took are known of its end."""
    told, tell = os.pipe()
    printed = os.memfd_create("printed")
    request = json.dumps(
        {"task": task, "arguments": dict(arguments), "target": target and asdict(target), "order": list(order)}
    )
    begin = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, __file__, "--alone", request, str(tell)],
        stdout=printed,
        stderr=printed,
        pass_fds=[tell],
        env={**os.environ, **_environment(), **environment},
    )
    os.close(tell)
    hit, waited = _send_when_told(process.pid, told, target)
    code = process.wait()
    end = End(
        signal=max(-code, 0),
        code=max(code, 0),
        place=target.place if target else "",
        events=0,
        sealed=0,
        step=-1,
        seconds=time.monotonic() - begin,
        waited=waited,
        hit=hit,
        printed=os.pread(printed, 1 << 20, 0).decode(errors="replace"),
    )
    os.close(told)
    os.close(printed)
    assert end.code != PLAIN_DEATH, end.printed
    return end


def _environment() -> dict[str, str]:
    """One thread, and the tests' folder to import from."""
    path = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    return {**quiet, "PYTHONPATH": os.pathsep.join(path)}


class Watch:
    """A child's side: tells where the job is, counts what it changes, and strikes when the target is reached."""

    def __init__(self, shared: Shared, target: Target | None, order: Sequence[str], strike: Callable[[], None]) -> None:
        self._shared, self._target, self._strike = shared, target, strike
        self._order = list(order)
        self._rank = self._order.index(target.place) if target and target.place in self._order else None
        self._counted: dict[str, int] = {}
        self._entered: dict[str, int] = {}
        self.struck = False
        self.place = "start"
        self.enter("start")

    def enter(self, place: str) -> None:
        """The job is now at `place`: a name, or "NAME: PART"."""
        self.place = place
        self._shared.enter(place)
        self._entered[place] = self._entered.get(place, 0) + 1
        target = self._target
        if target and target.seconds is not None and place == target.place and self._is_entry(target):
            self._hit()

    @contextlib.contextmanager
    def within(self, part: str) -> Generator[None]:
        """A part of the place where the job is, and then that place again."""
        before = self.place
        self.enter(f"{before.partition(': ')[0]}: {part}")
        try:
            yield
        finally:
            self.place = before
            self._shared.enter(before)

    def changes(self, operation: Any = None) -> None:
        """The disk is about to be changed: the seam `etymon.storage.commit.fault`."""
        del operation
        self._counted[self.place] = self._counted.get(self.place, 0) + 1
        self._shared.count(self.place)
        target = self._target
        if target and target.number == signal.SIGKILL and self._is_later():
            os.kill(os.getpid(), signal.SIGKILL)
        if target and not self.struck:
            there = self.place == target.place and self._counted[self.place] == target.operation
            if there or self._is_later():
                self._hit()

    def in_the_middle(self) -> bool:
        """Whether the place is to strike in its own middle this time."""
        target = self._target
        asked = target is not None and target.operation is None and target.seconds is None
        return bool(asked and target and self.place == target.place and self._is_entry(target))

    def middle(self) -> None:
        """The middle of a place that was asked to strike there."""
        if not self.struck:
            self._hit()

    def told(self, slot: int, value: int | None = None) -> None:
        """A call has returned, and so has acknowledged that something is durable."""
        self._shared.numbers[slot] = self._shared.numbers[slot] + 1 if value is None else value

    def _is_entry(self, target: Target) -> bool:
        return self._entered[target.place] == target.entry and not self.struck

    def _is_later(self) -> bool:
        rank = self._order.index(self.place) if self.place in self._order else None
        return self._rank is not None and rank is not None and rank > self._rank

    def _hit(self) -> None:
        self.struck = True
        self._strike()


class Shared:
    """Numbers and names in memory that outlives the child. Each store of a number is one instruction; a name is
    written before the number that points to it."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8 * SLOTS + NAMES * WIDTH)
        self.numbers = np.frombuffer(self._memory, np.int64, SLOTS)
        self.numbers[STEP] = -1
        self._places: dict[str, int] = {}

    def _index(self, place: str) -> int:
        if place not in self._places:
            number, start = len(self._places), 8 * SLOTS + len(self._places) * WIDTH
            self._memory[start : start + len(place)] = place.encode()
            self._places[place] = number
            self.numbers[KNOWN] = number + 1
        return self._places[place]

    def enter(self, place: str) -> None:
        self.numbers[PLACE] = self._index(place)

    def count(self, place: str) -> None:
        self.numbers[OPERATIONS] += 1
        self.numbers[16 + self._index(place)] += 1

    def name(self, number: int) -> str:
        start = 8 * SLOTS + number * WIDTH
        return self._memory[start : start + WIDTH].rstrip(b"\0").decode()

    def places(self) -> dict[str, int]:
        return {self.name(number): int(self.numbers[16 + number]) for number in range(int(self.numbers[KNOWN]))}


def serve(imports: Sequence[str], requests: int, answers: int) -> None:
    """Fork one child for each line of `requests`, until there are no more; the end of each is a line of `answers`."""
    for name in imports:
        module, _, function = name.partition(":")
        loaded = importlib.import_module(module)
        if function:
            getattr(loaded, function)()
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    names = [Path(f"/proc/self/task/{one}/comm").read_text().strip() for one in os.listdir("/proc/self/task")]
    others = [name for name in names[1:] if not name.startswith("jemalloc")]  # jemalloc forks well
    assert not others, f"threads are alive and would be lost in a child: {others}"
    with os.fdopen(requests, closefd=False) as lines:
        for line in lines:
            request = json.loads(line)
            target = Target(**request["target"]) if request["target"] else None
            end = _attempt(request["task"], request["arguments"], target, request["order"], requests)
            os.write(answers, json.dumps(asdict(end)).encode() + b"\n")


def _attempt(task: str, arguments: dict[str, Any], target: Target | None, order: list[str], requests: int) -> End:
    shared, begin = Shared(), time.monotonic()
    told, tell = os.pipe()
    printed = os.memfd_create("printed")
    child = os.fork()
    if child == 0:
        os.close(told)
        _child(task, arguments, Watch(shared, target, order, _strike(target, tell)), printed)
    os.close(tell)
    hit, waited = _send_when_told(child, told, target, requests)
    _, status = os.waitpid(child, 0)
    died = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    end = End(
        signal=died,
        code=os.WEXITSTATUS(status) if not died else 0,
        place=shared.name(int(shared.numbers[PLACE])),
        events=int(shared.numbers[EVENTS]),
        sealed=int(shared.numbers[SEALED]),
        step=int(shared.numbers[STEP]),
        seconds=time.monotonic() - begin,
        waited=waited,
        hit=hit or died == signal.SIGKILL,
        printed=os.pread(printed, 1 << 20, 0).decode(errors="replace"),
        places=shared.places(),
    )
    os.close(told)
    os.close(printed)
    return end


def _strike(target: Target | None, tell: int) -> Callable[[], None]:
    """What a child does when the moment has come: it dies by its own hand, or tells the server, which strikes."""

    def own() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def tells() -> None:
        os.write(tell, b".")
        if target and target.seconds is None:
            select.select([], [], [], 0.005)  # a signal, too, finds it where it said that it is

    return own if target and target.seconds is None and target.number == signal.SIGKILL else tells


def _send_when_told(child: int, told: int, target: Target | None, requests: int | None = None) -> tuple[bool, float]:
    """Wait for the child's end, and send it the target's signal when it has told that the moment has come.

    Gives whether that moment came, and the seconds from the signal to the end.
    """
    ended = os.pidfd_open(child)
    waiting = [ended, *([told] if target else []), *([requests] if requests is not None else [])]
    moments: list[float] = []
    sent: list[float] = []
    hit = False
    try:
        while True:
            timeout = max(moments[0] - time.monotonic(), 0) if moments else None
            ready, _, _ = select.select(waiting, [], [], timeout)
            if ended in ready:
                return hit, time.monotonic() - sent[0] if sent else 0.0
            if requests is not None and requests in ready and not os.read(requests, 1):  # whoever asked has gone
                signal.pidfd_send_signal(ended, signal.SIGKILL)
                os.waitpid(child, 0)
                os._exit(0)
            if told in ready:
                waiting.remove(told)
                if target and os.read(told, 1):
                    hit = True
                    moments = [time.monotonic() + (target.seconds or 0.0)]
                    moments += [moments[0] + target.again] if target.again is not None else []
            elif moments and time.monotonic() >= moments[0]:
                moments.pop(0)
                sent.append(time.monotonic())
                assert target is not None
                signal.pidfd_send_signal(ended, target.number)
    finally:
        os.close(ended)


def _child(task: str, arguments: dict[str, Any], watch: Watch, printed: int) -> None:
    """Run the task; never returns."""
    code = PLAIN_DEATH
    try:
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        module, _, name = task.partition(":")
        code = getattr(importlib.import_module(module), name)(watch, **arguments) or 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _alone(request: dict[str, Any], tell: int) -> None:
    """The child's side of `fresh_process`."""
    target = Target(**request["target"]) if request["target"] else None
    watch = Watch(Shared(), target, request["order"], _strike(target, tell))
    module, _, name = request["task"].partition(":")
    sys.exit(getattr(importlib.import_module(module), name)(watch, **request["arguments"]))


if __name__ == "__main__":
    sys.modules["harness.kills"] = sys.modules[__name__]  # tasks import it by that name
    if sys.argv[1] == "--alone":
        _alone(json.loads(sys.argv[2]), int(sys.argv[3]))
    channel = os.dup(1)
    os.dup2(2, 1)
    serve(sys.argv[1:], os.dup(0), channel)
