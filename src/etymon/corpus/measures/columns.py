"""Every column that rules can judge: what it measures, its unit and its range; and the measuring of a batch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.corpus.measures import dclm, lines, page_faults, quality, repetition
from etymon.corpus.measures.badwords import count_badwords
from etymon.corpus.measures.batch import Batch
from etymon.corpus.measures.column import Column
from etymon.corpus.measures.lines import Columns
from etymon.corpus.measures.segments import split_segments
from etymon.corpus.measures.words import Words, split_words

MOST_CHARACTERS = 1 << 20
"""Characters measured at once: more only take more memory."""
ANY = float("inf")
BADWORDS = "badwords"
WORD_COLUMNS = ("tokens", "words", "mean_word_length", "alphabetic_words", "stop_words")


def _share(meaning: str) -> Column:
    return Column("share", 0.0, 1.0, meaning)


def _count(unit: str, meaning: str) -> Column:
    return Column(unit, 0.0, ANY, meaning)


COLUMNS: dict[str, Column] = {
    "bytes": _count("bytes", "UTF-8 bytes of the text"),
    "characters": _count("characters", "Unicode code points of the text"),
    "replaced": _share("characters that are U+FFFD, the mark of undecodable bytes"),
    "spaceless": _share("characters, white space aside, of scripts without spaces between words: Chinese to Burmese"),
    "syllabic": _share("characters, white space aside, that write a syllable or a word: Han, kana, Hangul"),
    "unended": _share("characters, white space aside, of scripts without a mark that ends a sentence: Thai, Lao"),
    "tokens": _count("words", "words and marks as an English tokenizer cuts them, marks being words of their own"),
    "words": _count("words", "tokens that are not symbols alone"),
    "mean_word_length": _count("characters", "mean length of `words`"),
    "hashes_per_word": _count("per token", "number signs"),
    "ellipses_per_word": _count("per token", 'ellipses, "..." or "…"'),
    "newlines_per_word": _count("per token", "newlines"),
    "alphabetic_words": _share("tokens that hold a letter"),
    "stop_words": Column("words", 0.0, 8.0, "different words of: " + ", ".join(quality.STOP_WORDS)),
    "bullet_lines": _share('lines that begin with "•" or "-"'),
    "ellipsis_lines": _share("lines that end in an ellipsis"),
    "lines": _count("lines", "lines that are not blank"),
    "terminal_lines": _share("lines, blank ones aside, that end in a mark that ends a sentence in any script"),
    "short_lines": _share(f"lines, blank ones aside, of at most {lines.SHORT_LINE} characters"),
    "repeated_line_characters": _share("characters, newlines aside, of lines that repeat an earlier one"),
    "duplicate_lines": _share("lines that repeat an earlier one"),
    "duplicate_line_characters": _share("characters of lines that repeat an earlier one"),
    "duplicate_paragraphs": _share("paragraphs that repeat an earlier one"),
    "duplicate_paragraph_characters": _share("characters of paragraphs that repeat an earlier one"),
    **{
        f"top_{n}gram": _count("share", f"characters of the most frequent {n} words in a row, times their count")
        for n in repetition.TOP
    },
    **{
        f"duplicate_{n}grams": _share(f"characters of {n} words in a row that were there before")
        for n in repetition.DUPLICATE
    },
    "sentences": _count("sentences", "sentences, counted line by line"),
    "curly_brackets": _count("marks", 'opening curly brackets, "{"'),
    "lorem_ipsum": _count("phrases", '"lorem ipsum" in any case'),
    "spoken_words": _count("words", "words between ASCII white space that begin with a letter or digit"),
    "spaced_word_length": _count("characters", "mean length of what stands between white space"),
    "symbols_per_spaced_word": _count("per word", 'number signs and ellipses, ". . ." too'),
    "spaced_words_without_letters": _share("words between white space that hold no letter"),
    "stop_word_count": _count("words", "stop words in any case, each as often as it stands there"),
    "starred_lines": _share('lines, blank ones aside, that begin with "●", "•", "*" or "-"'),
    "trailing_lines": _share('lines, blank ones aside, that end in an ellipsis, ". . ." too'),
    "recurring_lines": _share("lines, blank ones aside, that stand there more than once, the first one counted too"),
    "recurring_line_characters": _share("characters of such lines"),
    "recurring_paragraphs": _share("paragraphs that stand there more than once, the first one counted too"),
    "recurring_paragraph_characters": _share("characters of such paragraphs"),
    **{
        f"main_{n}gram": _count("share", f"characters of the most frequent {n} Unicode words, times their count")
        for n in repetition.TOP
    },
    **{
        f"recurring_{n}grams": _share(f"characters of words in {n} Unicode words that stand there more than once")
        for n in repetition.DUPLICATE
    },
    BADWORDS: _count("phrases", "words and phrases of the given list; 0 where none is given"),
    **page_faults.COLUMNS,
}


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known of some texts beside them: the title of the page that each is from ("" for none) and how many links
    it has."""

    titles: Sequence[str]
    links: Sequence[int]

    @classmethod
    def nothing(cls, count: int) -> Beside:
        """Of texts that are from no page."""
        return cls([""] * count, [0] * count)

    def of(self, places: Sequence[int]) -> Beside:
        """Of some of the texts."""
        return Beside([self.titles[place] for place in places], [self.links[place] for place in places])


