"""No setting does nothing: each one of a run's recipe is read by the code that it is for."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_runs import run

from etymon.recipe import keys, recording_reads
from etymon.run import settings_type
from etymon.storage import Store

FAMILIES = ("ngram", "rnn", "lstm", "gru", "gpt")


@pytest.fixture(scope="module")
def unread(text: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The settings that a run of all families has not read."""
    with recording_reads(settings_type(True, FAMILIES)) as reads:
        run(Store.at(tmp_path_factory.mktemp("read") / "store"), text, families=",".join(FAMILIES))
    return reads.unread


def test_a_run_of_all_families_reads_every_setting(unread: list[str]) -> None:
    assert unread == []


def test_there_are_settings_of_every_family_and_of_every_room(unread: list[str]) -> None:
    known = keys(settings_type(True, FAMILIES))
    assert len(known) > 80 and set(unread) <= set(known)
    assert {key.split(".")[0] for key in known} == {
        *("seed", "families", "prompt", "device", "corpus", "tokenizer", "sampling", "models", "training")
    }
    assert {key.split(".")[1] for key in known if key.startswith("models.")} == set(FAMILIES)
