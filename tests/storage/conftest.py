"""A store in a temporary folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from etymon.storage import Store, commit


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.at(tmp_path / "store")


@pytest.fixture(autouse=True)
def no_fault() -> Iterator[None]:
    """No test leaves its simulated faults behind."""
    yield
    commit.fault = None
