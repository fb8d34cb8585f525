"""Llama: the decoder that most open models became: RMSNorm, turned positions, gated MLP, shared keys and values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn

from etymon.errors import EtymonError
from etymon.models.counts import WIDTHS, decoder_counts, nearest
from etymon.models.family import Counts, Family, Published
from etymon.models.initialisation import NAMES, STD, draw
from etymon.models.layers import Decoder, GatedMLP, Rotary, SelfAttention
from etymon.models.network import State, Tap, visit, within
from etymon.recipe import Setting
from etymon.tokens import Batch


@dataclass(frozen=True, kw_only=True)
class LlamaSettings:
    """The shape of a Llama (Touvron et al. 2023, arXiv 2302.13971; groups: 2307.09288)."""

    context: Annotated[int, Setting("longest row of tokens it can read", unit="tokens", low=1)] = 256
    layers: Annotated[int, Setting("number of blocks", low=1)] = 6
    width: Annotated[int, Setting("numbers that carry a token through the blocks; a multiple of heads", low=1)] = 384
    hidden: Annotated[int, Setting("numbers inside the MLP", low=1)] = 1024
    heads: Annotated[int, Setting("heads of queries in each block", low=1)] = 6
    groups: Annotated[int, Setting("heads of keys and values; heads is a multiple of it", low=1)] = 2
    tied: Annotated[bool, Setting("the head's matrix is the embedding")] = True
    rotary_base: Annotated[float, Setting("longest wave length of the positions, divided by 2 pi", low=1.0)] = 10_000.0
    norm_epsilon: Annotated[float, Setting("added to the mean square in the norms", low=0.0)] = 1e-5
    init: Annotated[
        str | None,
        Setting("scheme of the first weights (initialisation.py); none: its paper's", choices=NAMES, added=True),
    ] = None

    def __post_init__(self) -> None:
        if self.heads % self.groups:
            raise EtymonError(
                f"{self.heads} heads of queries cannot share {self.groups} heads of keys and values evenly",
                help="make heads a multiple of groups",
            )
        if self.width % (2 * self.heads):
            raise EtymonError(
                f"A width of {self.width} does not give {self.heads} heads an even number each",
                help="make the width a multiple of twice the heads: their pairs are turned",
            )


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)). Site: residual [B, T, D], what the block hands on."""

    def __init__(self, settings: LlamaSettings) -> None:
        super().__init__()
        width = settings.width
        self.attention_norm = nn.RMSNorm(width, settings.norm_epsilon)
        self.attention = SelfAttention(
            width,
            settings.heads,
            groups=settings.groups,
            offsets=False,
            rotary=Rotary(base=settings.rotary_base),
        )
        self.mlp_norm = nn.RMSNorm(width, settings.norm_epsilon)
        self.mlp = GatedMLP(width, settings.hidden)

    def forward(
        self, x: Tensor, batch: Batch[Tensor], places: Tensor, past: State, tap: Tap | None
    ) -> tuple[Tensor, State]:
        """x [B, T, D] -> [B, T, D], and the keys and values of its attention."""
        z, cache = self.attention(self.attention_norm(x), batch, places, past, within(tap, "attention."))
        x = x + z
        x = x + self.mlp(self.mlp_norm(x), within(tap, "mlp."))
        return visit(tap, "residual", x), cache


class Llama(Decoder):
    """The network."""

    family = "llama"

    def __init__(self, settings: LlamaSettings, vocabulary: int) -> None:
        super().__init__(settings, vocabulary)
        self.settings: LlamaSettings
        self.embed = nn.Embedding(vocabulary, settings.width)
        self.positions = None
        self.drop = nn.Identity()
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.layers))
        self.final_norm = nn.RMSNorm(settings.width, settings.norm_epsilon)
        self.unembed = None if settings.tied else nn.Parameter(torch.empty(vocabulary, settings.width))
        draw(self, settings.init or "normal", settings.layers)
        if self.unembed is not None:
            nn.init.normal_(self.unembed, std=STD)

    @property
    def output(self) -> tuple[Tensor, Tensor | None]:
        """The embedding [V, D] if tied, else a matrix of its own; without an offset."""
        return self.embed.weight if self.unembed is None else self.unembed, None

    def counts(self, length: int) -> Counts:
        """Parameters and FLOPs for windows of `length` tokens."""
        return counts(self.settings, self.vocabulary, length)


def counts(settings: LlamaSettings, vocabulary: int, length: int) -> Counts:
    """Exact size and cost."""
    width, table = settings.width, vocabulary * settings.width
    shared = width * settings.groups // settings.heads
    matrices = 2 * width * width + 2 * width * shared + 3 * width * settings.hidden
    return decoder_counts(
        embedding=table,
        head=table,
        layers=settings.layers,
        block=matrices + 2 * width,
        matrices=matrices,
        across=width,
        last=width + (0 if settings.tied else table),
        length=length,
    )


def _candidates() -> Iterable[LlamaSettings]:
    """One layer per 64 of width, or one more; heads of 64, of which up to four share keys and values; the MLP 8/3 as
    wide, which makes its three matrices as large as the usual two, rounded up to 64."""
    for width in WIDTHS:
        heads = width // 64
        groups = next(groups for groups in range(max(heads // 4, 1), heads + 1) if heads % groups == 0)
        for more in (0, 1):
            yield LlamaSettings(
                width=width, hidden=-(-width * 8 // 3 // 64) * 64, layers=heads + more, heads=heads, groups=groups
            )


def preset(parameters_wanted: float, vocabulary: int) -> LlamaSettings:
    """The Llama of about that many parameters. One dial, the width; the rest follows from it."""
    return nearest(parameters_wanted, _candidates(), lambda s: counts(s, vocabulary, s.context).parameters)


def _published(parameters: float, layers: int, width: int, hidden: int, heads: int) -> Published:
    return Published(
        settings=LlamaSettings(
            context=2048, layers=layers, width=width, hidden=hidden, heads=heads, groups=heads, tied=False,
            norm_epsilon=1e-6,
        ),
        vocabulary=32_000,
        parameters=parameters,
        year=2023,
        source="Touvron et al. 2023, table 2; widths of the MLP: 8/3 of the width, up to the next multiple of 256",
    )  # fmt: skip


PUBLISHED = {
    "llama-7b": _published(6.7e9, 32, 4096, 11_008, 32),
    "llama-13b": _published(13.0e9, 40, 5120, 13_824, 40),
    "llama-33b": _published(32.5e9, 60, 6656, 17_920, 52),
    "llama-65b": _published(65.2e9, 80, 8192, 22_016, 64),
}

FAMILY = Family(
    name="llama",
    title="Llama (Transformer, grouped queries)",
    settings=LlamaSettings,
    learns="gradients",
    order="shuffle",
    build=Llama,
    preset=preset,
    counts=counts,
    published=PUBLISHED,
)
