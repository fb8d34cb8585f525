"""Waiting for torch where an installation is under way beside the run, so that the n-gram need not wait with it."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from etymon.errors import EtymonError, Interrupted
from etymon.run.narrator import Narrator

STATUS = "ETYMON_TORCH_STATUS"


def torch_is_there() -> bool:
    """Whether torch can be imported, found out without importing it. One that is still being unpacked is not there."""
    if torch_is_installing():
        return False
    spec = find_spec("torch")
    return spec is not None and spec.origin is not None  # an empty folder of that name has no origin


def torch_is_installing() -> bool:
    """Whether somebody installs torch right now and tells of it in the file that ETYMON_TORCH_STATUS names."""
    return _status() == "installing"


def wait_for_torch(narrator: Narrator, stop_requested: Callable[[], bool]) -> None:
    """Come back when torch can be imported; say in words why it can't be."""
    if torch_is_installing():
        with narrator.phase("waiting until torch is installed") as progress:
            begin = time.monotonic()
            while torch_is_installing():
                if stop_requested():
                    raise Interrupted("stopped while torch was still being installed")
                time.sleep(0.2)
                progress(time.monotonic() - begin)
    status = _status()
    if status is not None and status.startswith("failed"):
        raise EtymonError(
            "torch could not be installed, so no network can be trained",
            why=status.partition(": ")[2],
            help="the n-gram is kept; put the cause right and run the same command again",
        )
    importlib.invalidate_caches()
    try:
        importlib.import_module("torch")
    except ImportError as error:
        raise EtymonError(
            f"torch {'cannot be loaded' if torch_is_there() else 'is not installed'}, so no network can be trained",
            why=str(error),
            help="pip install -c constraints.txt torch, or train what needs none: families=ngram",
        ) from error


def _status() -> str | None:
    place = os.environ.get(STATUS)
    if not place:
        return None
    try:
        return Path(place).read_text()
    except OSError:
        return None
