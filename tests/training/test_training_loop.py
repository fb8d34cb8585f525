"""The loop: what it learns, what it writes down, who may look, and when it stops."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from small_training import VOCABULARY, loader_for, losses, network_of, run_training, settings, stop_after

from etymon.errors import EtymonError, Interrupted
from etymon.models import Network, family
from etymon.storage import Run
from etymon.training import load_weights
from etymon.training.record import snapshot_steps


class Looks:
    """An observer that notes what it was shown, and takes `seconds` of a clock to do so."""

    def __init__(self, *steps: int, passes: Callable[[], None] = lambda: None) -> None:
        self.steps, self.seen, self._passes = steps, list[tuple[int, int, float]](), passes

    def wants(self, step: int, total: int | None) -> bool:
        return step in self.steps

    def look(self, network: Network, step: int, tokens: int, flops: float, seconds: float) -> None:
        assert not network.training and not torch.is_grad_enabled()
        self._passes()
        self.seen.append((step, tokens, flops))


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "gpt"])
def test_it_learns_what_is_there_to_learn(run: Run, name: str) -> None:
    run_training(run, network_of(name), steps=120)
    curve = losses(run)
    assert curve[0] == pytest.approx(math.log(VOCABULARY), rel=0.15)
    assert np.mean(curve[-10:]) < 0.7 * curve[0]


def test_every_step_leaves_a_row_with_its_units(run: Run) -> None:
    trained = run_training(run, network_of())
    rows = run.metrics.rows()
    assert [row["step"] for row in rows] == list(range(1, 21))
    assert [row["tokens"] for row in rows] == [32 * step for step in range(1, 21)]
    flops = family("gpt").counts(network_of().settings, VOCABULARY, 8).training_flops_per_token
    assert [row["flops"] for row in rows] == [32 * flops * step for step in range(1, 21)]
    assert {row["series"] for row in rows} == {"x"}
    for field in ("seconds", "loss", "learning_rate", "gradient_norm", "tokens_per_second", "observing_seconds"):
        assert all(math.isfinite(row[field]) for row in rows)
    assert (trained.steps, trained.tokens, trained.flops) == (20, 640, 640 * flops)
    assert trained.stopped_by == "steps"


def test_looking_changes_nothing_and_its_time_is_told_apart(new_run: Callable[[str], Run]) -> None:
    now = [0.0]

    def pass_five_seconds() -> None:
        now[0] += 5
        torch.manual_seed(99)

    looks = Looks(0, 3, 20, passes=pass_five_seconds)
    observed = run_training(new_run("observed"), network_of(dropout=0.3), observe=[looks], clock=lambda: now[0])
    run_training(new_run("alone"), network_of(dropout=0.3))
    assert losses(new_run("observed")) == losses(new_run("alone"))
    assert [step for step, _, _ in looks.seen] == [0, 3, 20]
    assert looks.seen[1][1] == 96
    assert (observed.seconds, observed.observing_seconds) == (0.0, 15.0)
    assert [row["observing_seconds"] for row in new_run("observed").metrics.rows()][3:5] == [10.0, 10.0]


def test_a_wish_to_stop_is_followed_between_two_steps_with_a_checkpoint(run: Run) -> None:
    with pytest.raises(Interrupted, match="x was stopped after step 6") as stopped:
        run_training(run, network_of(), stop_requested=stop_after(6))
    assert stopped.value.exit_code == 75
    checkpoint = run.checkpoints("x").latest()
    assert checkpoint is not None and checkpoint.step == 6


def test_snapshots_hold_the_weights_of_their_step(run: Run) -> None:
    class Scores(Looks):
        def look(self, network: Network, step: int, tokens: int, flops: float, seconds: float) -> None:
            self.seen.append((step, 0, network.embed.weight.sum().item()))  # type: ignore[union-attr]

    scores = Scores(*range(21))
    run_training(run, network_of(), settings=settings(snapshots=6), observe=[scores])
    snapshots = run.checkpoints("x").snapshots()
    assert [snapshot.step for snapshot in snapshots] == [0, 1, 2, 4, 9, 20]
    for snapshot in snapshots:
        network = network_of(seed=4)
        load_weights(network, snapshot)
        assert network.embed.weight.sum().item() == scores.seen[snapshot.step][2]  # type: ignore[union-attr]
        assert list(snapshot.files) == ["model.safetensors"]


@pytest.mark.parametrize("total", [1, 7, 1000, 30_000])
def test_snapshots_are_evenly_spaced_in_their_logarithm(total: int) -> None:
    due = snapshot_steps(16, total)
    steps = [step for step in range(total + 1) if due(step)]
    assert steps[0] == 0 and steps[-1] == total
    assert min(total, 10) <= len(steps) <= 16


def test_where_the_end_is_not_known_snapshots_double() -> None:
    due = snapshot_steps(16, None)
    assert [step for step in range(300) if due(step)] == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert not any(snapshot_steps(0, total)(step) for total in (None, 9) for step in range(10))


def test_checkpoints_are_as_often_as_asked_and_two_are_kept(run: Run) -> None:
    ticks = iter(range(10**6))
    saved: list[int] = []
    checkpoints = run.checkpoints("x")
    save = checkpoints.save
    checkpoints.save = lambda step, files, about: saved.append(step) or save(step, files, about)  # type: ignore[method-assign]
    run_training(run, network_of(), settings=settings(checkpoint_seconds=20.0), clock=lambda: float(next(ticks)))
    assert saved[-1] == 20 and 2 <= len(saved) < 19
    assert len(set(np.diff(saved[:-1]))) <= 2
    assert len([path for path in checkpoints.path.iterdir() if path.name.startswith("step-")]) == 2


def test_progress_is_told_in_steps_or_in_seconds(new_run: Callable[[str], Run]) -> None:
    told: list[tuple[float, float | None, str]] = []

    def progress(done: float, total: float | None = None, note: str = "") -> None:
        told.append((done, total, note))

    run_training(new_run("steps"), network_of(), progress=progress)
    assert told[-1][:2] == (20, 20) and told[-1][2].startswith("loss ")
    ticks = iter(range(10**6))
    run_training(new_run("time"), network_of(), budget=100.0, progress=progress, clock=lambda: float(next(ticks)))
    assert told[-1][1] == 100.0 and told[-1][0] <= 100.0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"loader": loader_for(slots=3)}, "gives 3 rows of 8 tokens"),
        ({"loader": loader_for(length=16, slots=2), "settings": settings(length=16)}, "Rows of 16 tokens do not fit"),
        ({"budget": 5.0, "steps": 5}, "a number of steps or of seconds"),
        ({"device": "cuda:99"}, "There is no device cuda:99 here"),
        ({"settings": settings(precision="bf16")}, "no arithmetic of its own for bf16"),
    ],
)
def test_what_does_not_fit_together_is_refused_before_anything_is_written(
    run: Run, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], told: str
) -> None:
    monkeypatch.setattr("etymon.training.device._has_bf16", lambda device: False)
    monkeypatch.setattr("etymon.training.device.torch.cuda.is_available", lambda: False)
    with pytest.raises(EtymonError, match=told):
        run_training(run, network_of(), **options)
    assert not run.path.exists()


def test_a_text_with_more_tokens_than_the_network_knows_is_refused(run: Run) -> None:
    kind = family("gpt")
    assert kind.build is not None
    network = kind.build(kind.settings(width=16, layers=1, heads=2, context=8), VOCABULARY - 1)
    with pytest.raises(EtymonError, match="23 different tokens and the network knows 22"):
        run_training(run, network)


def test_a_batch_that_no_rows_fit_is_refused() -> None:
    with pytest.raises(EtymonError, match="cannot be cut into rows of 7"):
        settings(length=7)
