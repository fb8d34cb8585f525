"""Stopped anywhere and gone on from there, a training ends with the bits of one that was never stopped."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load as tensors_of
from small_training import (
    digest,
    loader_for,
    losses,
    network_of,
    run_training,
    settings,
    stop_after,
)

from etymon.errors import EtymonError, Interrupted
from etymon.models import Network
from etymon.objectives import NextToken
from etymon.storage import Damaged, Run
from etymon.training import load_weights
from etymon.training.record import Position, Record

# A recurrent network whose state goes from step to step, and a Transformer whose dropout draws at every step.
KINDS = [("lstm", 0.0), ("gpt", 0.2)]


class Killed(Exception):
    """Stands for the end of the process."""


class KilledAt(NextToken):
    """An objective that ends the process in the middle of a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def batch(self, loader: Any, step: int, slots: range | None = None) -> Any:
        if step == self.step:
            raise Killed
        return super().batch(loader, step, slots)


def uninterrupted(new_run: Callable[[str], Run], name: str, dropout: float) -> tuple[str, list[float], Network]:
    network = network_of(name, dropout=dropout)
    run_training(new_run("straight"), network, steps=30)
    return digest(network), losses(new_run("straight")), network


@pytest.mark.parametrize(("name", "dropout"), KINDS)
def test_stopped_at_random_steps_it_ends_with_the_same_bits(
    new_run: Callable[[str], Run], name: str, dropout: float
) -> None:
    expected, curve, _ = uninterrupted(new_run, name, dropout)
    run, chance, stops = new_run("stopped"), random.Random(3), 0
    for _ in range(30):
        network = network_of(name, dropout=dropout)
        try:
            trained = run_training(run, network, steps=30, stop_requested=stop_after(chance.randint(0, 9)))
        except Interrupted:
            stops += 1
            continue
        assert trained.steps == 30
        break
    assert stops >= 3
    assert digest(network) == expected
    assert losses(run) == curve


@pytest.mark.parametrize(("name", "dropout"), KINDS)
def test_killed_between_checkpoints_it_ends_with_the_same_bits(
    new_run: Callable[[str], Run], name: str, dropout: float
) -> None:
    expected, curve, _ = uninterrupted(new_run, name, dropout)
    run, ticks = new_run("killed"), iter(range(10**6))
    options: dict[str, Any] = {"steps": 30, "settings": settings(checkpoint_seconds=12.0)}
    for step in (2, 9, 17, 18, 29):
        with pytest.raises(Killed):
            run_training(
                run,
                network_of(name, dropout=dropout),
                objective=KilledAt(step),
                clock=lambda: float(next(ticks)),
                **options,
            )
    network = network_of(name, dropout=dropout)
    run_training(run, network, clock=lambda: float(next(ticks)), **options)
    assert digest(network) == expected
    assert losses(run) == curve
    resumed = [event["step"] for event in run.journal.events() if event["event"] == "training resumes"]
    assert resumed and 9 not in resumed and 29 not in resumed  # it did go back to before the kill


def test_other_weights_in_the_fresh_network_do_not_matter_to_a_resume(new_run: Callable[[str], Run]) -> None:
    expected, _, _ = uninterrupted(new_run, "gpt", 0.0)
    run = new_run("stopped")
    with pytest.raises(Interrupted):
        run_training(run, network_of(), steps=30, stop_requested=stop_after(11))
    network = network_of(seed=99)
    run_training(run, network, steps=30)
    assert digest(network) == expected


def test_what_is_finished_is_given_back_at_once(run: Run) -> None:
    network = network_of()
    first = run_training(run, network)
    events = len(run.journal.events())
    again = network_of(seed=2)
    assert run_training(run, again) == first
    assert digest(again) == digest(network)
    assert len(run.journal.events()) == events
    assert len(losses(run)) == 20


