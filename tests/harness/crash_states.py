"""Crash states: a protocol's work is recorded once, then found again after a loss of power, a kill, or two of them.

A state is bad where what was acknowledged is lost, where what shows is no whole version of itself (mixed), where
something is there twice (duplicated), or where the same work cannot be done again to the same end (stuck).
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Generator, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import ModuleType
from unittest import mock

from etymon.errors import EtymonError
from etymon.storage import commit, folder
from harness.power_loss import Change, Disk, File, Folder, Parts, Tree, lay_out, read_in

View = Mapping[str, Hashable]
"""What shows under a root, part by part: name of the part -> a value that is equal where what shows is equal."""

DAMAGED = "damaged"
"""The value of a part that is there and not whole."""

_STORAGE = os.path.dirname(commit.__file__)
_SMALL_BLOCK = 64
_RECOVERY = 24


class Told:
    """What the work of a protocol tells while it goes on. This one listens to nobody."""

    def moment(self) -> None:
        """What shows now may be found after a crash."""

    def acknowledge(self, *parts: str) -> None:
        """What shows now may be found after a crash, and of these parts nothing older."""


@dataclass(frozen=True)
class Protocol:
    """A piece of work that must be able to crash anywhere.

    `work` does it, or what is left of it, on what it finds under the root, and tells each resting state. `given` makes
    what is there before. `shown` is how a reader sees it; it writes nothing. `wrong` lists what a check of everything
    finds wrong, `check` raises AssertionError where parts that show contradict each other, `ended` where the work, done
    again after a crash, left something that should not stay.
    """

    name: str
    work: Callable[[Path, Told], None]
    shown: Callable[[Path], View]
    wrong: Callable[[Path], list[str]] = lambda root: []
    given: Callable[[Path], None] = lambda root: None
    check: Callable[[View], None] = lambda view: None
    ended: Callable[[Path], None] = lambda root: None


@dataclass
class Counts:
    """How many states were tried, how many of them differed on the disk, and what was wrong in how many."""

    states: int = 0
    distinct: int = 0
    lost: int = 0
    mixed: int = 0
    duplicated: int = 0
    stuck: int = 0

    def bad(self) -> int:
        return self.lost + self.mixed + self.duplicated + self.stuck


@dataclass(frozen=True)
class Mark:
    """A resting state: after so many changes, what showed then, and the parts acknowledged."""

    after: int
    view: View
    parts: tuple[str, ...] = ()


class _Recorder(Told):
    """Listens to storage and to the work."""

    def __init__(self, root: Path, shown: Callable[[Path], View]) -> None:
        self._root, self._shown = root, shown
        self.changes: list[Change] = []
        self.marks: list[Mark] = []

    def moment(self) -> None:
        self.acknowledge()

    def acknowledge(self, *parts: str) -> None:
        self.marks.append(Mark(len(self.changes), self._shown(self._root), parts))

    def note(self, operation: commit.Operation) -> None:
        if operation.path.is_relative_to(self._root):
            path = operation.path.relative_to(self._root).parts
            target = operation.target.relative_to(self._root).parts if operation.target else ()
            data = bytes(operation.data)
            self.changes.append(Change(operation.name, path, target, data, operation.size, _site(operation.name)))


def _site(operation: str) -> str:
    """Who asked for an operation: the functions of storage outwards to the first public one above `commit`."""
    frame = sys._getframe()
    while frame.f_back is not None and frame.f_code.co_name != "_announce":
        frame = frame.f_back
    frame = frame.f_back and frame.f_back.f_back  # above the function of `commit` that is the operation itself
    names: list[str] = []
    while frame is not None and os.path.dirname(frame.f_code.co_filename) == _STORAGE:
        module = os.path.basename(frame.f_code.co_filename).removesuffix(".py")
        name = f"{module}.{frame.f_code.co_qualname}"
        if name not in names:
            names.append(name)
        if module != "commit" and (not frame.f_code.co_name.startswith("_") or frame.f_code.co_name == "__init__"):
            break
        frame = frame.f_back
    return f"{operation}: {' < '.join(names)}"


@dataclass
class History:
    """What was safe at first, the changes since, and the resting states on the way (the first one: what was there)."""

    start: Tree
    changes: list[Change]
    marks: list[Mark]
    crash_from: int = 0
    rest: float = 1.0
    """The share of crashes to try after the first `_RECOVERY` changes, from where on a second process does the same as
    the first."""
    _allowed: dict[int, tuple[dict[str, set[Hashable]], dict[str, set[Hashable]]]] = field(default_factory=dict)

    def around(self, after: int) -> int:
        """How many resting states had been reached after so many changes."""
        return sum(mark.after <= after for mark in self.marks)

    def allowed(self, reached: int) -> tuple[dict[str, set[Hashable]], dict[str, set[Hashable]]]:
        """For each part the values that may be found, and those that showed before and were given up for good."""
        if reached not in self._allowed:
            seen = self.marks[: reached + 1]  # the one that the work was on its way to may be found as well
            allowed: dict[str, set[Hashable]] = {}
            older: dict[str, set[Hashable]] = {}
            for part in {part for mark in self.marks for part in mark.view}:
                floor = max((n for n, mark in enumerate(seen[:reached]) if part in mark.parts), default=0)
                allowed[part] = {mark.view.get(part) for mark in seen[floor:]}
                if DAMAGED in allowed[part]:
                    allowed[part].add(None)  # what was damaged before may go
                older[part] = {mark.view.get(part) for mark in seen[:floor]}
            self._allowed[reached] = allowed, older
        return self._allowed[reached]


@dataclass(frozen=True)
class Mutation:
    """A storage that does without what one site (or, by the name of an operation, every site) asks for: syncs are left
    out, renames done in several steps."""

    site: str
    how: str = "left out"

    def touches(self, change: Change) -> bool:
        return self.site in (change.site, change.name)

    def steps(self, disk: Disk, change: Change) -> Iterator[Change]:
        """The changes in place of one that it touches, each of which the crash may follow."""
        if self.how == "removed first":
            yield from _removed(disk, change.target)
            yield change
        elif self.how == "copied":
            yield from _copied(disk, change.path, change.target)
            yield from _removed(disk, change.path)


RENAMES = ("copied", "removed first")
"""What a storage may do that does not rename: fill the target in place, or make room for it beforehand."""


def _node(disk: Disk, path: Parts) -> File | Folder | None:
    return disk.folder(path[:-1]).now.get(path[-1])


def _removed(disk: Disk, path: Parts) -> Iterator[Change]:
    node = _node(disk, path)
    if isinstance(node, Folder):
        for name in list(node.now):
            yield from _removed(disk, (*path, name))
        yield Change("rmdir", path)
    elif node is not None:
        yield Change("unlink", path)


def _copied(disk: Disk, source: Parts, target: Parts) -> Iterator[Change]:
    node = _node(disk, source)
    if isinstance(node, Folder):
        yield Change("mkdir", target)
        for name in list(node.now):
            yield from _copied(disk, (*source, name), (*target, name))
        yield Change("sync folder", target)
    elif node is not None:
        yield from _removed(disk, target)
        yield Change("create", target)
        half = len(node.now) // 2
        yield Change("write", target, data=node.now[:half])
        yield Change("write", target, data=node.now[half:])
        yield Change("sync", target)


_NONE = Mutation("")


@dataclass(frozen=True)
class Look:
    """What is found in one state: what shows, what a check says, and the same after the work was done again."""

    view: View
    wrong: tuple[str, ...]
    contradiction: str
    end: View
    failed: str


@dataclass
class Found:
    """A bad state: of which protocol and history, after which change, in which ways it is bad and why."""

    tree: Tree
    faults: dict[str, str]
    after: int
    history: History


class Bench:
    """Tries the crash states of one protocol. Use it as a context manager; it owns a folder, in memory if there is one.

    Equal disks are looked at once: what is found, and where the work ends, depends on nothing else.
    """

    def __init__(self, protocol: Protocol, seed: int = 0) -> None:
        self.protocol = protocol
        self.counts = Counts()
        self._chance = random.Random(seed)
        self._looks: dict[bytes, Look] = {}
        self._places = count()

    def __enter__(self) -> Bench:
        memory = Path("/dev/shm")
        place = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
        with contextlib.ExitStack() as stack:
            self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=place, prefix="crash-")))
            for module in _with_blocks():  # files of many blocks that are laid out in no time
                stack.enter_context(mock.patch.object(module, "BLOCK", _SMALL_BLOCK))
            stack.enter_context(mock.patch.object(os, "fsync", lambda descriptor: None))  # throw-away copies
            self.main = self._first_history()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _first_history(self) -> History:
        root = self._place()
        root.mkdir()
        with _new_process():
            self.protocol.given(root)
        start = read_in(str(root))
        shutil.rmtree(root)
        return self._recorded(start, start)

    def _recorded(
        self, start: Tree, found: Tree, changes: Sequence[Change] = (), marks: Sequence[Mark] = ()
    ) -> History:
        """The history of a process that finds `found` after what came before."""
        root = self._place()
        lay_out(found, str(root))
        recorder = _Recorder(root, self.protocol.shown)
        if not marks:
            recorder.moment()
        again = hasattr(self, "main")
        with _new_process(), mock.patch.object(commit, "fault", recorder.note):
            try:
                self.protocol.work(root, recorder)
            except (AssertionError, EtymonError):  # a look at what it found says that it is stuck
                if not again:
                    raise
        recorder.moment()
        shutil.rmtree(root)
        later = [Mark(len(changes) + mark.after, mark.view, mark.parts) for mark in recorder.marks]
        return History(start, [*changes, *recorder.changes], [*marks, *later], len(changes), 0.1 if again else 1.0)

    def after_kill(self, number: int) -> History:
        """The history of a process that was killed after so many changes, and of the next one."""
        changes, main = self.main.changes[:number], self.main
        disk = Disk(main.start)
        for change in changes:
            disk.do(change)
        reached = main.around(number)
        underway = [Mark(number, mark.view) for mark in main.marks[reached : reached + 1]]
        return self._recorded(main.start, disk.now(), changes, [*main.marks[:reached], *underway])

    def after_loss(self, tree: Tree) -> History:
        """The history of the process that finds the tree after a loss of power; it may lose power too."""
        return self._recorded(tree, tree)

    def histories(self) -> Iterator[History]:
        """Without end: the plain one, then some of two processes of which the first was killed, and some of which the
        first lost power."""
        kills: list[int] = []
        while True:
            yield self.main
            for _ in range(4):
                if not kills:
                    kills = self._kills()
                yield self.after_kill(kills.pop())
            trees = [tree for tree, _, _ in self._states(self.main, _NONE)]
            for tree in self._chance.sample(trees, min(2, len(trees))):
                yield self.after_loss(tree)

    def run(self, states: int) -> Counts:
        """Tries so many states, spread over all histories."""
        wanted = self.counts.states + states
        for history in self.histories():
            for _ in self.bad_states(history, limit=wanted - self.counts.states):
                pass
            if self.counts.states >= wanted:
                break
        return self.counts

    def caught(self, mutation: Mutation, states: int) -> tuple[Found | None, int]:
        """The first bad state of a storage with this mutation among so many, and how many were tried until then."""
        begun, wanted = self.counts.states, self.counts.states + states
        for history in self.histories():
            limit = wanted - self.counts.states
            if any(map(mutation.touches, history.changes)):
                for bad in self.bad_states(history, mutation, limit=limit):
                    return bad, self.counts.states - begun
            else:
                self.counts.states += len(history.changes)  # so that a site of no history comes to an end
            if self.counts.states >= wanted:
                return None, self.counts.states - begun
        raise AssertionError("histories have no end")

    def _kills(self) -> list[int]:
        """After how many changes a process may be killed, each once: in any order, but last and so soonest tried those
        after a rename, when a name shows that is not safe."""
        after_renames = [number + 1 for number, change in enumerate(self.main.changes) if change.name == "rename"]
        others = list(set(range(len(self.main.changes) + 1)) - set(after_renames))
        self._chance.shuffle(others)
        self._chance.shuffle(after_renames)
        return others + after_renames

    def sites(self) -> dict[str, bool]:
        """Who asks for a sync, a folder's sync or a rename, here or in a process that goes on after a kill, and whether
        a rename of theirs replaces something."""
        kills = self._kills()[-12:]
        found: dict[str, bool] = {}
        for history in (self.main, *map(self.after_kill, kills)):
            disk = Disk(history.start)
            for change in history.changes:
                if change.name in ("sync", "sync folder", "rename"):
                    replaces = change.name == "rename" and _node(disk, change.target) is not None
                    found[change.site] = found.get(change.site, False) or replaces
                disk.do(change)
        return found

    def bad_states(self, history: History, mutation: Mutation = _NONE, *, limit: int = sys.maxsize) -> Iterator[Found]:
        """Tries one state after each change; gives the bad ones."""
        for tree, reached, after in self._states(history, mutation):
            if limit <= 0:
                return
            limit -= 1
            self.counts.states += 1
            faults = _judge(self.look(tree), history, reached, self.main.marks[-1].view)
            for fault in faults:
                setattr(self.counts, fault, getattr(self.counts, fault) + 1)
            if faults:
                yield Found(tree, faults, after, history)

    def _states(self, history: History, mutation: Mutation) -> Iterator[tuple[Tree, int, int]]:
        """One state before and after each change from where crashes begin, how many resting states were reached, and
        how many changes were made."""
        disk = Disk(history.start)
        for number, change in enumerate(history.changes):
            tried = number >= history.crash_from
            if number > history.crash_from + _RECOVERY:
                tried = self._chance.random() < history.rest
            if number == history.crash_from:
                yield disk.after_loss(self._chance), history.around(number), number
            if mutation.touches(change):
                for step in mutation.steps(disk, change):
                    disk.do(step)
                    if tried:  # in the midst of the change; what it leads to is not reached yet
                        yield disk.after_loss(self._chance), history.around(number), number
            else:
                disk.do(change)
            if tried:
                yield disk.after_loss(self._chance), history.around(number + 1), number + 1
        if history.crash_from == len(history.changes):
            yield disk.after_loss(self._chance), history.around(history.crash_from), history.crash_from

    def look(self, tree: Tree) -> Look:
        key = hashlib.blake2b(marshal.dumps(tree, 2), digest_size=16).digest()
        if key not in self._looks:
            self.counts.distinct += 1
            self._looks[key] = self._look(tree)
        return self._looks[key]

    def _look(self, tree: Tree) -> Look:
        root = self._place()
        lay_out(tree, str(root))
        protocol, view, wrong = self.protocol, {}, []
        contradiction = failed = ""
        end: View = {}
        with _new_process():
            try:
                view = protocol.shown(root)
                wrong = protocol.wrong(root)
                protocol.check(view)
            except (AssertionError, EtymonError) as error:
                contradiction = repr(error)
            try:
                protocol.work(root, Told())
                end = protocol.shown(root)
                if again := protocol.wrong(root):
                    failed = f"afterwards something is wrong: {again}"
                protocol.ended(root)
            except (AssertionError, EtymonError, OSError) as error:
                failed = repr(error)
        shutil.rmtree(root)
        return Look(view, tuple(wrong), contradiction, end, failed)

    def _place(self) -> Path:
        return self._folder / str(next(self._places))


def _with_blocks() -> list[ModuleType]:
    """The modules of storage that know the size of a block."""
    return [
        module
        for name, module in sys.modules.items()
        if name.startswith("etymon.storage.") and hasattr(module, "BLOCK")
    ]


@contextlib.contextmanager
def _new_process() -> Generator[None]:
    """What a process remembers of the disk is forgotten, as in one that begins."""
    with mock.patch.object(commit, "_durable", set(commit._durable)), mock.patch.object(folder, "_verified", set()):
        yield


def _judge(look: Look, history: History, reached: int, expected: View) -> dict[str, str]:
    """What is bad about a state, each with the reason."""
    allowed, older = history.allowed(reached)
    faults: dict[str, str] = {}
    for part in {*look.view, *allowed}:
        value, may = look.view.get(part), allowed.get(part, {None})
        if value not in may:
            faults[_kind(value, may, older.get(part, set()))] = f"{part} is {value!r}, not one of {may!r}"
    if look.wrong and not any(DAMAGED in may for may in allowed.values()):
        faults["mixed"] = str(look.wrong)
    if look.contradiction:
        faults.setdefault("mixed", look.contradiction)
    if look.failed:
        faults["stuck"] = look.failed
    elif not faults:
        for part in {*look.end, *expected}:
            value, wanted = look.end.get(part), expected.get(part)
            if value != wanted:
                twice = value is not None and (wanted is None or _repeats(value, {wanted}))
                faults["duplicated" if twice else "stuck"] = f"{part} ends as {value!r}, not {wanted!r}"
    return faults


def _kind(value: Hashable, allowed: set[Hashable], older: set[Hashable]) -> str:
    if value == DAMAGED:
        return "mixed" if None in allowed else "lost"
    if _repeats(value, allowed):
        return "duplicated"
    return "lost" if value is None or value in older or _shorter(value, allowed) else "mixed"


def _repeats(value: Hashable, allowed: set[Hashable]) -> bool:
    """Whether a list holds something more often than any that may be found."""
    lists = [Counter(one) for one in allowed if isinstance(one, tuple)]
    return isinstance(value, tuple) and any(
        times > 1 and times > max((one[item] for one in lists), default=0) for item, times in Counter(value).items()
    )


def _shorter(value: Hashable, allowed: set[Hashable]) -> bool:
    """Whether a list is the beginning of one that may be found."""
    return isinstance(value, tuple) and any(isinstance(one, tuple) and one[: len(value)] == value for one in allowed)
