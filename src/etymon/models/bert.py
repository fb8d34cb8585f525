"""BERT: a Transformer that sees to both sides, trained to fill in what is hidden (Devlin et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from etymon.errors import EtymonError
from etymon.models.counts import WIDTHS, nearest
from etymon.models.family import Counts, Family, Published
from etymon.models.initialisation import draw
from etymon.models.layers import ATTENTION_SITES, MLP, MLP_SITES, DecoderSettings, SelfAttention
from etymon.models.network import Network, State, Tap, evaluating, visit, within
from etymon.recipe import Setting
from etymon.tokens import Batch, Mask

SPECIAL = 3
"""Rows of the embedding behind those of the tokenizer: what hides a token, what begins a row, what ends a segment."""
SCORED_ROWS = 64
"""Rows with one hidden token each that are read at a time while scoring."""


@dataclass(frozen=True, kw_only=True)
class BERTSettings(DecoderSettings):
    """The shape of a BERT. The ids of its special tokens: none of the vocabulary's, but three more behind it."""

    mask_id: Annotated[int | None, Setting("id of the token that hides another; none: one more", low=0)] = None
    begin_id: Annotated[int | None, Setting("id of the token that begins a row; none: one more", low=0)] = None
    end_id: Annotated[int | None, Setting("id of the token that ends a segment; none: one more", low=0)] = None

    encoder_only: Annotated[
        bool, Setting("no head: it encodes and guesses nothing, as a file of BertModel does", added=True)
    ] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if len({self.mask_id is None, self.begin_id is None, self.end_id is None}) > 1:
            raise EtymonError(
                "A BERT needs all three special ids or none of them",
                help="set mask_id, begin_id and end_id, or leave all three out",
            )


class Block(nn.Module):
    """norm(x + attention(x)), then norm(x + mlp(x)). Site: residual [B, T, D], what the block hands on."""

    def __init__(self, settings: BERTSettings) -> None:
        super().__init__()
        self.attention = SelfAttention(settings.width, settings.head_count, dropout=settings.dropout)
        self.attention_norm = nn.LayerNorm(settings.width, EPSILON)
        self.mlp = MLP(settings.width, 4 * settings.width, F.gelu)
        self.mlp_norm = nn.LayerNorm(settings.width, EPSILON)
        self.drop = nn.Dropout(settings.dropout)

    def forward(self, x: Tensor, batch: Batch[Tensor], places: Tensor, tap: Tap | None) -> Tensor:
        """x [B, T, D] -> [B, T, D]."""
        z, _ = self.attention(x, batch, places, (), within(tap, "attention."))
        x = self.attention_norm(x + self.drop(z))
        x = self.mlp_norm(x + self.drop(self.mlp(x, within(tap, "mlp."))))
        return visit(tap, "residual", x)


EPSILON = 1e-12
"""Of the published code, in all its norms."""