class _Measuring:
    """One batch with what several measures need."""

    def __init__(self, texts: Sequence[str], beside: Beside) -> None:
        self.texts, self.beside = texts, beside

    @cached_property
    def batch(self) -> Batch:
        return Batch(self.texts)

    @cached_property
    def words(self) -> Words:
        return split_words(self.batch)

    @cached_property
    def separated(self) -> repetition.Grams:
        return repetition.Grams(self.words.spans, self.words.hash, separated=True)

    @cached_property
    def joined(self) -> repetition.Grams:
        return repetition.Grams(self.words.spans, self.words.hash, separated=False)

    @cached_property
    def segments(self) -> repetition.Grams:
        spans = split_segments(self.batch)
        return repetition.Grams(spans, self.batch.hashes(spans), separated=True)


Measure = Callable[[_Measuring], Columns]


def _measures() -> Iterator[tuple[Measure, tuple[str, ...]]]:
    """Every measure with the columns it gives."""
    yield lambda m: quality.sizes(m.batch), ("bytes", "characters", "replaced")
    yield lambda m: quality.scripts(m.batch), tuple(quality.SCRIPT_BITS)
    yield (
        lambda m: quality.word_shapes(m.batch, m.words),
        (*WORD_COLUMNS, "hashes_per_word", "ellipses_per_word", "newlines_per_word"),
    )
    yield lambda m: lines.line_shapes(m.batch), ("bullet_lines", "ellipsis_lines")
    yield (
        lambda m: lines.fineweb_lines(m.batch),
        ("lines", "terminal_lines", "short_lines", "repeated_line_characters"),
    )
    yield (
        lambda m: lines.duplicate_lines(m.batch),
        ("duplicate_lines", "duplicate_line_characters", "duplicate_paragraphs", "duplicate_paragraph_characters"),
    )
    for n in repetition.TOP:
        yield lambda m, n=n: {f"top_{n}gram": repetition.top_gram(m.batch, m.separated, n)}, (f"top_{n}gram",)
        yield lambda m, n=n: {f"main_{n}gram": dclm.main_gram(m.batch, m.segments, n)}, (f"main_{n}gram",)
    for n in repetition.DUPLICATE:
        name = f"duplicate_{n}grams"
        yield lambda m, n=n, name=name: {name: repetition.duplicate_grams(m.batch, m.joined, n)}, (name,)
        name = f"recurring_{n}grams"
        yield lambda m, n=n, name=name: {name: dclm.recurring_grams(m.batch, m.segments, n)}, (name,)
    yield lambda m: dclm.spoken_words(m.batch), ("spoken_words",)
    yield (
        lambda m: dclm.spaced_words(m.batch),
        ("spaced_word_length", "symbols_per_spaced_word", "spaced_words_without_letters", "stop_word_count"),
    )
    yield lambda m: dclm.shaped_lines(m.batch), ("starred_lines", "trailing_lines")
    yield (
        lambda m: dclm.recurring_lines(m.batch),
        ("recurring_lines", "recurring_line_characters", "recurring_paragraphs", "recurring_paragraph_characters"),
    )
    yield lambda m: quality.sentences(m.batch, m.words), ("sentences",)
    yield lambda m: quality.phrases(m.batch), ("curly_brackets", "lorem_ipsum")
    yield (
        lambda m: page_faults.page_faults(m.texts, m.beside.titles, m.beside.links),
        tuple(page_faults.COLUMNS),
    )


MEASURES = {column: measure for measure, columns in _measures() for column in columns}


def measure(
    texts: Sequence[str], columns: Collection[str], badwords: str = "", beside: Beside | None = None
) -> dict[str, NDArray[Any]]:
    """The asked columns of some texts, one value per text in their order; work that columns share is done once.
    `badwords` is the file that the column of this name counts the words of, `beside` what the pages' markup tells.

    Raises KeyError for a column that COLUMNS does not have."""
    wanted = list(dict.fromkeys(columns))
    beside = beside or Beside.nothing(len(texts))
    functions = list(dict.fromkeys(MEASURES[column] for column in wanted if column != BADWORDS))
    values: dict[str, NDArray[Any]] = {BADWORDS: count_badwords(texts, badwords)} if BADWORDS in wanted else {}
    parts = [_measured(texts, beside, places, functions) for places in _slices(texts)] if functions else []
    for column in wanted:
        if column != BADWORDS:
            values[column] = np.concatenate([part[column] for part in parts]) if parts else np.zeros(0)
    return {column: values[column] for column in wanted}


def _measured(
    texts: Sequence[str], beside: Beside, places: range, functions: Sequence[Measure]
) -> Mapping[str, NDArray[Any]]:
    measuring = _Measuring([texts[place] for place in places], beside.of(places))
    return {column: values for function in functions for column, values in function(measuring).items()}


def _slices(texts: Sequence[str]) -> Iterator[range]:
    """Where runs of texts of about MOST_CHARACTERS lie; one text is never cut."""
    start = size = 0
    for place, text in enumerate(texts):
        if size and size + len(text) > MOST_CHARACTERS:
            yield range(start, place)
            start, size = place, 0
        size += len(text)
    if start < len(texts):
        yield range(start, len(texts))
