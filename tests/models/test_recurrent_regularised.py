"""AWD-LSTM's regularisation: what each part drops or adds, and that none of it is there unless asked for."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_batches import random_batch, same, small
from torch import Tensor

from etymon.errors import EtymonError
from etymon.models import family
from etymon.objectives import NextToken
from etymon.recipe import identity

RECURRENT = ("rnn", "lstm", "gru")
ALL_ON = {
    "embedding_dropout": 0.2,
    "input_dropout": 0.4,
    "between_dropout": 0.3,
    "output_dropout": 0.4,
    "weight_dropout": 0.5,
    "activation_penalty": 2.0,
    "change_penalty": 1.0,
    "layer_norm": True,
}

BETWEEN = ("between_dropout", "layer_norm")


def heard_in(network, batch, seed=0):
    """All values of a forward pass in training; those of cells joined over the steps."""
    heard: dict[str, list[Tensor]] = {}

    def listen(site: str, value: Tensor) -> Tensor:
        heard.setdefault(site, []).append(value)
        return value

    torch.manual_seed(seed)
    network.train()(batch, tap=listen)
    return {site: torch.cat(values, 1) for site, values in heard.items()}


@settings(deadline=None, max_examples=20)
@given(
    name=st.sampled_from((*RECURRENT, "relu")),
    layers=st.integers(1, 3),
    rows=st.integers(1, 4),
    length=st.integers(1, 12),
    width=st.sampled_from((1, 5, 16, 33)),
    seed=st.integers(0, 99),
    regularised=st.booleans(),
)
def test_fused_and_explicit_are_one_function_with_one_gradient(
    name: str, layers: int, rows: int, length: int, width: int, seed: int, regularised: bool
) -> None:
    on = {setting: value for setting, value in ALL_ON.items() if layers > 1 or setting not in BETWEEN}
    changed = (on if regularised else {}) | ({"activation": "relu"} if name == "relu" else {})
    network = small(name if name != "relu" else "rnn", layers=layers, width=width, seed=seed, **changed).double()
    batch, found = random_batch(rows, length, 31, seed=seed), []
    for tap in (None, same):
        torch.manual_seed(seed)
        hidden, after = network.train()(batch, tap=tap)
        loss = hidden.square().mean() + sum(memory.sum() for memory in after)
        found.append((hidden, after, torch.autograd.grad(loss, list(network.parameters()), allow_unused=True)))
    torch.testing.assert_close(*found, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "digest"),
    [("rnn", "4a895b77f5367e2f"), ("lstm", "7de17d91dae59424"), ("gru", "06c983bddb562929")],
)
def test_fresh_weights_and_identity_are_what_they_were_before_these_settings(name: str, digest: str) -> None:
    kind = family(name)
    chosen = kind.settings(width=8, layers=2)
    assert identity(chosen) == {"width": 8, "layers": 2, "tied": True, "dropout": 0.0}
    torch.manual_seed(0)
    state = kind.build(chosen, 11).state_dict()
    found = hashlib.sha256(b"".join(name.encode() + value.numpy().tobytes() for name, value in state.items()))
    assert found.hexdigest()[:16] == digest


def test_a_setting_that_is_used_is_part_of_the_identity() -> None:
    changed = family("rnn").settings(activation="relu", weight_dropout=0.5)
    assert identity(changed).keys() - identity(family("rnn").settings()).keys() == {"activation", "weight_dropout"}


def test_masks_are_one_a_row_for_all_its_steps() -> None:
    network, batch = small("gru", output_dropout=0.5), random_batch(3, 9, 31)
    heard = heard_in(network, batch)
    dropped = heard["final"] == 0
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert 0.2 < dropped.float().mean() < 0.8
    assert not torch.equal(dropped[0], dropped[1])
    kept = heard["blocks.1.out"] * 2  # 1 / (1 - 0.5)
    torch.testing.assert_close(heard["final"], torch.where(dropped, 0.0, kept))


def test_a_dropped_word_is_zero_wherever_it_stands() -> None:
    network, batch = small("lstm", embedding_dropout=0.5), random_batch(4, 40, 31)
    gone = (heard_in(network, batch)["embed"] == 0).all(-1)
    words = {int(word): gone[batch.ids == word].float().mean().item() for word in batch.ids.unique()}
    assert set(words.values()) == {0.0, 1.0}


@pytest.mark.parametrize("name", RECURRENT)
def test_dropped_weights_are_the_same_at_all_steps_and_others_in_the_next_batch(name: str) -> None:
    network, batch = small(name, layers=1, weight_dropout=0.5).train(), random_batch(2, 6, 31)
    weight = network.blocks[0].weight_hh_l0
    torch.manual_seed(1)
    (dropped,) = torch.autograd.grad(network(batch)[0].square().sum(), [weight])
    torch.manual_seed(1)
    mask = torch.nn.functional.dropout(torch.ones_like(weight), 0.5)
    assert torch.equal(dropped == 0, mask == 0)  # a weight that one step kept would have a gradient
    torch.manual_seed(1)
    with_mask = network(batch)[0]
    plain = small(name, layers=1).eval()
    plain.blocks[0].weight_hh_l0.data.mul_(mask)
    torch.testing.assert_close(with_mask, plain(batch)[0], atol=1e-6, rtol=0)
    assert not torch.allclose(network(batch)[0], with_mask)


@pytest.mark.parametrize("name", RECURRENT)
def test_out_of_training_nothing_is_dropped_or_added(name: str) -> None:
    plain, regular = (small(name, **changed) for changed in ({}, ALL_ON | {"layer_norm": False}))
    batch = random_batch(2, 7, 31)
    assert torch.equal(plain(batch)[0], regular(batch)[0])
    for x, y in zip(NextToken().loss(plain, batch)[:2], NextToken().loss(regular, batch)[:2], strict=True):
        assert torch.equal(x, y)


def test_penalties_are_in_the_gradient_and_not_in_the_loss_that_is_told() -> None:
    batch = random_batch(3, 7, 31)
    plain, regular = small("lstm").train(), small("lstm", activation_penalty=2.0, change_penalty=3.0).train()
    (told, count, _), (without, _, _) = NextToken().loss(regular, batch), NextToken().loss(plain, batch)
    torch.testing.assert_close(told, without, rtol=1e-6, atol=0)
    h = plain(batch)[0]
    by_hand = 2.0 * h.square().mean(-1).sum() + 3.0 * (h[:, 1:] - h[:, :-1]).square().mean(-1).sum()
    expected = torch.autograd.grad(without + by_hand, list(plain.parameters()))
    torch.testing.assert_close(torch.autograd.grad(told, list(regular.parameters())), expected, atol=1e-5, rtol=1e-5)
    assert count == 21


def test_penalties_do_not_depend_on_how_rows_are_split() -> None:
    network, batch = small("gru", activation_penalty=2.0, change_penalty=1.0).train(), random_batch(4, 7, 31)
    parameters = list(network.parameters())
    whole = torch.autograd.grad(NextToken().loss(network, batch)[0], parameters)
    parts = []
    for rows in (slice(0, 1), slice(1, 4)):
        piece = type(batch)(ids=batch.ids[rows], targets=batch.targets[rows], weights=batch.weights[rows])
        parts.append(torch.autograd.grad(NextToken().loss(network, piece)[0], parameters))
    torch.testing.assert_close([a + b for a, b in zip(*parts, strict=True)], list(whole), atol=1e-5, rtol=1e-5)


def test_layer_norm_stands_between_layers_alone() -> None:
    network, batch = small("lstm", layers=3, layer_norm=True), random_batch(2, 5, 31)
    for norm in network.norms:
        torch.nn.init.ones_(norm.weight), torch.nn.init.zeros_(norm.bias)
    heard = heard_in(network, batch)
    for i in (0, 1):
        torch.testing.assert_close(heard[f"blocks.{i}.out"].mean(-1), torch.zeros(2, 5), atol=1e-6, rtol=0)
    assert heard["blocks.2.out"].mean(-1).abs().max() > 1e-3
    assert network.counts(5).parameters == sum(p.numel() for p in network.parameters())


def test_relu_bends_and_is_told() -> None:
    network, batch = small("rnn", activation="relu"), random_batch(2, 5, 31)
    assert network(batch)[0].min() == 0.0
    kind = family("rnn")
    titles = [kind.title_with(identity(kind.settings(activation=name))) for name in ("relu", "tanh")]
    assert titles == ["RNN (ReLU)", "RNN (tanh)"]


@pytest.mark.parametrize("setting", [{"between_dropout": 0.1}, {"layer_norm": True}])
def test_what_stands_between_layers_needs_two_of_them(setting: dict[str, Any]) -> None:
    with pytest.raises(EtymonError, match="would do nothing in a network of one layer"):
        family("lstm").settings(layers=1, **setting)
