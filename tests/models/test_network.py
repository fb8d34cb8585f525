"""What every network promises: probabilities, a state that changes nothing, no look ahead, and truthful sites."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_batches import NETWORKS, random_batch, small
from torch import Tensor

from etymon.errors import EtymonError
from etymon.models import family
from etymon.models.network import as_tensors, evaluating, within
from etymon.tokens import Batch


def arrays(rows: int, length: int, seed: int = 0) -> Batch:
    """A random batch as the loader gives it: numpy arrays, ids of a small type."""
    batch = random_batch(rows, length, 31, seed=seed)
    return replace(
        batch,
        ids=batch.ids.numpy().astype(np.uint16),
        targets=batch.targets.numpy().astype(np.uint16),
        weights=np.ones((rows, length)),
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_probabilities_of_all_next_tokens_sum_to_one(name: str) -> None:
    log_probs, _ = small(name).next_log_probs(arrays(4, 5).ids)
    np.testing.assert_allclose(np.exp(log_probs.astype(float)).sum(-1), 1, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_log_probs_are_the_next_log_probs_of_the_targets(name: str) -> None:
    network, batch = small(name), arrays(3, 6)
    scores = network.log_probs(batch)
    assert scores.dtype == np.float32
    for t in range(6):
        log_probs, _ = network.next_log_probs(batch.ids[:, : t + 1])
        np.testing.assert_allclose(scores[:, t], log_probs[np.arange(3), batch.targets[:, t]], atol=1e-5)


@settings(deadline=None, max_examples=20)
@given(name=st.sampled_from(NETWORKS), cuts=st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_a_text_is_read_once_however_it_is_cut(name: str, cuts: list[int]) -> None:
    network, ids = small(name), arrays(2, sum(cuts)).ids
    whole, _ = network.next_log_probs(ids)
    state, log_probs = None, None
    for piece in np.split(ids, np.cumsum(cuts)[:-1], axis=1):
        log_probs, state = network.next_log_probs(piece, state)
    np.testing.assert_allclose(log_probs, whole, atol=1e-5)
    assert all(memory.shape[0] == 2 for memory in state)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_state_may_be_gone_on_from_twice(name: str) -> None:
    network, ids = small(name), arrays(2, 4).ids
    _, state = network.next_log_probs(ids[:, :3])
    first, _ = network.next_log_probs(ids[:, 3:], state)
    again, _ = network.next_log_probs(ids[:, 3:], state)
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_gradient_reaches_inputs_to_the_right(name: str) -> None:
    network, batch = small(name), random_batch(2, 8, 31)
    embedded: list[Tensor] = []

    def listen(site: str, value: Tensor) -> Tensor:
        if site == "embed":
            embedded.append(value.detach().requires_grad_())
            return embedded[-1]
        return value

    for t in range(8):
        hidden, _ = network(batch, tap=listen)
        log_prob = network.head(hidden).log_softmax(-1)[:, t].gather(-1, batch.targets[:, t, None]).sum()
        (gradient,) = torch.autograd.grad(log_prob, embedded[-1])
        assert gradient[:, t + 1 :].abs().sum() == 0.0
        assert (gradient[:, : t + 1].abs().sum(-1) > 0).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_tap_hears_exactly_the_sites_that_the_network_names_in_their_order(name: str) -> None:
    network, batch = small(name), random_batch(2, 5, 31)
    heard: dict[str, None] = {}

    def listen(site: str, value: Tensor) -> Tensor:
        heard[site] = None
        return value

    network.head(network(batch, tap=listen)[0], tap=listen)
    assert list(heard) == list(network.sites())


@pytest.mark.parametrize("name", NETWORKS)
def test_scoring_leaves_the_network_training_and_without_gradients(name: str) -> None:
    drops = {"dropout": 0.5} if "dropout" in family(name).settings.__dataclass_fields__ else {}
    network = small(name, **drops).train()
    assert np.array_equal(network.log_probs(arrays(2, 5)), network.log_probs(arrays(2, 5)))
    assert network.training and network.blocks[0].training
    assert all(parameter.grad is None for parameter in network.parameters())


def test_scoring_in_pieces_is_scoring(monkeypatch: pytest.MonkeyPatch) -> None:
    network, batch = small("gpt"), arrays(3, 7)
    whole = network.log_probs(batch)
    monkeypatch.setattr("etymon.models.network.SCORING_LOGITS", 31 * 4)
    np.testing.assert_allclose(network.log_probs(batch), whole, atol=1e-6)


def test_evaluation_ends_even_with_an_error() -> None:
    network = small("rnn").train()
    with pytest.raises(ZeroDivisionError), evaluating(network):
        assert not network.training and not torch.is_grad_enabled()
        _ = 1 / 0
    assert network.training and torch.is_grad_enabled()


def test_a_batch_becomes_tensors_of_the_types_that_networks_read() -> None:
    batch = replace(arrays(2, 3), documents=np.zeros((2, 3), np.int32), carries_state=True)
    inside = as_tensors(batch, torch.device("cpu"))
    assert inside.ids.dtype == inside.targets.dtype == inside.documents.dtype == torch.int64
    assert inside.weights.dtype == torch.float32
    assert inside.positions is None and inside.carries_state
    assert inside.ids.tolist() == batch.ids.tolist()


def test_a_part_names_its_sites_without_the_prefix() -> None:
    heard: list[str] = []

    def listen(site: str, value: Tensor) -> Tensor:
        heard.append(site)
        return value * 2

    inner = within(listen, "blocks.0.")
    assert inner is not None and within(None, "blocks.0.") is None
    assert math.isclose(float(inner("mlp.out", torch.ones(()))), 2.0)
    assert heard == ["blocks.0.mlp.out"]


@pytest.mark.parametrize("name", [*NETWORKS, "bert"])
@pytest.mark.parametrize(
    "ids",
    [np.zeros((1, 0), int), np.array([1, 2]), np.full((1, 3), 31), np.full((1, 3), -1), np.full((1, 3), 1.7)],
    ids=["none", "no rows", "above", "below", "fractions"],
)
def test_what_is_no_row_of_tokens_is_refused_in_words(name: str, ids: np.ndarray) -> None:
    network = small(name)
    with pytest.raises(EtymonError):
        network.next_log_probs(ids)
    if ids.ndim == 2 and ids.size:
        sound = np.zeros(ids.shape, int)
        for read, targets in ((ids, sound), (sound, ids)):
            with pytest.raises(EtymonError):
                network.log_probs(Batch(ids=read, targets=targets, weights=np.ones(ids.shape)))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", [*NETWORKS, "bert"])
def test_arrays_of_any_layout_and_of_no_tokens_are_read(name: str) -> None:
    network, ids = small(name), arrays(3, 5).ids.astype(np.int64)
    read_only = ids.copy()
    read_only.flags.writeable = False
    mirrored = np.ascontiguousarray(ids[:, ::-1])[:, ::-1]
    expected, _ = network.next_log_probs(ids)
    for other in (read_only, mirrored, np.asfortranarray(ids)):
        np.testing.assert_array_equal(network.next_log_probs(other)[0], expected)
        scored = network.log_probs(Batch(ids=other, targets=other, weights=np.ones(ids.shape)))
        assert np.isfinite(scored).all()
    for shape in ((2, 0), (0, 3)):
        nothing = np.zeros(shape, int)
        assert network.log_probs(Batch(ids=nothing, targets=nothing, weights=nothing)).shape == shape
