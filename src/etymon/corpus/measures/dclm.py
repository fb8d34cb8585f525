"""DCLM's own way of measuring RefinedWeb's rules (baselines/mappers/filters/content_filters.py): words between white
space, all occurrences of what repeats, n-grams of Unicode words."""

from __future__ import annotations

import numpy as np

from etymon.corpus.measures.batch import Batch, Bools, Floats, Ints, Spans, grouped, places_in
from etymon.corpus.measures.lines import Columns, ends_in_ellipsis, lines_between_newlines, paragraphs, stripped
from etymon.corpus.measures.quality import STOP_WORDS
from etymon.corpus.measures.repetition import Grams
from etymon.corpus.measures.unicode import LETTER, NUMBER

MARKS = ("#", "...", ". . .", "…")
BULLETS = np.array(sorted(map(ord, "●•*-")), np.uint32)
SEPARATORS = np.array(sorted(map(ord, " \n\r\t\v\f\0")), np.uint32)
"""What parts words for fastText, which DCLM counts words with."""


def spoken_words(batch: Batch) -> Columns:
    """Words as fastText parts them that begin with a letter or digit."""
    parted = np.isin(batch.codes, SEPARATORS)
    begins = np.flatnonzero(np.concatenate(([True], parted[:-1])) & batch.has(LETTER | NUMBER))
    return {"spoken_words": batch.sums(places_in(begins, batch.start)).astype(np.int64)}


def spaced_words(batch: Batch) -> Columns:
    """What stands between white space: its length, its letters, symbols beside it and stop words in it."""
    words = batch.chunks
    count = batch.sums(words.document)
    wordless = batch.letters[words.stop] == batch.letters[words.start]
    symbols = np.array([sum(map(text.count, MARKS)) for text in batch.texts], np.int64)
    return {
        "spaced_word_length": batch.ratio(batch.sums(words.document, words.length), count),
        "symbols_per_spaced_word": batch.ratio(symbols, count),
        "spaced_words_without_letters": batch.ratio(batch.sums(words.document, wordless), count),
        "stop_word_count": _stop_word_count(batch, words),
    }


def _stop_word_count(batch: Batch, words: Spans) -> Ints:
    """How many words are stop words, in any case and counted as often as they stand there."""
    forms = sorted({form for word in STOP_WORDS for form in _cases(word)})
    wanted = Batch(forms)
    hashes = np.sort(wanted.hashes(Spans(wanted.start, wanted.stop, np.arange(len(wanted)))))
    short = words.where(words.length <= max(map(len, STOP_WORDS)))
    found = batch.hashes(short)
    at = np.minimum(np.searchsorted(hashes, found), len(hashes) - 1)
    return batch.sums(short.document[hashes[at] == found]).astype(np.int64)


def _cases(word: str) -> set[str]:
    """All spellings of a word in small and capital letters."""
    spellings = {""}
    for letter in word:
        spellings = {begin + form for begin in spellings for form in (letter, letter.upper())}
    return spellings


def shaped_lines(batch: Batch) -> Columns:
    """Lines, stripped and not blank, that begin with a bullet or end in an ellipsis."""
    lines = _filled(batch, lines_between_newlines(batch))
    count = batch.sums(lines.document)
    bullet = np.isin(batch.codes[lines.start], BULLETS)
    trailing = ends_in_ellipsis(batch, lines.start, lines.stop) | _ends_in_spaced_dots(batch, lines)
    return {
        "starred_lines": batch.ratio(batch.sums(lines.document, bullet), count),
        "trailing_lines": batch.ratio(batch.sums(lines.document, trailing), count),
    }


def _ends_in_spaced_dots(batch: Batch, lines: Spans) -> Bools:
    ends = lines.length >= len(MARKS[2])
    for back, mark in enumerate(reversed(MARKS[2]), 1):
        ends &= batch.codes[np.maximum(lines.stop - back, 0)] == ord(mark)
    return ends


def _filled(batch: Batch, spans: Spans) -> Spans:
    """Stretches without white space at their ends, blank ones left out."""
    start, stop = stripped(batch, spans)
    return Spans(start, stop, spans.document).where(stop > start)


def recurring_lines(batch: Batch) -> Columns:
    """The share of lines and paragraphs that stand there more than once, every occurrence counted, and of their
    characters, over those of all lines."""
    columns: dict[str, Floats] = {}
    for name, cut in (("line", lines_between_newlines), ("paragraph", paragraphs)):
        spans = _filled(batch, cut(batch))
        groups = grouped(batch.hashes(spans), spans.document)
        document, length = spans.document[groups.first], spans.length
        columns[f"recurring_{name}s"] = batch.ratio(batch.sums(document, groups.size), batch.sums(spans.document))
        columns[f"recurring_{name}_characters"] = batch.ratio(
            batch.sums(document, groups.size * length[groups.first]), batch.sums(spans.document, length)
        )
    return columns


def main_gram(batch: Batch, grams: Grams, n: int) -> Floats:
    """The characters of the most frequent n-gram, the longest of equally frequent ones, times its count, over those of
    all words; 0 where none stands there twice. [D]"""
    places = grams.places(n)
    groups = grouped(grams.hashes(places, n), grams.document[places])
    document = grams.document[places[groups.first]]
    most = np.zeros(len(batch), np.int64)
    np.maximum.at(most, document, groups.size)
    characters = grams.length(places[groups.first], n) * groups.size
    best = np.zeros(len(batch), np.int64)
    leading = groups.size == most[document]
    np.maximum.at(best, document[leading], characters[leading])
    return batch.ratio(best, _all_characters(batch, grams))


def recurring_grams(batch: Batch, grams: Grams, n: int) -> Floats:
    """The characters of words in n-grams that stand there more than once, over those of all words. [D]"""
    places = grams.places(n)
    members = places[grouped(grams.hashes(places, n), grams.document[places]).member]
    change = np.zeros(len(grams.document) + n + 1, np.int64)
    np.add.at(change, members, 1)
    np.add.at(change, members + n, -1)
    covered = np.cumsum(change)[: len(grams.document)] > 0
    lengths = np.diff(grams.characters)
    return batch.ratio(batch.sums(grams.document, lengths * covered), _all_characters(batch, grams))


def _all_characters(batch: Batch, grams: Grams) -> Floats:
    return batch.sums(grams.document, np.diff(grams.characters))
