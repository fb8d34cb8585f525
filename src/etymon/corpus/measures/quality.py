"""Words, symbols and phrases: Gopher's quality values and C4's."""

from __future__ import annotations

import numpy as np

from etymon.corpus.measures.batch import Batch, Floats, Ints, Spans, counted, places_in
from etymon.corpus.measures.lines import Columns, python_lines
from etymon.corpus.measures.unicode import ENDS_SENTENCE, PUNCTUATION, SPACELESS, SYLLABIC, UNENDED
from etymon.corpus.measures.words import Words

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
"""Rae et al. 2021, appendix A.1.1."""
BLANK = 0x20
SCRIPT_BITS = {"spaceless": SPACELESS, "syllabic": SYLLABIC, "unended": UNENDED}


def sizes(batch: Batch) -> Columns:
    """Bytes, characters and damage."""
    wide = ((batch.codes >= 0x80).view(np.uint8) + (batch.codes >= 0x800) + (batch.codes >= 0x10000)).astype(np.int64)
    total = np.concatenate(([0], np.cumsum(wide)))
    marks = np.array([text.count("\ufffd") for text in batch.texts], np.int64)
    return {
        "bytes": batch.lengths + total[batch.stop] - total[batch.start],
        "characters": batch.lengths,
        "replaced": np.round(batch.ratio(marks, batch.lengths), 6),
    }


def word_shapes(batch: Batch, words: Words) -> Columns:
    """Gopher's counts and lengths of words, symbols per word, and newlines per word for FineWeb."""
    document = words.spans.document
    count = batch.sums(document)
    real = words.text > 0
    real_count = batch.sums(document, real)

    def per_word(*marks: str) -> Floats:
        return batch.ratio(np.array([sum(map(text.count, marks)) for text in batch.texts], np.int64), count)

    return {
        "tokens": count.astype(np.int64),
        "words": real_count.astype(np.int64),
        "mean_word_length": batch.ratio(batch.sums(document, words.spans.length * real), real_count),
        "hashes_per_word": per_word("#"),
        "ellipses_per_word": per_word("...", "…"),
        "newlines_per_word": per_word("\n"),
        "alphabetic_words": batch.ratio(batch.sums(document, words.letters > 0), count),
        "stop_words": _stop_words(batch, words),
    }


def _stop_words(batch: Batch, words: Words) -> Ints:
    """How many different stop words each text holds, in lower case only."""
    wanted = Batch(STOP_WORDS)
    found = np.zeros((len(batch), len(STOP_WORDS)), bool)
    short = words.spans.length <= max(map(len, STOP_WORDS))
    hashes, document = words.hash[short], words.spans.document[short]
    for number, each in enumerate(wanted.hashes(Spans(wanted.start, wanted.stop, np.arange(len(wanted))))):
        found[document[hashes == each], number] = True
    return found.sum(axis=1)


def scripts(batch: Batch) -> Columns:
    """Shares of scripts among the characters that are not white space."""
    seen = batch.seen[batch.stop] - batch.seen[batch.start]
    return {name: batch.ratio(_within(batch, bit), seen) for name, bit in SCRIPT_BITS.items()}


def _within(batch: Batch, bit: int) -> Ints:
    """How many characters of each text have a bit; in most batches none has."""
    if not np.bitwise_or.reduce(batch.flags) & bit:
        return np.zeros(len(batch), np.int64)
    total = counted(batch.has(bit))
    return total[batch.stop] - total[batch.start]


def phrases(batch: Batch) -> Columns:
    """What C4 looks for in a page."""
    return {
        "curly_brackets": np.array([text.count("{") for text in batch.texts], np.int64),
        "lorem_ipsum": np.array([text.lower().count("lorem ipsum") for text in batch.texts], np.int64),
    }


def sentences(batch: Batch, words: Words) -> Columns:
    """Sentences line by line, as spaCy's rule-based splitter finds them: one begins with each line that has a word, and
    with what follows a word that ends a sentence. Words of punctuation neither begin nor end one; white space that is
    more than one blank is a word to it."""
    spans = words.spans
    if not len(spans):
        return {"sentences": np.zeros(len(batch), np.int64)}
    lines = python_lines(batch)
    line = places_in(spans.start, lines.start)
    blanks = _blank_words(batch, spans, line, lines)
    ends = (spans.length == 1) & ((batch.flags[spans.start] & np.uint16(ENDS_SENTENCE)) != 0)
    marks = counted(batch.has(PUNCTUATION))
    judged = np.flatnonzero(ends | (marks[spans.stop] - marks[spans.start] < spans.length))
    here, after = judged[:-1], judged[1:]
    begins = ends[here] & (line[here] == line[after]) & (~ends[after] | (blanks[after] > blanks[here]))
    final = np.append(np.flatnonzero(np.diff(line)), len(line) - 1)  # the last word of each line
    last = judged[np.flatnonzero(np.diff(line[judged], append=-1))]
    behind = ends[last] & (blanks[final[np.searchsorted(line[final], line[last])] + 1] > blanks[last])
    total = batch.sums(spans.document[final])
    total += batch.sums(spans.document[here[begins]]) + batch.sums(spans.document[last[behind]])
    return {"sentences": total.astype(np.int64)}


def _blank_words(batch: Batch, spans: Spans, line: Ints, lines: Spans) -> Ints:
    """How many words of white space stand before each word and, one place more, behind the last. [W + 1]"""
    stop = np.append(lines.stop[line[:-1]], lines.stop[line[-1]])
    following = np.append(spans.start[1:], len(batch.codes))
    gap = np.minimum(stop, following) - spans.stop
    is_word = (gap > 1) | ((gap == 1) & (batch.codes[spans.stop] != BLANK))
    return np.concatenate(([0], np.cumsum(is_word)))
