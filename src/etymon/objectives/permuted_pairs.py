"""The rows that XLNet was trained on: text with a memory, then two segments (Yang et al. 2019, section 2.4 and A.5)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from etymon.errors import EtymonError
from etymon.objectives.cross_entropy import summed_cross_entropy
from etymon.objectives.permutation import Permutation
from etymon.tokens import Batch, Loader, Mask, TokenStream

if TYPE_CHECKING:
    from etymon.models import XLNet

State = tuple[Tensor, ...]
Numbers = NDArray[np.int64]

SPECIAL = 3
"""Tokens of a row's second half that are no text."""
FEWEST = 2
"""Tokens of a segment at least."""


@dataclass(frozen=True, kw_only=True)
class PermutedPairs(Permutation):
    """`Permutation` over rows of two halves, each as long as the loader's windows: the window; then A, end, B, end,
    whole from the window behind it, B being with even chances what follows A or a piece of another place.

    The loader's order must be "stream": the next step's row begins where this one's second half did, so every token is
    read in either half, and the memory takes what stood for the first half alone. Each half has an order of its own:
    the first sees nothing of the second, the second all of the first. Neither `end` nor `whole` nor what ends a
    document is ever asked for. Segments: 0 is the window, A and its end; 1 is B and its end; 2 is `whole`.

    special: the ids of `end` and `whole`, which are tokens of the vocabulary. `backwards`: the second half of a batch's
    rows reads the text from its end to its beginning (the published "bi_data")."""

    special: tuple[int, int]
    backwards: bool = True

    @property
    def name(self) -> str:
        """What a checkpoint says it was trained by."""
        ways = "both ways" if self.backwards else "one way"
        return f"{super().name}, two halves, pairs with {self.special[0]} and {self.special[1]}, {ways}"

    def asked(self, length: int) -> tuple[int, float]:
        """`predicted` of the tokens that are text, in a row of two windows."""
        return 2 * length, self.predicted * (2 * length - SPECIAL) / (2 * length)

    def batch(self, loader: Loader, step: int, slots: range | None = None) -> Batch[Any]:
        """The rows `slots` of step `step`."""
        if loader.order != "stream" or type(loader) is not Loader:
            raise EtymonError(
                "Rows with a memory go on where those of the step before ended",
                why=f"this loader gives {'rows by domain' if loader.order == 'stream' else 'them in random order'}",
                help='give a Loader with order="stream", or use Permutation',
            )
        if loader.length < SPECIAL + 2 * FEWEST:
            raise EtymonError(
                f"Two segments do not fit into {loader.length} tokens", help=f"length={SPECIAL + 2 * FEWEST} or more"
            )
        wanted = range(loader.slots) if slots is None else slots
        turn = loader.slots - loader.slots // 2 if self.backwards else loader.slots  # rows before it read forwards
        forwards = range(wanted.start, max(min(wanted.stop, turn), wanted.start))
        backwards = range(min(max(wanted.start, turn), wanted.stop), wanted.stop)
        rows = [*self._rows(loader, step, forwards)]
        if backwards:
            rows += self._rows(_reversed(loader), step, backwards)
        ids, asked, segments, ranks = (np.stack(column) for column in zip(*rows, strict=True))
        return Batch(
            ids=ids,
            targets=ids,
            weights=asked.astype(np.float32),
            segments=segments,
            ranks=ranks,
            visibility=Mask(permuted=True),
            carries_state=True,
        )

    def _rows(
        self, loader: Loader, step: int, slots: range
    ) -> list[tuple[Numbers, NDArray[np.bool_], Numbers, Numbers]]:
        """ids, whether asked for, segments and ranks of each row."""
        if not slots:
            return []
        first, second = loader.batch(step, slots).ids, loader.batch(step + 1, slots).ids
        return [
            self._row(loader.stream, first[at], second[at], np.random.default_rng((self.seed, step, number)))
            for at, number in enumerate(slots)
        ]

    def _row(
        self, stream: TokenStream, first: Numbers, second: Numbers, draw: np.random.Generator
    ) -> tuple[Numbers, NDArray[np.bool_], Numbers, Numbers]:
        end, whole = self.special
        text = second[: len(second) - SPECIAL]
        cut = int(draw.integers(FEWEST, len(text) - FEWEST + 1))
        a, b = text[:cut], text[cut:]
        if draw.random() < 0.5:
            begin = int(draw.integers(0, max(stream.targets - len(b), 1)))
            b = np.resize(np.asarray(stream.ids[begin : begin + len(b)], np.int64), len(b))
        pair = np.concatenate([a, [end], b, [end, whole]])
        ids = np.concatenate([first, pair])
        segments = np.zeros(len(ids), np.int64)
        segments[len(first) + cut + 1 :] = 1
        segments[-1] = 2
        plain = ~np.isin(ids, (stream.end_of_text, end, whole))
        asked, ranks = np.zeros(len(ids), np.bool_), np.empty(len(ids), np.int64)
        given = -1
        for half in (slice(0, len(first)), slice(len(first), len(ids))):
            asked[half] = self._chosen(plain[half], draw)
            count = int(asked[half].sum())
            ranks[half] = given  # of a half's given tokens: behind all of the half before
            ranks[half][asked[half]] = given + 1 + draw.permutation(count)
            given += count + 1
        return ids, asked, segments, ranks

    def loss(
        self, network: XLNet, batch: Batch[Tensor], state: State | None = None
    ) -> tuple[Tensor, Tensor, State | None]:
        """Sum of nats, how many tokens were asked for, and the memory with the first half in it."""
        most = max(int((batch.weights > 0).sum(-1).max()), 1)
        weights, asked = batch.weights.topk(most)
        before = network.start(len(batch.ids)) if state is None else state
        hidden, after = network(batch, asked=asked, state=before, remembered=batch.ids.shape[1] // 2)
        targets = batch.targets.gather(-1, asked).flatten()
        nats = summed_cross_entropy(hidden.flatten(0, 1), *network.output, targets, weights.flatten())
        return nats, batch.weights.sum(), after


@lru_cache(maxsize=2)
def _reversed(loader: Loader) -> Loader:
    """The same lanes through the text read from its end; nothing is copied."""
    stream = loader.stream
    turned = replace(
        stream,
        ids=stream.ids[::-1],
        starts=(len(stream.ids) - 1 - stream.starts)[::-1],
        bytes=stream.bytes[::-1],
        documents=list(reversed(stream.documents)),
        domains=list(reversed(stream.domains)),
    )
    return Loader(turned, length=loader.length, slots=loader.slots, seed=loader.seed, order="stream")
