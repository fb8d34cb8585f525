"""Attention, once for every Transformer: softmax(Q K^T / sqrt(d)) V over the positions that may be seen.

A `Mask` says in plain data who may look at whom; `sees` is what it means. The same meaning is rendered four ways: the
fused kernel's own causal flag, blocks along the diagonal for narrow windows, FlexAttention's block-sparse kernel on a
GPU, or a dense table of pairs for everything else.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from etymon.errors import EtymonError
from etymon.models.network import Tap, hears, visit
from etymon.tokens import Batch, Mask

NARROW = 16
"""A window is narrow, and worked in blocks, where the row is at least so many windows long. On a CPU that is 1.6 times
as fast as the fused causal kernel, which looks at everything; at 8 windows it is slower (benchmarks/attention.py)."""


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    mask: Mask,
    batch: Batch[Tensor] | None = None,
    bias: Tensor | None = None,
    dropout: float = 0.0,
    tap: Tap | None = None,
) -> Tensor:
    """Values [B, H, T, d] gathered by queries q [B, H, T, d] from keys k and values v [B, G, S, d].

    G divides H: each head of keys and values serves H / G heads of queries in a row (1: multi-query, Shazeer 2019;
    Ainslie et al. 2023). The queries are the last T of the S positions (S > T behind a cache), or of another text
    where the mask asks for no distance. `batch` has the documents, prefixes or ranks of which the mask speaks; `bias`
    [H or 1, T, S] is added to the scores.

    Sites: `scores` [B, H, T, S] before bias and mask, `pattern` [B, H, T, S] whose rows sum to 1. The pattern is only
    computed as such if the tap listens there; else the fused kernel never holds it. Vaswani et al. 2017 (arXiv
    1706.03762), equation 1.
    """
    if hears(tap, "scores", "pattern"):
        return _explicit(q, k, v, mask, batch, bias, dropout, tap)
    rows, columns = q.shape[-2], k.shape[-2]
    grouped = k.shape[1] != q.shape[1]
    if bias is None and mask == Mask() and rows == columns:  # the kernel's own causal flag skips the upper half
        return F.scaled_dot_product_attention(q, k, v, None, dropout, is_causal=rows > 1, enable_gqa=grouped)
    if bias is None and rows == columns and _is_local(mask, rows):
        return _local(q, *_for_every_head(q, k, v), mask, batch, dropout)
    if bias is None and dropout == 0 and q.is_cuda and _is_sparse(mask):
        return _flex(q, k, v, mask, batch)
    visible = visible_pairs(mask, rows, columns, batch, q.device)
    if bias is not None:
        bias = bias[None] if visible is None else bias.masked_fill(~visible, -math.inf)  # [B or 1, H or 1, T, S]
    seen = visible if bias is None else bias.to(q.dtype)
    return F.scaled_dot_product_attention(q, k, v, seen, dropout, enable_gqa=grouped)


def _explicit(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Mask,
    batch: Batch[Tensor] | None,
    bias: Tensor | None,
    dropout: float,
    tap: Tap | None,
) -> Tensor:
    """The equation as it is written, for a tap that wants to see its parts."""
    k, v = _for_every_head(q, k, v)
    scores = visit(tap, "scores", q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]))
    visible = visible_pairs(mask, q.shape[-2], k.shape[-2], batch, q.device)
    if bias is not None:
        scores = scores + bias
    pattern = (scores if visible is None else scores.masked_fill(~visible, -math.inf)).softmax(-1)
    return F.dropout(visit(tap, "pattern", pattern), dropout) @ v


def _for_every_head(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Keys and values once for each head of queries."""
    times = q.shape[1] // k.shape[1]
    return (k, v) if times == 1 else (k.repeat_interleave(times, 1), v.repeat_interleave(times, 1))


