"""Masked tokens and next sentence: the training signal of BERT (Devlin et al. 2019, section 3.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from etymon.errors import EtymonError
from etymon.objectives.cross_entropy import summed_cross_entropy
from etymon.tokens import Batch, Mask

if TYPE_CHECKING:
    from etymon.models import BERT
    from etymon.tokens import Loader, TokenStream

State = tuple[Tensor, ...]
Numbers = NDArray[np.int64]
Bools = NDArray[np.bool_]

FOLLOWS, ELSEWHERE = 0, 1
"""What the head for pairs is asked for: the second segment goes on where the first ends, or is of another document."""
SPECIAL = 3
"""Tokens of a pair that are no text: rows are so much longer than the loader's windows, and one less without pairs."""
TRIES = 20
"""Draws for a document that is not the row's own, before the second segment is left to follow the first."""
PADDING = -1
"""Where `Batch.documents` says which pair of its row a token is of: none."""
FEWEST = 3
"""Tokens in a segment at least; where a row's document has not two of them, the row is no pair."""


@dataclass(frozen=True, kw_only=True)
class Masked:
    """-log p(hidden token | all that is left), and whether the second segment follows the first; a pure function of
    (loader, step, row), so that nothing of it is kept in a checkpoint.

    special: the ids that hide a token, begin a row and end a segment. `hidden` of the tokens are asked for (0.15); of
    these 80 % are hidden, 10 % replaced by a random token and 10 % left as they are. `pairs`: rows are [begin] A [end]
    B [end] from the longest document of the loader's window, B being with even chances what follows A or a piece of
    another document. `sentence_ends` [V] says which tokens end a sentence where one of `sentence_opens` [V] (None: any)
    follows: A ends at the border nearest to a random place, a piece of another document begins at one, and text without
    any makes no pair (None: at that place). `packed`: a row holds a pair of every document in the window, each of which
    sees itself alone and has positions of its own, so that short documents leave no padding; as published, a row is one
    pair. Without `pairs` rows are [begin] window [end]. `word_begins` [V] says which
    tokens begin a word: then all tokens of a word are hidden together (whole-word masking). `span`: not tokens but runs
    of them are chosen, of a length from 1 to `span` with probability proportional to 0.2 * 0.8^(length - 1) (SpanBERT,
    Joshi et al. 2020, section 3.1)."""

    special: tuple[int, int, int]
    vocabulary: int
    seed: int
    hidden: float = 0.15
    pairs: bool = True
    packed: bool = False
    sentence_ends: Bools | None = None
    sentence_opens: Bools | None = None
    word_begins: Bools | None = None
    span: int = 1

    @property
    def name(self) -> str:
        """What a checkpoint says it was trained by: all that makes another training of it."""
        units = "words" if self.word_begins is not None else f"spans to {self.span}" if self.span > 1 else "tokens"
        given = (self.sentence_ends, self.sentence_opens, self.word_begins)
        tables = [b"none" if table is None else table.tobytes() for table in given]
        digest = hashlib.sha256(b"|".join([repr(self.special).encode(), *tables])).hexdigest()[:12]
        pairs = f", next sentence{', packed' if self.packed else ''}" if self.pairs else ""
        return f"{self.hidden} of {units} hidden{pairs}, seed {self.seed}, {digest}"

    def __post_init__(self) -> None:
        if not 0 < self.hidden < 1:
            raise EtymonError(f"A share of {self.hidden} hidden tokens leaves nothing to learn", help="0.15 is usual")
        if self.span > 1 and self.word_begins is not None:
            raise EtymonError("Hide whole words or spans, not both", help="leave out word_begins or span")

    @property
    def edges(self) -> int:
        """Tokens by which a row is longer than its window."""
        return SPECIAL if self.pairs else SPECIAL - 1

    def asked(self, length: int) -> tuple[int, float]:
        """`hidden` of the window's tokens, in a row with its special tokens."""
        row = length + self.edges
        return row, self.hidden * length / row

    def read(self, batch: Batch[Any]) -> float:
        """All tokens of the rows, special ones too, but no padding."""
        return float((batch.documents != PADDING).sum())

    def batch(self, loader: Loader, step: int, slots: range | None = None) -> Batch[Any]:
        """The rows `slots` of step `step`: weights count the hidden tokens, and at the token that begins a pair the
        pair itself, as much as all hidden tokens of a full row (or, packed, of this pair)."""
        windows = loader.batch(step, slots)
        assert windows.documents is not None, "a loader says which document each token is of"
        first = 0 if slots is None else slots.start
        rows = [
            self._row(loader.stream, ids, documents, np.random.default_rng((self.seed, step, first + number)))
            for number, (ids, documents) in enumerate(zip(windows.ids, windows.documents, strict=True))
        ]
        ids, targets, weights, segments, places, owners = (np.stack(column) for column in zip(*rows, strict=True))
        return Batch(
            ids=ids,
            targets=targets,
            weights=weights,
            segments=segments,
            positions=places if self.packed else None,
            documents=owners,
            visibility=Mask(causal=False, within_documents=bool(owners.any())),
        )

    def _row(
        self, stream: TokenStream, window: Numbers, documents: Numbers, draw: np.random.Generator
    ) -> tuple[Numbers, Numbers, NDArray[np.float32], Numbers, Numbers, Numbers]:
        """ids, targets, weights, segments, positions, and which pair each token is of, each [T]."""
        length = len(window) + self.edges
        mask, begin, end = self.special
        ids, segments, owners = np.full(length, end, np.int64), np.zeros(length, np.int64), np.full(length, PADDING)
        places, plain, labels = np.arange(length), np.zeros(length, np.bool_), dict[int, tuple[int, float]]()
        at = 0
        for number, (first, second, label) in enumerate(self._pairs(stream, window, documents, draw)):
            parts = [[begin], first, [end], second, [end]] if len(second) else [[begin], first, [end]]
            pair = np.concatenate([np.asarray(part, np.int64) for part in parts])
            own = slice(at, at + len(pair))
            ids[own], owners[own], places[own] = pair, number, np.arange(len(pair))
            segments[at + len(first) + 2 : own.stop] = 1
            plain[own] = ~np.isin(pair, (begin, end))
            if label is not None:
                labels[at] = label, self.hidden * (len(pair) if self.packed else length)
            at = own.stop
        plain &= ids != stream.end_of_text
        chosen = self._chosen(ids, plain, draw)
        targets, weights = ids.copy(), chosen.astype(np.float32)
        for place, (label, weight) in labels.items():
            targets[place], weights[place] = label, weight
        return self._corrupted(ids, chosen, mask, draw), targets, weights, segments, places, owners

    def _pairs(
        self, stream: TokenStream, window: Numbers, documents: Numbers, draw: np.random.Generator
    ) -> Iterator[tuple[Numbers, Numbers, int | None]]:
        """What a row holds: without pairs its window, a pair of its longest document, or packed of each that fits."""
        if not self.pairs:
            yield window, window[:0], None
        elif not self.packed:
            yield self._pair(stream, *_longest(window, documents), len(window), draw)
        else:
            room = len(window) + SPECIAL
            for own, text in _parts(window, documents):
                if room - SPECIAL < FEWEST:
                    return
                if np.count_nonzero(text != stream.end_of_text) >= FEWEST:
                    first, second, label = self._pair(stream, own, text, room - SPECIAL, draw)
                    room -= len(first) + len(second) + SPECIAL
                    yield first, second, label

    def _pair(
        self, stream: TokenStream, own: int, text: Numbers, room: int, draw: np.random.Generator
    ) -> tuple[Numbers, Numbers, int | None]:
        """Segment A, segment B (empty where the document has no two), and what the pair is."""
        text = text[text != stream.end_of_text][:room]
        if len(text) < 2 * FEWEST:
            return text, text[:0], None
        cut = self._cut(text, draw)
        if cut is None:
            return text, text[:0], None
        first, second = text[:cut], text[cut:]
        if draw.random() < 0.5 and (other := self._elsewhere(stream, own, len(second), draw)) is not None:
            return first, other, ELSEWHERE
        return first, second, FOLLOWS

    def _cut(self, text: Numbers, draw: np.random.Generator) -> int | None:
        """Where A ends: at the border of sentences that is nearest to a random place; None where there is no border."""
        place = int(draw.integers(FEWEST, len(text) - FEWEST + 1))
        if self.sentence_ends is None:
            return place
        return _nearest(self._borders(text, FEWEST, len(text) - FEWEST), place)

    def _elsewhere(self, stream: TokenStream, own: int, length: int, draw: np.random.Generator) -> Numbers | None:
        """A piece of another document, of that length at most, from where a sentence begins; None if there is none."""
        for _ in range(TRIES):
            other = int(draw.integers(0, len(stream.documents)))
            begin, end = int(stream.starts[other]) + 1, int(stream.starts[other + 1])
            if other == own or end - begin < FEWEST:
                continue
            start: int | None = int(draw.integers(begin, max(end - length, begin) + 1))
            if self.sentence_ends is not None:
                low, high = max(start - length, begin), min(start + length, end)
                borders = low + self._borders(np.asarray(stream.ids[low:high], np.int64), 1, high - low - FEWEST)
                start = _nearest(np.append(borders, begin) if low == begin else borders, start)
            if start is not None:
                return np.asarray(stream.ids[start : min(start + length, end)], np.int64)
        return None

    def _borders(self, text: Numbers, first: int, last: int) -> Numbers:
        """The places from `first` to `last` of a text at which one sentence has ended and the next one begins."""
        assert self.sentence_ends is not None
        if last < first:
            return text[:0]
        border = self.sentence_ends[text[first - 1 : last]]
        if self.sentence_opens is not None:
            border = border & self.sentence_opens[text[first : last + 1]]
        return np.flatnonzero(border) + first

    def _chosen(self, ids: Numbers, plain: Bools, draw: np.random.Generator) -> Bools:
        """Which positions are asked for: `hidden` of the plain ones, rounded, at least one."""
        places = np.flatnonzero(plain)
        chosen = np.zeros(len(ids), np.bool_)
        if not len(places):
            return chosen
        wanted = max(round(self.hidden * len(places)), 1)
        units = self._units(ids, places, draw)
        taken = 0
        for unit in draw.permutation(len(units) - 1):
            if taken >= wanted:
                break
            unit_places = places[units[unit] : units[unit + 1]]
            if taken and taken + len(unit_places) > wanted:
                continue  # a longer word or span than is left: as in the published code, it is passed over
            chosen[unit_places] = True
            taken += len(unit_places)
        return chosen

    def _units(self, ids: Numbers, places: Numbers, draw: np.random.Generator) -> Numbers:
        """Where in `places` each token, word or span begins, and their end."""
        if self.word_begins is not None:
            begins = self.word_begins[np.minimum(ids[places], len(self.word_begins) - 1)]
            begins |= np.diff(places, prepend=places[0] - 2) != 1  # no word goes on across a special token
            return np.append(np.flatnonzero(begins), len(places))
        if self.span == 1:
            return np.arange(len(places) + 1)
        lengths = np.arange(1, self.span + 1)
        shares = 0.8 ** (lengths - 1)
        drawn = draw.choice(lengths, len(places), p=shares / shares.sum())
        ends = np.cumsum(drawn)
        return np.concatenate([[0], ends[ends < len(places)], [len(places)]])

    def _corrupted(self, ids: Numbers, chosen: Bools, mask: int, draw: np.random.Generator) -> Numbers:
        """Of the chosen ones 80 % hidden, 10 % random, 10 % as they were."""
        fate = draw.random(len(ids))
        out = np.where(chosen & (fate < 0.8), mask, ids)
        anything = draw.integers(0, self.vocabulary, len(ids))
        return np.where(chosen & (fate >= 0.8) & (fate < 0.9), anything, out)

    def loss(
        self, network: BERT, batch: Batch[Tensor], state: State | None = None
    ) -> tuple[Tensor, Tensor, State | None]:
        """Sum of nats, and of the weights: hidden tokens, and pairs. The head reads hidden positions alone."""
        encoded = network.encode(batch).flatten(0, 1)
        weights, targets = batch.weights.flatten().clone(), batch.targets.flatten()
        nats = weights.new_zeros(())
        if self.pairs:
            begins = self._begins(batch)
            related = network.follows(encoded[begins]).float()
            labels = targets[begins].clamp(max=1)
            nats = (F.cross_entropy(related, labels, reduction="none") * weights[begins]).sum()
            weights[begins] = 0
        asked = weights.nonzero()[:, 0]
        hidden = network.guesses(encoded[asked])
        nats = nats + summed_cross_entropy(hidden, *network.output, targets[asked], weights[asked])
        return nats, batch.weights.sum(), None

    def _begins(self, batch: Batch[Tensor]) -> Tensor:
        """Where in the flattened rows a pair begins: at their first tokens, or packed at every position 0."""
        if batch.positions is None:
            rows, length = batch.ids.shape
            return torch.arange(rows, device=batch.ids.device) * length
        return (batch.positions == 0).flatten().nonzero()[:, 0]


def _parts(window: Numbers, documents: Numbers) -> Iterator[tuple[int, Numbers]]:
    """The number of each document of the window, and its part of it; padding of the loader is of none."""
    borders = [0, *(np.flatnonzero(np.diff(documents)) + 1).tolist(), len(documents)]
    for begin, end in pairwise(borders):
        if documents[begin] >= 0:
            yield int(documents[begin]), window[begin:end]


def _longest(window: Numbers, documents: Numbers) -> tuple[int, Numbers]:
    """The number of the document that has most of the window, and that part."""
    borders = np.flatnonzero(np.diff(documents)) + 1
    begins = np.concatenate([[0], borders])
    sizes = np.diff(np.append(begins, len(documents))) * (documents[begins] >= 0)
    best = int(np.argmax(sizes))
    return int(documents[begins[best]]), window[begins[best] : begins[best] + sizes[best]]


def _nearest(places: Numbers, wanted: int) -> int | None:
    """The place that is nearest to the one wanted, if there is any."""
    return int(places[np.argmin(np.abs(places - wanted))]) if len(places) else None
