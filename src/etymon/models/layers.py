"""The parts that the Transformer families share: self-attention, MLPs, and a decoder that stacks blocks of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from etymon.errors import EtymonError
from etymon.models.attention import attention
from etymon.models.initialisation import NAMES
from etymon.models.network import Network, State, Tap, visit, within
from etymon.models.positions import rotated
from etymon.recipe import Setting
from etymon.tokens import Batch, Mask

ATTENTION_SITES = ("q", "k", "v", "scores", "pattern", "z", "out")
MLP_SITES = ("in", "hidden", "out")

gelu_tanh: Callable[[Tensor], Tensor] = partial(F.gelu, approximate="tanh")
"""GELU as GPT computes it (Hendrycks and Gimpel 2016, section 2), up to 5e-4 off the exact one."""


@dataclass(frozen=True, kw_only=True)
class Rotary:
    """Queries and keys are turned by their positions; see `etymon.models.positions.rotated`."""

    base: float = 10_000.0
    interleaved: bool = False


class SelfAttention(nn.Module):
    """Attention of `heads` heads of queries and `groups` heads of keys and values, each `size` wide.

    Sites: q [B, H, T, d], k, v [B, G, T, d] (behind a turn by positions), scores, pattern [B, H, T, S], z [B, H, T, d],
    out [B, T, D]. `window`: this layer looks no further back, whatever the batch's mask allows but a prefix."""

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        groups: int | None = None,
        size: int | None = None,
        offsets: bool = True,
        rotary: Rotary | None = None,
        window: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.heads, self.groups, self.size = heads, groups or heads, size or width // heads
        self.qkv = nn.Linear(width, (self.heads + 2 * self.groups) * self.size, bias=offsets)
        self.out = nn.Linear(self.heads * self.size, width, bias=offsets)
        self.rotary, self.window, self.dropout = rotary, window, dropout

    def forward(
        self, x: Tensor, batch: Batch[Tensor], places: Tensor, past: State, tap: Tap | None
    ) -> tuple[Tensor, State]:
        """x [B, T, D] at `places` [T] or [B, T] -> [B, T, D], and the keys and values of all positions so far (`past`:
        those of earlier ones)."""
        counts = (self.heads, self.groups, self.groups)
        q, k, v = self.qkv(x).unflatten(-1, (-1, self.size)).transpose(1, 2).split(counts, 1)  # [B, H or G, T, d]
        if self.rotary is not None:
            turn = partial(rotated, positions=places, base=self.rotary.base, interleaved=self.rotary.interleaved)
            q, k = turn(q), turn(k)
        q, k, v = (visit(tap, site, part) for site, part in zip("qkv", (q, k, v), strict=True))
        if past:
            k, v = (torch.cat(pair, 2) for pair in zip(past, (k, v), strict=True))  # [B, G, S, d]
        mask = batch.visibility if self.window is None else _nearer(batch.visibility, self.window)
        dropout = self.dropout if self.training else 0.0
        z = attention(q, k, v, mask=mask, batch=batch, dropout=dropout, tap=tap)
        return visit(tap, "out", self.out(visit(tap, "z", z).transpose(1, 2).flatten(2))), (k, v)


def _nearer(mask: Mask, window: int) -> Mask:
    """The mask for a layer that looks no further back than `window`. Within it strides have no say, unless the mask's
    own window is narrower."""
    wider = mask.window is None or mask.window >= window
    if mask.stride is not None and not wider:
        raise EtymonError(
            f"A layer that sees a band of {window} positions cannot see strides behind {mask.window}",
            help=f"give the mask a window of {window} or more",
        )
    return replace(mask, window=window, stride=None) if wider else mask


class MLP(nn.Module):
    """D -> F -> D. Sites: in [B, T, D], hidden [B, T, F] behind the nonlinearity, out [B, T, D]."""

    def __init__(self, width: int, hidden: int, activation: Callable[[Tensor], Tensor], *, offsets: bool = True):
        super().__init__()
        self.up = nn.Linear(width, hidden, bias=offsets)
        self.down = nn.Linear(hidden, width, bias=offsets)
        self.activation = activation

    def forward(self, x: Tensor, tap: Tap | None) -> Tensor:
        """x [B, T, D] -> [B, T, D]."""
        return visit(tap, "out", self.down(visit(tap, "hidden", self.activation(self.up(visit(tap, "in", x))))))


