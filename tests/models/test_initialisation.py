"""First weights: each scheme is what its paper says, and those of earlier versions stay what they were."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from random_batches import SHAPES
from torch import Tensor

from etymon.errors import EtymonError
from etymon.models import Network, family
from etymon.models.initialisation import SCHEMES
from etymon.recipe import from_json, identity

SHAPE: dict[str, dict[str, Any]] = {
    **{name: dict(shape) for name, shape in SHAPES.items()},
    "llama": {"heads": 4, "groups": 2, "hidden": 48, "tied": False},
    "bert": {"heads": 4},
    "xlnet": {"heads": 4},
    "transformer": {"heads": 4, "hidden": 48},
}
EARLIER = {
    "gpt1": (-2.57501, 665.5741),
    "gpt": (-2.5619, 615.0654),
    "gpt3": (-2.5619, 615.0654),
    "palm": (-6.62315, 4640.0387),
    "llama": (-1.10841, 436.7167),
    "bert": (1.10118, 712.9465),
    "xlnet": (-2.05143, 573.6997),
    "rnn": (5.48681, 477.0011),
    "lstm": (10.18201, 1602.4604),
    "gru": (-0.00096, 1175.5514),
    "transformer": (0.28459, 5901.5238),
}
"""Sums over all weights of seed 7, by sines of their places and by size, from before the schemes had names."""


def fresh(name: str, *, width: int = 32, seed: int = 7, **settings: Any) -> Network:
    kind = family(name)
    assert kind.build is not None
    shape = {"tied": False} if name == "rnn" else SHAPE.get(name, {})
    torch.manual_seed(seed)
    return kind.build(kind.settings(width=width, layers=2, **(shape | settings)), 31)


def flat(network: Network) -> Tensor:
    return torch.cat([parameter.detach().double().flatten() for parameter in network.parameters()])


@pytest.mark.parametrize("name", EARLIER)
def test_first_weights_are_those_of_earlier_versions(name: str) -> None:
    weights = flat(fresh(name))
    sines = torch.arange(1, len(weights) + 1).double().sin()
    found = float((weights * sines).sum()), float(weights.abs().sum())
    assert found == pytest.approx(EARLIER[name], rel=1e-5, abs=2e-4)


@pytest.mark.parametrize(
    ("name", "own"),
    [("gpt1", "normal"), ("gpt", "scaled"), ("gpt3", "scaled"), ("palm", "fan-in"), ("llama", "normal"),
     ("bert", "truncated"), ("xlnet", "normal"), ("transformer", "xavier")],
)  # fmt: skip
def test_a_scheme_that_is_named_is_used_and_a_familys_own_is_its_papers(name: str, own: str) -> None:
    for scheme in SCHEMES:
        assert torch.equal(flat(fresh(name, init=scheme)), flat(fresh(name))) == (scheme == own)


def spread(scheme: str, part: str) -> float:
    """Standard deviation of a matrix of a decoder 256 wide with an MLP of 1,024 and two blocks."""
    network: Any = fresh("gpt", width=256, init=scheme)
    block = network.blocks[1]
    parts = {"qkv": block.attention.qkv, "out": block.attention.out, "up": block.mlp.up, "down": block.mlp.down,
             "embed": network.embed}  # fmt: skip
    assert not block.mlp.up.bias.any() and not block.attention.qkv.bias.any()
    return float(parts[part].weight.detach().std())


@pytest.mark.parametrize(
    ("scheme", "part", "expected"),
    [
        ("normal", "down", 0.02),
        ("scaled", "up", 0.02),
        ("scaled", "down", 0.02 / 4**0.5),
        ("scaled", "out", 0.02 / 4**0.5),
        ("truncated", "qkv", 0.02 * 0.8796),  # what the tails take
        ("fan-in", "up", 256**-0.5),
        ("fan-in", "down", 1024**-0.5),
        ("fan-in", "embed", 1.0),
        ("xavier", "up", (2 / (256 + 1024)) ** 0.5),
        ("xavier", "qkv", (2 / (256 + 256)) ** 0.5),
        ("xavier", "embed", 256**-0.5),
    ],
)
def test_spreads_are_those_of_the_papers(scheme: str, part: str, expected: float) -> None:
    assert spread(scheme, part) == pytest.approx(expected, rel=0.03)


def test_no_weight_of_the_truncated_scheme_lies_beyond_two_deviations() -> None:
    network: Any = fresh("bert", width=256)
    assert float(network.embed.weight.detach().abs().max()) <= 0.04


def test_settings_without_a_scheme_are_those_of_earlier_versions() -> None:
    kind = family("gpt").settings
    assert "init" not in identity(kind(width=64)) and identity(kind(width=64, init="xavier"))["init"] == "xavier"


def test_a_scheme_that_nobody_knows_is_refused() -> None:
    with pytest.raises(EtymonError, match="init"):
        from_json(family("gpt").settings, {"init": "kaiming"})