def sees(mask: Mask, query: Tensor, key: Tensor, of: Callable[[str, Tensor], Tensor]) -> Tensor:
    """Whether the position `query` may see the position `key`, by broadcasting; what the words of `Mask` mean.

    `of(name, positions)` looks up what the batch has under a name, "documents" or "ranks", at these positions, or the
    length of the row's prefix ("prefixes", whatever the positions)."""
    distance = query - key  # how far to the left the key lies
    allowed = distance == distance
    if mask.permuted:
        allowed = of("ranks", key) <= of("ranks", query)
    elif mask.causal:
        allowed = distance >= 0
    if mask.window is not None:
        near = distance.abs() < mask.window
        allowed = allowed & (near if mask.stride is None else near | (distance % mask.stride == 0))
    if mask.block is not None:
        allowed = allowed & (query // mask.block == key // mask.block)
    if mask.prefix:
        allowed = allowed | (key < of("prefixes", key))
    if mask.within_prefix:
        allowed = allowed & (key < of("prefixes", key))
    if mask.within_documents:
        allowed = allowed & (of("documents", query) == of("documents", key))
    return allowed


def visible_pairs(
    mask: Mask, rows: int, columns: int, batch: Batch[Tensor] | None, device: torch.device
) -> Tensor | None:
    """True where a query may see a key: [1, 1, T, S], or [B, 1, T, S]; None where everything is seen."""
    if mask == Mask(causal=False) or (rows == 1 and mask == Mask()):
        return None
    fields = _fields(mask, batch, columns)
    moving = fields.keys() - {"prefixes"}  # a prefix keeps its length however far the row goes on
    if moving and rows != columns:
        raise EtymonError(
            f"A mask by {' and '.join(sorted(moving))} cannot go on behind a state",
            why="what the earlier positions were is not kept",
            help="give the whole rows, and no state from an earlier call",
        )
    queries, keys = torch.arange(columns - rows, columns, device=device), torch.arange(columns, device=device)
    allowed = sees(mask, queries[:, None], keys[None], _by_rows(fields))
    return allowed[:, None] if allowed.ndim == 3 else allowed[None, None]


def _fields(mask: Mask, batch: Batch[Tensor] | None, columns: int) -> dict[str, Tensor]:
    """What of the batch the mask asks for, checked to be there."""
    wanted = {"documents": mask.within_documents, "ranks": mask.permuted, "prefixes": mask.prefix or mask.within_prefix}
    words = {
        "documents": "A batch that keeps attention within documents must say which document each of its tokens is of",
        "ranks": "A batch whose tokens are read in another order must say which place in it each of them has",
        "prefixes": "A batch with a prefix that all may see must say how long it is in each row",
    }
    fields: dict[str, Tensor] = {}
    for name in (name for name, asked in wanted.items() if asked):
        value = getattr(batch, name, None)
        if value is None or (name != "prefixes" and value.shape[-1] != columns):
            raise EtymonError(words[name], help=f"give Batch.{name}, and no state from an earlier call")
        fields[name] = value
    return fields


def _by_rows(fields: dict[str, Tensor]) -> Callable[[str, Tensor], Tensor]:
    """Look-up for all rows at once: positions [...] to values [B, ...]."""

    def of(name: str, positions: Tensor) -> Tensor:
        if name == "prefixes":
            return fields[name].view(-1, *(1 for _ in positions.shape))
        return fields[name][:, positions]

    return of


def _is_local(mask: Mask, length: int) -> bool:
    """Whether all that is seen lies in the own block of positions or the one before it, and that is little."""
    size = mask.block or mask.window
    plain = mask.causal and mask.stride is None and not (mask.prefix or mask.within_prefix or mask.permuted)
    return plain and size is not None and length >= NARROW * size


def _local(q: Tensor, k: Tensor, v: Tensor, mask: Mask, batch: Batch[Tensor] | None, dropout: float) -> Tensor:
    """Causal attention in blocks of W positions, each of which sees itself and the block before it at most.

    So 2 W keys are looked at instead of T (Beltagy et al. 2020, section 3.1, in two chunks). All [B, H, T, d]."""
    rows, heads, length, _ = q.shape
    size = mask.block or mask.window or length
    blocks = -(-length // size)
    q, k, v = (F.pad(x, (0, 0, 0, blocks * size - length)).reshape(rows * heads, blocks, size, -1) for x in (q, k, v))
    begins = torch.arange(blocks, device=q.device)[:, None, None] * size  # [n, 1, 1]
    query, key = begins + torch.arange(size, device=q.device)[:, None], begins + torch.arange(size, device=q.device)
    if not mask.block:
        k, v = (torch.cat([F.pad(x[:, :-1], (0, 0, 0, 0, 1, 0)), x], 2) for x in (k, v))  # [B H, n, 2 W, d]
        key = torch.cat([key - size, key], -1)  # [n, 1, 2 W]
    fields = {name: F.pad(value, (0, blocks * size - length)) for name, value in _fields(mask, batch, length).items()}
    visible = sees(mask, query, key.clamp(min=0), _by_rows(fields)) & (key >= 0)  # [n, W, 2 W] or [B, n, W, 2 W]
    if visible.ndim == 4:
        visible = visible.repeat_interleave(heads, 0)
    z = F.scaled_dot_product_attention(q, k, v, visible, dropout)
    return z.reshape(rows, heads, blocks * size, -1)[:, :, :length]


def _is_sparse(mask: Mask) -> bool:
    return mask.window is not None or mask.block is not None or mask.within_documents


def _flex(q: Tensor, k: Tensor, v: Tensor, mask: Mask, batch: Batch[Tensor] | None) -> Tensor:
    """The same in torch's block-sparse kernel, which is written for this mask when it is first met."""
    from torch.nn.attention.flex_attention import create_block_mask

    rows, columns = q.shape[-2], k.shape[-2]
    fields = _fields(mask, batch, columns)

    def pairs(b: Tensor, _: Tensor, i: Tensor, j: Tensor) -> Tensor:
        def of(name: str, positions: Tensor) -> Tensor:
            return fields[name][b] if name == "prefixes" else fields[name][b, positions]

        return sees(mask, i + (columns - rows), j, of)

    table = create_block_mask(pairs, q.shape[0] if fields else None, None, rows, columns, device=q.device.type)
    return _flex_kernel(q.is_cuda)(q, k, v, block_mask=table, enable_gqa=k.shape[1] != q.shape[1])


@cache
def _flex_kernel(compiled: bool) -> Callable[..., Tensor]:
    from torch.nn.attention.flex_attention import flex_attention

    kernel = cast("Callable[..., Any]", flex_attention)
    return cast("Callable[..., Tensor]", torch.compile(kernel, dynamic=False) if compiled else kernel)
