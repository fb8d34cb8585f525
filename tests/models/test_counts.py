"""Counts are exact: parameters equal the tensors, and FLOPs equal what torch counts on the meta device."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_batches import DECODERS, NETWORKS, SHAPES, same
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from etymon.models import Family, family
from etymon.models.counts import WIDTHS, nearest
from etymon.tokens import Batch


def shape_of(kind: Family, width: int, layers: int, tied: bool) -> object:
    if kind.name in DECODERS:
        shape: dict[str, int | bool] = SHAPES[kind.name] | {"context": 64, "heads": 2}
        if kind.name == "llama":
            shape["tied"] = tied
        return kind.settings(width=width, layers=layers, **shape)
    return kind.settings(width=width, layers=layers, tied=tied)


def counted(kind: Family, shape: object, vocabulary: int, rows: int, length: int) -> tuple[int, int]:
    """FLOPs forward, and forward and backward, of one batch on the meta device."""
    assert kind.build is not None
    with torch.device("meta"):
        network = kind.build(shape, vocabulary)
        ids = torch.zeros(rows, length, dtype=torch.int64)
        batch = Batch(ids=ids, targets=ids, weights=ids)
    tap = None if kind.name in DECODERS else same  # fused recurrent kernels are not counted: step by step
    with FlopCounterMode(display=False) as flops, sdpa_kernel(SDPBackend.MATH):
        logits = network.head(network(batch, tap=tap)[0])
        forward = flops.get_total_flops()
        logits.sum().backward()
    return forward, flops.get_total_flops()


@settings(deadline=None, max_examples=16)
@given(
    name=st.sampled_from(NETWORKS),
    width=st.sampled_from([16, 48, 64]),
    layers=st.integers(1, 3),
    tied=st.booleans(),
    vocabulary=st.integers(5, 99),
    rows=st.integers(1, 3),
    length=st.integers(1, 9),
)
def test_counts_are_exact(
    name: str, width: int, layers: int, tied: bool, vocabulary: int, rows: int, length: int
) -> None:
    kind = family(name)
    shape = shape_of(kind, width, layers, tied)
    counts = kind.counts(shape, vocabulary, length)
    forward, both = counted(kind, shape, vocabulary, rows, length)
    tokens = rows * length
    assert counts.forward_flops_per_token * tokens == pytest.approx(forward, rel=1e-12)
    assert counts.training_flops_per_token * tokens == pytest.approx(both, rel=1e-12)
    assert round(counts.training_flops_per_token * tokens) == both
    assert counts.length == length


@settings(deadline=None, max_examples=16)
@given(
    name=st.sampled_from(NETWORKS),
    width=st.sampled_from([16, 48]),
    layers=st.integers(1, 3),
    tied=st.booleans(),
    vocabulary=st.integers(5, 99),
)
def test_parameters_are_the_tensors_each_counted_once(
    name: str, width: int, layers: int, tied: bool, vocabulary: int
) -> None:
    kind = family(name)
    assert kind.build is not None
    shape = shape_of(kind, width, layers, tied)
    network = kind.build(shape, vocabulary)
    counts = network.counts(8)
    assert counts == kind.counts(shape, vocabulary, 8)
    assert counts.parameters == sum(parameter.numel() for parameter in network.parameters())
    looked_up = [module for module in network.modules() if isinstance(module, torch.nn.Embedding)]
    assert counts.embedding_parameters == sum(module.weight.numel() for module in looked_up)


def test_the_nearest_is_nearest_in_ratio() -> None:
    assert nearest(1000, [100, 900, 1200], lambda size: size) == 900
    assert nearest(1000, [10, 100_000], lambda size: size) == 10
    assert min(WIDTHS) == 64 and all(width % 64 == 0 for width in WIDTHS)
