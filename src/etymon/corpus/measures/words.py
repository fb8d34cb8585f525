"""The words of a batch: most chunks are one word or a word and a mark; the others are looked up or split one by one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from etymon.corpus.measures.batch import Batch, Bools, Hashes, Ints, Spans, counted
from etymon.corpus.measures.exceptions import exceptions
from etymon.corpus.measures.splitting import split_chunk
from etymon.corpus.measures.unicode import LETTER, LOWER, SYMBOL

MOST_REMEMBERED = 1 << 18
CLOSING_MARKS = np.array(sorted(map(ord, ',:;!?)"”]')), np.uint32)
"""Marks that are always cut off at the end of a word of letters; a full stop needs a second look."""
STOP = ord(".")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a batch in order. `letters` and `text` count each word's letters and characters that are no symbols.
    All [W]."""

    spans: Spans
    hash: Hashes
    letters: Ints
    text: Ints


def split_words(batch: Batch) -> Words:
    """The words of all texts."""
    spans = _split(batch)
    letters, text = counted(batch.has(LETTER)), counted(~batch.has(SYMBOL))
    start, stop = spans.start, spans.stop
    return Words(spans, batch.hashes(spans), letters[stop] - letters[start], text[stop] - text[start])


def _split(batch: Batch) -> Spans:
    chunks = batch.chunks
    hashes = batch.hashes(chunks)
    letters = counted(batch.has(LETTER))
    others = chunks.length - (letters[chunks.stop] - letters[chunks.start])
    special = _is_exception(hashes)
    marked = (others == 1) & _has_closing_mark(batch, chunks)
    core = Spans(chunks.start, chunks.stop - marked, chunks.document)
    marked &= ~special & ~_is_exception(batch.hashes(core))
    whole = (others == 0) & ~special
    slow = ~(whole | marked)
    parts = np.ones(len(chunks), np.int64) + marked
    cuts = _cuts(batch, chunks.where(slow), hashes[slow])
    parts[slow] = [len(each) for each in cuts]
    lengths = np.repeat(chunks.length, parts)
    first = np.cumsum(parts) - parts
    lengths[first[marked]] -= 1
    lengths[first[marked] + 1] = 1
    at = np.flatnonzero(np.repeat(slow, parts))
    lengths[at] = np.fromiter((length for each in cuts for length in each), np.int64, len(at))
    inside = np.cumsum(lengths) - lengths  # characters of words before each word
    start = np.repeat(chunks.start - inside[first], parts) + inside
    return Spans(start, start + lengths, np.repeat(chunks.document, parts))


def _has_closing_mark(batch: Batch, chunks: Spans) -> Bools:
    """Whether a chunk is two or more letters and then a mark that is cut off for sure."""
    last = batch.codes[chunks.stop - 1]
    lower = (batch.flags[np.maximum(chunks.stop - 2, 0)] & np.uint16(LOWER)) != 0
    return (chunks.length > 2) & (np.isin(last, CLOSING_MARKS) | ((last == STOP) & lower))


@cache
def _exceptional() -> tuple[Hashes, Bools]:
    """The hashes of all exceptions in order, and a mark for each value that their lower 16 bits take."""
    batch = Batch(list(exceptions()))
    whole = Spans(batch.start, batch.stop, np.arange(len(batch)))
    hashes = np.sort(batch.hashes(whole))
    marks = np.zeros(1 << 16, bool)
    marks[hashes & np.uint64(0xFFFF)] = True
    return hashes, marks


def _is_exception(hashes: Hashes) -> Bools:
    known, marks = _exceptional()
    found = marks[hashes & np.uint64(0xFFFF)]
    places = np.flatnonzero(found)
    at = np.minimum(np.searchsorted(known, hashes[places]), len(known) - 1)
    found[places] = known[at] == hashes[places]
    return found


def _cuts(batch: Batch, chunks: Spans, hashes: Hashes) -> list[tuple[int, ...]]:
    """The lengths of the words of each chunk."""
    unique, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    if len(_REMEMBERED) > MOST_REMEMBERED:
        _REMEMBERED.clear()
    found = [_REMEMBERED.get(each) for each in unique.tolist()]
    for place, known in enumerate(found):
        if known is None:
            start, stop = int(chunks.start[first[place]]), int(chunks.stop[first[place]])
            text = batch.codes[start:stop].tobytes().decode("utf-32-le", "surrogatepass")
            found[place] = _REMEMBERED[int(unique[place])] = tuple(map(len, split_chunk(text)))
    return [each for each in map(found.__getitem__, inverse.tolist()) if each is not None]


_REMEMBERED: dict[int, tuple[int, ...]] = {}
