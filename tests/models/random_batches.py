"""Random batches and networks for the tests of this room."""

from __future__ import annotations

import torch
from torch import Tensor

from etymon.models import Network, family
from etymon.tokens import Batch, Mask

SHAPES: dict[str, dict[str, int]] = {
    "gpt1": {"heads": 4},
    "gpt": {"heads": 4},
    "gpt3": {"heads": 4, "band": 3},
    "palm": {"heads": 4, "head_size": 8, "groups": 2},
    "llama": {"heads": 4, "groups": 2, "hidden": 48},
}
"""What a small network of a family needs besides layers and width."""
DECODERS = tuple(SHAPES)
NETWORKS = ("rnn", "lstm", "gru", *DECODERS)


def random_batch(rows: int, length: int, vocabulary: int, *, seed: int = 0, visibility: Mask | None = None) -> Batch:
    """A batch of tensors of random tokens."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, vocabulary, (2, rows, length), generator=generator)
    return Batch(ids=ids[0], targets=ids[1], weights=torch.ones(rows, length), visibility=visibility or Mask())


def small(name: str, *, vocabulary: int = 31, seed: int = 0, **settings: int | float | bool) -> Network:
    """A small network of a family, in evaluation mode."""
    shape = {"width": 32, "layers": 2} | ({"context": 16} | SHAPES[name] if name in DECODERS else {}) | settings
    kind = family(name)
    assert kind.build is not None
    torch.manual_seed(seed)
    network = kind.build(kind.settings(**shape), vocabulary)
    for parameter in network.parameters():  # fresh weights are so small that mistakes would hide among the zeros
        parameter.data.add_(torch.randn_like(parameter), alpha=0.1)
    return network.eval()


def same(site: str, value: Tensor) -> Tensor:
    """A tap that hears every site and changes nothing."""
    return value
