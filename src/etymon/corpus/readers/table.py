"""CSV and TSV: one document per row, from the text column."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

from etymon.corpus.fields import KNOWN_FIELDS, TEXT_FIELDS, find_field, found_in, longest_field
from etymon.corpus.found import RECORD_LIMIT, Broken, Fault, Found, Reading
from etymon.corpus.sources import Source
from etymon.corpus.streams import MOST_NULS_IN_RECORDS, Line, encoding_of, lines

SAMPLE_ROWS = 200
DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one row, where it begins (bytes, line) and how many bytes it takes."""

    cells: list[str]
    offset: int
    size: int
    line: int


class _Feed:
    """Gives a csv reader its lines and notes which bytes went into the row that it is now building."""

    def __init__(self, source: Iterator[Line]) -> None:
        self._source = source
        self.offset = self.size = self.line = 0

    def begin_row(self) -> None:
        self.line = self.size = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._source:
            if not self.line:
                self.line, self.offset = line.number, line.offset
            self.size += line.size
            if line.text is None:
                raise csv.Error(f"a line over {RECORD_LIMIT >> 20} MiB")
            yield line.text + "\n"


def _rows(source: Iterator[Line], delimiter: str, quoted: bool) -> Iterator[Row | Fault]:
    """The rows of a table. In a TSV quotes mean nothing, so that an apostrophe cannot swallow the lines after it."""
    csv.field_size_limit(RECORD_LIMIT)  # the module's own limit, 128 KiB for the process, would refuse long documents
    feed = _Feed(source)
    quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    reader = csv.reader(iter(feed), delimiter=delimiter, quoting=quoting)
    while True:
        feed.begin_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Fault("bad table row", feed.offset, feed.size, f"line {feed.line}: {error}")
            continue
        if cells:
            yield Row(cells, feed.offset, feed.size, feed.line)


def _delimiter(source: Source, first: str) -> str:
    if ".tsv" in source.path.suffixes[-2:]:
        return "\t"
    return max(DELIMITERS, key=first.count)


def _is_header(cells: list[str], text_field: str) -> bool:
    """Whether a first row names columns: a known name, or nothing but short different words that are no numbers."""
    names = [cell.strip().lower() for cell in cells]
    if text_field.lower() in names or not KNOWN_FIELDS.isdisjoint(names):
        return True
    wordy = all(len(name) <= 40 and len(name.split()) <= 4 and not _is_number(name) for name in names)
    return wordy and len(set(names)) == len(names) and any(names)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).lstrip("+-").isdigit()


def _text_column(names: list[str], sample: list[Row], wanted: str) -> int:
    """The number of the text column: the one asked for, one of the usual names, else the one with the longest text."""
    name = find_field(names, (wanted,) if wanted else TEXT_FIELDS)
    if name is None and wanted:
        raise Broken("no text field", f"no column {wanted}; columns: {', '.join(names[:12])}")
    name = name if name is not None else longest_field([row.cells for row in sample], names)
    if name is None:
        raise Broken("no text field", f"no column holds text rather than numbers; columns: {', '.join(names[:12])}")
    return names.index(name)


def read(source: Source, reading: Reading) -> Iterator[Found | Fault]:
    """The rows of a table as documents; a row of another width than the header is a fault of its own."""
    encoding = encoding_of(source.open, nuls_allowed=MOST_NULS_IN_RECORDS)
    first = next((line.text for line in lines(source.open, encoding) if line.text and line.text.strip()), "")
    delimiter = _delimiter(source, first)
    found = _rows(lines(source.open, encoding), delimiter, quoted=delimiter != "\t")
    sample = list(islice(found, SAMPLE_ROWS))
    rows = [each for each in sample if isinstance(each, Row)]
    if not rows:
        yield from (each for each in sample if isinstance(each, Fault))
        return
    names = [f"column {number}" for number in range(1, len(rows[0].cells) + 1)]
    if _is_header(rows[0].cells, reading.text_field):
        names = [cell.strip() for cell in rows[0].cells]
        sample.remove(rows.pop(0))
    column = _text_column(names, rows, reading.text_field)
    for each in chain(sample, found):
        yield each if isinstance(each, Fault) else _document(each, names, column, source.name)


def _document(row: Row, names: list[str], column: int, file: str) -> Found | Fault:
    if len(row.cells) != len(names):
        detail = f"line {row.line}: {len(row.cells)} fields where the first row has {len(names)}"
        return Fault("bad table row", row.offset, row.size, detail)
    return found_in(dict(zip(names, row.cells, strict=True)), row.cells[column], row.offset, file)
