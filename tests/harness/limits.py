"""A process that may have little: files of a size, open files, memory; and one that is nobody, with no rights."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

NOBODY = 65534


def limited(
    command: Sequence[str | Path],
    *,
    file_bytes: int | None = None,
    open_files: int | None = None,
    memory_bytes: int | None = None,
    closed: Sequence[int] = (),
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs a command that may write files of at most so many bytes, open so many, map so much memory; `closed` are
    descriptors that it is not given (0, 1, 2: its standard streams)."""
    wanted = {resource.RLIMIT_FSIZE: file_bytes, resource.RLIMIT_NOFILE: open_files, resource.RLIMIT_AS: memory_bytes}

    def prepare() -> None:
        for descriptor in closed:
            os.close(descriptor)
        for kind, limit in wanted.items():
            if limit is not None:
                resource.setrlimit(kind, (limit, limit))

    return subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        preexec_fn=prepare,
        env=environment,
        cwd=folder,
    )


@contextmanager
def largest_file(size: int) -> Generator[None]:
    """This process may write no file of more than `size` bytes: a write beyond ends with EFBIG."""
    with _lowered(resource.RLIMIT_FSIZE, size):
        yield


@contextmanager
def open_files_left(count: int) -> Generator[None]:
    """This process can open only so many more files: one more ends with EMFILE."""
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    taken: list[int] = []
    with _lowered(resource.RLIMIT_NOFILE, highest + 1 + count):
        try:
            while True:
                try:
                    taken.append(os.open(os.devnull, os.O_RDONLY))
                except OSError as error:
                    assert error.errno == errno.EMFILE
                    break
            for descriptor in taken[len(taken) - count :]:
                os.close(descriptor)
            del taken[len(taken) - count :]
            yield
        finally:
            for descriptor in taken:
                os.close(descriptor)


@contextmanager
def _lowered(kind: int, limit: int) -> Generator[None]:
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


@cache
def why_nobody_cannot_be() -> str:
    """Why no command can be run as somebody without rights; empty where it can."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return "acting as somebody else needs root and setpriv"
    return ""


def as_nobody(
    command: Sequence[str | Path], *, user: int = NOBODY, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command as a user without rights: root is let through closed doors."""
    rights = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    return subprocess.run([*rights, *map(str, command)], capture_output=True, text=True, check=False, env=environment)


@contextmanager
def open_to_all(folder: Path) -> Generator[Path]:
    """A folder of a test into which everybody may look and write; pytest's own are closed to others."""
    roots = {Path("/"), Path("/tmp"), Path(os.environ.get("TMPDIR", "/tmp"))}
    modes = {path: path.stat().st_mode for path in (folder, *folder.parents) if path not in roots}
    with _restored(modes):
        for path, mode in modes.items():
            with suppress(PermissionError):
                path.chmod(mode | (0o077 if path == folder else 0o011))
        yield folder


@contextmanager
def _restored(modes: Mapping[Path, int]) -> Generator[None]:
    try:
        yield
    finally:
        for path, mode in modes.items():
            with suppress(PermissionError):
                path.chmod(mode)