class BERT(Network):
    """The network. `encode` gives what stands for each token, `guesses` what the head for hidden tokens reads,
    and `follows` whether the second segment follows the first (0) or comes from elsewhere (1)."""

    family = "bert"
    final_sites = ("encoded", "final", "logits")

    def __init__(self, settings: BERTSettings, vocabulary: int) -> None:
        super().__init__(settings, vocabulary)
        self.settings: BERTSettings
        width = settings.width
        self.embed = nn.Embedding(vocabulary + (SPECIAL if settings.mask_id is None else 0), width)
        self.positions = nn.Embedding(settings.context, width)
        self.segments = nn.Embedding(2, width)
        self.embed_norm = nn.LayerNorm(width, EPSILON)
        self.drop = nn.Dropout(settings.dropout)
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.layers))
        if not settings.encoder_only:
            self.guess = nn.Linear(width, width)
            self.guess_norm = nn.LayerNorm(width, EPSILON)
            self.offset = nn.Parameter(torch.zeros(self.embed.num_embeddings))
        self.pool = nn.Linear(width, width)
        if not settings.encoder_only:
            self.relation = nn.Linear(width, 2)
        draw(self, settings.init or "truncated", settings.layers)

    @property
    def special(self) -> tuple[int, int, int]:
        """The ids that hide a token, begin a row and end a segment."""
        return special_ids(self.settings, self.vocabulary)

    @property
    def context(self) -> int:
        """Tokens of a text that it can score at once: three of its positions are for special tokens and the target
        that ends the row."""
        return self.settings.context - 3

    @property
    def output(self) -> tuple[Tensor, Tensor | None]:
        """Tied: the token embedding, with an offset; special tokens are among them and never asked for."""
        self._check_head()
        return self.embed.weight, self.offset

    def _check_head(self) -> None:
        if self.settings.encoder_only:
            raise EtymonError(
                "This BERT is an encoder alone: it says nothing of tokens.",
                why="it came from a file without the heads of a BertForPreTraining",
                help="ask it for `encode`, or take a BERT with its heads",
            )

    def encode(self, batch: Batch[Tensor], *, tap: Tap | None = None) -> Tensor:
        """[B, T, D] behind the last block."""
        length = batch.ids.shape[1]
        if length > self.settings.context:
            raise EtymonError(
                f"{length} tokens are more than this BERT can read at once",
                why=f"it knows {self.settings.context} positions",
                help=f"give at most {self.settings.context} tokens, special ones included",
            )
        places = torch.arange(length, device=batch.ids.device) if batch.positions is None else batch.positions
        segments = torch.zeros_like(batch.ids) if batch.segments is None else batch.segments
        x = self.embed(batch.ids) + self.positions(places) + self.segments(segments)
        x = self.drop(visit(tap, "embed", self.embed_norm(x)))
        if batch.visibility.causal:
            batch = replace(batch, visibility=replace(batch.visibility, causal=False))
        for i, block in enumerate(self.blocks):
            x = cast(Block, block)(x, batch, places, within(tap, f"blocks.{i}."))
        return visit(tap, "encoded", x)

    def guesses(self, encoded: Tensor) -> Tensor:
        """What the head reads for hidden tokens: norm(gelu(W x + b)). [..., D] -> [..., D]"""
        self._check_head()
        return self.guess_norm(F.gelu(self.guess(encoded)))

    def follows(self, begins: Tensor) -> Tensor:
        """Logits [..., 2] from what stands for the tokens that begin pairs [..., D]."""
        self._check_head()
        return self.relation(self.pooled(begins))

    def pooled(self, begins: Tensor) -> Tensor:
        """What stands for whole pairs [..., D]: tanh(W x + b) of the tokens that begin them."""
        return torch.tanh(self.pool(begins))

    def forward(
        self, batch: Batch[Tensor], *, tap: Tap | None = None, state: State | None = None
    ) -> tuple[Tensor, State | None]:
        """What the head reads at every position, [B, T, D]; there is no state, for every token looks at all others."""
        if state is not None:
            raise EtymonError("A BERT cannot go on behind a state", why="each token sees those to its right, too")
        return visit(tap, "final", self.guesses(self.encode(batch, tap=tap))), None

    def log_probs(self, batch: Batch[Any]) -> NDArray[np.float32]:
        """Nats [B, T] of each target after ids, hidden alone in the row that it ends and given all else of it, also to
        its right: the terms of the pseudo-log-likelihood (Salazar et al. 2020, arXiv 1910.14659, equation 2).

        They are no chain rule: their sum is the logarithm of no probability of the text. A row is its `ids` and last
        target, between the tokens that begin and end one, up to the last target of weight; behind it the nats are 0.
        As many readings of it are made as it has targets."""
        inside = self._checked(batch)
        ids, targets = inside.ids.cpu().numpy(), inside.targets.cpu().numpy()
        nats = np.zeros(ids.shape, np.float32)
        for row, weights in enumerate(inside.weights.cpu().numpy()):
            asked = np.flatnonzero(weights)
            length = int(asked[-1]) + 1 if len(asked) else 0
            if length:
                text: NDArray[Any] = np.append(ids[row, :length], targets[row, length - 1])
                nats[row, :length] = self._each_hidden_alone(text)
        return nats

    def _each_hidden_alone(self, text: NDArray[Any]) -> NDArray[np.float32]:
        """Nats [T] of the tokens behind the first one of `text` [T + 1]."""
        pieces: list[NDArray[np.float32]] = []
        for begin in range(1, len(text), SCORED_ROWS):
            places = np.arange(begin, min(begin + SCORED_ROWS, len(text)))
            log_probs = self.hidden_log_probs(np.tile(text, (len(places), 1)), places)
            pieces.append(log_probs[np.arange(len(places)), text[places]])
        return np.concatenate(pieces)

    def hidden_log_probs(self, ids: NDArray[Any], places: NDArray[Any]) -> NDArray[np.float32]:
        """Log-probabilities [B, V] of the token at `places` [B] of each row of text `ids` [B, T], hidden alone and
        given all the others; the rows stand between the tokens that begin and end one."""
        with evaluating(self):
            mask, begin, end = self.special
            inner = self._prompt(ids)
            which = torch.arange(len(inner), device=self.device)
            at = torch.from_numpy(np.asarray(places, np.int64)).to(self.device) + 1
            edge = inner.new_ones(len(inner), 1)
            rows = torch.cat([edge * begin, inner, edge * end], 1)
            rows[which, at] = mask
            encoded = self.encode(Batch(ids=rows, targets=rows, weights=rows, visibility=Mask(causal=False)))
            logits = self.head(self.guesses(encoded[which, at]))[:, : self.vocabulary].float()
            return logits.log_softmax(-1).cpu().numpy()

    def next_log_probs(self, ids: NDArray[Any], state: State | None = None) -> tuple[NDArray[np.float32], State]:
        """Log-probabilities [B, V] of a hidden token behind `ids`: what a BERT can say of a next token."""
        with evaluating(self):
            mask, begin, end = self.special
            read = self._prompt(ids)
            rows = read if state is None else torch.cat([state[0], read], 1)
            edge = rows.new_ones(len(rows), 1)
            whole = torch.cat([edge * begin, rows[:, -self.context :], edge * mask, edge * end], 1)
            encoded = self.encode(Batch(ids=whole, targets=whole, weights=whole, visibility=Mask(causal=False)))
            logits = self.head(self.guesses(encoded[:, -2]))[:, : self.vocabulary].float()
            return logits.log_softmax(-1).cpu().numpy(), (rows,)

    def start(self, rows: int) -> State:
        """No tokens yet: what was read is all that is kept."""
        return (torch.empty(rows, 0, dtype=torch.int64, device=self.device),)

    def sites(self) -> Sequence[str]:
        """embed, the sites of each block, encoded, final, logits."""
        inner = (*(f"attention.{site}" for site in ATTENTION_SITES), *(f"mlp.{site}" for site in MLP_SITES), "residual")
        return ["embed", *(f"blocks.{i}.{s}" for i in range(len(self.blocks)) for s in inner), *self.final_sites]

    def counts(self, length: int) -> Counts:
        """Parameters and FLOPs for windows of `length` tokens."""
        return counts(self.settings, self.vocabulary, length)


