"""Positions: how a Transformer is told where a token stands, where a learned vector for each place is not enough."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def sinusoids(positions: Tensor, width: int) -> Tensor:
    """[..., D] for positions [...]: sine and cosine at D / 2 wave lengths from 2 pi to 10,000 * 2 pi, in turns.

    Vaswani et al. 2017 (arXiv 1706.03762), section 3.5."""
    angles = _angles(positions, width, 10_000.0)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)


def _angles(positions: Tensor, width: int, base: float) -> Tensor:
    """positions / base^(2 i / D) for i = 0 … D / 2 - 1, in fp32. [..., D / 2]"""
    pace = base ** (-torch.arange(0, width, 2, device=positions.device, dtype=torch.float32) / width)
    return positions[..., None].float() * pace


def rotated(x: Tensor, positions: Tensor, *, base: float = 10_000.0, interleaved: bool = False) -> Tensor:
    """Queries or keys x [B, H, T, d], each pair of numbers turned by an angle that grows with its position [T] or
    [B, T], so that products of queries and keys depend on their distance alone (RoPE; Su et al. 2021, arXiv
    2104.09864, equation 34).

    Pairs are neighbours (0, 1), (2, 3) … if `interleaved`, as in the paper and PaLM, else (0, d / 2), (1, d / 2 + 1) …
    as in GPT-NeoX and Llama; the one is the other with the rows of the matrices for q and k in another order."""
    angles = _angles(positions, x.shape[-1], base)  # [T, d / 2] or [B, T, d / 2]
    cos, sin = (wave.to(x.dtype).unsqueeze(-3) for wave in (angles.cos(), angles.sin()))  # [1, T, …] or [B, 1, T, …]
    if interleaved:
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack([a * cos - b * sin, b * cos + a * sin], -1).flatten(-2)
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def alibi(heads: int, rows: int, columns: int, device: torch.device) -> Tensor:
    """[H, T, S]: what is added to the scores, minus the distance times a slope of the head's own; T the last of S.

    Slopes are 2^(-8/n), 2^(-16/n), … for n heads, and for other numbers than powers of two every other slope of the
    next power is put in. Press et al. 2022 (arXiv 2108.12409), section 3 and appendix A."""
    query = torch.arange(columns - rows, columns, device=device)[:, None]
    distance = (query - torch.arange(columns, device=device)).abs()
    return -torch.tensor(_slopes(heads), device=device)[:, None, None] * distance


def _slopes(heads: int) -> list[float]:
    power = 1 << int(math.log2(heads))
    slopes = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    return slopes if power == heads else slopes + _slopes(2 * power)[0::2][: heads - power]


class RelativeBias(nn.Module):
    """A learned number for each head and each bucket of distances, added to the scores (Raffel et al. 2020, arXiv
    1910.10683, section 2.1): half of the buckets hold one distance each, the others ever more, up to `far`."""

    def __init__(self, heads: int, *, buckets: int = 32, far: int = 128, causal: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(buckets, heads))
        self.buckets, self.far, self.causal = buckets, far, causal

    def forward(self, rows: int, columns: int) -> Tensor:
        """[H, T, S]; the queries are the last T of the S positions."""
        query = torch.arange(columns - rows, columns, device=self.weight.device)[:, None]
        left = query - torch.arange(columns, device=self.weight.device)  # [T, S]
        return self.weight[self._bucket(left)].permute(2, 0, 1)

    def _bucket(self, left: Tensor) -> Tensor:
        buckets = self.buckets if self.causal else self.buckets // 2
        side = torch.zeros_like(left) if self.causal else (left < 0) * buckets
        distance = left.clamp(min=0) if self.causal else left.abs()
        near = buckets // 2
        ratio = (distance.clamp(min=1) / near).log() / math.log(self.far / near)
        far = (near + ratio * (buckets - near)).long().clamp(max=buckets - 1)
        return side + torch.where(distance < near, distance, far)
