"""What the report says of how the run was kept safe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_runs import run

from etymon.errors import Interrupted
from etymon.run.keeping import cut, starts
from etymon.storage import Store


def started(*events: str) -> list[str]:
    """How each start ended, in a journal of these events."""
    told: list[dict[str, Any]] = [{"event": event, "time": str(at), "text": "why"} for at, event in enumerate(events)]
    return [start["ended"] for start in starts(told)]


def test_each_start_is_told_with_its_end() -> None:
    assert started("start", "phase", "stopped", "start", "failed", "start", "phase", "start", "finished", "start") == [
        "stopped as asked",
        "stopped by a fault: why",
        "ended without a word: killed, or a loss of power",
        "finished",
        "wrote this report",
    ]


def test_what_was_cut_off_the_records_is_told_as_damage(store: Store) -> None:
    rows = store.run("demo").metrics
    rows.append({"series": "gpt", "step": 1})
    rows.close()
    with (store.root / "runs/demo/metrics.jsonl").open("ab") as file:
        file.write(b'{"check":"01')
    rows.append({"series": "gpt", "step": 2})
    (event,) = store.run("demo").journal.events()
    assert cut(event)["what"] == "metrics.jsonl: 12 bytes at its end"


def test_a_stop_a_resume_and_damage_stand_in_the_report(store: Store, text: Path) -> None:
    with pytest.raises(Interrupted):
        run(
            store,
            text,
            "training.gpt.checkpoint_seconds=0s",
            families="ngram,gpt",
            stop_requested=lambda: len(list(store.root.glob("runs/small/checkpoints/*/step-*"))) >= 2,
        )
    newest = max(store.root.glob("runs/small/checkpoints/*/step-*"))
    step = int(newest.name.removeprefix("step-"))
    (newest / "optimizer.safetensors").unlink()
    keeping = run(store, text, families="ngram,gpt").data["keeping"]
    assert [start["ended"] for start in keeping["starts"]] == ["stopped as asked", "wrote this report"]
    (training,) = keeping["trainings"]
    assert (training["family"], training["resumed"], training["changes"]) == ("gpt", [step - 1], [])
    assert training["timed"] is False
    (damaged,) = keeping["damaged"]
    assert newest.name in damaged["what"] and "optimizer.safetensors" in damaged["what"]
    artifacts = [store.open(path) for path in store.folders().values()]
    of_the_report = [artifact for artifact in artifacts if artifact.kind != "report"]
    assert keeping["hashed"]["artifacts"] == len(of_the_report)
    assert keeping["hashed"]["bytes"] == sum(sum(artifact.files.values()) for artifact in of_the_report)
