"""Going on with a run on another machine, from a damaged checkpoint, or on a disk that is too full: told in words."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_runs import Heard, run

from etymon.errors import EtymonError, Interrupted
from etymon.storage import DiskFault, Store

Stop = Callable[[], bool]
OFTEN = "training.gpt.checkpoint_seconds=0s"


def after_checkpoints(store: Store, count: int) -> Stop:
    """Says so once the run has saved so many checkpoints."""
    return lambda: len(list(store.root.glob("runs/small/checkpoints/*/step-*"))) >= count


def stopped(store: Store, text: Path, *settings: str) -> None:
    with pytest.raises(Interrupted):
        run(store, text, OFTEN, *settings, families="gpt", stop_requested=after_checkpoints(store, 2))


def other_threads(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("etymon.training.fingerprint.torch.get_num_threads", lambda: 64)


def told(heard: Heard) -> list[str]:
    """What was warned of but for pictures that so small a budget does not pay for."""
    return [warning for warning in heard.warned if not warning.startswith("left out: the picture")]


def test_going_on_with_other_threads_is_told_and_kept_with_the_model(
    store: Store, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped(store, text)
    other_threads(monkeypatch)
    heard = Heard()
    outcome = run(store, text, OFTEN, families="gpt", narrator=heard)
    assert ["new lineage" in warning for warning in told(heard)] == [True]
    assert "threads was 1 and is 64" in heard.warned[0]
    lineages = outcome.models["gpt"].statistics["lineages"]
    assert [lineage["numerics"]["threads"] for lineage in lineages] == [1, 64]
    assert lineages[0]["step"] == 0 < lineages[1]["step"]
    (change,) = outcome.data["keeping"]["trainings"][0]["changes"]
    assert (change["step"], change["text"]) == (lineages[1]["step"], "threads was 1 and is 64")


def test_a_strict_run_refuses_other_threads(store: Store, text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped(store, text, "training.gpt.strict=true")
    with monkeypatch.context() as patch:
        other_threads(patch)
        with pytest.raises(EtymonError, match="other bits"):
            run(store, text, OFTEN, "training.gpt.strict=true", families="gpt")
    strict = run(store, text, OFTEN, "training.gpt.strict=true", families="gpt").models["gpt"]
    lenient = run(Store.at(store.root.parent / "other"), text, families="gpt").models["gpt"]
    assert len(strict.statistics["lineages"]) == 1
    assert (strict.id, strict.content_hash) == (lenient.id, lenient.content_hash)


def test_a_damaged_checkpoint_is_told_and_left_out(store: Store, text: Path) -> None:
    stopped(store, text)
    newest = max(store.root.glob("runs/small/checkpoints/*/step-*"))
    (newest / "model.safetensors").write_bytes(b"?")
    heard = Heard()
    damaged = run(store, text, families="gpt", narrator=heard).models["gpt"]
    assert newest.name in heard.warned[0] and "damaged and left out" in heard.warned[0]
    straight = run(Store.at(store.root.parent / "other"), text, families="gpt").models["gpt"]
    assert damaged.content_hash == straight.content_hash


def test_a_journal_that_was_taken_away_is_missed(store: Store, text: Path) -> None:
    stopped(store, text)
    (store.root / "runs/small/events.jsonl").unlink()
    heard = Heard()
    run(store, text, families="gpt", narrator=heard)
    assert told(heard) == ["the journal of the run small is lost: what it told of the time before is gone"]


def test_a_training_begun_with_other_settings_is_named(store: Store, text: Path) -> None:
    stopped(store, text)
    heard = Heard()
    run(store, text, "training.gpt.learning_rate=0.002", families="gpt", narrator=heard)
    (warning,) = told(heard)
    assert "begins anew" in warning and "learning_rate was" in warning and "is 0.002" in warning


def test_too_little_room_for_all_networks_is_known_before_the_first_is_trained(
    store: Store, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=100_000))
    with pytest.raises(DiskFault, match="too little room") as refused:
        run(store, text, families="lstm,gpt")
    assert "lstm, gpt need " in refused.value.why and "100,000 bytes free" in refused.value.why
    assert "training starts" not in {event["event"] for event in store.run("small").journal.events()}
    assert not list(store.root.glob("runs/small/checkpoints/*"))
    monkeypatch.undo()
    assert set(run(store, text, families="lstm,gpt").models) == {"lstm", "gpt"}
