"""Positions: the published formulas, and what they are for: products that depend on distance alone."""

from __future__ import annotations

import math

import pytest
import reference
import torch
from hypothesis import given
from hypothesis import strategies as st

from etymon.models.positions import RelativeBias, alibi, rotated, sinusoids


def test_sinusoids_are_the_published_formula() -> None:
    table = sinusoids(torch.arange(7), 6)
    for position in range(7):
        for i in range(3):
            angle = position / 10_000 ** (2 * i / 6)
            assert table[position, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert table[position, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)


@given(shift=st.integers(0, 50), interleaved=st.booleans(), seed=st.integers(0, 99))
def test_products_of_turned_vectors_depend_on_their_distance_alone(shift: int, interleaved: bool, seed: int) -> None:
    torch.manual_seed(seed)
    q, k = torch.randn(2, 1, 1, 9, 8, dtype=torch.float64)
    one, other = (
        rotated(q, torch.arange(9) + add, interleaved=interleaved)
        @ rotated(k, torch.arange(9) + add, interleaved=interleaved).mT
        for add in (0, shift)
    )
    torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)  # the angles are worked in fp32
    torch.testing.assert_close(rotated(q, torch.arange(9), interleaved=interleaved).norm(dim=-1), q.norm(dim=-1))


def test_the_two_ways_to_pair_are_the_same_in_another_order() -> None:
    x = torch.randn(2, 3, 5, 8)
    order = torch.tensor([0, 2, 4, 6, 1, 3, 5, 7])
    halves = rotated(x[..., order], torch.arange(5))
    torch.testing.assert_close(halves, rotated(x, torch.arange(5), interleaved=True)[..., order])


def test_rows_may_have_positions_of_their_own() -> None:
    x = torch.randn(2, 3, 4, 8)
    places = torch.tensor([[0, 1, 2, 3], [5, 6, 7, 8]])
    torch.testing.assert_close(rotated(x, places)[1:], rotated(x[1:], places[1]))


@pytest.mark.parametrize(
    ("heads", "slopes"), [(8, [2.0**-i for i in range(1, 9)]), (4, [2.0 ** (-2 * i) for i in (1, 2, 3, 4)])]
)
def test_alibi_has_the_published_slopes(heads: int, slopes: list[float]) -> None:
    bias = alibi(heads, 5, 5, torch.device("cpu"))
    assert (-bias[:, 4, 3]).tolist() == pytest.approx(slopes)
    torch.testing.assert_close(bias[:, 4, 0], 4 * bias[:, 4, 3])
    assert alibi(heads, 2, 5, torch.device("cpu")).tolist() == bias[:, 3:].tolist()


@pytest.mark.ci
@pytest.mark.parametrize("heads", [3, 6, 12])
def test_alibi_for_other_numbers_of_heads_is_that_of_bloom(heads: int) -> None:
    bloom = reference.transformers("models.bloom.modeling_bloom")
    theirs = bloom.build_alibi_tensor(torch.ones(1, 5), heads, torch.float32)  # [H, 1, S], distances from the first
    ours = alibi(heads, 5, 5, torch.device("cpu"))
    torch.testing.assert_close(ours[:, 4, 0], -theirs[:, 0, 4], atol=1e-6, rtol=1e-5)


@pytest.mark.ci
@pytest.mark.parametrize("causal", [True, False])
def test_buckets_of_distances_are_those_of_t5(causal: bool) -> None:
    t5 = reference.transformers("models.t5.modeling_t5")
    bias = RelativeBias(2, buckets=32, far=128, causal=causal)
    bias.weight.data = torch.arange(64.0).view(32, 2)
    relative = torch.arange(300)[None] - torch.arange(300)[:, None]
    buckets = t5.T5Attention._relative_position_bucket(
        relative, bidirectional=not causal, num_buckets=32, max_distance=128
    )
    torch.testing.assert_close(bias(300, 300), bias.weight[buckets].permute(2, 0, 1))
