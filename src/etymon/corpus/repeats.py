"""Repeats: lines that many documents share, and passages that stand earlier, cut out of the documents that are kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from etymon.corpus.arrow import RecordBatch, pa
from etymon.corpus.census import Census
from etymon.corpus.cuts import Cuts
from etymon.corpus.duplicates import content_key
from etymon.corpus.lines import LineCounts, LineSketch, Unit, drop_repeated_lines
from etymon.corpus.passages import earlier_passages
from etymon.corpus.schema import value_name
from etymon.corpus.substrings import Spans, in_characters
from etymon.errors import EtymonError

REPEATED_LINES, REPEATED_SPANS = "repeated lines", "repeated spans"
MOSTLY_LINES, MOSTLY_SPANS = f"mostly {REPEATED_LINES}", f"mostly {REPEATED_SPANS}"
MOST_DOCUMENTS = 10
"""A line that stands in more documents than this belongs to none of them."""
PASSAGE_BYTES = 200
"""About the published 50 tokens in English (Lee et al. 2022): what was cut must not depend on any tokenizer."""
LEAST_PASSAGE = 20
LEAST_LEFT = 20
"""Characters with fewer of which a document has nothing left to say."""
SKETCHED = 256 << 20
"""Bytes of text from which on a first reading tells which lines are worth counting."""
LONGEST_WORD = 40

Batches = Callable[[], Iterable[RecordBatch]]
Texts = Callable[[], Iterator[tuple[int, str]]]


@dataclass(frozen=True, slots=True)
class Repeats:
    """What is cut: every `unit` ("off": none) that stands in more than MOST_DOCUMENTS documents, and every passage of
    `passage` bytes (0: none) that stands earlier. A document with fewer than `least` bytes left is dropped."""

    unit: Unit | Literal["off"] = "off"
    passage: int = 0
    least: int = 0

    def to_json(self) -> dict[str, Any]:
        """As a part of a corpus's recipe."""
        return {"lines": self.unit, "passage": self.passage}


def unit_of(words: str) -> Unit | Literal["off"]:
    """What the setting `corpus.repeated_lines`, or a recipe, names."""
    if words in ("off", "line", "paragraph"):
        return words
    raise EtymonError(f"{words!r} are no lines", where="repeated_lines", help="off, line or paragraph")


def passage_bytes(words: str) -> int:
    """The length that the setting `corpus.repeated_spans` asks for: "off" is 0, "on" the usual one, else a number."""
    if words in ("off", "on"):
        return PASSAGE_BYTES if words == "on" else 0
    if words.isdecimal() and int(words) >= LEAST_PASSAGE:
        return int(words)
    raise EtymonError(
        f"repeated spans of {words!r} cannot be found",
        where="corpus.repeated_spans",
        help=f"auto, off, on, or a number of bytes from {LEAST_PASSAGE} on",
    )


def cut_repeats(census: Census, batches: Batches, repeats: Repeats) -> None:
    """Cuts repeats out of what is kept, lines first; of documents that then say the same, one is kept."""

    def texts() -> Iterator[tuple[int, str]]:
        yield from _kept_texts(census, batches())

    if repeats.unit != "off":
        _cut_lines(census, texts, repeats.unit, repeats.least)
        census.drop_exact()
    if repeats.passage:
        _cut_passages(census, texts, repeats.passage, repeats.least)
        census.drop_exact()


def _kept_texts(census: Census, batches: Iterable[RecordBatch]) -> Iterator[tuple[int, str]]:
    kept = census.kept_among(0, len(census))
    begin = 0
    for batch in batches:
        texts: list[str] = batch.column("text").to_pylist()
        for row in np.flatnonzero(kept[begin : begin + batch.num_rows]).tolist():
            yield begin + row, census.text(begin + row, texts[row])
        begin += batch.num_rows


