"""Small folders of text, a store, and the public data where it is there."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from etymon.corpus.found import Fault, Found, Reading, Skipped
from etymon.corpus.read import rows
from etymon.corpus.slices import Part
from etymon.corpus.sources import source_at
from etymon.storage import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.at(tmp_path / "store")


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[Mapping[str, str | bytes]], Path]:
    """Makes a folder of files from name -> content."""

    def make(files: Mapping[str, str | bytes], name: str = "data") -> Path:
        root = tmp_path / name
        root.mkdir(exist_ok=True)
        for each, content in files.items():
            path = root / each
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return root

    return make


@pytest.fixture
def found(tmp_path: Path) -> Callable[..., list[Found | Fault | Skipped]]:
    """Everything found in one file of a given name and content."""

    def read(name: str, content: bytes | str, reading: Reading | None = None) -> list[Found | Fault | Skipped]:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        source = source_at(path, name)
        return [row.found for row in rows((Part(source, 0, source.size),), reading or Reading(), "resiliparse")]

    return read


@pytest.fixture
def public_data() -> Path:
    """The folder of public data beside the repository; tests that need it are skipped where it is absent."""
    beside = Path(__file__).parents[2].parent / "shared" / "data"
    path = Path(os.environ.get("ETYMON_SHARED_DATA", beside))
    if not (path / "text").is_dir():
        pytest.skip(f"the public data is not at {path}; set ETYMON_SHARED_DATA")
    return path
