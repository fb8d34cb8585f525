"""Published sizes: our counts are those of the papers, or the difference is said; and they are the tensors' own."""

from __future__ import annotations

import pytest
import torch

from etymon.models import families, family

SIZES = [(name, size) for name in families() for size in family(name).published]
CLOSE = 0.02
"""Papers round: "6.7B" stands for anything from 6.65 to 6.75."""


@pytest.mark.parametrize(("name", "size"), SIZES)
def test_a_published_size_has_the_papers_number_of_parameters(name: str, size: str) -> None:
    kind = family(name)
    published = kind.published[size]
    assert kind.build is not None
    with torch.device("meta"):
        network = kind.build(published.settings, published.vocabulary)
    tensors = sum(parameter.numel() for parameter in network.parameters())
    assert tensors == network.counts(1).parameters
    off = abs(tensors / published.parameters - 1)
    assert off < CLOSE or published.difference, f"{tensors:,} are not the {published.parameters:,.0f} of the paper"
    assert off < 0.08
    assert published.source


def test_the_largest_models_of_each_generation_are_there() -> None:
    for name, size in (("gpt1", "gpt1"), ("gpt", "gpt2-xl"), ("gpt3", "gpt3-175b"), ("palm", "palm-540b")):
        assert size in family(name).published
