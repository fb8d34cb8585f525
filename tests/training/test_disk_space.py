"""Whether the disk has room for what a training will save is known before its first step."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from small_training import network_of, run_training, settings, stop_after

from etymon.errors import Interrupted
from etymon.storage import DiskFault, Run
from etymon.training.checkpoint import bytes_of
from etymon.training.optimizer import AdamW

SNAPSHOTS = 4


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets how many bytes the disk says are free."""

    def set_free(free: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))

    return set_free


def needed() -> int:
    network = network_of()
    weights, checkpoint = bytes_of(network, AdamW(network, settings()))
    return 3 * checkpoint + (SNAPSHOTS + 1) * weights


def test_a_disk_with_too_little_room_is_refused_before_the_first_step(run: Run, free: Callable[[int], None]) -> None:
    free(needed() - 1)
    with pytest.raises(DiskFault, match="too little room") as refused:
        run_training(run, network_of(), settings=settings(snapshots=SNAPSHOTS))
    assert f"{needed():,} bytes; {needed() - 1:,} bytes free" in refused.value.why
    assert refused.value.exit_code == 74
    assert run.journal.events() == [] and run.metrics.rows() == []
    free(needed())
    assert run_training(run, network_of(), settings=settings(snapshots=SNAPSHOTS)).steps == 20


def test_what_is_there_already_needs_no_room_again(run: Run, free: Callable[[int], None]) -> None:
    few = settings(snapshots=SNAPSHOTS)
    for _ in range(2):
        with pytest.raises(Interrupted):
            run_training(run, network_of(), settings=few, stop_requested=stop_after(6))
    there = len(run.checkpoints("x").snapshots())
    weights, checkpoint = bytes_of(network_of(), AdamW(network_of(), settings()))
    left = checkpoint + (SNAPSHOTS + 1 - there) * weights
    free(left - 1)
    with pytest.raises(DiskFault, match="too little room"):
        run_training(run, network_of(), settings=few)
    free(left)
    assert run_training(run, network_of(), settings=few).steps == 20


def test_what_is_asked_for_is_what_is_saved(run: Run) -> None:
    run_training(run, network_of(), settings=settings(snapshots=SNAPSHOTS))
    weights, checkpoint = bytes_of(network_of(), AdamW(network_of(), settings()))
    saved = run.checkpoints("x").latest()
    assert saved is not None
    snapshots = run.checkpoints("x").snapshots()
    few_kilobytes = 20_000  # names and shapes in the files' headers
    assert 0 <= sum(saved.files.values()) - checkpoint < few_kilobytes
    assert len(snapshots) <= SNAPSHOTS + 1
    assert all(0 <= sum(snapshot.files.values()) - weights < few_kilobytes for snapshot in snapshots)
