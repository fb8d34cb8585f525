"""GPT-1: a decoder-only Transformer with norms behind its residual sums (Radford et al. 2018)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from etymon.models.counts import WIDTHS, decoder_counts, nearest
from etymon.models.family import Counts, Family, Published
from etymon.models.initialisation import draw
from etymon.models.layers import MLP, Decoder, DecoderSettings, SelfAttention, gelu_tanh
from etymon.models.network import State, Tap, visit, within
from etymon.tokens import Batch


@dataclass(frozen=True, kw_only=True)
class GPT1Settings(DecoderSettings):
    """The shape of a GPT-1."""


class Block(nn.Module):
    """norm(x + attention(x)), then norm(x + mlp(x)). Site: residual [B, T, D], what the block hands on."""

    def __init__(self, settings: GPT1Settings) -> None:
        super().__init__()
        self.attention = SelfAttention(settings.width, settings.head_count, dropout=settings.dropout)
        self.attention_norm = nn.LayerNorm(settings.width)
        self.mlp = MLP(settings.width, 4 * settings.width, gelu_tanh)
        self.mlp_norm = nn.LayerNorm(settings.width)
        self.drop = nn.Dropout(settings.dropout)

    def forward(
        self, x: Tensor, batch: Batch[Tensor], places: Tensor, past: State, tap: Tap | None
    ) -> tuple[Tensor, State]:
        """x [B, T, D] -> [B, T, D], and the keys and values of its attention."""
        z, cache = self.attention(x, batch, places, past, within(tap, "attention."))
        x = self.attention_norm(x + self.drop(z))
        x = self.mlp_norm(x + self.drop(self.mlp(x, within(tap, "mlp."))))
        return visit(tap, "residual", x), cache


class GPT1(Decoder):
    """The network: learned positions, and the token embedding as the head's matrix too; no norm behind the blocks."""

    family = "gpt1"

    def __init__(self, settings: GPT1Settings, vocabulary: int) -> None:
        super().__init__(settings, vocabulary)
        self.settings: GPT1Settings
        self.embed = nn.Embedding(vocabulary, settings.width)
        self.positions = nn.Embedding(settings.context, settings.width)
        self.drop = nn.Dropout(settings.dropout)
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.layers))
        self.final_norm = nn.Identity()
        draw(self, settings.init or "normal", settings.layers)

    def counts(self, length: int) -> Counts:
        """Parameters and FLOPs for windows of `length` tokens."""
        return counts(self.settings, self.vocabulary, length)


def counts(settings: GPT1Settings, vocabulary: int, length: int) -> Counts:
    """Exact size and cost."""
    width = settings.width
    return decoder_counts(
        embedding=(vocabulary + settings.context) * width,
        head=vocabulary * width,
        layers=settings.layers,
        block=12 * width * width + 13 * width,
        matrices=12 * width * width,
        across=width,
        last=0,
        length=length,
    )


def preset(parameters_wanted: float, vocabulary: int) -> GPT1Settings:
    """The GPT-1 of about that many parameters: one layer per 64 of width, or one more, as in the paper's 12 x 768."""
    candidates = (
        GPT1Settings(width=width, layers=width // 64 + more, dropout=0.0) for width in WIDTHS for more in (0, 1)
    )
    return nearest(parameters_wanted, candidates, lambda s: counts(s, vocabulary, s.context).parameters)


PUBLISHED = {
    "gpt1": Published(
        settings=GPT1Settings(context=512, layers=12, width=768, heads=12, dropout=0.1),
        vocabulary=40_478,
        parameters=117e6,
        year=2018,
        source="Radford et al. 2018, section 4.1; the number by Radford et al. 2019, table 2",
    )
}

FAMILY = Family(
    name="gpt1",
    title="GPT-1 (Transformer, norms behind)",
    settings=GPT1Settings,
    learns="gradients",
    order="shuffle",
    build=GPT1,
    preset=preset,
    counts=counts,
    published=PUBLISHED,
)
