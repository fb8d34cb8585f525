"""The words of a batch: most chunks are one word or a word and a mark; the others are looked up or split one by one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from etymon.corpus.measures.batch import Batch, Bools, Hashes, Ints, Spans, counted
from etymon.corpus.measures.exceptions import exceptions
from etymon.corpus.measures.splitting import split_chunk
from etymon.corpus.measures.unicode import LETTER, LOWER, SPACE, SYMBOL, UPPER

MOST_REMEMBERED = 1 << 18
OPENING_MARKS = np.array(sorted(map(ord, "([\"“‘„«'$£€#*")), np.uint32)
CLOSING_MARKS = np.array(sorted(map(ord, ",:;!?)]\"”'’»")), np.uint32)
"""Marks that are always cut off in front of a word or behind it; a full stop and a percent sign need a second look."""
APOSTROPHES = np.array(sorted(map(ord, "'’")), np.uint32)
HYPHENS = np.array(sorted(map(ord, "-–")), np.uint32)
STOP, PERCENT, S = map(ord, ".%s")


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
    """The lengths of up to three words for chunks whose split is plain: letters, or letters or a number with a mark in
    front or behind, with "'s", or letters with one hyphen; zeros for all others. [n, 3]"""
    letters = batch.letters[chunks.stop] - batch.letters[chunks.start]
    pieces = np.zeros((len(chunks), 3), np.int64)
    pieces[:, 0] = np.where(letters == chunks.length, letters, 0)
    rest = np.flatnonzero(letters != chunks.length)
    pieces[rest] = _marked(batch, chunks.where(rest))
    one_other = rest[letters[rest] == chunks.length[rest] - 1]
    place = _hyphen(batch, chunks.where(one_other))
    hyphened, place = one_other[place > 0], place[place > 0]
    pieces[hyphened] = np.stack((place, np.ones_like(place), chunks.length[hyphened] - place - 1), axis=1)
    pieces[_is_exception(batch.hashes(chunks))] = 0
    return pieces


def _marked(batch: Batch, chunks: Spans) -> Ints:
    """The same for chunks with a mark in front, a mark behind or "'s"; what is left is letters, or a number."""
    first, last = batch.codes[chunks.start], batch.codes[chunks.stop - 1]
    opens = np.isin(first, OPENING_MARKS).astype(np.int64)
    previous = np.maximum(chunks.stop - 2, 0)
    digit = _is_digit(batch.codes[previous])
    lower = (batch.flags[previous] & np.uint16(LOWER)) != 0
    closes = np.isin(last, CLOSING_MARKS) | ((last == STOP) & (lower | digit)) | ((last == PERCENT) & digit)
    possessive = (last == S) & np.isin(batch.codes[previous], APOSTROPHES)
    behind = np.where(possessive, 2, closes)
    core = Spans(chunks.start + opens, np.maximum(chunks.stop - behind, chunks.start + opens), chunks.document)
    of_letters = batch.letters[core.stop] - batch.letters[core.start] == core.length
    ends = _is_digit(batch.codes[core.start]) & _is_digit(batch.codes[np.maximum(core.stop - 1, 0)])
    number = ends & (batch.numeric[core.stop] - batch.numeric[core.start] == core.length) & ~possessive
    plain = (core.length > 0) & (of_letters | number)
    for part in (core, Spans(core.start, chunks.stop, core.document), Spans(chunks.start, core.stop, core.document)):
        plain &= ~_is_exception(batch.hashes(part))  # the "Dr." of "(Dr.", the "'cause" of "'cause," are words
    pieces = np.stack((core.length, behind, np.zeros_like(behind)), axis=1)
    pieces[opens > 0] = np.stack((opens, core.length, behind), axis=1)[opens > 0]
    return pieces * plain[:, None]


def _is_digit(codes: NDArray[np.uint32]) -> Bools:
    return (codes >= ord("0")) & (codes <= ord("9"))


def _hyphen(batch: Batch, chunks: Spans) -> Ints:
    """Where one hyphen parts a chunk that else is letters which word splitting knows; 0 elsewhere."""
    odd = np.append(np.flatnonzero(~batch.has(LETTER | SPACE)), 0)
    at = odd[batch.seen[chunks.start] - batch.letters[chunks.start]]
    known = np.uint16(LOWER | UPPER)
    fits = np.isin(batch.codes[at], HYPHENS) & (at > chunks.start) & (at < chunks.stop - 1)
    for beside in (at - 1, np.minimum(at + 1, len(batch.codes) - 1)):
        fits &= (batch.flags[beside] & known) != 0
    return np.where(fits, at - chunks.start, 0)


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
