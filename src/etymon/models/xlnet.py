"""XLNet: a Transformer that reads in any order; a second stream asks for a token without seeing it (Yang et al. 2019).

The content stream h stands for the tokens that were read. The query stream g knows only a place and what came before it
in the order; what it ends with is what the head reads. Both have the same weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from etymon.errors import EtymonError
from etymon.models.counts import WIDTHS, nearest
from etymon.models.family import Counts, Family, Published
from etymon.models.initialisation import draw
from etymon.models.layers import ATTENTION_SITES, MLP, MLP_SITES, DecoderSettings
from etymon.models.network import Network, State, Tap, visit, within
from etymon.models.relative import Keys, Outlook, RelativeAttention, outlooks, sines
from etymon.recipe import Setting
from etymon.tokens import Batch

EPSILON = 1e-12
"""Of the published code, in all its norms."""
BLOCK_SITES = (*(f"attention.{site}" for site in ATTENTION_SITES), *(f"mlp.{site}" for site in MLP_SITES), "residual")


@dataclass(frozen=True, kw_only=True)
class XLNetSettings(DecoderSettings):
    """The shape of an XLNet."""

    memory: Annotated[int | None, Setting("earlier tokens that a state keeps; none: all", unit="tokens", low=1)] = None


class Block(nn.Module):
    """norm(x + attention(x)), then norm(x + mlp(x)), for both streams. Site: residual [B, T, D], what the block hands
    on; those of the query stream are behind `query.`, where keys and values are the content's."""

    def __init__(self, settings: XLNetSettings) -> None:
        super().__init__()
        self.attention = RelativeAttention(settings.width, settings.head_count, dropout=settings.dropout)
        self.attention_norm = nn.LayerNorm(settings.width, EPSILON)
        self.mlp = MLP(settings.width, 4 * settings.width, F.gelu)
        self.mlp_norm = nn.LayerNorm(settings.width, EPSILON)
        self.drop = nn.Dropout(settings.dropout)

    def forward(
        self, h: Tensor, g: Tensor | None, past: Tensor, distances: Tensor, views: Sequence[Outlook], tap: Tap | None
    ) -> tuple[Tensor, Tensor | None]:
        """h [B, T, D] and g [B, Q, D], if there are queries -> the same; `past` [B, M, D]: the h of earlier tokens."""
        keys = self.attention.keys(torch.cat([past, h], 1), distances, within(tap, "attention."))
        g = None if g is None else self._stream(g, keys, views[1], within(tap, "query."))
        return self._stream(h, keys, views[0], tap), g

    def _stream(self, x: Tensor, keys: Keys, view: Outlook, tap: Tap | None) -> Tensor:
        x = self.attention_norm(x + self.drop(self.attention(x, keys, view, within(tap, "attention."))))
        x = self.mlp_norm(x + self.drop(self.mlp(x, within(tap, "mlp."))))
        return visit(tap, "residual", x)