def special_ids(settings: BERTSettings, vocabulary: int) -> tuple[int, int, int]:
    """The ids that hide a token, begin a row and end a segment: those of the settings, else three behind all others."""
    if settings.mask_id is None or settings.begin_id is None or settings.end_id is None:
        return vocabulary, vocabulary + 1, vocabulary + 2
    return settings.mask_id, settings.begin_id, settings.end_id


def counts(settings: BERTSettings, vocabulary: int, length: int) -> Counts:
    """Exact size, and the cost of reading all positions through the head for hidden tokens, which is spared where
    nothing is asked for. The head for pairs, one position a row, is not counted."""
    width, layers = settings.width, settings.layers
    rows = vocabulary + (SPECIAL if settings.mask_id is None else 0)
    embedding = (rows + settings.context + 2) * width
    block = 12 * width * width + 13 * width
    pool = width * width + width
    heads = 0 if settings.encoder_only else pool + 2 * width + rows + 2 * width + 2  # guess, norm; offset; relation
    head = 0 if settings.encoder_only else 2 * (width * width + rows * width)
    forward = 2 * layers * (12 * width * width + 2 * length * width) + head
    return Counts(
        parameters=embedding + 2 * width + layers * block + pool + heads,
        embedding_parameters=embedding,
        length=length,
        forward_flops_per_token=forward,
        training_flops_per_token=3 * forward,
        asked_flops_per_token=3 * head,
    )


def preset(parameters_wanted: float, vocabulary: int) -> BERTSettings:
    """The BERT of about that many parameters: one layer per 64 of width, or one more, as in the paper's 12 x 768."""
    candidates = (BERTSettings(width=width, layers=width // 64 + more) for width in WIDTHS for more in (0, 1))
    return nearest(parameters_wanted, candidates, lambda s: counts(s, vocabulary, s.context).parameters)


def _published(parameters: float, layers: int, width: int, heads: int) -> Published:
    return Published(
        settings=BERTSettings(
            context=512, layers=layers, width=width, heads=heads, dropout=0.1, mask_id=103, begin_id=101, end_id=102
        ),
        vocabulary=30_522,
        parameters=parameters,
        year=2018,
        source="Devlin et al. 2019, section 3",
        difference="the paper rounds, and seems to leave out the head",
    )


PUBLISHED = {"bert-base": _published(110e6, 12, 768, 12), "bert-large": _published(340e6, 24, 1024, 16)}

FAMILY = Family(
    name="bert",
    title="BERT (Transformer to both sides)",
    settings=BERTSettings,
    learns="gradients",
    order="shuffle",
    objective="masked",
    special=special_ids,
    build=BERT,
    preset=preset,
    counts=counts,
    published=PUBLISHED,
)
