"""Test items found in training text: word n-grams as published, and copies that were edited lightly."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import Match, SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from etymon.corpus.word_grams import Words, folded, grams, words_of
from etymon.errors import EtymonError

GRAM = 13
"""Words in a row that make an overlap (Brown et al. 2020, GPT-3, appendix C)."""
LEAST_WORDS = 8
"""A shorter item is found by its whole text; one of fewer words than this says too little and is left out."""
SEED = 5
"""Words in a row that begin the search for an edited copy."""
LEAST_SHARE = 0.75
"""Of the words of an item that an edited copy keeps in their order."""
LEAST_BLOCK = 2
"""Words in a row that count as kept: single ones match by chance."""
MOST_GAP = 8
"""Words between two kept runs, on either side; what lies farther off belongs to no copy."""
MOST_ALIGNED = 400
"""Words to either side that are compared word by word; of a longer item a part is looked at."""
MOST_ITEMS = 10
"""Items that one n-gram leads to: one that is in more is a template, and names the first of them."""
FILTER_BITS = 22

Array = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Span:
    """`text` is document[start:end] (characters) and holds `share` of the words of the item in their order. `exact`:
    n-gram for n-gram as published, or all of a shorter item; otherwise an edited copy."""

    start: int
    end: int
    item: str
    text: str
    share: float
    exact: bool


class Grams:
    """From the hashes of runs of `length` words to where they stand in items."""

    def __init__(self, words: Words, length: int, chosen: NDArray[np.bool_], *, first_only: bool) -> None:
        """Over the words of all items, those `chosen` [items]. Of a run that stands in more than `MOST_ITEMS` places
        the first are kept, or none at all."""
        self.length = length
        hashes = grams(words.hashes, length)
        items, last = words.documents[: len(hashes)], words.documents[len(words) - len(hashes) :]
        runs = np.flatnonzero((items == last) & chosen[items])  # a run over the end of an item is none
        runs = runs[np.argsort(hashes[runs], kind="stable")]
        hashes, items = hashes[runs], items[runs]
        begins = np.searchsorted(hashes, hashes)
        if first_only:
            kept = np.arange(len(hashes)) - begins < MOST_ITEMS
        else:
            kept = np.searchsorted(hashes, hashes, "right") - begins <= MOST_ITEMS
        self._hashes, self._items = hashes[kept], items[kept]
        self._places = runs[kept] - np.searchsorted(words.documents, self._items)
        self._marks = np.zeros(1 << FILTER_BITS, np.bool_)
        self._marks[self._hashes >> np.uint64(64 - FILTER_BITS)] = True

    def hits(self, hashes: Array) -> Iterator[tuple[int, int, int]]:
        """(run of the text, item, run of the item) for each of the text's runs that an item has too, ascending."""
        near = np.flatnonzero(self._marks[hashes >> np.uint64(64 - FILTER_BITS)])
        begins = np.searchsorted(self._hashes, hashes[near])
        ends = np.searchsorted(self._hashes, hashes[near], "right")
        for at, begin, end in zip(near.tolist(), begins.tolist(), ends.tolist(), strict=True):
            for slot in range(begin, end):
                yield at, int(self._items[slot]), int(self._places[slot])


class Items:
    """Test items made ready to be looked for. `too_short` are the ids of those that say too little to be found."""

    def __init__(self, items: Iterable[tuple[str, str]], *, gram: int = GRAM, least_words: int = LEAST_WORDS) -> None:
        """`items` are (id, text). Raises EtymonError where there is none that could be found."""
        named = list(items)
        words = words_of([folded(text) for _, text in named])
        sizes = np.bincount(words.documents, minlength=len(named))
        self.gram = gram
        self.ids = [id for id, _ in named]
        self.too_short = [id for id, size in zip(self.ids, sizes, strict=True) if size < least_words]
        if len(self.too_short) == len(named):
            raise EtymonError(
                "There are no test items to look for.",
                why=f"{len(named):,} were given, each of fewer than {least_words} words",
                help='give whole questions or passages as lines of {"id": "…", "text": "…"}',
            )
        self.words: list[list[int]] = [each.tolist() for each in np.split(words.hashes, np.cumsum(sizes)[:-1])]
        self.sets = [frozenset(each) for each in self.words]
        whole = np.where(sizes < least_words, 0, np.minimum(sizes, gram))
        self.tables = [Grams(words, n, whole == n, first_only=True) for n in np.unique(whole[whole > 0]).tolist()]
        self.tables.append(Grams(words, SEED, whole > 0, first_only=False))


