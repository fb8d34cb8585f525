"""Recurrent networks: the fused layer and the explicit equations are one function with one set of weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_batches import random_batch, same, small
from torch import Tensor, nn

from etymon.errors import EtymonError
from etymon.models import family
from etymon.models.recurrent import LSTM, Recurrent
from etymon.tokens import Batch, Mask

RECURRENT = ("rnn", "lstm", "gru")


@settings(deadline=None, max_examples=15)
@given(name=st.sampled_from(RECURRENT), layers=st.integers(1, 3), length=st.integers(1, 12), seed=st.integers(0, 99))
def test_explicit_cells_equal_the_fused_layer(name: str, layers: int, length: int, seed: int) -> None:
    network = small(name, layers=layers, width=16, seed=seed)
    batch = random_batch(3, length, 31, seed=seed)
    (fused, after), (explicit, after_too) = network(batch), network(batch, tap=same)
    torch.testing.assert_close(fused, explicit, atol=1e-6, rtol=0)
    torch.testing.assert_close(after, after_too, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", RECURRENT)
def test_gradients_through_explicit_cells_equal_those_of_the_fused_layer(name: str) -> None:
    network, batch = small(name, width=16), random_batch(3, 8, 31)
    gradients = [
        torch.autograd.grad(network(batch, tap=tap)[0].square().mean(), list(network.parameters()), allow_unused=True)
        for tap in (None, same)
    ]
    for fused, explicit in zip(*gradients, strict=True):
        torch.testing.assert_close(fused, explicit, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("name", "layer"), [("rnn", nn.RNN), ("lstm", nn.LSTM), ("gru", nn.GRU)])
def test_hidden_values_are_those_of_torchs_own_stack_of_layers(name: str, layer: type[nn.RNNBase]) -> None:
    network, batch = small(name), random_batch(2, 10, 31)
    stack = layer(32, 32, num_layers=2, batch_first=True)
    for i, block in enumerate(network.blocks):
        for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(stack, f"{part}_l{i}").data.copy_(getattr(block, f"{part}_l0"))
    expected, _ = stack(network.embed(batch.ids))
    torch.testing.assert_close(network(batch)[0], expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", RECURRENT)
def test_a_text_read_in_two_batches_gives_what_it_gives_in_one(name: str) -> None:
    network, batch = small(name), random_batch(2, 10, 31)
    whole, end = network(batch)
    first, state = network(random_batch(2, 10, 31).__class__(ids=batch.ids[:, :4], targets=None, weights=None))
    second, end_too = network(batch.__class__(ids=batch.ids[:, 4:], targets=None, weights=None), state=state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole, atol=1e-6, rtol=0)
    torch.testing.assert_close(end, end_too, atol=1e-6, rtol=0)


def test_a_tap_hears_every_step_in_order_and_what_it_changes_is_remembered() -> None:
    network, batch = small("lstm", layers=1), random_batch(2, 6, 31)
    heard: list[Tensor] = []

    def forget_all(site: str, value: Tensor) -> Tensor:
        if site == "blocks.0.hidden":
            heard.append(value)
        return torch.zeros_like(value) if site in ("blocks.0.gate.forget", "blocks.0.gate.input") else value

    hidden, state = network(batch, tap=forget_all)
    assert [tuple(value.shape) for value in heard] == [(2, 1, 32)] * 6
    assert hidden.abs().max() == 0.0 and state[1].abs().max() == 0.0


def test_a_tap_outside_the_cells_leaves_the_fused_layer_on() -> None:
    network, batch = small("gru"), random_batch(2, 6, 31)

    class Tap:
        sites = ("embed", "blocks.0.out")
        heard: tuple[str, ...] = ()

        def __call__(self, site: str, value: Tensor) -> Tensor:
            self.heard += (site,)
            return value

    tap = Tap()
    assert torch.equal(network(batch, tap=tap)[0], network(batch)[0])
    assert tap.heard == ("embed", "blocks.0.out")


@pytest.mark.parametrize("tied", [True, False])
def test_the_head_is_the_embedding_only_if_tied(tied: bool) -> None:
    network = small("lstm", tied=tied)
    matrix, offset = network.output
    assert (matrix is network.embed.weight) == tied
    assert offset is not None and offset.shape == (31,)


def test_forget_gates_of_a_fresh_lstm_are_open() -> None:
    kind = family("lstm")
    network = LSTM(kind.settings(width=8, layers=2), 5)
    for block in network.blocks:
        assert block.bias_ih_l0[8:16].tolist() == [1.0] * 8
        assert block.bias_hh_l0[8:16].tolist() == [0.0] * 8


@pytest.mark.parametrize("tap", [None, same])
def test_dropout_draws_alike_in_both_paths(tap: object) -> None:
    network, batch = small("gru", dropout=0.5).train(), random_batch(2, 6, 31)
    outputs = []
    for path in (None, tap):
        torch.manual_seed(1)
        outputs.append(network(batch, tap=path)[0])
    torch.testing.assert_close(*outputs, atol=1e-6, rtol=0)
    assert not torch.allclose(outputs[0], network.eval()(batch)[0])


def test_a_recurrent_network_refuses_masks_that_it_cannot_keep() -> None:
    network = small("rnn")
    assert isinstance(network, Recurrent)
    with pytest.raises(EtymonError, match="sees everything to the left"):
        network(random_batch(1, 4, 31, visibility=Mask(window=2)))


@pytest.mark.parametrize("name", RECURRENT)
def test_a_preset_is_nearly_of_the_wanted_size(name: str) -> None:
    kind = family(name)
    for wanted in (1e6, 5e6, 3e7):
        settings = kind.preset(wanted, 4096)
        assert settings.width % 64 == 0
        assert kind.counts(settings, 4096, 1).parameters == pytest.approx(wanted, rel=0.3)


@pytest.mark.parametrize("name", RECURRENT)
def test_a_long_row_is_scored_in_pieces_as_it_would_be_in_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, batch = small(name), random_batch(2, 23, 31)
    whole = network.log_probs(as_numpy(batch))
    monkeypatch.setattr("etymon.models.network.SCORING_LENGTH", 5)
    torch.testing.assert_close(
        torch.from_numpy(network.log_probs(as_numpy(batch))), torch.from_numpy(whole), atol=1e-6, rtol=0
    )


def as_numpy(batch: Batch[Tensor]) -> Batch[Any]:
    """The batch as a loader gives it."""
    return Batch(ids=batch.ids.numpy(), targets=batch.targets.numpy(), weights=batch.weights.numpy())
