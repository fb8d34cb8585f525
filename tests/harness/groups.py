"""Ranks as real processes that exchange JSON over sockets, can die and notice each other's end; and ranks in turn.

`ranks` runs a piece of work in processes. `in_turn` runs it in this one, one operation of each rank after the other and
always in one order, so that the operations of several ranks are recorded as if one process had asked for them.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from etymon.errors import EtymonError
from etymon.storage import commit
from etymon.storage.ranks import RankLost

PATIENCE = 20.0
"""Seconds that a rank waits for another, unless a test says otherwise: far more than any step takes here."""

Work = Callable[["SocketGroup"], Any]


class SocketGroup:
    """Every rank has a socket to every other. A rank that ends is noticed at once, one that stands still after
    `patience` seconds; whoever notices tells the others, so that all of them name the same ranks."""

    def __init__(self, rank: int, size: int, sockets: dict[int, socket.socket], patience: float) -> None:
        self.rank, self.size = rank, size
        self._sockets = sockets
        self._patience = patience
        self._lost: set[int] = set()

    def gather(self, value: dict[str, Any]) -> list[dict[str, Any]]:
        if not self._lost:
            self._send({"value": value})
            deadline = time.monotonic() + self._patience
            messages = {other: self._receive(other, deadline) for other in self._sockets}
            for other, message in messages.items():
                self._lost |= {other} if message is None else set(message.get("lost", ()))
            if not self._lost:
                return [value if other == self.rank else messages[other]["value"] for other in range(self.size)]
            self._send({"lost": sorted(self._lost)})
        raise RankLost(self._lost, "no answer")

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode()
        for other in self._sockets.values():
            try:
                other.sendall(struct.pack(">I", len(data)) + data)
            except OSError:
                continue  # its end shows when it is listened to

    def _receive(self, other: int, deadline: float) -> dict[str, Any] | None:
        head = self._exactly(other, 4, deadline)
        data = head and self._exactly(other, struct.unpack(">I", head)[0], deadline)
        return json.loads(data) if data else None

    def _exactly(self, other: int, count: int, deadline: float) -> bytes | None:
        data = b""
        while len(data) < count:
            ready, _, _ = select.select([self._sockets[other]], [], [], max(deadline - time.monotonic(), 0))
            try:
                more = self._sockets[other].recv(count - len(data)) if ready else b""
            except OSError:
                more = b""
            if not more:
                return None
            data += more
        return data


@dataclass
class Outcome:
    """How a rank ended: what it gave, the error that it raised, or the signal that it died of."""

    gave: Any = None
    error: str = ""
    kind: str = ""
    ranks: list[int] = field(default_factory=list)
    exit_code: int = 0
    signal: int = 0


def ranks(size: int, work: Work, *, patience: float = PATIENCE, within: float = 60.0) -> list[Outcome]:
    """Runs `work` in `size` processes, by rank. Those that have not ended `within` seconds are killed."""
    pairs = {(a, b): socket.socketpair() for a in range(size) for b in range(a + 1, size)}
    children = [_fork(rank, size, pairs, work, patience) for rank in range(size)]
    for pair in pairs.values():
        for end in pair:
            end.close()
    deadline = time.monotonic() + within
    return [_outcome(pid, result, deadline) for pid, result in children]


def _fork(rank: int, size: int, pairs: Any, work: Work, patience: float) -> tuple[int, int]:
    """Starts a rank; gives its process and a pipe with what becomes of it."""
    result, told = os.pipe()
    pid = os.fork()
    if pid:
        os.close(told)
        return pid, result
    try:
        sockets: dict[int, socket.socket] = {}
        for (a, b), (of_a, of_b) in pairs.items():
            for owner, other, end in ((a, b, of_a), (b, a, of_b)):
                if owner == rank:
                    sockets[other] = end
                else:
                    end.close()  # or the end of its owner would not be noticed
        os.write(told, json.dumps(_do(work, SocketGroup(rank, size, sockets, patience))).encode())
    finally:
        os._exit(0)


def _do(work: Work, group: SocketGroup) -> dict[str, Any]:
    try:
        return {"gave": work(group)}
    except EtymonError as error:
        told = {"error": str(error), "kind": type(error).__name__, "exit_code": error.exit_code}
        return {**told, "ranks": getattr(error, "ranks", [])}
    except Exception as error:
        return {"error": repr(error), "kind": type(error).__name__}


def _outcome(pid: int, result: int, deadline: float) -> Outcome:
    data = b""
    while select.select([result], [], [], max(deadline - time.monotonic(), 0))[0]:
        more = os.read(result, 1 << 16)
        if not more:
            break
        data += more
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(result)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return Outcome(**json.loads(data)) if data else Outcome(signal=-status)


class _Turns:
    """Whose turn it is among threads of which only one runs at a time."""

    def __init__(self, size: int) -> None:
        self.size, self.turn = size, 0
        self.there = set(range(size))
        self.changed = threading.Condition()
        self.gathered: list[dict[int, dict[str, Any]]] = []

    def wait_for(self, rank: int) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.turn == rank)

    def hand_over(self, rank: int) -> None:
        """Lets the next rank that is still there go on until it hands over in its turn."""
        with self.changed:
            others = sorted(self.there, key=lambda other: (other <= rank, other))
            self.turn = others[0] if others else -1
            self.changed.notify_all()


class TurnGroup:
    """A rank of those that go on in turn."""

    def __init__(self, rank: int, turns: _Turns) -> None:
        self.rank, self.size = rank, turns.size
        self._turns, self._round = turns, 0

    def gather(self, value: dict[str, Any]) -> list[dict[str, Any]]:
        if len(self._turns.gathered) == self._round:
            self._turns.gathered.append({})
        values = self._turns.gathered[self._round]
        values[self.rank] = json.loads(json.dumps(value))
        self._round += 1
        while len(values) < self.size:
            lost = set(range(self.size)) - self._turns.there - set(values)
            if lost:
                raise RankLost(lost, "its work has ended")
            self.step()
        return [values[rank] for rank in range(self.size)]

    def step(self) -> None:
        """The others' turn, and then ours again."""
        self._turns.hand_over(self.rank)
        self._turns.wait_for(self.rank)


def in_turn(size: int, work: Callable[[TurnGroup], Any]) -> None:
    """Does `work` as each rank, one operation of storage of each after the other. Raises the first error of any."""
    turns, heard, errors, mine = _Turns(size), commit.fault, list[BaseException](), threading.local()

    def fault(operation: commit.Operation) -> None:
        mine.group.step()
        if heard is not None:
            heard(operation)

    def do(rank: int) -> None:
        mine.group = TurnGroup(rank, turns)
        turns.wait_for(rank)
        try:
            work(mine.group)
        except BaseException as error:
            errors.append(error)
        finally:
            turns.there.discard(rank)
            turns.hand_over(rank)

    threads = [threading.Thread(target=do, args=(rank,), daemon=True) for rank in range(size)]
    with mock.patch.object(commit, "fault", fault):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]
