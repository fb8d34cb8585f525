"""A real disk in memory, of a size that a test chooses, which only the test's own processes see."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest


@cache
def why_not() -> str:
    """Why no disk can be mounted here; empty where one can."""
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        return "unshare and nsenter are not installed"
    mount = ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt"]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"mounting is not permitted here: {done.stderr.strip()}"


def needed_or_skip(why: str, *, ci: bool) -> None:
    """Skips a test that needs something absent; one marked `ci` fails where everything must be there (CI=true)."""
    if why and ci and os.environ.get("CI") == "true":
        pytest.fail(why)
    if why:
        pytest.skip(why)


class SmallDisk:
    """A context manager: a tmpfs mounted at `folder`, in a mount namespace that lives as long as the block.

    `options` are those of tmpfs: "size=3m", "nr_inodes=40". `ci`: the test is marked so.
    """

    def __init__(self, folder: Path, options: str, *, ci: bool = False) -> None:
        self.folder, self._options, self._ci = folder, options, ci

    def __enter__(self) -> SmallDisk:
        needed_or_skip(why_not(), ci=self._ci)
        self.folder.mkdir(exist_ok=True)
        self._holder = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", "echo ready; cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._holder.stdout is not None and self._holder.stdout.readline() == "ready\n"
        try:
            self.mount("-t", "tmpfs", "-o", self._options, "tmpfs", self.folder)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._holder.communicate()  # the end of its input lets it go, and the disk with it

    def run(self, command: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
        """A command that sees the disk, run to its end; what it printed is kept."""
        return subprocess.run(self._inside(command), capture_output=True, text=True, check=False, **options)

    def start(self, command: Sequence[str | Path], **options: Any) -> subprocess.Popen[str]:
        """A command that sees the disk, left running."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(self._inside(command), text=True, **pipes, **options)

    def mount(self, *words: str | Path) -> None:
        """`mount` with these words, among the disk's own mounts."""
        done = self.run(["mount", *words])
        assert done.returncode == 0, done

    def remount(self, options: str) -> None:
        """Another size, or read-only ("ro")."""
        self.mount("-o", f"remount,{options}", self.folder)

    def become_read_only(self, folder: Path) -> None:
        """Makes a folder read-only though files in it are open for writing, as a kernel does when a disk fails: what
        is open can still be written, but nothing can be opened for writing, made, renamed or removed any more."""
        self.mount("--bind", folder, folder)
        for _ in range(200):  # a kernel refuses while a file of the folder is just being opened
            done = self.run(["mount", "-o", "remount,bind,ro", folder])
            if "busy" not in done.stderr:
                break
            time.sleep(0.02)
        assert done.returncode == 0, done

    def path(self, inside: Path) -> Path:
        """Where a path of the disk is seen from outside."""
        return Path(f"/proc/{self._holder.pid}/root{inside}")

    def _inside(self, command: Sequence[str | Path]) -> list[str]:
        return ["nsenter", "-m", "-t", str(self._holder.pid), "--", *map(str, command)]