def contaminated(texts: Sequence[str], items: Items) -> list[list[Span]]:
    """For each text the places where it holds an item, by their start.

    Case, punctuation, white space and Unicode's compatible forms (NFKC) make no difference. A text holds an item where
    13 words in a row are the item's (all of it where it is shorter), or where at least three quarters of its words
    stand in their order in a passage at most half longer than it. The second is searched for from five words in a row.
    """
    plain = [folded(text) for text in texts]
    words = words_of(plain)
    bounds = np.searchsorted(words.documents, np.arange(len(texts) + 1))
    found: list[list[Span]] = [[] for _ in texts]
    for (document, number), hits in _candidates(words, items).items():
        first, last = int(bounds[document]), int(bounds[document + 1])
        for copy in _copies(words.hashes[first:last], items, number, [(at - first, place) for at, place in hits]):
            begin, end = int(words.starts[first + copy.begin]), int(words.ends[first + copy.end - 1])
            start, stop = original_place(texts[document], begin, end)
            text = texts[document][start:stop]
            found[document].append(Span(start, stop, items.ids[number], text, copy.share, copy.exact))
    return [sorted(spans, key=lambda span: (span.start, span.end, span.item)) for spans in found]


def _candidates(words: Words, items: Items) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """(document, item) -> where a run of the text's words is one of the item's: (word of all, word of the item)."""
    hits: defaultdict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for table in items.tables:
        for at, item, place in table.hits(grams(words.hashes, table.length)):
            document = int(words.documents[at])
            if words.documents[at + table.length - 1] == document:  # a run over the end of a text is none
                hits[document, item].append((at, place))
    return hits


@dataclass(frozen=True, slots=True)
class _Copy:
    """A copy of an item: words [begin, end) of a text."""

    begin: int
    end: int
    share: float
    exact: bool


def _copies(words: Array, items: Items, number: int, hits: list[tuple[int, int]]) -> Iterator[_Copy]:
    """The copies of an item in a text, from left to right, none overlapping another."""
    taken = 0
    for at, place in sorted(set(hits)):
        if at < taken:
            continue
        copy = _aligned(words[taken:], items, number, at - taken, place)
        if copy is not None:
            yield replace(copy, begin=copy.begin + taken, end=copy.end + taken)
            taken += copy.end


def _aligned(words: Array, items: Items, number: int, at: int, place: int) -> _Copy | None:
    """The copy around a word of the text that stands where word `place` of the item does, if it is one."""
    item = items.words[number]
    size = len(item)
    slack = min(size // 2, MOST_ALIGNED)
    begin = max(at - min(place, MOST_ALIGNED) - slack, 0)
    window: list[int] = words[begin : at + min(size - place, MOST_ALIGNED) + slack].tolist()
    part = item[max(place - MOST_ALIGNED, 0) : place + MOST_ALIGNED]
    whole = min(items.gram, size)
    run = _common_run(item[place:], words[at : at + whole].tolist())
    if run < whole and len(items.sets[number].intersection(window)) < LEAST_SHARE * len(items.sets[number]):
        return None
    blocks = _chain(SequenceMatcher(None, part, window, autojunk=False).get_matching_blocks())
    share = sum(each.size for each in blocks) / size
    exact = max((each.size for each in blocks), default=0) >= whole
    if not exact and share < LEAST_SHARE:
        return None
    return _Copy(begin + blocks[0].b, begin + blocks[-1].b + blocks[-1].size, share, exact)


def _chain(matching: list[Match]) -> list[Match]:
    """The longest run of words and those beside it, as far as they stand close to each other in both."""
    blocks = [each for each in matching if each.size >= LEAST_BLOCK]
    if not blocks:
        return []
    gaps = [max(b.a - a.a - a.size, b.b - a.b - a.size) for a, b in pairwise(blocks)]
    longest = max(range(len(blocks)), key=lambda n: blocks[n].size)
    first = next((n for n in range(longest, 0, -1) if gaps[n - 1] > MOST_GAP), 0)
    last = next((n for n in range(longest, len(gaps)) if gaps[n] > MOST_GAP), len(gaps))
    return blocks[first : last + 1]


def _common_run(one: Sequence[int], other: Sequence[int]) -> int:
    """How many words both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def original_place(text: str, start: int, end: int) -> tuple[int, int]:
    """Where characters [start, end) of the folded text stand in the text itself."""
    if text.isascii():
        return start, end

    def length(prefix: int) -> int:
        return len(folded(text[:prefix]))

    places = range(len(text) + 1)
    first, last = (bisect_right(places, each, key=length) - 1 for each in (start, end))  # a mark adds no length
    return first, max(last, bisect_left(places, end, key=length))  # or one character was folded to several


def read_items(path: str | Path, *, id: str = "id", text: str = "text") -> Items:
    """The items of a JSONL file, one a line; where there is no id, "FILE:LINE".

    Raises EtymonError naming the line that holds no object with the text."""
    try:
        lines = Path(path).read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise EtymonError("The test items cannot be read.", where=str(path), why=str(error)) from error
    return Items(_item(line, f"{path}:{n}", id, text) for n, line in enumerate(lines, 1) if line.strip())


def _item(line: str, where: str, id: str, text: str) -> tuple[str, str]:
    try:
        row: Any = json.loads(line)
    except ValueError as error:
        raise EtymonError("This line of test items is no JSON.", where=where, why=str(error)) from error
    if not isinstance(row, dict) or not isinstance(row.get(text), str):  # pyright: ignore[reportUnknownMemberType]
        raise EtymonError(f'This test item has no "{text}".', where=where, help='write {"id": "…", "text": "…"} a line')
    fields = cast("dict[str, Any]", row)
    return str(fields.get(id, where)), fields[text]
