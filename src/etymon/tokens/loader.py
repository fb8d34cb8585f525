"""`Loader`: the batch of any step, computed from the step's number alone, so that there is no place to resume from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.tokens.batch import Batch
from etymon.tokens.permutation import keys, mixed, permuted
from etymon.tokens.stream import TokenStream

Order = Literal["shuffle", "stream"]
Numbers = NDArray[np.int64]

PADDING = -1
"""The document number of a position that holds no token of the stream."""


class Loader:
    """Batches of `slots` rows of `length` tokens from one stream; a pure function of (stream, seed, step).

    The stream is read as a ring of N - 1 targets: the token after its last is the one after its first, both being
    end-of-text. Each target is asked for once an epoch.

    "shuffle": an epoch cuts the ring into windows of `length` targets, starting where its own key says, so that a token
    does not stand at the beginning of a window in every epoch, and visits them in its own random order. Where the
    length does not divide the ring, the last window is moved back until it is full, and the targets that the one
    before it asks for weigh 0. A ring shorter than one window is padded with end-of-text of weight 0.

    "stream": `slots` lanes begin at evenly spaced places and go on without a break, each into the next one's beginning,
    so that row b of step s + 1 continues row b of step s for as long as training lasts (`Batch.carries_state`). The
    lanes pass on to the next epoch at the same step, so here an epoch is whole to within one step.
    """

    mixture: Mapping[str, float] = {}
    """The share of each domain, where rows are drawn by domain."""

    def __init__(self, stream: TokenStream, *, length: int, slots: int, seed: int, order: Order) -> None:
        if stream.targets < 1:
            raise EtymonError(
                "There is no text to make batches of.", why="the split has no documents", help="add text to the corpus"
            )
        if length < 1 or slots < 1:
            raise EtymonError(f"A batch of {slots} rows of {length} tokens is empty.", help="ask for 1 or more of each")
        self.stream, self.length, self.slots, self.seed, self.order = stream, length, slots, seed, order
        self._ring = stream.targets

    @property
    def windows(self) -> int:
        """Rows of an epoch."""
        return -(-self._ring // self.length)

    @property
    def steps_per_epoch(self) -> int:
        """Steps until every target has been asked for, rounded up."""
        if self.order == "stream":
            return -(-self._ring // (self.slots * self.length))
        return -(-self.windows // self.slots)

    def batch(self, step: int, slots: range | None = None) -> Batch[NDArray[Any]]:
        """The batch of `step` (>= 0), or only those rows of it that `slots` names; any cut gives the same rows.

        ids, targets, documents [B, T] int64, weights [B, T] float32. `documents` numbers each input token's document
        within the stream; an end-of-text belongs to the document that it opens.
        """
        rows = np.arange(self.slots, dtype=np.int64)[self._checked(slots)]
        if self.order == "stream":
            return self._streamed(step, rows)
        return self._shuffled(step, rows)

    def _checked(self, slots: range | None) -> slice:
        whole = range(self.slots) if slots is None else slots
        if whole.step != 1 or not 0 <= whole.start <= whole.stop <= self.slots:
            raise EtymonError(f"The rows {whole} are not in a batch of {self.slots}.", help="name a range within it")
        return slice(whole.start, whole.stop)

    def _shuffled(self, step: int, rows: Numbers) -> Batch[NDArray[Any]]:
        epochs, indices = np.divmod(step * self.slots + rows, self.windows)
        epoch_keys = keys(self.seed, epochs)
        begin = permuted(indices, self.windows, epoch_keys) * self.length
        first = np.minimum(begin, max(0, self._ring - self.length))
        within = first[:, None] + np.arange(self.length)  # [B, T], from the place where the epoch opens the ring
        positions = (self._opening(epoch_keys)[:, None] + within) % self._ring
        asked = (within >= begin[:, None]) & (within < self._ring)
        return self._gathered(positions, asked, inside=within < self._ring)

    def _opening(self, epoch_keys: NDArray[np.uint64]) -> Numbers:
        if self._ring <= self.length:
            return np.zeros(len(epoch_keys), np.int64)  # one window holds all: nothing to cut
        return (mixed(~epoch_keys) % np.uint64(self._ring)).astype(np.int64)

    def _streamed(self, step: int, rows: Numbers) -> Batch[NDArray[Any]]:
        opening = int(self._opening(keys(self.seed, np.zeros(1, np.int64)))[0])
        moved = (opening + step * self.length) % self._ring
        first = rows * self._ring // self.slots + moved
        positions = (first[:, None] + np.arange(self.length)) % self._ring
        everywhere = np.ones(positions.shape, np.bool_)
        return self._gathered(positions, everywhere, inside=everywhere)

    def _gathered(self, positions: Numbers, asked: NDArray[np.bool_], inside: NDArray[np.bool_]) -> Batch[NDArray[Any]]:
        stream = self.stream
        end_of_text = np.int64(stream.end_of_text)
        return Batch(
            ids=np.where(inside, stream.ids[positions], end_of_text),
            targets=np.where(inside, stream.ids[positions + 1], end_of_text),
            weights=asked.astype(np.float32),
            documents=np.where(inside, stream.document_at(positions), np.int64(PADDING)),
            carries_state=self.order == "stream",
        )
