"""Attention by distance: scores from content, distance and segment, with a memory (Transformer-XL, Dai et al. 2019)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

from etymon.models.attention import visible_pairs
from etymon.models.network import Tap, visit
from etymon.tokens import Batch, Mask

Keys: TypeAlias = tuple[Tensor, Tensor, Tensor]
"""Keys, values, and keys of distances: the same for both streams of a block."""


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What Q places see of S keys: `visible`, and `steps`, the row of the table of distances for each pair, both
    [B or 1, 1, Q, S]; `same` [B, 1, Q, S], whether a pair is of one segment (None: there is but one)."""

    visible: Tensor
    steps: Tensor
    same: Tensor | None

    def at(self, places: Tensor) -> Outlook:
        """Of these places [B, K] only."""
        rows = torch.arange(len(places), device=places.device)[:, None]

        def pick(pairs: Tensor) -> Tensor:
            return pairs[:, 0].expand(len(places), -1, -1)[rows, places][:, None]

        same = None if self.same is None else pick(self.same)
        return Outlook(visible=pick(self.visible), steps=pick(self.steps), same=same)


def outlooks(batch: Batch[Tensor], earlier: int) -> tuple[Outlook, Outlook]:
    """Of tokens that were read, and of the queries for them, behind `earlier` tokens of memory.

    A query stands where its token is and does not see it; with a plain causal mask it stands where the next token will
    be, and sees what the token before it sees."""
    mask, length, device = batch.visibility, batch.ids.shape[1], batch.ids.device
    ahead = int(mask.causal and not mask.permuted)
    places = torch.arange(length, device=device)[:, None]
    keys = torch.arange(earlier + length, device=device)
    visible = torch.ones(1, 1, length, earlier + length, dtype=torch.bool, device=device)
    apart = earlier if mask == Mask(permuted=True) else 0  # an order is one of the row: all of it sees all the memory
    pairs = visible_pairs(mask, length, earlier + length - apart, batch, device)
    if pairs is not None:
        visible = torch.cat([pairs.new_ones(*pairs.shape[:3], apart), pairs], -1)
    steps = (length - places + keys)[None, None]
    same = None
    if (own := batch.segments) is not None:  # the memory is of segment 0, as in the published code
        same = (own[:, :, None] == torch.cat([own.new_zeros(len(own), earlier), own], 1)[:, None])[:, None]
    others = visible if ahead else visible & (keys != earlier + places)
    return (
        Outlook(visible=visible, steps=steps, same=same),
        Outlook(visible=others, steps=steps - ahead, same=same),
    )


def sines(length: int, earlier: int, like: Tensor) -> Tensor:
    """The table [R, D] of all distances of `length` places from each other and `earlier` ones, the longest first: first
    sines, then cosines (Vaswani et al. 2017, section 3.5)."""
    width = like.shape[-1]
    rates = 1 / 10_000 ** (torch.arange(0, width, 2, device=like.device).float() / width)
    distances = torch.arange(earlier + length, -length, -1, device=like.device).float()
    angles = distances[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], -1)[:, :width].to(like.dtype)


class RelativeAttention(nn.Module):
    """((q + r_w) k + (q + r_r) k_distance + (q + r_s) s) / sqrt(d): section 3.3 there, with segments as in XLNet
    (Yang et al. 2019, section 2.5). Sites as in `SelfAttention`; `scores` is the whole sum, before the mask."""

    def __init__(self, width: int, heads: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, size = heads, width // heads
        self.q, self.k, self.v, self.distance, self.out = (nn.Linear(width, width, bias=False) for _ in range(5))
        self.content_bias, self.distance_bias, self.segment_bias = (
            nn.Parameter(0.02 * torch.randn(heads, 1, size)) for _ in range(3)
        )
        self.segments = nn.Parameter(0.02 * torch.randn(heads, size, 2))  # of the same segment, of another one
        self.drop = nn.Dropout(dropout)

    def by_heads(self, flat: Tensor) -> Tensor:
        """[B, T, D] -> [B, H, T, d]."""
        return flat.view(*flat.shape[:-1], self.heads, flat.shape[-1] // self.heads).transpose(1, 2)

    def keys(self, x: Tensor, distances: Tensor, tap: Tap | None) -> Keys:
        """Keys and values [B, H, S, d] of x [B, S, D], and keys [H, R, d] of the table of `sines`."""
        k, v = visit(tap, "k", self.by_heads(self.k(x))), visit(tap, "v", self.by_heads(self.v(x)))
        return k, v, self.by_heads(self.distance(distances)[None])[0]

    def forward(self, x: Tensor, keys: Keys, outlook: Outlook, tap: Tap | None) -> Tensor:
        """x [B, Q, D] -> [B, Q, D]. Who sees nothing gets zeros, where the published code gives the mean of all values,
        also of those hidden."""
        k, v, k_distance = keys
        q = visit(tap, "q", self.by_heads(self.q(x)))
        by_distance = (q + self.distance_bias) @ k_distance.transpose(-1, -2)
        scores = (q + self.content_bias) @ k.transpose(-1, -2)
        scores = scores + by_distance.gather(-1, outlook.steps.expand(*q.shape[:2], -1, -1))
        if outlook.same is not None:
            by_segment = (q + self.segment_bias) @ self.segments  # [B, H, Q, 2]
            scores = scores + torch.where(outlook.same, by_segment[..., :1], by_segment[..., 1:])
        scores = visit(tap, "scores", scores / math.sqrt(q.shape[-1]))
        hidden = ~outlook.visible
        pattern = scores.masked_fill(hidden, torch.finfo(scores.dtype).min / 2).softmax(-1).masked_fill(hidden, 0)
        z = visit(tap, "z", self.drop(visit(tap, "pattern", pattern)) @ v)
        return visit(tap, "out", self.out(z.transpose(1, 2).flatten(2)))
