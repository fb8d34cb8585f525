"""NPLM: the next token from the embeddings of the last n - 1, by one hidden layer (Bengio et al. 2003, JMLR 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from etymon.models import Counts, Family, Network
from etymon.models.network import visit
from etymon.recipe import Setting
from etymon.tokens import Mask


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The shape of an NPLM."""

    order: Annotated[int, Setting("n: it reads the last n - 1 tokens", low=2)] = 8
    width: Annotated[int, Setting("numbers that stand for a token", low=1)] = 64
    hidden: Annotated[int, Setting("units of the hidden layer", low=1)] = 256


class NPLM(Network):
    """y = b + U tanh(d + H x), where x are the embeddings of the last n - 1 tokens side by side (equation 1)."""

    family = "nplm"

    def __init__(self, settings: Settings, vocabulary: int) -> None:
        super().__init__(settings, vocabulary)
        self.embed = nn.Embedding(vocabulary, settings.width)
        self.layer = nn.Linear((settings.order - 1) * settings.width, settings.hidden)
        self.unembed = nn.Linear(settings.hidden, vocabulary)

    @property
    def output(self) -> tuple[Tensor, Tensor | None]:
        """U and b."""
        return self.unembed.weight, self.unembed.bias

    def forward(self, batch: Any, *, tap: Any = None, state: Any = None) -> tuple[Tensor, Any]:
        """tanh(d + H x) [B, T, hidden], and the embeddings of the last n - 2 tokens."""
        assert batch.visibility == Mask(), "an NPLM sees everything to the left that it reads"
        (before,) = self.start(len(batch.ids)) if state is None else state
        known = torch.cat([before, visit(tap, "embed", self.embed(batch.ids))], 1)  # [B, n - 2 + T, D]
        x = known.unfold(1, self.settings.order - 1, 1).transpose(2, 3).flatten(2)  # [B, T, (n - 1) D]
        after = known[:, known.shape[1] - (self.settings.order - 2) :]
        return visit(tap, "final", torch.tanh(self.layer(x))), (after,)

    def start(self, rows: int) -> Any:
        """Zeros where no token was yet."""
        return (self.embed.weight.new_zeros(rows, self.settings.order - 2, self.settings.width),)

    def sites(self) -> Sequence[str]:
        """Embeddings, the hidden layer, and what comes out."""
        return ["embed", "final", "logits"]

    def counts(self, length: int) -> Counts:
        """Exact size and cost."""
        return counts(self.settings, self.vocabulary, length)


def counts(s: Settings, vocabulary: int, length: int) -> Counts:
    """Looking embeddings up costs nothing."""
    matrices = ((s.order - 1) * s.width + vocabulary) * s.hidden
    return Counts(
        parameters=vocabulary * s.width + matrices + s.hidden + vocabulary,
        embedding_parameters=vocabulary * s.width,
        length=length,
        forward_flops_per_token=2 * matrices,
        training_flops_per_token=6 * matrices,
    )


def preset(parameters_wanted: float, vocabulary: int) -> Settings:
    """The NPLM of about that many parameters; the hidden layer is four times as wide as an embedding."""
    sizes = (Settings(width=width, hidden=4 * width) for width in range(8, 2048, 8))
    return min(sizes, key=lambda s: abs(counts(s, vocabulary, 1).parameters - parameters_wanted))


FAMILY = Family(
    name="nplm", title="NPLM (neural n-gram)", settings=Settings, learns="gradients", order="shuffle",
    build=NPLM, preset=preset, counts=counts,
)  # fmt: skip
