"""Attention: the plain path and the fused path are one function, and nothing unseen leaks through."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_batches import same

from etymon.errors import EtymonError
from etymon.models.attention import attention, visible_pairs
from etymon.tokens import Mask

MASKS = st.builds(Mask, causal=st.booleans(), window=st.none() | st.integers(1, 6), within_documents=st.booleans())


def random_qkv(queries: int, keys: int, seed: int = 0) -> list[torch.Tensor]:
    torch.manual_seed(seed)
    return [torch.randn(2, 3, length, 8) for length in (queries, keys, keys)]


def sees(mask: Mask, query: int, key: int, documents: torch.Tensor) -> bool:
    """The rule in words: not to the right if causal, not further than the window, not into another document."""
    if mask.causal and key > query:
        return False
    if mask.window is not None and abs(query - key) >= mask.window:
        return False
    return not (mask.within_documents and documents[query] != documents[key])


@settings(deadline=None, max_examples=60)
@given(mask=MASKS, length=st.integers(1, 9), seed=st.integers(0, 1000))
def test_fused_and_explicit_attention_are_equal_under_every_mask(mask: Mask, length: int, seed: int) -> None:
    q, k, v = random_qkv(length, length, seed)
    documents = torch.randint(0, 3, (2, length)).sort(-1).values
    fused = attention(q, k, v, mask=mask, documents=documents)
    explicit = attention(q, k, v, mask=mask, documents=documents, tap=same)
    torch.testing.assert_close(fused, explicit, atol=1e-5, rtol=0)


@settings(deadline=None, max_examples=60)
@given(mask=MASKS, length=st.integers(1, 9), seed=st.integers(0, 1000))
def test_a_mask_lets_through_exactly_what_its_words_say(mask: Mask, length: int, seed: int) -> None:
    documents = torch.randint(0, 3, (2, length), generator=torch.Generator().manual_seed(seed)).sort(-1).values
    visible = visible_pairs(mask, length, length, documents, torch.device("cpu"))
    for row in range(2):
        expected = [[sees(mask, i, j, documents[row]) for j in range(length)] for i in range(length)]
        got = torch.ones(2, 1, length, length, dtype=torch.bool) if visible is None else visible
        assert got.expand(2, 1, length, length)[row, 0].tolist() == expected


@pytest.mark.parametrize("tap", [None, same])
def test_queries_behind_a_cache_see_all_of_the_past_and_no_future(tap: object) -> None:
    q, k, v = random_qkv(6, 6)
    whole = attention(q, k, v, mask=Mask())
    for cut in range(1, 6):
        behind = attention(q[:, :, cut:], k, v, mask=Mask(), tap=tap)  # type: ignore[arg-type]
        torch.testing.assert_close(behind, whole[:, :, cut:], atol=1e-6, rtol=0)


@pytest.mark.parametrize("tap", [None, same])
@pytest.mark.parametrize("mask", [Mask(), Mask(window=3)])
def test_no_gradient_reaches_what_may_not_be_seen(tap: object, mask: Mask) -> None:
    q, k, v = (x.requires_grad_() for x in random_qkv(7, 7))
    for query in range(7):
        out = attention(q, k, v, mask=mask, tap=tap)[:, :, query].sum()  # type: ignore[arg-type]
        for gradient in torch.autograd.grad(out, (k, v)):
            hidden = [key for key in range(7) if not sees(mask, query, key, torch.zeros(7))]
            assert gradient[:, :, hidden].abs().sum() == 0.0


def test_the_pattern_is_the_softmax_of_the_scaled_scores_and_can_be_replaced() -> None:
    q, k, v = random_qkv(5, 5)
    heard: dict[str, torch.Tensor] = {}

    def listen(site: str, value: torch.Tensor) -> torch.Tensor:
        heard[site] = value
        return torch.eye(5).expand_as(value) if site == "pattern" else value

    z = attention(q, k, v, mask=Mask(causal=False), tap=listen)
    torch.testing.assert_close(heard["scores"], q @ k.mT / math.sqrt(8))
    torch.testing.assert_close(heard["pattern"], heard["scores"].softmax(-1))
    torch.testing.assert_close(z, v)


def test_attention_within_documents_wants_to_know_the_documents() -> None:
    q, k, v = random_qkv(3, 3)
    with pytest.raises(EtymonError, match="which document"):
        attention(q, k, v, mask=replace(Mask(), within_documents=True))
