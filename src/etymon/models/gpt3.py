"""GPT-3: a decoder-only Transformer whose blocks look, in turns, at everything and at a band (Brown et al. 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from torch import nn

from etymon.models.counts import WIDTHS, decoder_counts, nearest
from etymon.models.family import Counts, Family, Published
from etymon.models.initialisation import draw
from etymon.models.layers import Decoder, DecoderSettings, PreNormBlock
from etymon.recipe import Setting


@dataclass(frozen=True, kw_only=True)
class GPT3Settings(DecoderSettings):
    """The shape of a GPT-3. The paper names "alternating dense and locally banded sparse attention patterns" (section
    2.1) and neither the width of the band nor where it begins; both are our choice."""

    band: Annotated[
        int | None, Setting("every other block, from the second on, sees so many positions; none: all", low=1)
    ] = 128
    head_size: Annotated[int | None, Setting("numbers in a head; none: the width shared out", low=1)] = None

    def __post_init__(self) -> None:
        if self.head_size is None:
            super().__post_init__()

    @property
    def across(self) -> int:
        """Numbers in all heads together."""
        return self.head_count * self.head_size if self.head_size else self.width


class GPT3(Decoder):
    """The network: that of GPT-2, but for the bands."""

    family = "gpt3"

    def __init__(self, settings: GPT3Settings, vocabulary: int) -> None:
        super().__init__(settings, vocabulary)
        self.settings: GPT3Settings
        self.embed = nn.Embedding(vocabulary, settings.width)
        self.positions = nn.Embedding(settings.context, settings.width)
        self.drop = nn.Dropout(settings.dropout)
        self.blocks = nn.ModuleList(
            PreNormBlock(settings, size=settings.head_size, window=settings.band if i % 2 else None)
            for i in range(settings.layers)
        )
        self.final_norm = nn.LayerNorm(settings.width)
        draw(self, settings.init or "scaled", settings.layers)

    def counts(self, length: int) -> Counts:
        """Parameters and FLOPs for windows of `length` tokens."""
        return counts(self.settings, self.vocabulary, length)


def counts(settings: GPT3Settings, vocabulary: int, length: int) -> Counts:
    """Exact size and cost; attention in bands is counted as if it were whole."""
    width, across = settings.width, settings.across
    matrices = 4 * width * across + 8 * width * width
    return decoder_counts(
        embedding=(vocabulary + settings.context) * width,
        head=vocabulary * width,
        layers=settings.layers,
        block=matrices + 3 * across + 10 * width,  # offsets: qkv 3 A, out D, MLP 5 D; two norms 4 D
        matrices=matrices,
        across=across,
        last=2 * width,
        length=length,
    )


def preset(parameters_wanted: float, vocabulary: int) -> GPT3Settings:
    """The GPT-3 of about that many parameters: one layer per 64 of width, or one more, as in the paper's smallest."""
    candidates = (GPT3Settings(width=width, layers=width // 64 + more) for width in WIDTHS for more in (0, 1))
    return nearest(parameters_wanted, candidates, lambda s: counts(s, vocabulary, s.context).parameters)


def _published(parameters: float, layers: int, width: int, heads: int, size: int, difference: str = "") -> Published:
    return Published(
        settings=GPT3Settings(context=2048, layers=layers, width=width, heads=heads, head_size=size),
        vocabulary=50_257,
        parameters=parameters,
        year=2020,
        source="Brown et al. 2020, table 2.1",
        difference=difference,
    )


PUBLISHED = {
    "gpt3-small": _published(125e6, 12, 768, 12, 64),
    "gpt3-medium": _published(
        350e6, 24, 1024, 16, 64, "the paper's numbers of this table are rounded, this one to 50 M"
    ),
    "gpt3-large": _published(760e6, 24, 1536, 16, 96),
    "gpt3-xl": _published(
        1.3e9, 24, 2048, 16, 128, "the table has 24 heads of 128, of which a width of 2,048 holds 16: so do its 1.3 B"
    ),
    "gpt3-2.7b": _published(2.7e9, 32, 2560, 32, 80),
    "gpt3-6.7b": _published(6.7e9, 32, 4096, 32, 128),
    "gpt3-13b": _published(13.0e9, 40, 5140, 40, 128, "as in the table, 40 heads of 128 are 20 less than the width"),
    "gpt3-175b": _published(175.0e9, 96, 12_288, 96, 128),
}

FAMILY = Family(
    name="gpt3",
    title="GPT-3 (Transformer, banded)",
    settings=GPT3Settings,
    learns="gradients",
    order="shuffle",
    build=GPT3,
    preset=preset,
    counts=counts,
    published=PUBLISHED,
)
