"""`diagnose`: is the installation sound, and is the store?"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from etymon.errors import EtymonError
from etymon.run.torch_wait import torch_is_there
from etymon.storage import Store

NEEDED = ("numpy", "pyarrow", "xxhash", "tokenizers", "safetensors", "rich")
HELPFUL = {
    "torch": "without it only the n-gram can be trained: pip install -c constraints.txt torch",
    "gigabpe": "without it tokenizers are trained several times slower: pip install gigabpe",
    "gigatoken": "without it text is encoded many times slower: pip install gigatoken",
    "resiliparse": "without it .html files cannot be read: pip install resiliparse",
}
LITTLE_DISK_GB = 1.0


@dataclass(frozen=True)
class Check:
    """One thing looked at: whether it is as it should be, and what was found or what to do."""

    name: str
    ok: bool
    text: str


def diagnose(store: str | None) -> list[Check]:
    """Look at Python, the packages, the device and the store. Nothing is changed."""
    return [*_python(), *_packages(), *_device(), *_store(store)]


def _python() -> Iterator[Check]:
    found = ".".join(map(str, sys.version_info[:3]))
    yield Check("python", sys.version_info >= (3, 11), f"{found} (3.11 or newer is needed)")


def _packages() -> Iterator[Check]:
    for name in NEEDED:
        found = _version(name)
        yield Check(name, found is not None, found or f"missing: pip install {name}")
    for name, hint in HELPFUL.items():
        yield Check(name, True, _version(name) or f"not installed; {hint}")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _device() -> Iterator[Check]:
    yield Check("processor", True, f"{os.cpu_count()} cores")
    if torch_is_there():
        from etymon.training import choose_device

        yield Check("device", True, f"networks train on {choose_device('auto')}")


def _store(root: str | None) -> Iterator[Check]:
    place = Path(root or os.environ.get("ETYMON_STORE") or "etymon-store")
    if not place.exists():
        yield Check("store", True, f"{place} is not there yet; the first run makes it")
        return
    try:
        found = Store.at(place, create=False)
        artifacts = found.artifacts()
    except EtymonError as error:
        yield Check("store", False, str(error))
        return
    yield Check("store", True, f"{found.root}: {len(artifacts)} artifacts, {len(found.runs())} runs")
    free = shutil.disk_usage(found.root).free / 1e9
    yield Check("disk", free > LITTLE_DISK_GB, f"{free:.1f} GB free where the store lies")
