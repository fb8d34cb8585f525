"""What the learned extractor sees of each block: its text, its elements and what they hold, its place on the page."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from etymon.corpus.extract.blocks import Blocks
from etymon.corpus.extract.names import MARKS
from etymon.corpus.extract.words import COMMON, NOTICE

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

TAGS = ("p", "li", "h1", "h2", "h3", "td", "div", "pre", "dd", "section")
"""Kinds of innermost elements; what is none of these is like the kind that `_KIND_OF` names, or none."""
_KIND_OF = {"h4": "h3", "h5": "h3", "h6": "h3", "th": "td", "dt": "dd", "blockquote": "p", "article": "section"}
_TAG_NUMBER = {tag: number for number, tag in enumerate(TAGS)} | {
    tag: TAGS.index(kind) for tag, kind in _KIND_OF.items()
}

_AROUND = {"table": 0, "ul": 1, "ol": 1, "form": 2, "blockquote": 3}

_LETTER, _UPPER, _DIGIT, _COMMA, _END = (1 << bit for bit in range(5))


@cache
def _classes() -> NDArray[np.uint8]:
    """Classes of the characters below U+10000."""
    table = np.zeros(1 << 16, np.uint8)
    for code in range(1 << 16):
        char = chr(code)
        table[code] = (
            _LETTER * char.isalpha()
            | _UPPER * char.isupper()
            | _DIGIT * char.isdigit()
            | _COMMA * (char in ",;:，、；؛،")
            | _END * (char in ".!?…。！？؟।")
        )
    return table


def _counts(texts: list[str]) -> dict[int, Floats]:
    """How many characters of each class every text has."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    classes = _classes()[np.minimum(codes, 0xFFFF)]
    starts = np.cumsum([0, *map(len, texts[:-1])])
    return {
        kind: np.add.reduceat((classes & kind) != 0, starts, dtype=np.int64).astype(np.float32)
        for kind in (_LETTER, _UPPER, _DIGIT, _COMMA, _END)
    }


def _bits(marks: Ints) -> Floats:
    return ((marks[:, None] >> np.arange(len(MARKS))) & 1).astype(np.float32)


def _inherited(own: list[int], parent: list[int], counted: list[bool]) -> Ints:
    """Marks of each element and all above it, of those that are counted."""
    marks = [0] * len(own)
    for number, (bits, above) in enumerate(zip(own, parent, strict=True)):
        marks[number] = (bits if counted[number] else 0) | (marks[above] if above >= 0 else 0)
    return np.array(marks, np.int64)


def features(page: Blocks) -> Floats:
    """One row for each block [blocks, FEATURES]; no page is too small, one without blocks has no rows."""
    texts = page.texts
    if not texts:
        return np.zeros((0, FEATURES), np.float32)
    length = np.array([len(text) for text in texts], np.float32)
    linked = (np.array(page.linked, np.float32) / length).astype(np.float32)
    words, running = _words(texts, (length * (1 - linked)).astype(np.float32))
    columns = words + _links(page, length, linked) + _places(page, length, running, linked)
    return np.concatenate([np.stack(columns, axis=1), *_element_features(page, length, linked, running)], axis=1)


def _words(texts: list[str], unlinked: Floats) -> tuple[list[Floats], Floats]:
    """What a block's words and characters are; and how many of its characters are running text: sentences, no links.
    Some columns say nearly the same, so that training may hide any of them."""
    split = [text.lower().split() for text in texts]
    words = np.array([len(each) for each in split], np.float32)
    common = np.array([sum(map(COMMON.__contains__, each)) for each in split], np.float32) / words
    notice = np.array([sum(map(NOTICE.__contains__, each)) for each in split], np.float32)
    closed = np.array([text[-1] in '.!?…。！？؟।:"”»)' for text in texts], np.float32)
    length = np.array([len(text) for text in texts], np.float32)
    count = _counts(texts)
    running: Floats = (unlinked * np.minimum(common * 4, 1) * (length > 40)).astype(np.float32)
    columns = [
        np.log1p(length) / 4,
        np.minimum(words, 100) / 25,
        np.minimum(length / words / 8, 4),
        common * 2,
        count[_UPPER] / length * 4,
        count[_DIGIT] / length * 3,
        count[_LETTER] / length,
        np.minimum(count[_COMMA], 8) / 4,
        np.minimum(count[_END], 8) / 4,
        closed,
        np.minimum(notice, 3),
        notice / words * 2,
        _repeated(texts),
        np.log1p(running) / 4,
        running / length,
    ]
    return [column.astype(np.float32) for column in columns], running


