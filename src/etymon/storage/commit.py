"""Every change to the disk: written aside, fsynced, renamed, with one seam for faults, and faults told in words."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from etymon.errors import EtymonError

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True)
class Operation:
    """One change that is about to be asked of the operating system.

    `target` is where a rename goes, `data` what a write appends, `size` what a truncate leaves.
    """

    name: Literal["create", "write", "sync", "truncate", "rename", "unlink", "mkdir", "rmdir", "sync folder"]
    path: Path
    target: Path | None = None
    data: Buffer = b""
    size: int = 0


fault: Callable[[Operation], None] | None = None
"""The seam for simulated faults: called before every operation; what it raises happens instead of the operation."""

_durable: set[Path] = set()
"""Folders whose names this process has made last in the folders above them."""


class DiskFault(EtymonError):
    """The disk is full, failing, read-only or closed to us; nothing that was sealed before is harmed."""

    exit_code = 74


_RIGHTS = "give yourself the right to read and write there, or name another store with ETYMON_STORE"
_CAUSES = {
    errno.ENOSPC: (
        "The disk is full",
        "free some space (`etymon gc` removes what no run refers to), then run it again",
    ),
    errno.EDQUOT: ("The disk quota is used up", "free some space or raise the quota, then run the same command again"),
    errno.EIO: ("The disk failed", "look at the disk (`dmesg`, SMART), then run the same command again"),
    errno.EROFS: ("The disk is read-only", "name a store that can be written with ETYMON_STORE, or remount the disk"),
    errno.EACCES: ("The file or folder is closed to you", _RIGHTS),
    errno.EPERM: ("The file or folder is closed to you", _RIGHTS),
    errno.EMFILE: ("Too many files are open in this process", "allow more (`ulimit -n 1024`), then run it again"),
    errno.ENFILE: ("Too many files are open on this machine", "end what else is running, then run it again"),
    errno.ENOMEM: ("There is not enough memory", "end other programs, then run it again"),
    errno.EFBIG: ("The file would be larger than is allowed", "allow larger files (`ulimit -f unlimited`)"),
    errno.ENAMETOOLONG: ("The path is too long", "name another store with ETYMON_STORE, with a shorter path"),
    errno.ENOTDIR: ("A part of the path is a file, not a folder", "name another store with ETYMON_STORE"),
}
_NO_FOLDER_SYNC = (errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.ENOSYS)
_OTHER = ("The operating system refused a file", "put the cause right, then run the same command again")


def told(error: OSError, path: Path, needed: int = 0) -> DiskFault:
    """The fault in words: the path, how many bytes were wanted there and how many the disk has."""
    what, help = _CAUSES.get(error.errno or 0, _OTHER)
    why = os.strerror(error.errno) if error.errno else str(error)
    if needed:
        why += f"; {needed:,} bytes needed"
    with contextlib.suppress(OSError):  # a disk that cannot even tell its free space leaves the first error's words
        why += f"; {shutil.disk_usage(_existing(path)).free:,} bytes free"
        disk = os.statvfs(_existing(path))
        if error.errno == errno.ENOSPC and disk.f_files and not disk.f_favail:
            why += f", but none of the disk's {disk.f_files:,} places for files (inodes)"
    return DiskFault(f"{what}.", where=str(path), why=why, help=help)


def _existing(path: Path) -> Path:
    return next((part for part in (path, *path.parents) if part.exists()), Path("/"))


def require_space(path: Path, needed: int, what: str) -> None:
    """Raises DiskFault unless the disk of `path`, there or not, has so many bytes free; `what` is what needs them."""
    with telling(path):
        free = shutil.disk_usage(_existing(path)).free
    if needed > free:
        raise DiskFault(
            "The disk has too little room for what is to come; nothing was begun.",
            where=str(path),
            why=f"{what} need {needed:,} bytes; {free:,} bytes free",
            help="free some space (`etymon gc` removes what no run refers to), then run the same command again",
        )


@contextlib.contextmanager
def telling(path: Path, needed: int = 0) -> Generator[None]:
    """Turns an OSError of the body into a DiskFault that names `path`."""
    try:
        yield
    except OSError as error:
        raise told(error, path, needed) from error


def _announce(operation: Operation) -> None:
    if fault is not None:
        fault(operation)


class OpenFile:
    """A file being written at its end; each call is one operation of the seam. Any OSError is told as DiskFault."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def create(cls, path: Path) -> OpenFile:
        """A new file; one that exists, or a link of that name, is refused."""
        with telling(path):
            _announce(Operation("create", path))
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            return cls(path, os.open(path, flags, 0o644))

    @classmethod
    def append(cls, path: Path) -> OpenFile:
        """A file, there or not, to go on with at its end. A link of that name is refused."""
        with telling(path):
            flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            if not path.exists():
                _announce(Operation("create", path))
                flags |= os.O_CREAT
            return cls(path, os.open(path, flags, 0o644))

    def write(self, data: Buffer, *, needed: int = 0) -> None:
        """Appends all of `data`; `needed` is what to tell when the disk is full (default: what is left of `data`)."""
        view = memoryview(data).cast("B")
        while view:
            with telling(self.path, needed or len(view)):
                _announce(Operation("write", self.path, data=view))
                view = view[os.write(self._descriptor, view) :]

    def sync(self, *, needed: int = 0) -> None:
        """Makes what was written last through a loss of power.

        After an error the kernel may have dropped the dirty pages and report success the next time, so a sync is
        never tried twice on one file: whoever sees DiskFault gives the file up and writes another.
        """
        with telling(self.path, needed):
            _announce(Operation("sync", self.path))
            _sync(self._descriptor)

    def truncate(self, size: int) -> None:
        """Cuts the file to its first `size` bytes."""
        with telling(self.path):
            _announce(Operation("truncate", self.path, size=size))
            os.ftruncate(self._descriptor, size)

    @contextlib.contextmanager
    def alone(self) -> Generator[None]:
        """Keeps other processes that append to the same file waiting during the body."""
        with telling(self.path):
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            if self._descriptor >= 0:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def is_named(self) -> bool:
        """Whether the file's name still leads to this very file."""
        return is_named(self.path, self._descriptor)

    def size(self) -> int:
        """Bytes in the file now."""
        return os.fstat(self._descriptor).st_size

    def __del__(self) -> None:
        if getattr(self, "_descriptor", -1) >= 0:
            os.close(self._descriptor)

    def close(self) -> None:
        """Closes the file; nothing is synced."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            with telling(self.path):
                os.close(descriptor)


def is_named(path: Path, descriptor: int) -> bool:
    """Whether a path leads to the very file that is open, which another process may have replaced or removed."""
    try:
        there = path.lstat()
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(descriptor))


def _sync(descriptor: int) -> None:
    if sys.platform == "darwin":
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)  # there fsync stops at the drive's cache
    else:
        os.fsync(descriptor)


def sync_folder(path: Path) -> None:
    """Makes the names in a folder (files made, renamed, removed) last through a loss of power.

    File systems that cannot sync a folder say so, and keep names in order by themselves.
    """
    with telling(path):
        _announce(Operation("sync folder", path))
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _NO_FOLDER_SYNC:
                raise
        finally:
            os.close(descriptor)


def make_folder(path: Path) -> None:
    """Makes a folder and those above it that are missing, each durable in its parent.

    One that is there already may have been made by a process that was killed before its sync, so its parent is synced
    too, once per process. Folders in which this user can make nothing were made durable by others.
    """
    if path in _durable and path.exists():
        return
    if path.exists() and not os.access(path.parent, os.W_OK):
        return
    if path.parent != path:
        make_folder(path.parent)
    if not path.exists():
        with telling(path):
            _announce(Operation("mkdir", path))
            path.mkdir(exist_ok=True)
    sync_folder(path.parent)
    _durable.add(path)


def rename(source: Path, target: Path) -> None:
    """Renames within a folder, durably. A file at `target` is replaced; a folder there that is not empty is not."""
    with telling(target):
        _announce(Operation("rename", source, target=target))
        source.rename(target)
    _durable.discard(source)
    sync_folder(target.parent)


def remove_file(path: Path) -> None:
    """Removes a file, or nothing where there is none."""
    with telling(path):
        _announce(Operation("unlink", path))
        path.unlink(missing_ok=True)


def remove_folder(path: Path) -> None:
    """Removes a folder and all in it, or nothing where there is none. Links are removed, not followed."""
    _durable.discard(path)
    with telling(path):
        if not path.exists():
            return
        entries = [(entry, stat.S_ISDIR(entry.lstat().st_mode)) for entry in path.iterdir()]
    for entry, is_folder in entries:
        if is_folder:
            remove_folder(entry)
        else:
            remove_file(entry)
    with telling(path):
        _announce(Operation("rmdir", path))
        path.rmdir()


def set_aside(path: Path, why: str) -> Path:
    """Renames a folder to a hidden name beside it, so that it is gone in one step; gives the new name."""
    aside = path.with_name(f".{why}-{path.name}-{token()}")
    rename(path, aside)
    return aside


def remove_left(paths: Iterable[Path]) -> None:
    """Removes hidden folders that a kill left. Their names are made durable first: whoever set one aside may have been
    killed before that, and a loss of power would bring it back under its old name with half of its files."""
    left = list(paths)
    for folder in dict.fromkeys(path.parent for path in left):
        sync_folder(folder)
    for path in left:
        remove_folder(path)


def token() -> str:
    """A name part that no one else has."""
    return secrets.token_hex(6)


def replace_file(path: Path, data: Buffer) -> None:
    """Puts a file in place whole: after a crash at any instant it holds its earlier bytes or these."""
    make_folder(path.parent)
    opened = OpenFile.create(path.with_name(f".{path.name}.{token()}.tmp"))
    try:
        opened.write(data)
        opened.sync(needed=len(data))
        opened.close()
        rename(opened.path, path)
    except BaseException:
        discard(opened)
        raise


def discard(opened: OpenFile) -> None:
    """Closes and removes a half-written file; the error that led here, not one of the removal, is the one to tell."""
    with contextlib.suppress(EtymonError):
        opened.close()
    with contextlib.suppress(EtymonError):
        remove_file(opened.path)


def forget_pages(path: Path) -> None:
    """Asks the system to drop its copy of a file that is on the disk, so that the next read is of the disk."""
    if not hasattr(os, "posix_fadvise"):
        return
    with telling(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
