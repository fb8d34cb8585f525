"""One step: however its rows are split, loss and gradient are those of the whole step."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_training import loader_for, losses, network_of, run_training, settings

from etymon.errors import EtymonError
from etymon.models import Network
from etymon.objectives import NextToken
from etymon.storage import Run
from etymon.training.optimizer import AdamW, clipped_norm
from etymon.training.step import Gradients


class Padded(NextToken):
    """Next token where rows have very different numbers of targets that count."""

    def batch(self, loader: Any, step: int, slots: range | None = None) -> Any:
        batch = super().batch(loader, step, slots)
        rows = slots or range(loader.slots)
        kept = np.array([[8], [1], [5], [2]])[rows.start : rows.stop]
        return replace(batch, weights=(np.arange(8) < kept).astype(np.float32))


def gradients(network: Network, rows: int, objective: Any = None) -> Gradients:
    return Gradients(network, objective or NextToken(), loader_for(network.family), rows, torch.float32, seed=3)


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
@pytest.mark.parametrize("name", ["gpt", "lstm"])
def test_gradients_do_not_depend_on_how_rows_are_split(name: str, rows: int) -> None:
    whole, split = network_of(name), network_of(name)
    state = state_too = None
    for step in range(3):
        expected = gradients(whole, 4, Padded()).of(step, state)
        got = gradients(split, rows, Padded()).of(step, state_too)
        state, state_too = expected.state, got.state
        assert got.loss == pytest.approx(expected.loss, rel=1e-6)
        assert got.tokens == expected.tokens == 16
    for one, other in zip(whole.parameters(), split.parameters(), strict=True):
        torch.testing.assert_close(other.grad, one.grad, atol=1e-6, rtol=1e-5)
    assert (state is None) == (name == "gpt")
    if state is not None and state_too is not None:
        torch.testing.assert_close(state_too, state, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", ["gpt", "gru"])
def test_the_curve_does_not_depend_on_how_rows_are_split(new_run: Callable[[str], Run], name: str) -> None:
    curves = []
    for rows in (None, 1, 3):
        run = new_run(f"rows-{rows}")
        run_training(run, network_of(name), settings=settings(micro_batch=rows, learning_rate=1e-3), objective=Padded())
        curves.append(losses(run))
    for curve in curves[1:]:
        np.testing.assert_allclose(curve, curves[0], rtol=1e-6)


def test_the_loss_is_a_mean_over_targets_not_over_rows() -> None:
    network = network_of()
    batch = Padded().batch(loader_for(), 0)
    nats = -network.log_probs(batch)
    mean = float((nats * batch.weights).sum() / batch.weights.sum())
    assert gradients(network, 2, Padded()).of(0, None).loss == pytest.approx(mean, rel=1e-5)


def test_dropout_is_drawn_anew_for_every_step_and_micro_batch_and_again_alike() -> None:
    drawn = [gradients(network_of(dropout=0.5), rows).of(step, None).loss for rows, step in ((4, 0), (4, 0), (2, 0))]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_matrices_decay_and_vectors_do_not() -> None:
    network = network_of()
    before = [parameter.detach().clone() for parameter in network.parameters()]
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    AdamW(network, settings(weight_decay=0.3)).step(0.1)
    for old, parameter in zip(before, network.parameters(), strict=True):
        torch.testing.assert_close(parameter.detach(), old * (0.97 if parameter.ndim >= 2 else 1.0))
        assert parameter.grad is None


def test_the_optimizer_is_adamw_as_published() -> None:
    network = torch.nn.Linear(3, 2)
    optimizer = AdamW(network, settings(weight_decay=0.1, beta1=0.8, beta2=0.9))
    theta, mean, square = network.weight.detach().clone(), torch.zeros(2, 3), torch.zeros(2, 3)
    for number, rate in enumerate((0.01, 0.02, 0.005), 1):
        gradient = torch.randn(2, 3, generator=torch.Generator().manual_seed(number))
        network.weight.grad, network.bias.grad = gradient.clone(), torch.zeros(2)
        optimizer.step(rate)
        mean, square = 0.8 * mean + 0.2 * gradient, 0.9 * square + 0.1 * gradient**2
        step = (mean / (1 - 0.8**number)) / ((square / (1 - 0.9**number)).sqrt() + 1e-8)
        theta = theta - rate * (step + 0.1 * theta)
        torch.testing.assert_close(network.weight.detach(), theta)


def test_a_parameter_that_no_gradient_reached_stays_as_it_is() -> None:
    network = torch.nn.Linear(3, 2)
    before = network.bias.detach().clone()
    network.weight.grad = torch.ones_like(network.weight)
    AdamW(network, settings()).step(0.1)
    assert torch.equal(network.bias.detach(), before)


def test_training_does_not_load_torchs_compiler() -> None:
    script = """
import sys, torch
sys.path.insert(0, "tests/training")
from small_training import loader_for, network_of, settings
from etymon.objectives import NextToken
from etymon.training import flops_per_second
rate = flops_per_second(network_of(), NextToken(), loader_for(), settings(), device="cpu", seconds=0)
print(rate > 0, "torch._dynamo" in sys.modules)
"""
    root = Path(__file__).parents[2]
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=root)
    assert answer.stdout.split() == ["True", "False"]


@pytest.mark.parametrize(("longest", "expected"), [(1.0, 1.0), (100.0, 10.0)])
def test_a_gradient_is_shortened_only_where_it_is_longer_than_allowed(longest: float, expected: float) -> None:
    network = torch.nn.Linear(2, 1)
    network.weight.grad, network.bias.grad = torch.tensor([[6.0, 0.0]]), torch.tensor([8.0])
    assert clipped_norm(network, longest) == pytest.approx(10.0)
    after = math.hypot(*network.weight.grad[0].tolist(), *network.bias.grad.tolist())
    assert after == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_step_that_is_not_finite_is_never_applied(run: Run, bad: float) -> None:
    class Poisoned(NextToken):
        def loss(self, network: Network, batch: Any, state: Any = None) -> Any:
            nats, count, kept = super().loss(network, batch, state)
            self.step = getattr(self, "step", -1) + 1
            return (nats * bad if self.step == 6 else nats), count, kept

    network = network_of()
    before: list[torch.Tensor] = []

    class Watching:
        def wants(self, step: int, total: int | None) -> bool:
            return step == 6

        def look(self, network: Network, step: int, tokens: int, flops: float, seconds: float) -> None:
            before.extend(parameter.detach().clone() for parameter in network.parameters())

    with pytest.raises(EtymonError) as stopped:
        run_training(run, network, objective=Poisoned(), observe=[Watching()], settings=settings(checkpoint_seconds=0))
    assert "Step 7 was not applied" in stopped.value.what
    assert "learning rate of 0.01" in stopped.value.why and "learning_rate=" in stopped.value.help
    assert all(torch.equal(*pair) for pair in zip(before, network.parameters(), strict=True))
    checkpoint = run.checkpoints("x").latest()
    assert checkpoint is not None and checkpoint.step == 6
    assert len(losses(run)) == 6
