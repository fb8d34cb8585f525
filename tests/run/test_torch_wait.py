"""torch that is being installed beside the run is waited for, and not taken for one that is there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from etymon.errors import EtymonError, Interrupted
from etymon.run import Silent
from etymon.run.torch_wait import torch_is_installing, torch_is_there, wait_for_torch


@pytest.fixture
def status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "torch-status"
    monkeypatch.setenv("ETYMON_TORCH_STATUS", str(place))
    return place


def test_torch_half_unpacked_is_not_there(status: Path) -> None:
    status.write_text("installing")
    assert torch_is_installing()
    assert not torch_is_there()
    status.write_text("ready")
    assert torch_is_there()


def test_an_empty_folder_named_torch_is_not_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch").mkdir()
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert not torch_is_there()


def test_a_failed_installation_is_told_with_its_cause(status: Path) -> None:
    status.write_text("failed: the disk is full")
    with pytest.raises(EtymonError) as told:
        wait_for_torch(Silent(), lambda: False)
    assert "the disk is full" in told.value.why


def test_waiting_can_be_stopped(status: Path) -> None:
    status.write_text("installing")
    with pytest.raises(Interrupted):
        wait_for_torch(Silent(), lambda: True)
