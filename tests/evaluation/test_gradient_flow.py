"""Gradients by distance: those of a difference quotient, and those of a network whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from etymon.errors import EtymonError
from etymon.evaluation import gradient_by_distance
from etymon.models import family

torch = pytest.importorskip("torch", reason="networks need torch")


def network(name, width=8, **settings):
    torch.manual_seed(0)
    kind = family(name)
    return kind.build(kind.settings(**{"layers": 1, "width": width} | settings), 11)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "gpt"])
def test_it_is_the_difference_quotient(name):
    model = network(name, **({"heads": 2, "context": 8} if name == "gpt" else {})).double().eval()
    ids = np.random.default_rng(0).integers(0, 11, (2, 7))
    found = gradient_by_distance(model, ids)
    assert found.shape == (2, 6)
    from etymon.tokens import Batch

    def loss(row, place, number, by):
        def nudge(site, value):
            value = value.clone()
            value[0, place, number] += by
            return value

        nudge.sites = ("embed",)
        tokens = torch.from_numpy(ids[row : row + 1])
        batch = Batch(ids=tokens[:, :-1], targets=tokens[:, 1:], weights=torch.ones(1, 6))
        logits = model.head(model(batch, tap=nudge)[0])[0, -1].double()
        return -float(logits.log_softmax(-1)[ids[row, -1]].detach())

    for row, k in ((0, 0), (0, 3), (1, 5)):
        slopes = [(loss(row, 5 - k, n, 1e-5) - loss(row, 5 - k, n, -1e-5)) / 2e-5 for n in range(8)]
        assert found[row, k] == pytest.approx(np.linalg.norm(slopes), rel=1e-2, abs=1e-7)


def test_a_linear_recurrence_fades_by_its_own_factor():
    model = network("rnn", width=1, activation="relu").eval()
    cell = model.blocks[0]
    for name, value in {"weight_ih": 1.0, "weight_hh": 0.5, "bias_ih": 1.0, "bias_hh": 0.0}.items():
        torch.nn.init.constant_(getattr(cell, f"{name}_l0"), value)
    found = gradient_by_distance(model, np.random.default_rng(0).integers(0, 11, (3, 21)))
    np.testing.assert_allclose(found[:, 1:] / found[:, :-1], 0.5, rtol=1e-4)


def test_the_network_stays_as_it_is():
    model = network("lstm", dropout=0.5).train()
    ids = np.random.default_rng(0).integers(0, 11, (2, 7))
    np.testing.assert_array_equal(gradient_by_distance(model, ids), gradient_by_distance(model, ids))
    assert model.training and all(weight.grad is None for weight in model.parameters())


def test_rows_without_a_target_are_refused():
    with pytest.raises(EtymonError, match="inputs and a target"):
        gradient_by_distance(network("rnn"), np.zeros((2, 1), np.int64))


def test_what_is_no_token_is_refused():
    for ids in (np.array([[0, 11, 1]]), np.array([[0, -1, 1]]), np.array([[0.5, 1.0, 2.0]])):
        with pytest.raises(EtymonError):
            gradient_by_distance(network("rnn"), ids)
