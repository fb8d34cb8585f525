"""GPT-2: a decoder-only Transformer with norms before its blocks (Radford et al. 2019)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from etymon.models.counts import WIDTHS, decoder_counts, nearest
from etymon.models.family import Counts, Family, Published
from etymon.models.initialisation import draw
from etymon.models.layers import Decoder, DecoderSettings, PreNormBlock


@dataclass(frozen=True, kw_only=True)
class GPTSettings(DecoderSettings):
    """The shape of a GPT-2."""


class GPT(Decoder):
    """The network: learned positions, and the token embedding as the head's matrix too."""

    family = "gpt"

    def __init__(self, settings: GPTSettings, vocabulary: int) -> None:
        super().__init__(settings, vocabulary)
        self.settings: GPTSettings
        self.embed = nn.Embedding(vocabulary, settings.width)  # also the head's matrix
        self.positions = nn.Embedding(settings.context, settings.width)
        self.drop = nn.Dropout(settings.dropout)
        self.blocks = nn.ModuleList(PreNormBlock(settings) for _ in range(settings.layers))
        self.final_norm = nn.LayerNorm(settings.width)
        draw(self, settings.init or "scaled", settings.layers)

    def counts(self, length: int) -> Counts:
        """Parameters and FLOPs for windows of `length` tokens."""
        return counts(self.settings, self.vocabulary, length)


def counts(settings: GPTSettings, vocabulary: int, length: int) -> Counts:
    """Exact size and cost."""
    width, layers = settings.width, settings.layers
    return decoder_counts(
        embedding=(vocabulary + settings.context) * width,
        head=vocabulary * width,
        layers=layers,
        block=12 * width * width + 13 * width,  # qkv 3 D D + 3 D, out D D + D, MLP 8 D D + 5 D, two norms 4 D
        matrices=12 * width * width,
        across=width,
        last=2 * width,
        length=length,
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


def _published(layers: int, width: int, parameters: float) -> Published:
    settings = GPTSettings(context=1024, layers=layers, width=width, heads=width // 64)
    difference = "its authors later called the counts of the paper wrong (README of openai/gpt-2)"
    return Published(
        settings=settings, vocabulary=50_257, parameters=parameters, year=2019, source="Radford et al. 2019, table 2",
        difference=difference,
    )  # fmt: skip


PUBLISHED = {
    "gpt2": _published(12, 768, 117e6),
    "gpt2-medium": _published(24, 1024, 345e6),
    "gpt2-large": _published(36, 1280, 762e6),
    "gpt2-xl": _published(48, 1600, 1542e6),
}

FAMILY = Family(
    name="gpt",
    title="GPT-2 (Transformer)",
    settings=GPTSettings,
    learns="gradients",
    order="shuffle",
    build=GPT,
    preset=preset,
    counts=counts,
    published=PUBLISHED,
)
