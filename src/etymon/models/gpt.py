"""GPT-2: a decoder-only Transformer with norms before its blocks (Radford et al. 2019)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from etymon.errors import EtymonError
from etymon.models.attention import attention
from etymon.models.counts import WIDTHS, nearest
from etymon.models.family import Counts, Family
from etymon.models.network import Network, State, Tap, visit, within
from etymon.recipe import Setting
from etymon.tokens import Batch


@dataclass(frozen=True, kw_only=True)
class GPTSettings:
    """The shape of a GPT-2."""

    context: Annotated[int, Setting("longest row of tokens it can read", unit="tokens", low=1)] = 256
    layers: Annotated[int, Setting("number of blocks", low=1)] = 6
    width: Annotated[int, Setting("numbers that carry a token through the blocks; a multiple of heads", low=1)] = 384
    heads: Annotated[
        int | None, Setting("attention heads in each block; none: of size 64, or 32 in a network under 256 wide", low=1)
    ] = None
    dropout: Annotated[
        float, Setting("share of values dropped after embedding, attention and MLP in training", low=0, high=0.9)
    ] = 0.0

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


class Attention(nn.Module):
    """Multi-head self-attention. Sites: q, k, v [B, H, T, d], scores, pattern [B, H, T, S], z [B, H, T, d], out."""

    def __init__(self, settings: GPTSettings) -> None:
        super().__init__()
        self.qkv = nn.Linear(settings.width, 3 * settings.width)
        self.out = nn.Linear(settings.width, settings.width)
        self.head_size = settings.width // settings.head_count
        self.dropout = settings.dropout

    def forward(self, x: Tensor, batch: Batch[Tensor], past: State, tap: Tap | None) -> tuple[Tensor, State]:
        """x [B, T, D] -> [B, T, D], and the keys and values of all positions so far (`past`: those of earlier ones)."""
        qkv: Tensor = self.qkv(x).unflatten(-1, (3, -1, self.head_size))  # [B, T, 3, H, d]
        q, k, v = (
            visit(tap, site, part.transpose(1, 2)) for site, part in zip("qkv", qkv.unbind(2), strict=True)
        )  # [B, H, T, d]
        if past:
            k, v = (torch.cat(pair, 2) for pair in zip(past, (k, v), strict=True))  # [B, H, S, d]
        dropout = self.dropout if self.training else 0.0
        z = attention(q, k, v, mask=batch.visibility, documents=batch.documents, dropout=dropout, tap=tap)
        z = visit(tap, "z", z).transpose(1, 2).flatten(2)  # [B, T, D]
        return visit(tap, "out", self.out(z)), (k, v)


class MLP(nn.Module):
    """D -> 4 D -> D. Sites: in [B, T, D], hidden [B, T, 4 D] behind the gelu, out [B, T, D]."""

    def __init__(self, settings: GPTSettings) -> None:
        super().__init__()
        self.up = nn.Linear(settings.width, 4 * settings.width)
        self.down = nn.Linear(4 * settings.width, settings.width)

    def forward(self, x: Tensor, tap: Tap | None) -> Tensor:
        """x [B, T, D] -> [B, T, D]."""
        hidden = F.gelu(self.up(visit(tap, "in", x)), approximate="tanh")
        return visit(tap, "out", self.down(visit(tap, "hidden", hidden)))


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)). Site: residual [B, T, D], what the block hands on."""

    def __init__(self, settings: GPTSettings) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(settings.width)
        self.attention = Attention(settings)
        self.mlp_norm = nn.LayerNorm(settings.width)
        self.mlp = MLP(settings)
        self.drop = nn.Dropout(settings.dropout)

    def forward(self, x: Tensor, batch: Batch[Tensor], past: State, tap: Tap | None) -> tuple[Tensor, State]:
        """x [B, T, D] -> [B, T, D], and the keys and values of its attention."""
        z, cache = self.attention(self.attention_norm(x), batch, past, within(tap, "attention."))
        x = x + self.drop(z)
        x = x + self.drop(self.mlp(self.mlp_norm(x), within(tap, "mlp.")))
        return visit(tap, "residual", x), cache