class GatedMLP(nn.Module):
    """SwiGLU: (silu(x W) * x V) W_2, without offsets (Shazeer 2020, arXiv 2002.05202, equation 6). Sites as in MLP."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate = nn.Linear(width, hidden, bias=False)
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor, tap: Tap | None) -> Tensor:
        """x [B, T, D] -> [B, T, D]."""
        x = visit(tap, "in", x)
        return visit(tap, "out", self.down(visit(tap, "hidden", F.silu(self.gate(x)) * self.up(x))))


@dataclass(frozen=True, kw_only=True)
class DecoderSettings:
    """The shape of a decoder; a family may add to it."""

    context: Annotated[int, Setting("longest row of tokens it can read", unit="tokens", low=1)] = 256
    layers: Annotated[int, Setting("number of blocks", low=1)] = 6
    width: Annotated[int, Setting("numbers that carry a token through the blocks; a multiple of heads", low=1)] = 384
    heads: Annotated[
        int | None, Setting("attention heads in each block; none: of size 64, or 32 in a network under 256 wide", low=1)
    ] = None
    dropout: Annotated[
        float, Setting("share of values dropped after embedding, attention and MLP in training", low=0, high=0.9)
    ] = 0.0
    init: Annotated[
        str | None,
        Setting("scheme of the first weights (initialisation.py); none: its paper's", choices=NAMES, added=True),
    ] = None

    def __post_init__(self) -> None:
        if self.width % self.head_count:
            raise EtymonError(
                f"A width of {self.width} cannot be shared out evenly among {self.head_count} heads",
                help="choose a width that is a multiple of the number of heads (or of 64, and leave the heads out)",
            )

    @property
    def head_count(self) -> int:
        """Heads of 64 as in GPT-2, and of 32 while 64 would leave fewer than four."""
        return self.heads or max(self.width // (64 if self.width >= 256 else 32), 1)


class PreNormBlock(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)): the block of GPT-2 and GPT-3. Site: residual [B, T, D], what the
    block hands on."""

    def __init__(self, settings: DecoderSettings, *, size: int | None = None, window: int | None = None) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(settings.width)
        self.attention = SelfAttention(
            settings.width, settings.head_count, size=size, window=window, dropout=settings.dropout
        )
        self.mlp_norm = nn.LayerNorm(settings.width)
        self.mlp = MLP(settings.width, 4 * settings.width, gelu_tanh)
        self.drop = nn.Dropout(settings.dropout)

    def forward(
        self, x: Tensor, batch: Batch[Tensor], places: Tensor, past: State, tap: Tap | None
    ) -> tuple[Tensor, State]:
        """x [B, T, D] -> [B, T, D], and the keys and values of its attention."""
        z, cache = self.attention(self.attention_norm(x), batch, places, past, within(tap, "attention."))
        x = x + self.drop(z)
        x = x + self.drop(self.mlp(self.mlp_norm(x), within(tap, "mlp.")))
        return visit(tap, "residual", x), cache


class Block(Protocol):
    """What a decoder stacks: x [B, T, D] -> x, and the keys and values of its attention."""

    def __call__(
        self, x: Tensor, batch: Batch[Tensor], places: Tensor, past: State, tap: Tap | None
    ) -> tuple[Tensor, State]: ...


class Decoder(Network):
    """A left-to-right Transformer: embedding, blocks, final norm. Its state is the cache: keys and values [B, G, S, d]
    of block 0, block 1, and so on.

    A family fills `embed`, `positions` (a learned vector for each position, or None), `drop`, `blocks` and
    `final_norm`."""

    embed: nn.Embedding
    positions: nn.Embedding | None
    drop: nn.Module
    blocks: nn.ModuleList
    final_norm: nn.Module
    block_sites: Sequence[str] = (
        *(f"attention.{site}" for site in ATTENTION_SITES),
        *(f"mlp.{site}" for site in MLP_SITES),
        "residual",
    )

    @property
    def context(self) -> int:
        """The longest row that it was made for."""
        return self.settings.context

    @property
    def output(self) -> tuple[Tensor, Tensor | None]:
        """Tied: the token embedding [V, D], without an offset."""
        return self.embed.weight, None

    def forward(
        self, batch: Batch[Tensor], *, tap: Tap | None = None, state: State | None = None
    ) -> tuple[Tensor, State | None]:
        """Hidden values [B, T, D] behind the final norm; the longer cache if there was one, else None."""
        places = self._places(batch, 0 if state is None else state[0].shape[2])
        x = self.embed(batch.ids)
        if self.positions is not None:
            x = x + self.positions(places)
        x = self.drop(visit(tap, "embed", x))
        after: list[Tensor] = []
        for i, block in enumerate(cast("Sequence[Block]", self.blocks)):
            past = () if state is None else state[2 * i : 2 * i + 2]
            x, cache = block(x, batch, places, past, within(tap, f"blocks.{i}."))
            after += cache if state is not None else ()
        x = visit(tap, "final", self.final_norm(x))
        return x, None if state is None else tuple(after)

    def _places(self, batch: Batch[Tensor], before: int) -> Tensor:
        length = before + batch.ids.shape[1]
        if length > self.context:
            raise EtymonError(
                f"{length} tokens are more than this {self.family} can read at once",
                why=f"it knows {self.context} positions, and {before} of them are already in use",
                help=f"start again with at most the last {self.context} tokens and no state",
            )
        if batch.positions is not None:
            return batch.positions
        return torch.arange(before, length, device=batch.ids.device)

    def start(self, rows: int) -> State:
        """An empty cache."""
        inner = (cast(SelfAttention, block.attention) for block in self.blocks)
        return tuple(self.embed.weight.new_empty(rows, part.groups, 0, part.size) for part in inner for _ in ("k", "v"))

    def sites(self) -> Sequence[str]:
        """embed, the sites of each block, final, logits."""
        inner = (f"blocks.{i}.{site}" for i in range(len(self.blocks)) for site in self.block_sites)
        return ["embed", *inner, "final", "logits"]
