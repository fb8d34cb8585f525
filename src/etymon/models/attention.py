"""Attention, once for every Transformer: softmax(Q K^T / sqrt(d)) V over the positions that may be seen."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from etymon.errors import EtymonError
from etymon.models.network import Tap, hears, visit
from etymon.tokens import Mask


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    mask: Mask,
    documents: Tensor | None = None,
    dropout: float = 0.0,
    tap: Tap | None = None,
) -> Tensor:
    """Values [B, H, T, d] gathered by queries q [B, H, T, d] from keys k and values v [B, H, S, d].

    The queries are the last T of the S positions (S > T behind a cache). Sites: `scores` [B, H, T, S] before the mask,
    `pattern` [B, H, T, S] whose rows sum to 1. The pattern is only computed as such if the tap listens there; else the
    fused kernel never holds it. Vaswani et al. 2017 (arXiv 1706.03762), equation 1.
    """
    rows, columns = q.shape[-2], k.shape[-2]
    if not hears(tap, "scores", "pattern"):
        square = mask == Mask() and rows == columns  # the kernel's own causal flag skips the upper half
        visible = None if square else visible_pairs(mask, rows, columns, documents, q.device)
        return F.scaled_dot_product_attention(q, k, v, visible, dropout, is_causal=square and rows > 1)
    scores = visit(tap, "scores", q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]))
    visible = visible_pairs(mask, rows, columns, documents, q.device)
    if visible is not None:
        scores = scores.masked_fill(~visible, -math.inf)
    pattern = visit(tap, "pattern", scores.softmax(-1))
    return F.dropout(pattern, dropout) @ v


def visible_pairs(mask: Mask, rows: int, columns: int, documents: Tensor | None, device: torch.device) -> Tensor | None:
    """True where a query may see a key: [T, S], or [B, 1, T, S] within documents; None where everything is seen."""
    seen = None
    if mask.causal or mask.window is not None:
        query = torch.arange(columns - rows, columns, device=device)[:, None]
        distance = query - torch.arange(columns, device=device)  # [T, S]: how far to the left the key lies
        window = columns if mask.window is None else mask.window
        seen = distance < window
        seen = seen & (distance >= 0) if mask.causal else seen & (distance > -window)
        if rows == 1 and window >= columns:
            seen = None  # the last position sees all
    if not mask.within_documents:
        return seen
    if documents is None or documents.shape[-1] != columns or rows != columns:
        raise EtymonError(
            "A batch that keeps attention within documents must say which document each of its tokens is of",
            help="give Batch.documents, and no state from an earlier call",
        )
    same = (documents[:, :, None] == documents[:, None, :])[:, None]  # [B, 1, T, S]
    return same if seen is None else same & seen