class GPT(Network):
    """The network. Its state is the cache: keys and values [B, H, S, d] of block 0, block 1, and so on."""

    family = "gpt"

    def __init__(self, settings: GPTSettings, vocabulary: int) -> None:
        super().__init__(settings, vocabulary)
        self.settings: GPTSettings
        self.embed = nn.Embedding(vocabulary, settings.width)  # also the head's matrix
        self.positions = nn.Embedding(settings.context, settings.width)
        self.drop = nn.Dropout(settings.dropout)
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.layers))
        self.final_norm = nn.LayerNorm(settings.width)
        self.apply(self._fresh)

    def _fresh(self, module: nn.Module) -> None:
        """N(0, 0.02); projections into the residual stream by 1/sqrt(2 L) less, as 2 L of them add up in it."""
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
        for into in (getattr(module, "out", None), getattr(module, "down", None)):
            if isinstance(into, nn.Linear):
                nn.init.normal_(into.weight, std=0.02 / math.sqrt(2 * self.settings.layers))

    @property
    def context(self) -> int:
        """There is a learned vector for each of so many positions, and none beyond."""
        return self.settings.context

    @property
    def output(self) -> tuple[Tensor, Tensor | None]:
        """Tied: the token embedding [V, D], without an offset."""
        return self.embed.weight, None

    def forward(
        self, batch: Batch[Tensor], *, tap: Tap | None = None, state: State | None = None
    ) -> tuple[Tensor, State | None]:
        """Hidden values [B, T, D] behind the final norm; the longer cache if there was one, else None."""
        before = 0 if state is None else state[0].shape[2]
        x = self.embed(batch.ids) + self.positions(self._positions(batch, before))
        x = self.drop(visit(tap, "embed", x))
        after: list[Tensor] = []
        for i, block in enumerate(self.blocks):
            past = () if state is None else state[2 * i : 2 * i + 2]
            x, cache = block(x, batch, past, None if tap is None else within(tap, f"blocks.{i}."))
            after += cache if state is not None else ()
        x = visit(tap, "final", self.final_norm(x))
        return x, None if state is None else tuple(after)

    def _positions(self, batch: Batch[Tensor], before: int) -> Tensor:
        length = before + batch.ids.shape[1]
        if length > self.context:
            raise EtymonError(
                f"{length} tokens are more than this GPT can read at once",
                why=f"it knows {self.context} positions, and {before} of them are already in use",
                help=f"start again with at most the last {self.context} tokens and no state",
            )
        if batch.positions is not None:
            return batch.positions
        return torch.arange(before, length, device=batch.ids.device)

    def start(self, rows: int) -> State:
        """An empty cache."""
        heads = self.settings.head_count
        shape = (rows, heads, 0, self.settings.width // heads)
        return tuple(self.embed.weight.new_empty(shape) for _ in range(2 * self.settings.layers))

    def sites(self) -> Sequence[str]:
        """embed, the sites of each block, final, logits."""
        inner = [f"attention.{site}" for site in ("q", "k", "v", "scores", "pattern", "z", "out")]
        inner += ["mlp.in", "mlp.hidden", "mlp.out", "residual"]
        return ["embed", *(f"blocks.{i}.{s}" for i in range(self.settings.layers) for s in inner), "final", "logits"]

    def counts(self, length: int) -> Counts:
        """Parameters and FLOPs for windows of `length` tokens."""
        return counts(self.settings, self.vocabulary, length)


def counts(settings: GPTSettings, vocabulary: int, length: int) -> Counts:
    """Exact size and cost. Attention counts over the full T x T square, whatever a kernel skips of it."""
    width, layers = settings.width, settings.layers
    embedding = (vocabulary + settings.context) * width
    block = 12 * width * width + 13 * width  # qkv 3 D D + 3 D, out D D + D, MLP 8 D D + 5 D, two norms 4 D
    matrices = layers * 12 * width * width + vocabulary * width
    square = layers * 2 * length * width  # Q K^T, and the pattern times V
    return Counts(
        parameters=embedding + layers * block + 2 * width,
        embedding_parameters=embedding,
        length=length,
        forward_flops_per_token=2 * (matrices + square),
        training_flops_per_token=6 * (matrices + square),  # backward: the gradients of both factors of each product
    )


def preset(parameters_wanted: float, vocabulary: int) -> GPTSettings:
    """The GPT of about that many parameters. One dial, the width; depth and heads follow from it."""
    candidates = (
        # One layer per 64 of width, as in GPT-2 small (12 x 768), or one more where that comes nearer.
        GPTSettings(width=width, layers=width // 64 + more)
        for width in WIDTHS
        for more in (0, 1)
    )
    return nearest(parameters_wanted, candidates, lambda s: counts(s, vocabulary, s.context).parameters)


FAMILY = Family(
    name="gpt",
    title="GPT-2 (Transformer)",
    settings=GPTSettings,
    learns="gradients",
    order="shuffle",
    build=GPT,
    preset=preset,
    counts=counts,
)
