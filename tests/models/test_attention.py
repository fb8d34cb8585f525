"""Attention: the plain path and the fused path are one function, and nothing unseen leaks through."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_batches import random_batch, same

from etymon.errors import EtymonError
from etymon.models import attention as attention_room
from etymon.models.attention import attention, visible_pairs
from etymon.tokens import Batch, Mask

LOOSE = st.builds(
    Mask,
    causal=st.booleans(),
    window=st.none() | st.integers(1, 6),
    block=st.none() | st.integers(1, 5),
    prefix=st.booleans(),
    permuted=st.booleans(),
    within_documents=st.booleans(),
)
STRIDED = st.builds(Mask, window=st.integers(1, 3), stride=st.integers(1, 4), within_documents=st.booleans())
MASKS = LOOSE | STRIDED


def facts(length: int, seed: int) -> Batch:
    """A batch of two rows with documents, prefixes and an order of reading."""
    batch = random_batch(2, length, 9, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    return replace(
        batch,
        documents=torch.randint(0, 3, (2, length), generator=generator).sort(-1).values,
        prefixes=torch.randint(0, length + 1, (2,), generator=generator),
        ranks=torch.rand(2, length, generator=generator).argsort(-1) // 2,  # in pairs that see each other
    )


def random_qkv(queries: int, keys: int, seed: int = 0) -> list[torch.Tensor]:
    torch.manual_seed(seed)
    return [torch.randn(2, 3, length, 8) for length in (queries, keys, keys)]


def sees(mask: Mask, query: int, key: int, batch: Batch, row: int) -> bool:
    """The rule in words; see `Mask`."""
    assert batch.documents is not None and batch.prefixes is not None and batch.ranks is not None
    if mask.within_documents and batch.documents[row, query] != batch.documents[row, key]:
        return False
    if mask.prefix and key < batch.prefixes[row]:
        return True
    if mask.permuted:
        if batch.ranks[row, key] > batch.ranks[row, query]:
            return False
    elif mask.causal and key > query:
        return False
    if mask.block is not None and query // mask.block != key // mask.block:
        return False
    apart = abs(query - key)
    strided = mask.stride is not None and apart % mask.stride == 0
    return mask.window is None or apart < mask.window or strided


@settings(deadline=None, max_examples=150)
@given(mask=MASKS, length=st.integers(1, 24), seed=st.integers(0, 1000))
def test_every_way_to_attend_is_the_plain_equation(mask: Mask, length: int, seed: int) -> None:
    q, k, v = (x.requires_grad_() for x in random_qkv(length, length, seed))
    batch = facts(length, seed)
    fused = attention(q, k, v, mask=mask, batch=batch)
    explicit = attention(q, k, v, mask=mask, batch=batch, tap=same)
    torch.testing.assert_close(fused, explicit, atol=1e-6, rtol=1e-5)
    upstream = torch.randn_like(fused)
    for one, other in zip(*(torch.autograd.grad(z, (q, k, v), upstream) for z in (fused, explicit)), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


@settings(deadline=None, max_examples=100)
@given(mask=MASKS, length=st.integers(1, 9), seed=st.integers(0, 1000))
def test_a_mask_lets_through_exactly_what_its_words_say(mask: Mask, length: int, seed: int) -> None:
    batch = facts(length, seed)
    visible = visible_pairs(mask, length, length, batch, torch.device("cpu"))
    for row in range(2):
        expected = [[sees(mask, i, j, batch, row) for j in range(length)] for i in range(length)]
        got = torch.ones(2, 1, length, length, dtype=torch.bool) if visible is None else visible
        assert got.expand(2, 1, length, length)[row, 0].tolist() == expected


@settings(deadline=None, max_examples=50)
@given(queries=st.integers(1, 9), keys=st.integers(1, 9), seed=st.integers(0, 1000))
def test_queries_of_another_text_see_a_source_of_any_length_whole_and_no_padding(
    queries: int, keys: int, seed: int
) -> None:
    q, k, v = random_qkv(queries, keys, seed)
    prefixes = torch.randint(1, keys + 1, (2,), generator=torch.Generator().manual_seed(seed))
    batch, mask = replace(facts(queries, seed), prefixes=prefixes), Mask(causal=False, within_prefix=True)
    fused, explicit = (attention(q, k, v, mask=mask, batch=batch, tap=tap) for tap in (None, same))
    torch.testing.assert_close(fused, explicit, atol=1e-6, rtol=1e-5)
    for row, length in enumerate(prefixes.tolist()):
        alone = attention(q[[row]], k[[row], :, :length], v[[row], :, :length], mask=Mask(causal=False))
        torch.testing.assert_close(fused[[row]], alone, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("mask", [Mask(window=4), Mask(block=5), Mask(window=3, within_documents=True)])
@pytest.mark.parametrize("length", [16, 20, 37])
def test_narrow_windows_are_worked_in_blocks_and_give_the_same(
    mask: Mask, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    q, k, v = random_qkv(length, length)
    batch = facts(length, 3)
    called: list[int] = []
    blocks = attention_room._local
    monkeypatch.setattr(attention_room, "_local", lambda *args: called.append(1) or blocks(*args))
    monkeypatch.setattr(attention_room, "NARROW", 4)
    local = attention(q, k, v, mask=mask, batch=batch)
    monkeypatch.setattr(attention_room, "NARROW", 10**9)
    dense = attention(q, k, v, mask=mask, batch=batch)
    assert called == ([1] if length >= 4 * (mask.block or mask.window or 0) else [])
    torch.testing.assert_close(local, dense, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    "mask", [Mask(window=4), Mask(window=2, stride=3), Mask(block=5), Mask(prefix=True), Mask(permuted=True)]
)
def test_the_block_sparse_kernel_of_accelerators_gives_the_same(mask: Mask) -> None:
    """Its compiled form needs a GPU; uncompiled, it is the same equation from the same description of the mask."""
    q, k, v = random_qkv(16, 16)
    batch = facts(16, 3)
    with torch.no_grad():
        flex = attention_room._flex(q, k, v, mask, batch)
    torch.testing.assert_close(flex, attention(q, k, v, mask=mask, batch=batch, tap=same), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("mask", [Mask(), Mask(window=2), Mask(causal=False)])
def test_shared_keys_and_values_are_those_of_repeated_heads(groups: int, mask: Mask) -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(2, 4, 9, 8), torch.randn(2, groups, 9, 8), torch.randn(2, groups, 9, 8)
    many = [x.repeat_interleave(4 // groups, 1) for x in (k, v)]
    for tap in (None, same):
        shared = attention(q, k, v, mask=mask, tap=tap)
        torch.testing.assert_close(shared, attention(q, *many, mask=mask), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("tap", [None, same])
@pytest.mark.parametrize("mask", [Mask(), Mask(window=3), Mask(causal=False)])
def test_a_bias_is_added_to_the_scores(tap: object, mask: Mask) -> None:
    q, k, v = random_qkv(6, 6)
    bias = torch.randn(3, 6, 6)
    seen = visible_pairs(mask, 6, 6, None, q.device)
    scores = q @ k.mT / math.sqrt(8) + bias
    expected = (scores if seen is None else scores.masked_fill(~seen, -math.inf)).softmax(-1) @ v
    torch.testing.assert_close(attention(q, k, v, mask=mask, bias=bias, tap=tap), expected, atol=1e-6, rtol=1e-5)  # type: ignore[arg-type]


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
            hidden = [key for key in range(7) if not sees(mask, query, key, facts(7, 0), 0)]
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
        attention(q, k, v, mask=Mask(within_documents=True))


@pytest.mark.parametrize("size", [{"window": 0}, {"block": 0}, {"window": 2, "stride": 0}])
def test_a_mask_of_no_size_is_refused(size: dict[str, int]) -> None:
    with pytest.raises(EtymonError, match="even itself"):
        Mask(**size)