def test_training_neither_reads_nor_moves_torchs_random_state(new_run: Callable[[str], Run]) -> None:
    digests = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        network = network_of(dropout=0.3)
        run_training(new_run(f"run-{seed}"), network)
        assert torch.equal(torch.get_rng_state(), before)
        digests.append(digest(network))
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"seed": 8}, "seed was 7 and is 8"),
        ({"steps": 40}, "steps was 20 and is 40"),
        ({"settings": settings(learning_rate=1e-3)}, "learning_rate was 0.01 and is 0.001"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused_with_the_difference(
    run: Run, changed: dict[str, Any], told: str
) -> None:
    with pytest.raises(Interrupted):
        run_training(run, network_of(), stop_requested=stop_after(5))
    with pytest.raises(EtymonError) as refused:
        run_training(run, network_of(), **changed)
    assert told in refused.value.why
    assert run_training(run, network_of(), settings=settings(checkpoint_seconds=1.0)).steps == 20


def test_weights_of_another_shape_are_refused_by_name(run: Run) -> None:
    run_training(run, network_of())
    checkpoint = run.checkpoints("x").latest()
    assert checkpoint is not None
    with pytest.raises(EtymonError, match="another network") as refused:
        load_weights(network_of("lstm"), checkpoint)
    assert "blocks.0" in refused.value.why


def test_the_loader_is_asked_for_no_step_twice_after_a_clean_stop(run: Run) -> None:
    asked: list[int] = []

    class Listening(NextToken):
        def batch(self, loader: Any, step: int, slots: range | None = None) -> Any:
            asked.append(step)
            return super().batch(loader, step, slots)

    with pytest.raises(Interrupted):
        run_training(run, network_of(), objective=Listening(), stop_requested=stop_after(7), loader=loader_for())
    run_training(run, network_of(), objective=Listening())
    assert asked == list(range(20))


def test_a_resume_at_step_a_billion_asks_for_no_step_before_it(run: Run) -> None:
    asked: list[int] = []

    class Listening(NextToken):
        def batch(self, loader: Any, step: int, slots: range | None = None) -> Any:
            asked.append(step)
            return super().batch(loader, step, slots)

    billion = 10**9
    with pytest.raises(Interrupted):
        run_training(run, network_of(), steps=billion + 5, stop_requested=stop_after(3))
    early = run.checkpoints("x").latest()
    assert early is not None
    run.checkpoints("x").save(billion, {name: early.read(name) for name in early.files}, early.about)
    trained = run_training(run, network_of(), steps=billion + 5, objective=Listening())
    assert trained.steps == billion + 5
    assert asked == list(range(billion, billion + 5))


def test_an_unfinished_training_that_is_not_gone_on_from_is_named_with_what_differs(run: Run) -> None:
    with pytest.raises(Interrupted):
        run_training(run, network_of(), series="gpt-first", stop_requested=stop_after(5))
    told: list[str] = []
    other = settings(learning_rate=0.02)
    run_training(run, network_of("lstm"), series="lstm-first", warn=told.append)
    assert told == []
    run_training(run, network_of(), series="gpt-second", settings=other, warn=told.append)
    assert told == [
        "gpt-second begins anew. gpt-first, which stands at step 5, is another training: "
        "learning_rate was 0.01 and is 0.02"
    ]


@pytest.mark.parametrize("name", ["lstm", "gpt"])
def test_all_that_a_training_saves_is_on_the_format_page(run: Run, name: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "format.md").read_text(encoding="utf-8")
    of_checkpoint, _, of_snapshot = page.partition("What a training saves")[2].partition("A snapshot has")
    run_training(run, network_of(name), settings=settings(snapshots=2))
    saved = run.checkpoints("x").latest()
    assert saved is not None
    tensors = [f"{tensor.partition('/')[0]}/NAME" for tensor in tensors_of(saved.read("optimizer.safetensors"))]
    for told in [*saved.files, *saved.about, *tensors]:
        assert f"`{told}`" in of_checkpoint
    assert '`{"size", "count", "link"}`' in of_checkpoint
    assert set(saved.about["metrics"]) == {"size", "count", "link"}
    assert [set(one) for one in saved.about["lineages"]] == [{"step", "numerics"}]
    for snapshot in run.checkpoints("x").snapshots():
        for told in [*snapshot.files, *snapshot.about]:
            assert f"`{told}`" in of_snapshot.splitlines()[0]


def test_stopped_before_the_first_step_it_is_not_observed_twice(run: Run) -> None:
    class Rows:
        def wants(self, step: int, total: int | None) -> bool:
            return step == 0

        def look(self, network: Network, step: int, tokens: int, flops: float, seconds: float) -> None:
            run.metrics.append({"series": "x/marks", "step": step})

    with pytest.raises(Interrupted):
        run_training(run, network_of(), observe=[Rows()], stop_requested=lambda: True)
    run_training(run, network_of(), observe=[Rows()])
    assert [row["step"] for row in run.metrics.rows() if row["series"] == "x/marks"] == [0]


def test_time_that_a_kill_has_cost_stays_spent_when_the_resume_is_stopped_at_once(run: Run) -> None:
    now = [0.0]

    class Slow(KilledAt):
        def batch(self, loader: Any, step: int, slots: range | None = None) -> Any:
            now[0] += 1
            return super().batch(loader, step, slots)

    options: dict[str, Any] = {"clock": lambda: now[0], "settings": settings(checkpoint_seconds=4.0)}
    with pytest.raises(Killed):
        run_training(run, network_of(), objective=Slow(7), **options)
    with pytest.raises(Interrupted):
        run_training(run, network_of(), stop_requested=lambda: True, **options)
    trained = run_training(run, network_of(), **options)
    assert (trained.steps, trained.seconds) == (20, 7.0)
    assert [event["step"] for event in run.journal.events() if event["event"] == "training resumes"] == [4, 4]


def test_a_kill_between_the_last_save_and_the_end_leaves_the_end_to_be_told(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(record: Record, position: Position) -> None:
        raise Killed

    few = settings(snapshots=3)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Record, "has_ended", killed)
        run_training(run, network_of(), settings=few)
    assert "training ends" not in [event["event"] for event in run.journal.events()]
    run_training(run, network_of(), settings=few)
    run_training(run, network_of(), settings=few)
    assert [event["event"] for event in run.journal.events()].count("training ends") == 1
    assert run.checkpoints("x").snapshots()[-1].step == 20


def test_a_resume_reads_the_metrics_from_its_checkpoint_on(run: Run) -> None:
    for step in range(20):
        run.metrics.append({"series": "before", "step": step, "text": "x" * 100_000})
    with pytest.raises(Interrupted):
        run_training(run, network_of(), stop_requested=stop_after(5))
    with (run.path / "metrics.jsonl").open("r+b") as file:  # damage that is not read is not found
        file.write(b"damage")
    again = run.store.run(run.name)
    run_training(again, network_of())
    with pytest.raises(Damaged):
        again.metrics.rows()
