"""Lines and paragraphs: how many repeat, how they begin and end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.corpus.measures.batch import Batch, Bools, Floats, Ints, Spans, grouped, places_in
from etymon.corpus.measures.unicode import BREAK, TERMINAL

Columns = Mapping[str, NDArray[Any]]
NEWLINE, RETURN, FULL_STOP, ELLIPSIS = 0xA, 0xD, 0x2E, 0x2026
BULLETS = np.array([ord("•"), ord("-")], np.uint32)
SHORT_LINE = 30
"""Characters of a short line (FineWeb, section 3.5)."""


def lines_between_newlines(batch: Batch) -> Spans:
    """Each text cut at runs of newlines; a run at its very start or end leaves an empty line, as Python's re.split."""
    start, stop = _newline_runs(batch)
    return _cut(batch.start, batch.stop, start, stop)


def paragraphs(batch: Batch) -> Spans:
    """Each text without white space at its ends, cut at runs of two newlines or more."""
    start, stop = _newline_runs(batch)
    first, last = stripped(batch, Spans(batch.start, batch.stop, np.arange(len(batch))))
    document = places_in(start, batch.start)
    inside = (stop - start >= 2) & (start > first[document]) & (stop < last[document])
    return _cut(first, last, start[inside], stop[inside])


def _newline_runs(batch: Batch) -> tuple[Ints, Ints]:
    """The bounds of all runs of newlines; what parts the texts is none."""
    newline = np.zeros(len(batch.codes) + 1, np.int8)
    newline[1:] = batch.codes == NEWLINE
    newline[batch.stop + 1] = 0
    edges = np.flatnonzero(np.diff(newline))
    return edges[0::2], edges[1::2]


def _cut(first: Ints, last: Ints, start: Ints, stop: Ints) -> Spans:
    """What is left of each text [first, last) when the cuts [start, stop) are taken out, empty pieces too."""
    starts, stops = np.concatenate((first, stop)), np.concatenate((start, last))
    document = np.concatenate((np.arange(len(first)), np.searchsorted(last, start)))
    of_starts = np.argsort(starts, kind="stable")
    return Spans(starts[of_starts], np.sort(stops), np.sort(document))


def stripped(batch: Batch, spans: Spans) -> tuple[Ints, Ints]:
    """The bounds of stretches without white space at their ends; blank ones become empty where they begin."""
    first, last = batch.seen[spans.start], batch.seen[spans.stop]
    blank = first == last
    visible = batch.visible if len(batch.visible) else np.zeros(1, np.int64)
    start = np.where(blank, spans.start, visible[np.minimum(first, len(visible) - 1)])
    return start, np.where(blank, start, visible[last - 1] + 1)


def python_lines(batch: Batch) -> Spans:
    """Each text as str.splitlines cuts it."""
    breaks = batch.has(BREAK)
    breaks[batch.stop] = False
    pair = (batch.codes[:-1] == RETURN) & (batch.codes[1:] == NEWLINE) & breaks[1:]
    breaks[1:] &= ~pair
    at = np.flatnonzero(breaks)
    lines = _cut(batch.start, batch.stop, at, at + 1 + np.append(pair, False)[at])
    return lines.where((lines.length > 0) | (lines.stop != batch.stop[lines.document]))


def repeated(batch: Batch, spans: Spans) -> tuple[Floats, Floats]:
    """How many stretches of each document are a repetition of an earlier one, and their characters. [D]"""
    groups = grouped(batch.hashes(spans), spans.document)
    document, again = spans.document[groups.first], groups.size - 1
    return batch.sums(document, again), batch.sums(document, again * spans.length[groups.first])


def duplicate_lines(batch: Batch) -> Columns:
    """Gopher's repetition by lines and paragraphs (Rae et al. 2021, table A1), over all characters of the text."""
    columns: dict[str, Floats] = {}
    for name, spans in (("line", lines_between_newlines(batch)), ("paragraph", paragraphs(batch))):
        again, characters = repeated(batch, spans)
        columns[f"duplicate_{name}s"] = batch.ratio(again, batch.sums(spans.document))
        columns[f"duplicate_{name}_characters"] = batch.ratio(characters, batch.lengths)
    return columns


def line_shapes(batch: Batch) -> Columns:
    """Gopher's bullets and ellipses."""
    lines = python_lines(batch)
    start, stop = stripped(batch, lines)
    bullet = (stop > start) & np.isin(batch.codes[start], BULLETS)
    count = batch.sums(lines.document)
    return {
        "bullet_lines": batch.ratio(batch.sums(lines.document, bullet), count),
        "ellipsis_lines": batch.ratio(batch.sums(lines.document, ends_in_ellipsis(batch, start, stop)), count),
    }


def ends_in_ellipsis(batch: Batch, start: Ints, stop: Ints) -> Bools:
    """Whether stretches end in "..." or "…"."""
    dots = np.ones(len(start), bool)
    for back in (1, 2, 3):
        dots &= batch.codes[np.maximum(stop - back, 0)] == FULL_STOP
    one = (stop > start) & (batch.codes[np.maximum(stop - 1, 0)] == ELLIPSIS)
    return (dots & (stop - start >= 3)) | one


def fineweb_lines(batch: Batch) -> Columns:
    """FineWeb's own rules (Penedo et al. 2024, section 3.5), over lines that are not blank."""
    lines = lines_between_newlines(batch)
    lines = lines.where(batch.seen[lines.stop] > batch.seen[lines.start])
    count = batch.sums(lines.document)
    terminal = (batch.flags[lines.stop - 1] & np.uint16(TERMINAL)) != 0
    newlines = np.array([text.count("\n") for text in batch.texts], np.int64)
    return {
        "terminal_lines": batch.ratio(batch.sums(lines.document, terminal), count),
        "short_lines": batch.ratio(batch.sums(lines.document, lines.length <= SHORT_LINE), count),
        "repeated_line_characters": batch.ratio(repeated(batch, lines)[1], batch.lengths - newlines),
        "lines": count,
    }
