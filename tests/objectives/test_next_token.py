"""Next token: the loss is what the model itself says of the targets, and a state goes on only where the text does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from etymon.models import Network, family
from etymon.models.network import as_tensors
from etymon.objectives import NextToken
from etymon.tokens import Batch

CPU = torch.device("cpu")


def network_of(name: str) -> Network:
    kind = family(name)
    assert kind.build is not None
    torch.manual_seed(0)
    return (
        kind.build(kind.settings(width=32, layers=1), 19)
        if name != "gpt"
        else kind.build(kind.settings(width=32, layers=1, heads=2, context=16), 19)
    )


def some_batch(*, carries_state: bool = False, seed: int = 0) -> Batch[Any]:
    generator = np.random.default_rng(seed)
    ids, targets = generator.integers(0, 19, (2, 3, 8))
    weights = generator.integers(0, 2, (3, 8)).astype(np.float32)
    return Batch(ids=ids, targets=targets, weights=weights, carries_state=carries_state)


class OneBatch:
    """A loader that gives rows of one batch, whatever the step."""

    def batch(self, step: int, slots: range | None = None) -> Batch[Any]:
        whole = some_batch(seed=step)
        rows = slice(None) if slots is None else slice(slots.start, slots.stop)
        return replace(whole, ids=whole.ids[rows], targets=whole.targets[rows], weights=whole.weights[rows])


@pytest.mark.parametrize("name", ["lstm", "gpt"])
def test_the_loss_is_the_sum_of_the_models_own_nats_over_the_targets_that_count(name: str) -> None:
    network, batch = network_of(name).eval(), some_batch()
    nats, count, _ = NextToken().loss(network, as_tensors(batch, CPU))
    assert float(nats.detach()) == pytest.approx(-(network.log_probs(batch) * batch.weights).sum(), rel=1e-5)
    assert float(count) == batch.weights.sum()


def test_a_lane_that_goes_on_is_read_with_what_is_remembered() -> None:
    network, objective = network_of("gru").eval(), NextToken()
    first, second = (as_tensors(some_batch(carries_state=True, seed=s), CPU) for s in (1, 2))
    _, _, state = objective.loss(network, first, None)
    assert state is not None and not any(memory.requires_grad for memory in state)
    nats, _, _ = objective.loss(network, second, state)
    both = replace(
        second,
        ids=torch.cat([first.ids, second.ids], 1),
        targets=torch.cat([first.targets, second.targets], 1),
        weights=torch.cat([torch.zeros_like(first.weights), second.weights], 1),
    )
    expected, _, _ = objective.loss(network, both, None)
    torch.testing.assert_close(nats, expected, atol=1e-4, rtol=1e-5)


def test_rows_that_stand_alone_leave_no_state_and_read_none() -> None:
    network, objective = network_of("lstm").eval(), NextToken()
    batch = as_tensors(some_batch(), CPU)
    loss, _, state = objective.loss(network, batch, None)
    stale = tuple(torch.ones_like(memory) for memory in network.start(3))
    again, _, _ = objective.loss(network, batch, stale)
    assert state is None
    assert torch.equal(loss, again)


def test_a_batch_is_the_loaders() -> None:
    objective = NextToken()
    loader: Any = OneBatch()
    whole, row = objective.batch(loader, 5), objective.batch(loader, 5, range(1, 2))
    np.testing.assert_array_equal(whole.ids[1:2], row.ids)
    assert not np.array_equal(whole.ids, objective.batch(loader, 6).ids)
