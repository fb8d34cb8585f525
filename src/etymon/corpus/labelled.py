"""Labelled texts: the rows of JSON lines and tables as (text, label), every mistake told with its line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from etymon.corpus.fields import TEXT_FIELDS, find_field
from etymon.corpus.found import RECORD_LIMIT, Broken
from etymon.corpus.sources import Source
from etymon.corpus.streams import COMPRESSION_ERRORS, Line, encoding_of, lines, printable
from etymon.corpus.walk import find_sources
from etymon.errors import EtymonError

DELIMITERS = ",;\t|"
FIELDS_NAMED = 12
Record = tuple[int, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Fields:
    """Which fields hold the text ("": one of the usual names) and the label."""

    text: str = ""
    label: str = "label"


def labelled_sources(paths: Sequence[str]) -> list[Source]:
    """The files of labelled texts below some paths. Raises EtymonError for one that is neither JSON lines nor table."""
    sources = find_sources(paths).files
    for source in sources:
        if source.format not in _RECORDS:
            raise EtymonError(
                "labelled texts are JSON lines or tables",
                where=str(source.path),
                why=f"this is {source.format}",
                help="give .jsonl, .csv or .tsv files, compressed or not",
            )
    return sources


def labelled(source: Source, fields: Fields) -> Iterator[tuple[str, str]]:
    """The (text, label) of each record of a file. Raises EtymonError at the first that has none, naming its line."""
    if source.fault:
        raise EtymonError("the labelled texts cannot be read", where=str(source.path), why=source.fault.detail)
    try:
        for number, record in _RECORDS[source.format](source):
            yield _pair(source, number, record, fields)
    except Broken as error:
        raise EtymonError(f"the file is {error.kind}", where=str(source.path), why=error.detail) from error
    except (OSError, *COMPRESSION_ERRORS) as error:
        raise EtymonError("the labelled texts cannot be read", where=str(source.path), why=str(error)) from error


def _pair(source: Source, number: int, record: Mapping[str, Any], fields: Fields) -> tuple[str, str]:
    name = find_field(record, (fields.text,) if fields.text else TEXT_FIELDS)
    text = record[name] if name else None
    if not isinstance(text, str):
        _no_field(source, number, record, "text", fields.text or " or ".join(TEXT_FIELDS))
    name = find_field(record, (fields.label,))
    label = record[name] if name else None
    if not isinstance(label, str | int | float):
        _no_field(source, number, record, "label", fields.label)
    return printable(text), _word(label)


def _word(label: str | float) -> str:
    """A label as one writes it on a command line: true, 1, toxic."""
    if isinstance(label, bool):
        return str(label).lower()
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label).strip()


def _no_field(source: Source, number: int, record: Mapping[str, Any], what: str, wanted: str) -> NoReturn:
    raise EtymonError(
        f"there is no {what} under {wanted}",
        where=f"{source.path}, line {number}",
        why=f"the fields are {', '.join(list(record)[:FIELDS_NAMED]) or 'none'}",
        help=f"name the one that holds it with --{what}-field",
    )


def _unreadable(source: Source, number: int, why: str) -> EtymonError:
    return EtymonError(
        "the line cannot be read", where=f"{source.path}, line {number}", why=why, help="correct the line"
    )


def _lines(source: Source) -> Iterator[Line]:
    for line in lines(source.open, encoding_of(source.open)):
        if line.text is None:
            raise _unreadable(source, line.number, f"it is longer than {RECORD_LIMIT >> 20} MiB")
        yield line


def _json_records(source: Source) -> Iterator[Record]:
    for line in _lines(source):
        if not (line.text and line.text.strip()):
            continue
        try:
            value = json.loads(line.text)
        except (ValueError, RecursionError) as error:
            raise _unreadable(source, line.number, str(error)) from error
        if not isinstance(value, dict):
            raise _unreadable(source, line.number, "it is no JSON object")
        yield line.number, cast("dict[str, Any]", value)


def _table_records(source: Source) -> Iterator[Record]:
    csv.field_size_limit(RECORD_LIMIT)
    tabs = ".tsv" in source.path.suffixes[-2:]
    first = next((line.text for line in _lines(source) if line.text and line.text.strip()), "")
    quoting = csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL
    delimiter = "\t" if tabs else max(DELIMITERS, key=first.count)
    reader = csv.reader((f"{line.text}\n" for line in _lines(source)), delimiter=delimiter, quoting=quoting)
    names: list[str] = []
    begin = 1
    try:
        for cells in reader:
            number, begin = begin, reader.line_num + 1
            if not cells:
                continue
            if not names:
                names = [cell.strip() for cell in cells]
            elif len(cells) != len(names):
                raise _unreadable(source, number, f"it has {len(cells)} cells, the first line {len(names)}")
            else:
                yield number, dict(zip(names, cells, strict=True))
    except csv.Error as error:
        raise _unreadable(source, begin, str(error)) from error


_RECORDS = {"jsonl": _json_records, "table": _table_records}
