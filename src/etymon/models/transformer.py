"""The Transformer: an encoder reads the source, a decoder writes the target (Vaswani et al. 2017, arXiv 1706.03762)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from etymon.errors import EtymonError
from etymon.models.attention import attention
from etymon.models.counts import WIDTHS, nearest
from etymon.models.family import Counts, Family, Published
from etymon.models.initialisation import NAMES, draw
from etymon.models.layers import ATTENTION_SITES, MLP, MLP_SITES, SelfAttention
from etymon.models.network import Network, State, Tap, as_tensors, evaluating, visit, within
from etymon.models.positions import sinusoids
from etymon.recipe import Setting
from etymon.tokens import Batch, Mask

SOURCE = Mask(causal=False, within_prefix=True)
"""Who looks at the source looks at all of it, and at nothing behind it."""


@dataclass(frozen=True, kw_only=True)
class TransformerSettings:
    """The shape of a Transformer; its positions are waves, so that it knows no longest row."""

    layers: Annotated[int, Setting("number of blocks in the encoder, and in the decoder", low=1)] = 6
    width: Annotated[int, Setting("numbers that carry a token through the blocks; a multiple of heads", low=2)] = 512
    hidden: Annotated[int, Setting("numbers inside the MLP", low=1)] = 2048
    heads: Annotated[int, Setting("heads of each attention", low=1)] = 8
    dropout: Annotated[float, Setting("share of values dropped in training", low=0, high=0.9)] = 0.1
    begin_id: Annotated[
        int | None, Setting("id of the token that begins the target; none: the last of the vocabulary", low=0)
    ] = None
    init: Annotated[
        str | None,
        Setting("scheme of the first weights (initialisation.py); none: its paper's", choices=NAMES),
    ] = None

    def __post_init__(self) -> None:
        if self.width % self.heads or self.width % 2:
            raise EtymonError(
                f"A width of {self.width} cannot be shared out evenly among {self.heads} heads, or is odd",
                help="choose an even width that is a multiple of the number of heads",
            )


class EncoderBlock(nn.Module):
    """norm(x + attention(x)), then norm(x + mlp(x)): section 3.1. Site: residual [B, S, D], what the block hands on."""

    def __init__(self, settings: TransformerSettings) -> None:
        super().__init__()
        self.attention = SelfAttention(settings.width, settings.heads, offsets=False)
        self.attention_norm = nn.LayerNorm(settings.width)
        self.mlp = MLP(settings.width, settings.hidden, F.relu)
        self.mlp_norm = nn.LayerNorm(settings.width)
        self.drop = nn.Dropout(settings.dropout)

    def forward(self, x: Tensor, source: Batch[Tensor], places: Tensor, tap: Tap | None) -> Tensor:
        """x [B, S, D] -> [B, S, D]."""
        z, _ = self.attention(x, source, places, (), within(tap, "attention."))
        x = self.attention_norm(x + self.drop(z))
        x = self.mlp_norm(x + self.drop(self.mlp(x, within(tap, "mlp."))))
        return visit(tap, "residual", x)


class CrossAttention(nn.Module):
    """Queries of the target, keys and values of the source: section 3.2.3. Sites as in self-attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.size = width // heads
        self.q = nn.Linear(width, width, bias=False)
        self.kv = nn.Linear(width, 2 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def read(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values [B, H, S, d] of the encoded source [B, S, D]."""
        k, v = self.kv(memory).unflatten(-1, (-1, self.size)).transpose(1, 2).chunk(2, 1)
        return k, v

    def forward(self, x: Tensor, source: State, target: Batch[Tensor], tap: Tap | None) -> Tensor:
        """x [B, T, D] -> [B, T, D]; `source`: what `read` gave."""
        q = self.q(x).unflatten(-1, (-1, self.size)).transpose(1, 2)  # [B, H, T, d]
        q, k, v = (visit(tap, site, part) for site, part in zip("qkv", (q, *source), strict=True))
        z = visit(tap, "z", attention(q, k, v, mask=SOURCE, batch=target, tap=tap))
        return visit(tap, "out", self.out(z.transpose(1, 2).flatten(2)))


class DecoderBlock(nn.Module):
    """norm(x + attention(x)), norm(x + cross(x)), norm(x + mlp(x)): section 3.1. Site: residual [B, T, D]."""

    def __init__(self, settings: TransformerSettings) -> None:
        super().__init__()
        self.attention = SelfAttention(settings.width, settings.heads, offsets=False)
        self.attention_norm = nn.LayerNorm(settings.width)
        self.cross = CrossAttention(settings.width, settings.heads)
        self.cross_norm = nn.LayerNorm(settings.width)
        self.mlp = MLP(settings.width, settings.hidden, F.relu)
        self.mlp_norm = nn.LayerNorm(settings.width)
        self.drop = nn.Dropout(settings.dropout)

    def forward(
        self, x: Tensor, target: Batch[Tensor], places: Tensor, past: State, source: State, tap: Tap | None
    ) -> tuple[Tensor, State]:
        """x [B, T, D] -> [B, T, D], and the keys and values of its self-attention."""
        z, cache = self.attention(x, target, places, past, within(tap, "attention."))
        x = self.attention_norm(x + self.drop(z))
        x = self.cross_norm(x + self.drop(self.cross(x, source, target, within(tap, "cross."))))
        x = self.mlp_norm(x + self.drop(self.mlp(x, within(tap, "mlp."))))
        return visit(tap, "residual", x), cache


class Transformer(Network):
    """The network: log p(target | source).

    A row of its batches is the source, the token that begins the target, and the target; `Batch.prefixes` says how many
    tokens the source has. So a model of the prefix kind (a decoder with `Mask(prefix=True)`) reads the same batches.
    At the source's own positions nothing is asked: the hidden values there are 0.

    Its state: the sources' lengths [B], then keys and values [B, H, T, d] of the target and [B, H, S, d] of the source
    for block 0, block 1, and so on of the decoder."""

    family = "transformer"

    def __init__(self, settings: TransformerSettings, vocabulary: int) -> None:
        super().__init__(settings, vocabulary)
        self.settings: TransformerSettings
        self.embed = nn.Embedding(vocabulary, settings.width)
        self.drop = nn.Dropout(settings.dropout)
        self.encoder = nn.ModuleList(EncoderBlock(settings) for _ in range(settings.layers))
        self.decoder = nn.ModuleList(DecoderBlock(settings) for _ in range(settings.layers))
        draw(self, settings.init or "xavier", settings.layers)

    @property
    def begin(self) -> int:
        """The id of the token that begins the target."""
        return self.vocabulary - 1 if self.settings.begin_id is None else self.settings.begin_id

    @property
    def output(self) -> tuple[Tensor, Tensor | None]:
        """Tied: source, target and head share one matrix (section 3.4)."""
        return self.embed.weight, None

    def encode(self, ids: Tensor, lengths: Tensor, *, tap: Tap | None = None) -> Tensor:
        """[B, S, D] for sources [B, S], of which row b has lengths[b] tokens and padding behind."""
        tap = within(tap, "encoder.")
        source = _batch(ids, lengths, SOURCE)
        places = torch.arange(ids.shape[1], device=ids.device)
        x = self._embedded(ids, places, tap)
        for i, block in enumerate(self.encoder):
            x = cast(EncoderBlock, block)(x, source, places, within(tap, f"blocks.{i}."))
        return x

    def decode(self, ids: Tensor, state: State, *, tap: Tap | None = None) -> tuple[Tensor, State]:
        """[B, T, D] for targets [B, T] that go on behind the state."""
        tap = within(tap, "decoder.")
        lengths, before = state[0], state[1].shape[2]
        target = _batch(ids, lengths, Mask())
        places = torch.arange(before, before + ids.shape[1], device=ids.device)
        x = self._embedded(ids, places, tap)
        after: list[Tensor] = [lengths]
        for i, block in enumerate(self.decoder):
            past, source = state[4 * i + 1 : 4 * i + 3], state[4 * i + 3 : 4 * i + 5]
            x, cache = cast(DecoderBlock, block)(x, target, places, past, source, within(tap, f"blocks.{i}."))
            after += [*cache, *source]
        return x, tuple(after)

    def _embedded(self, ids: Tensor, places: Tensor, tap: Tap | None) -> Tensor:
        """sqrt(D) E[ids] + waves of the positions (sections 3.4 and 3.5)."""
        width = self.settings.width
        x = self.embed(ids) * width**0.5
        return self.drop(visit(tap, "embed", x + sinusoids(places, width).to(x.dtype)))

    def read(self, memory: Tensor, lengths: Tensor) -> State:
        """The state behind a source and before its target."""
        none = memory.new_empty(len(memory), self.settings.heads, 0, self.settings.width // self.settings.heads)
        sources = (cast(DecoderBlock, block).cross.read(memory) for block in self.decoder)
        return (lengths, *(part for source in sources for part in (none, none, *source)))

    def forward(
        self, batch: Batch[Tensor], *, tap: Tap | None = None, state: State | None = None
    ) -> tuple[Tensor, State | None]:
        """Hidden values [B, T, D]; behind a state all ids are of the target, before one each row has its source."""
        if state:
            return self.decode(batch.ids, state, tap=tap)
        lengths, rows = self._lengths(batch), batch.ids.shape[1]
        source = batch.ids[:, : int(lengths.max())]
        begun = self.read(self.encode(source, lengths, tap=tap), lengths)
        # Targets begin at different places: they are moved to the left edge, and their hidden values back.
        moved = lengths[:, None] + torch.arange(rows - int(lengths.min()), device=source.device)
        hidden, after = self.decode(batch.ids.gather(1, moved.clamp(max=rows - 1)), begun, tap=tap)
        back = torch.arange(rows, device=source.device) - lengths[:, None]  # [B, T]; below 0: of the source
        hidden = hidden.gather(1, back.clamp(min=0)[..., None].expand(-1, -1, hidden.shape[-1]))
        return hidden * (back >= 0)[..., None], None if state is None else after

    def _lengths(self, batch: Batch[Tensor]) -> Tensor:
        lengths = batch.prefixes
        if lengths is None or int(lengths.min()) < 1 or int(lengths.max()) >= batch.ids.shape[1]:
            raise EtymonError(
                "A Transformer of encoder and decoder reads pairs, and these rows are none",
                why="it gives the probability of a target given its source"
                + ("; Batch.prefixes does not say how long the sources are" if lengths is None else ", neither empty"),
                help="make the batches with etymon.objectives.Translation",
            )
        return lengths

    def log_probs(self, batch: Batch[Any]) -> NDArray[np.float32]:
        """Nats [B, T]: log p(targets[b, t] | the source, and of the target ids up to t); 0 within the source."""
        with evaluating(self):
            inside = as_tensors(batch, self.device)
            hidden, _ = self(inside)
            within_source = torch.arange(inside.ids.shape[1], device=self.device) < self._lengths(inside)[:, None]
            return self._target_log_probs(hidden, inside.targets).masked_fill(within_source, 0).cpu().numpy()

    def next_log_probs(self, ids: NDArray[Any], state: State | None = None) -> tuple[NDArray[np.float32], State]:
        """Log-probabilities [B, V] of the token that follows; the first call has the sources, the token that begins the
        target (`begin`), and what is already known of the target, sources equally long in all rows."""
        with evaluating(self):
            tokens = torch.from_numpy(np.asarray(ids, np.int64)).to(self.device)
            batch = _batch(tokens, None if state else self._sources(tokens), Mask())
            hidden, after = self(batch, state=state or ())
            return self.head(hidden[:, -1]).float().log_softmax(-1).cpu().numpy(), after

    def _sources(self, ids: Tensor) -> Tensor:
        """[B]: how many tokens come before the one that begins the target."""
        begins = ids == self.begin
        lengths = begins.long().argmax(-1)
        if not bool(begins.any(-1).all()) or int(lengths.min()) != int(lengths.max()):
            raise EtymonError(
                "A Transformer of encoder and decoder goes on behind a source and the token that begins the target",
                why=f"token {self.begin} is missing in a row, or stands at different places",
                help="give rows of source, begin and target, those with equally long sources together",
            )
        return lengths

    def start(self, rows: int) -> State:
        """Nothing is read yet, the source neither."""
        return ()

    def sites(self) -> Sequence[str]:
        """encoder.embed, the sites of its blocks, decoder.embed, the sites of its blocks, logits."""
        attends, mlp = [[f"{part}.{site}" for site in ATTENTION_SITES] for part in ("attention", "cross")], MLP_SITES
        inner = {"encoder": attends[0], "decoder": attends[0] + attends[1]}
        names: list[str] = []
        for half, parts in inner.items():
            names.append(f"{half}.embed")
            for i in range(self.settings.layers):
                own = (*parts, *(f"mlp.{site}" for site in mlp), "residual")
                names += [f"{half}.blocks.{i}.{site}" for site in own]
        return [*names, "logits"]

    def counts(self, length: int) -> Counts:
        """Parameters and FLOPs for rows of `length` tokens."""
        return counts(self.settings, self.vocabulary, length)


def _batch(ids: Tensor, prefixes: Tensor | None, visibility: Mask) -> Batch[Tensor]:
    return Batch(ids=ids, targets=ids, weights=ids, prefixes=prefixes, visibility=visibility)


def counts(settings: TransformerSettings, vocabulary: int, length: int) -> Counts:
    """Exact size, and the cost of rows of which half is the source (`pair_flops` for other pairs)."""
    width, table = settings.width, vocabulary * settings.width
    encoder = 4 * width * width + 2 * width * settings.hidden + settings.hidden + 5 * width
    decoder = encoder + 4 * width * width + 2 * width
    forward = pair_flops(settings, vocabulary, length // 2, length - length // 2) / length
    return Counts(
        parameters=table + settings.layers * (encoder + decoder),
        embedding_parameters=table,
        length=length,
        forward_flops_per_token=forward,
        training_flops_per_token=3 * forward,
    )


def pair_flops(settings: TransformerSettings, vocabulary: int, source: int, target: int) -> int:
    """FLOPs forward for one pair of so many tokens, the target's with the one that begins it; the head reads those of
    the target alone."""
    width, mlp = settings.width, 2 * settings.width * settings.hidden
    encoder = source * (4 * width * width + mlp + 2 * source * width)
    keys = source * 2 * width * width  # of the source, in each block of the decoder
    decoder = target * (6 * width * width + mlp + 2 * (target + source) * width)
    return 2 * (settings.layers * (encoder + keys + decoder) + target * vocabulary * width)


def _candidates() -> Iterable[TransformerSettings]:
    """Six layers for 512 of width, as in the paper, or one more; heads of 64, the MLP four times as wide."""
    for width in WIDTHS:
        for more in (0, 1):
            yield TransformerSettings(
                width=width, layers=max(width * 6 // 512, 1) + more, hidden=4 * width, heads=width // 64
            )


def preset(parameters_wanted: float, vocabulary: int) -> TransformerSettings:
    """The Transformer of about that many parameters. One dial, the width; the rest follows from it."""
    return nearest(parameters_wanted, _candidates(), lambda s: counts(s, vocabulary, 2).parameters)


def _published(parameters: float, width: int, heads: int, dropout: float, difference: str) -> Published:
    return Published(
        settings=TransformerSettings(width=width, hidden=4 * width, heads=heads, dropout=dropout),
        vocabulary=37_000,
        parameters=parameters,
        year=2017,
        source="Vaswani et al. 2017, table 3",
        difference=difference,
    )


PUBLISHED = {
    "transformer-base": _published(65e6, 512, 8, 0.1, "the paper rounds, and says of its vocabulary: about 37,000"),
    "transformer-big": _published(213e6, 1024, 16, 0.3, "as for the base model; its numbers fit no one vocabulary"),
}

FAMILY = Family(
    name="transformer",
    title="Transformer (encoder and decoder)",
    settings=TransformerSettings,
    learns="gradients",
    order="shuffle",
    objective="translation",
    build=Transformer,
    preset=preset,
    counts=counts,
    published=PUBLISHED,
)
