"""A lock that one process holds: flock on a file that also says who holds it, freed by the kernel when it dies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from etymon.errors import EtymonError
from etymon.storage import commit

PATIENCE = 0.3
"""Seconds after which a lock that is held is refused."""
RENEWED_EVERY = 5.0
LAPSES_AFTER = 30.0
"""Seconds. On a network disk where flock holds only within one machine, a lease of another machine counts this long."""

_held: set[int] = set()
"""Descriptors of the locks that this process holds, closed in forked children so that none outlives its holder."""


def _close_in_child() -> None:
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_close_in_child)


class Held(EtymonError):
    """Another process holds the lock; `holder` is what its lease says."""

    def __init__(self, what: str, path: Path, holder: Mapping[str, Any]) -> None:
        super().__init__(
            f"{what} is in use by another process.",
            where=str(path),
            why=f"host {holder.get('host', '?')}, pid {holder.get('pid', '?')}, started {holder.get('started', '?')}",
            help="wait until it ends, or stop that process; the lock is freed by itself when its holder ends",
        )
        self.holder = dict(holder)


class Lock:
    """An acquired lock. `about` is kept in the lease for others to read."""

    def __init__(self, path: Path, what: str, *, about: Mapping[str, Any] | None = None) -> None:
        """Acquires, or raises Held within half a second. `what` names the locked thing in that error."""
        self.path = path
        self._descriptor = _acquire(path, what)
        _held.add(self._descriptor)
        self._released = threading.Event()
        try:
            with commit.telling(path):
                _write_lease(self._descriptor, {**_identity(), **(about or {})})
        except BaseException:
            self.release()
            raise
        threading.Thread(target=self._renew, name=f"lease of {path}", daemon=True).start()

    def _renew(self) -> None:
        """Keeps the file's time of change young while the lock is held; machines that share the disk read it."""
        while not self._released.wait(RENEWED_EVERY):
            with contextlib.suppress(OSError):  # a network disk may be away for a moment, and the lock is held still
                os.utime(self.path)

    def release(self, *, remove: bool = False) -> None:
        """Frees the lock, empties the lease and, with `remove`, removes the file (of locks no one waits for)."""
        if self._descriptor not in _held:
            return
        self._released.set()
        try:
            if remove:
                commit.remove_file(self.path)
            with commit.telling(self.path):
                os.ftruncate(self._descriptor, 0)
        finally:  # a failing disk must not keep the lock held
            _held.discard(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


@contextlib.contextmanager
def locked(path: Path, what: str, *, about: Mapping[str, Any] | None = None) -> Generator[Lock]:
    """Holds a lock for the body."""
    lock = Lock(path, what, about=about)
    try:
        yield lock
    finally:
        lock.release()


def wait_free(path: Path, what: str, *, seconds: float) -> None:
    """Returns once no one holds the lock; raises Held after `seconds`."""
    deadline = time.monotonic() + seconds
    while (lease := holder(path)) is not None:
        if time.monotonic() > deadline:
            raise Held(what, path, lease)
        time.sleep(0.02)


def holder(path: Path) -> dict[str, Any] | None:
    """Who holds the lock, as its lease says, or None where it is free. Waits for nothing.

    The lease is empty while the lock is free, so that a look takes the lock, for an instant, only after a holder died.
    """
    with commit.telling(path):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            lease = _read_lease(descriptor)
            if lease and _try_lock(descriptor, shared=True) and not _held_elsewhere(path, descriptor, lease):
                return None  # its holder died
            return lease or None
        finally:
            os.close(descriptor)


def _acquire(path: Path, what: str) -> int:
    """The descriptor of the file, locked. Tries for `PATIENCE`: a look by `holder` takes the lock for an instant."""
    commit.make_folder(path.parent)
    deadline = time.monotonic() + PATIENCE
    while True:
        descriptor, lease = _attempt(path)
        if descriptor is not None:
            return descriptor
        if time.monotonic() > deadline:
            raise Held(what, path, lease)
        time.sleep(0.01)


def _attempt(path: Path) -> tuple[int | None, dict[str, Any]]:
    """One try: the locked descriptor, or None and what the lease of the holder says."""
    locked = False
    with commit.telling(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            free = _try_lock(descriptor)
            lease = _read_lease(descriptor)
            locked = free and not _held_elsewhere(path, descriptor, lease) and commit.is_named(path, descriptor)
        finally:
            if not locked:
                os.close(descriptor)
    return (descriptor if locked else None), lease


def _try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Whether the lock was given. A look takes it shared, so that two who look are not each other's holders."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _held_elsewhere(path: Path, descriptor: int, lease: Mapping[str, Any]) -> bool:
    """Whether another machine holds the lock although flock was given here, as some network disks do.

    Within one boot of one machine flock is the truth, and a machine that has booted anew holds nothing. Only a lease of
    another host and boot counts, as long as it is renewed.
    """
    mine = _identity()
    if not lease or lease.get("host") == mine["host"] or lease.get("boot") == mine["boot"]:
        return False
    return _disk_time(path.parent) - os.fstat(descriptor).st_mtime < LAPSES_AFTER


def _disk_time(folder: Path) -> float:
    """The time by the clock that stamps the files of a folder: on a network disk its server's, the same for all.

    This machine's own clock may be off or jump. It is asked only where nothing can be written.
    """
    probe = folder / f".clock-{commit.token()}.tmp"
    try:
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return time.time()
    try:
        os.unlink(probe)
        return os.fstat(descriptor).st_mtime
    finally:
        os.close(descriptor)


def _read_lease(descriptor: int) -> dict[str, Any]:
    """What the lock file says, or nothing where it is empty or half written."""
    try:
        lease = json.loads(os.pread(descriptor, 1 << 16, 0))
    except ValueError:
        return {}
    return cast("dict[str, Any]", lease) if isinstance(lease, dict) else {}


def _write_lease(descriptor: int, lease: Mapping[str, Any]) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(lease).encode(), 0)


def _identity() -> dict[str, Any]:
    return {
        "host": socket.gethostname(),
        "boot": _boot(),
        "pid": os.getpid(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _boot() -> str:
    """An id of this boot of this machine; where the system has none (macOS), its name again, so that flock decides."""
    source = Path("/proc/sys/kernel/random/boot_id")
    return source.read_text(encoding="ascii").strip() if source.exists() else socket.gethostname()