def _cut_lines(census: Census, texts: Texts, unit: Unit, least: int) -> None:
    """Every copy of a shared line goes, so that what is left of a text does not depend on the order of reading."""
    sketch = None
    if census.kept_bytes > SKETCHED:
        sketch = LineSketch(unit=unit)
        for _, text in texts():
            sketch.add([text])
    counts = LineCounts(unit, sketch, MOST_DOCUMENTS)
    for _, text in texts():
        counts.add([text])
    cuts = Cuts(REPEATED_LINES)
    for row, text in texts():
        (trimmed,) = drop_repeated_lines([text], counts, MOST_DOCUMENTS)
        if trimmed.removed:
            left = _take(census, cuts, row, text, list(trimmed.removed))
            if _is_little(left, least) or 2 * len(left) < len(text):
                census.drop(row, MOSTLY_LINES)
    census.cuts.append(cuts)


def _cut_passages(census: Census, texts: Texts, passage: int, least: int) -> None:
    """Where a passage stands first in the order of reading it stays. A document is dropped only where less than a
    passage is left of it, so that none goes with it that was cut elsewhere because it stands here."""
    found = earlier_passages(lambda: ((row, text.encode()) for row, text in texts()), passage)
    cuts = Cuts(REPEATED_SPANS)
    for row, text in texts():
        spans = _whole_words(text, in_characters(text.encode(), found.spans.get(row, [])))
        if not spans:
            continue
        left = _take(census, cuts, row, text, spans)
        if len(left.encode()) < passage and _is_little(left, least):
            census.drop(row, MOSTLY_SPANS)
    census.cuts.append(cuts)
    census.told |= {"passage_parts": found.parts, "passage_bytes_apart": found.bytes_apart}


def _take(census: Census, cuts: Cuts, row: int, text: str, spans: Spans) -> str:
    left = cuts.add(row, text, spans)
    census.set_key(row, content_key(left))
    return left


def _is_little(left: str, least: int) -> bool:
    return len(left) < LEAST_LEFT or len(left.encode()) < least


def _whole_words(text: str, spans: Spans) -> Spans:
    """Spans without the ends of words that begin before them or go on behind, so that no word is cut in two, and less
    the space in front, so that no two become one. A word of over 40 characters is of a script without spaces."""
    inner = [_shrunk(text, start, end) for start, end in spans]
    return [(start, end) for start, end in inner if start < end]


def _shrunk(text: str, start: int, end: int) -> tuple[int, int]:
    def within(place: int) -> bool:
        return 0 < place < len(text) and text[place - 1].isalnum() and text[place].isalnum()

    begins = next((at for at in range(start, min(start + LONGEST_WORD, end)) if not within(at)), start)
    ends = next((at for at in range(end, max(end - LONGEST_WORD, begins), -1) if not within(at)), end)
    keeps_space = begins > 0 and text[begins].isspace() and not text[begins - 1].isspace()
    return begins + keeps_space, ends


def shortened(batch: RecordBatch, begin: int, census: Census) -> RecordBatch:
    """A prepared batch, whose first row is `begin`, with what cuts have left: kept documents have the shorter text with
    its sizes, and all from which something was cut say how many characters."""
    cut = sorted({row - begin for cuts in census.cuts for row in cuts.among(begin, begin + batch.num_rows)})
    if not cut:
        return batch
    kept = census.kept_among(begin, begin + batch.num_rows)
    columns = {name: batch.column(name).to_pylist() for name in ("text", "bytes", "removed")}
    sizes = {name: batch.column(value_name(name)).to_pylist() for name in ("bytes", "characters")}
    for row in cut:
        text = columns["text"][row]
        taken: dict[str, int] = json.loads(columns["removed"][row] or "{}")
        for cuts in census.cuts:
            left = cuts.left(begin + row, text)
            taken |= {cuts.name: len(text) - len(left)} if len(left) < len(text) else {}
            text = left
        columns["removed"][row] = json.dumps(taken, sort_keys=True)
        if kept[row]:
            columns["text"][row], columns["bytes"][row] = text, len(text.encode())
            sizes["bytes"][row], sizes["characters"][row] = float(columns["bytes"][row]), float(len(text))
    columns |= {value_name(name): values for name, values in sizes.items()}
    types = {"text": pa.string(), "removed": pa.string(), "bytes": pa.int64()}
    arrays = [
        pa.array(columns[name], types.get(name, pa.float64())) if name in columns else batch.column(name)
        for name in batch.schema.names
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)