class XLNet(Network):
    """The network. Its state is the h that went into each block, [B, M, D] of block 0, block 1, and so on; no gradient
    goes into it.

    What `forward` asks for follows from the batch's mask. Left to right (the default): the token behind each position,
    so that log_probs is the chain rule. `permuted`: the token at each position, from those of a lower rank."""

    family = "xlnet"

    def __init__(self, settings: XLNetSettings, vocabulary: int) -> None:
        super().__init__(settings, vocabulary)
        self.settings: XLNetSettings
        self.embed = nn.Embedding(vocabulary, settings.width)
        self.asking = nn.Parameter(0.02 * torch.randn(settings.width))
        self.drop = nn.Dropout(settings.dropout)
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.layers))
        self.offset = nn.Parameter(torch.zeros(vocabulary))
        draw(self, settings.init or "normal", settings.layers)

    @property
    def context(self) -> int:
        """The rows that it is made for; distances set no limit."""
        return self.settings.context

    @property
    def output(self) -> tuple[Tensor, Tensor | None]:
        """Tied: the token embedding, with an offset."""
        return self.embed.weight, self.offset

    def forward(
        self,
        batch: Batch[Tensor],
        *,
        tap: Tap | None = None,
        state: State | None = None,
        asked: Tensor | None = None,
        remembered: int | None = None,
    ) -> tuple[Tensor, State | None]:
        """The query stream [B, T, D], or [B, K, D] of the positions `asked` [B, K] alone; and a longer memory, if there
        was one: with all of the row in it, or its first `remembered` tokens."""
        if not (batch.visibility.causal or batch.visibility.permuted):
            raise EtymonError(
                "An XLNet cannot be asked for tokens in no order",
                why="each of them would be seen through the others",
                help="give a mask that is causal or permuted, or call encode",
            )
        places = batch.ids if asked is None else asked
        g = self.drop(self.asking.expand(*places.shape, -1))
        _, g, after = self._read(batch, g, asked, state, tap, remembered)
        assert g is not None
        return visit(tap, "final", self.drop(g)), after

    def encode(self, batch: Batch[Tensor], *, state: State | None = None) -> tuple[Tensor, State | None]:
        """The content stream [B, T, D], what stands for each token that was read; and a longer memory."""
        h, _, after = self._read(batch, None, None, state, None)
        return h, after

    def _read(
        self,
        batch: Batch[Tensor],
        g: Tensor | None,
        asked: Tensor | None,
        state: State | None,
        tap: Tap | None,
        remembered: int | None = None,
    ) -> tuple[Tensor, Tensor | None, State | None]:
        before = self.start(len(batch.ids)) if state is None else state
        earlier, length = before[0].shape[1], batch.ids.shape[1]
        h = self.drop(visit(tap, "embed", self.embed(batch.ids)))
        distances = self.drop(sines(length, earlier, h))
        content, queries = outlooks(batch, earlier)
        views = (content, queries if asked is None else queries.at(asked))
        after: list[Tensor] = []
        for i, (block, past) in enumerate(zip(self.blocks, before, strict=True)):
            if state is not None:
                after.append(
                    torch.cat([past, h.detach()[:, :remembered]], 1)[:, -(self.settings.memory or earlier + length) :]
                )
            h, g = cast(Block, block)(h, g, past, distances, views, within(tap, f"blocks.{i}."))
        return h, g, None if state is None else tuple(after)

    def start(self, rows: int) -> State:
        """An empty memory."""
        return tuple(self.embed.weight.new_empty(rows, 0, self.settings.width) for _ in self.blocks)

    def sites(self) -> Sequence[str]:
        """embed, the sites of each block (keys and values, the query stream, the content stream), final, logits."""
        keys = ("attention.k", "attention.v")
        inner = [site for site in BLOCK_SITES if site not in keys]
        block = (*keys, *(f"query.{site}" for site in inner), *inner)
        return ["embed", *(f"blocks.{i}.{site}" for i in range(len(self.blocks)) for site in block), "final", "logits"]

    def counts(self, length: int) -> Counts:
        """Parameters and FLOPs for windows of `length` tokens."""
        return counts(self.settings, self.vocabulary, length)


def counts(settings: XLNetSettings, vocabulary: int, length: int) -> Counts:
    """Exact size, and the cost of one row of one segment of which every token is asked for; where not, the query stream
    and the head are spared. (The rows of a step share the table of distances; it is counted for each.)"""
    width, layers = settings.width, settings.layers
    embedding = vocabulary * width
    block = 13 * width * width + 14 * width
    stream = 10 * width * width + 4 * length * width  # q, out, MLP; content, distance (2 T of them), values
    table = 2 * width * width
    forward = 2 * (layers * (2 * stream + 2 * width * width + table) + embedding)
    spared = layers * table + 2 * stream  # the table has no gradient; what the last block makes of h is not used
    return Counts(
        parameters=embedding + width + layers * block + vocabulary,
        embedding_parameters=embedding,
        length=length,
        forward_flops_per_token=forward,
        training_flops_per_token=3 * forward - 2 * spared,
        asked_flops_per_token=6 * (layers * stream + embedding),
    )


def preset(parameters_wanted: float, vocabulary: int) -> XLNetSettings:
    """The XLNet of about that many parameters: one layer per 64 of width, or one more, as in the paper's base model."""
    candidates = (XLNetSettings(width=width, layers=width // 64 + more) for width in WIDTHS for more in (0, 1))
    return nearest(parameters_wanted, candidates, lambda s: counts(s, vocabulary, s.context).parameters)


def _published(parameters: float, layers: int, width: int, heads: int) -> Published:
    return Published(
        settings=XLNetSettings(context=512, layers=layers, width=width, heads=heads, dropout=0.1, memory=384),
        vocabulary=32_000,
        parameters=parameters,
        year=2019,
        source="Yang et al. 2019, section 3.1 (the shapes of BERT)",
        difference="the number is BERT's; XLNet has one matrix more in each block, for distances",
    )


PUBLISHED = {"xlnet-base": _published(110e6, 12, 768, 12), "xlnet-large": _published(340e6, 24, 1024, 16)}

FAMILY = Family(
    name="xlnet",
    title="XLNet (Transformer in any order)",
    settings=XLNetSettings,
    learns="gradients",
    order="shuffle",
    objective="permutation",
    build=XLNet,
    preset=preset,
    counts=counts,
    published=PUBLISHED,
)