def _links(page: Blocks, length: Floats, linked: Floats) -> list[Floats]:
    links = np.array(page.links, np.float32)
    columns = [linked, linked > 0.9, (linked > 0.9) & (length > 40), np.log1p(length * (1 - linked)) / 4]
    return [column.astype(np.float32) for column in (*columns, np.minimum(links, 8) / 4)]


def _repeated(texts: list[str]) -> Floats:
    seen: dict[str, int] = {}
    for text in texts:
        seen[text] = seen.get(text, 0) + 1
    return np.array([seen[text] > 1 for text in texts], np.float32)


def _places(page: Blocks, length: Floats, running: Floats, linked: Floats) -> list[Floats]:
    """Where a block is: among all, by running text before it, and as to the page's title and main heading."""
    blocks = len(length)
    order = np.arange(blocks, dtype=np.float32)
    title = page.title.lower()
    tags = [page.tags[element] for element in page.element]
    first_heading = next((number for number, tag in enumerate(tags) if tag == "h1"), -1)
    in_title = np.array([10 < len(text) < 200 and text.lower() in title for text in page.texts], np.float32)
    total = float(running.sum()) + 1
    return [
        (order / blocks).astype(np.float32),
        ((np.cumsum(running) - running) / total).astype(np.float32),
        in_title,
        np.maximum.accumulate(in_title),
        (order >= (first_heading if first_heading >= 0 else blocks)).astype(np.float32),
        np.full(blocks, math.log1p(total) / 8, np.float32),
        np.full(blocks, math.log1p(blocks) / 6, np.float32),
        np.full(blocks, (linked * length).sum() / length.sum(), np.float32),
    ]


def _element_features(page: Blocks, length: Floats, linked: Floats, running: Floats) -> list[Floats]:
    """What the innermost elements and those above them are and hold."""
    element = np.array(page.element)
    parent = np.maximum(np.array(page.parent), 0)
    first, last = np.array(page.first), np.array(page.last)

    def held(values: Floats) -> Floats:
        sums = np.concatenate([[0], np.cumsum(values, dtype=np.float64)])
        return (sums[last] - sums[first]).astype(np.float32)

    chars, links, prose = held(length), held(length * linked), held(running)
    blocks = (last - first).astype(np.float32)
    share = prose / max(float(running.sum()), 1.0)
    holds = np.stack(
        [np.log1p(chars) / 4, links / np.maximum(chars, 1), prose / np.maximum(chars, 1), share, np.log1p(blocks) / 4],
        axis=1,
    )
    above = [element]
    for _ in range(3):
        above.append(parent[above[-1]])
    own = np.array(page.marks, np.int64)
    small = _inherited(page.marks, page.parent, (share < 0.5).tolist())
    every = _inherited(page.marks, page.parent, [True] * len(own))
    kinds = np.zeros((len(element), len(TAGS)), np.float32)
    numbers = np.array([_TAG_NUMBER.get(page.tags[number], -1) for number in page.element])
    known = np.flatnonzero(numbers >= 0)
    kinds[known, numbers[known]] = 1
    return [
        *(holds[at] for at in above),
        _bits(own[above[0]] | own[above[1]]),
        _bits(small[element]),
        _bits(every[element])[:, :CONTENT_MARKS],
        kinds,
        _within(page, element, first, last, share),
    ]


def _within(page: Blocks, element: Ints, first: Ints, last: Ints, share: Floats) -> Floats:
    """Whether a block is in the smallest elements that hold half, four fifths and nearly all of the running text, how
    far into the first of them; and how many tables and lists it is in."""
    order = np.arange(len(element))
    sizes = last - first
    columns: list[Floats] = []
    for least in (0.5, 0.8, 0.95):
        holding = np.flatnonzero(share >= least)
        smallest = holding[np.argmin(sizes[holding])] if len(holding) else 0
        start, end = first[smallest], last[smallest]
        columns.append(((order >= start) & (order < end)).astype(np.float32))
        if least == 0.5:
            columns += [
                np.clip((order - start) / max(end - start, 1), -1, 2).astype(np.float32),
                (order >= end).astype(np.float32),
            ]
    kinds = np.array([_AROUND.get(tag, -1) for tag in page.tags])
    for kind in range(4):
        some = kinds == kind
        inside = np.zeros(len(element) + 1, np.float32)
        np.add.at(inside, first[some], 1)
        np.add.at(inside, last[some], -1)
        columns.append(np.minimum(np.cumsum(inside)[:-1], 3))
    return np.stack(columns, axis=1)


CONTENT_MARKS = 6
"""The first marks, which tell of content, count on elements of any size; the others only on small ones."""
FEATURES = 15 + 5 + 8 + 4 * 5 + 2 * len(MARKS) + CONTENT_MARKS + len(TAGS) + 9
