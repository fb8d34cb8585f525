"""The words of a batch: most chunks are one word or a word and a mark; the others are looked up or split one by one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import chain

import numpy as np

from etymon.corpus.measures.batch import Batch, Bools, Hashes, Ints, Spans, counted
from etymon.corpus.measures.exceptions import exceptions
from etymon.corpus.measures.splitting import split_chunk
from etymon.corpus.measures.unicode import LETTER, LOWER, SPACE, SYMBOL, UPPER

MOST_REMEMBERED = 1 << 18
OPENING_MARKS = np.array(sorted(map(ord, '(["“')), np.uint32)
CLOSING_MARKS = np.array(sorted(map(ord, ',:;!?)"”]')), np.uint32)
"""Marks that are always cut off at the end of a word of letters; a full stop needs a second look."""
APOSTROPHES = np.array(sorted(map(ord, "'’")), np.uint32)
HYPHENS = np.array(sorted(map(ord, "-–")), np.uint32)
STOP, S = ord("."), ord("s")


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
    start, stop = spans.start, spans.stop
    letters, text = batch.letters, counted(~batch.has(SYMBOL))
    return Words(spans, batch.hashes(spans), letters[stop] - letters[start], text[stop] - text[start])


def _split(batch: Batch) -> Spans:
    chunks = batch.chunks
    pieces = _simple(batch, chunks)
    slow = np.flatnonzero(pieces[:, 0] == 0)
    parts = np.count_nonzero(pieces, axis=1)
    parts[slow], lengths_of_slow = _looked_up(batch, chunks.where(slow))
    lengths = np.zeros(int(parts.sum()), np.int64)
    quick = np.ones(len(chunks), bool)
    quick[slow] = False
    is_quick = np.repeat(quick, parts)
    lengths[is_quick] = pieces[pieces > 0]
    lengths[~is_quick] = lengths_of_slow
    inside = np.cumsum(lengths) - lengths  # characters of words before each word
    first = np.cumsum(parts) - parts
    start = np.repeat(chunks.start - inside[first], parts) + inside
    return Spans(start, start + lengths, np.repeat(chunks.document, parts))


def _simple(batch: Batch, chunks: Spans) -> Ints:
    """The lengths of up to three words for chunks whose split is plain: letters or digits, with a mark in front or
    behind, with "'s", or with one hyphen; zeros for all others. [n, 3]"""
    length = chunks.length
    letters = batch.letters[chunks.stop] - batch.letters[chunks.start]
    digits = batch.digits[chunks.stop] - batch.digits[chunks.start]
    others = length - np.maximum(letters, digits)
    first, last = batch.codes[chunks.start], batch.codes[chunks.stop - 1]
    opens = np.isin(first, OPENING_MARKS)
    before_last = np.maximum(chunks.stop - 2, 0)
    full_stop = (last == STOP) & (((batch.flags[before_last] & np.uint16(LOWER)) != 0) | (letters == 0))
    closes = np.isin(last, CLOSING_MARKS) | full_stop
    apostrophe = (last == S) & np.isin(batch.codes[before_last], APOSTROPHES) & (letters == length - 1) & (length > 3)
    outside = opens.astype(np.int64) + closes
    marked = (outside == others) & (length - outside >= 2)
    core = Spans(chunks.start + (marked & opens), chunks.stop - (marked & closes) - 2 * apostrophe, chunks.document)
    ending = Spans(core.start, chunks.stop, chunks.document)  # the "Dr." of "(Dr." is one word
    plain = (marked | apostrophe) & ~_is_exception(batch.hashes(core)) & ~_is_exception(batch.hashes(ending))
    place = _hyphen(batch, chunks, letters)
    pieces = np.zeros((len(chunks), 3), np.int64)
    pieces[:, 0] = np.where(opens, 1, core.length) * plain
    pieces[:, 1] = np.where(opens, core.length, np.where(apostrophe, 2, closes)) * plain
    pieces[:, 2] = (opens & closes) * plain
    hyphened = place > 0
    pieces[hyphened] = np.stack((place, np.ones_like(place), length - place - 1), axis=1)[hyphened]
    alone = (others == 0) & (length < 2)
    pieces[alone, 0] = 1
    pieces[_is_exception(batch.hashes(chunks))] = 0
    return pieces


def _hyphen(batch: Batch, chunks: Spans, letters: Ints) -> Ints:
    """Where one hyphen parts a chunk of letters that have case or are written without it; 0 elsewhere."""
    place = np.zeros(len(chunks), np.int64)
    candidates = np.flatnonzero((letters == chunks.length - 1) & (chunks.length > 2))
    odd = np.flatnonzero(~batch.has(LETTER | SPACE))
    start = chunks.start[candidates]
    at = odd[batch.seen[start] - batch.letters[start]]
    cased = np.uint16(LOWER | UPPER)
    fits = np.isin(batch.codes[at], HYPHENS) & (at > start) & (at < chunks.stop[candidates] - 1)
    fits &= (batch.flags[at - 1] & cased != 0) & (batch.flags[np.minimum(at + 1, len(batch.codes) - 1)] & cased != 0)
    place[candidates[fits]] = (at - start)[fits]
    return place


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


def _looked_up(batch: Batch, chunks: Spans) -> tuple[Ints, Ints]:
    """How many words each chunk has, and the lengths of all these words."""
    unique, first, inverse = np.unique(batch.hashes(chunks), return_index=True, return_inverse=True)
    if len(_REMEMBERED) > MOST_REMEMBERED:
        _REMEMBERED.clear()
    bounds = zip(unique.tolist(), chunks.start[first].tolist(), chunks.stop[first].tolist(), strict=True)
    found = [_REMEMBERED.get(key) or _remember(batch, key, start, stop) for key, start, stop in bounds]
    sizes = np.fromiter(map(len, found), np.int64, len(found))
    flat = np.fromiter(chain.from_iterable(found), np.int64, int(sizes.sum()))
    parts = sizes[inverse]
    within = np.arange(int(parts.sum())) - np.repeat(np.cumsum(parts) - parts, parts)
    return parts, flat[np.repeat((np.cumsum(sizes) - sizes)[inverse], parts) + within]


def _remember(batch: Batch, key: int, start: int, stop: int) -> tuple[int, ...]:
    text = batch.codes[start:stop].tobytes().decode("utf-32-le", "surrogatepass")
    lengths = _REMEMBERED[key] = tuple(map(len, split_chunk(text)))
    return lengths


_REMEMBERED: dict[int, tuple[int, ...]] = {}
