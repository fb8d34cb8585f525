"""PaLM: attention and MLP side by side, one head of keys and values, no offsets (Chowdhery et al. 2022)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from torch import Tensor, nn

from etymon.errors import EtymonError
from etymon.models.counts import WIDTHS, decoder_counts, nearest
from etymon.models.family import Counts, Family, Published
from etymon.models.initialisation import NAMES, draw
from etymon.models.layers import Decoder, GatedMLP, Rotary, SelfAttention
from etymon.models.network import State, Tap, visit, within
from etymon.recipe import Setting
from etymon.tokens import Batch


@dataclass(frozen=True, kw_only=True)
class PaLMSettings:
    """The shape of a PaLM; `parallel = false` and `groups = heads` make the twin that it is compared with."""

    context: Annotated[int, Setting("longest row of tokens it can read", unit="tokens", low=1)] = 256
    layers: Annotated[int, Setting("number of blocks", low=1)] = 6
    width: Annotated[int, Setting("numbers that carry a token through the blocks", low=1)] = 384
    heads: Annotated[int, Setting("heads of queries in each block", low=1)] = 6
    head_size: Annotated[int, Setting("numbers in a head, an even one: its pairs are turned", low=2)] = 64
    groups: Annotated[int, Setting("heads of keys and values; heads is a multiple of it", low=1)] = 1
    parallel: Annotated[bool, Setting("attention and MLP read the same norm, and both are added at once")] = True
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
        if self.head_size % 2:
            raise EtymonError(f"A head of {self.head_size} numbers has no pairs to turn", help="give an even head_size")


class Block(nn.Module):
    """x + attention(norm(x)) + mlp(norm(x)): equation of section 2. Site: residual [B, T, D].

    Not in parallel, the MLP reads x + attention(norm(x)) through a norm of its own, as everywhere else."""

    def __init__(self, settings: PaLMSettings) -> None:
        super().__init__()
        width = settings.width
        self.norm = nn.LayerNorm(width, bias=False)
        self.attention = SelfAttention(
            width,
            settings.heads,
            groups=settings.groups,
            size=settings.head_size,
            offsets=False,
            rotary=Rotary(interleaved=True),
        )
        self.mlp_norm = None if settings.parallel else nn.LayerNorm(width, bias=False)
        self.mlp = GatedMLP(width, 4 * width)

    def forward(
        self, x: Tensor, batch: Batch[Tensor], places: Tensor, past: State, tap: Tap | None
    ) -> tuple[Tensor, State]:
        """x [B, T, D] -> [B, T, D], and the keys and values of its attention."""
        normed = self.norm(x)
        z, cache = self.attention(normed, batch, places, past, within(tap, "attention."))
        x = x + z
        x = x + self.mlp(normed if self.mlp_norm is None else self.mlp_norm(x), within(tap, "mlp."))
        return visit(tap, "residual", x), cache


class PaLM(Decoder):
    """The network: turned positions, the token embedding as the head's matrix too, logits scaled by 1/sqrt(D)."""

    family = "palm"

    def __init__(self, settings: PaLMSettings, vocabulary: int) -> None:
        super().__init__(settings, vocabulary)
        self.settings: PaLMSettings
        self.embed = nn.Embedding(vocabulary, settings.width)
        self.positions = None
        self.drop = nn.Identity()
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.layers))
        self.final_norm = ScaledNorm(settings.width, settings.width**-0.5)
        draw(self, settings.init or "fan-in", settings.layers)

    def counts(self, length: int) -> Counts:
        """Parameters and FLOPs for windows of `length` tokens."""
        return counts(self.settings, self.vocabulary, length)


class ScaledNorm(nn.LayerNorm):
    """A layer norm without offset, times a constant: the scale of the logits, put before the head (section 5)."""

    def __init__(self, width: int, scale: float) -> None:
        super().__init__(width, bias=False)
        self.scale = scale

    def forward(self, input: Tensor) -> Tensor:
        """[..., D] -> [..., D]."""
        return super().forward(input) * self.scale


def counts(settings: PaLMSettings, vocabulary: int, length: int) -> Counts:
    """Exact size and cost."""
    width, across = settings.width, settings.heads * settings.head_size
    matrices = 2 * width * across + 2 * width * settings.groups * settings.head_size + 12 * width * width
    return decoder_counts(
        embedding=vocabulary * width,
        head=vocabulary * width,
        layers=settings.layers,
        block=matrices + width * (1 if settings.parallel else 2),
        matrices=matrices,
        across=across,
        last=width,
        length=length,
    )


def _candidates() -> Iterable[PaLMSettings]:
    """One layer per 64 of width, or one more; heads of 64, of which together they are as wide as the network."""
    for width in WIDTHS:
        for more in (0, 1):
            yield PaLMSettings(width=width, layers=width // 64 + more, heads=width // 64)


def preset(parameters_wanted: float, vocabulary: int) -> PaLMSettings:
    """The PaLM of about that many parameters. One dial, the width; depth and heads follow from it."""
    return nearest(parameters_wanted, _candidates(), lambda s: counts(s, vocabulary, s.context).parameters)


def _published(parameters: float, layers: int, width: int, heads: int) -> Published:
    return Published(
        settings=PaLMSettings(context=2048, layers=layers, width=width, heads=heads, head_size=256),
        vocabulary=256_000,
        parameters=parameters,
        year=2022,
        source="Chowdhery et al. 2022, table 1",
    )


PUBLISHED = {
    "palm-8b": _published(8.63e9, 32, 4096, 16),
    "palm-62b": _published(62.50e9, 64, 8192, 32),
    "palm-540b": _published(540.35e9, 118, 18_432, 48),
}

FAMILY = Family(
    name="palm",
    title="PaLM (Transformer, parallel blocks)",
    settings=PaLMSettings,
    learns="gradients",
    order="shuffle",
    build=PaLM,
    preset=preset,
    counts=counts,
    published=PUBLISHED,
)
