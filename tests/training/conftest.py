"""What all tests of this room have: one thread, and a run to write into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from etymon.storage import Run, Store


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small products are faster on one thread, and bits depend on how many there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def new_run(tmp_path: Path) -> Callable[[str], Run]:
    """Runs by name, in one store."""
    store = Store.at(tmp_path / "store")
    return store.run


@pytest.fixture
def run(new_run: Callable[[str], Run]) -> Run:
    """A run."""
    return new_run("one")
