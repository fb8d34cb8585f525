"""JSON lines: one document per line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

from etymon.corpus.fields import TEXT_FIELDS, find_field, found_in
from etymon.corpus.found import RECORD_LIMIT, Fault, Found, Reading
from etymon.corpus.sources import Source
from etymon.corpus.streams import MOST_NULS_IN_RECORDS, Line, encoding_of, lines


def read(source: Source, reading: Reading) -> Iterator[Found | Fault]:
    """The records of a file; a line that is no JSON object with a text costs only itself."""
    encoding = encoding_of(source.open, nuls_allowed=MOST_NULS_IN_RECORDS)
    wanted = (reading.text_field,) if reading.text_field else TEXT_FIELDS
    for line in lines(source.open, encoding):
        if line.text is None or line.text.strip():
            yield _record(line, wanted, source.name)


def _record(line: Line, wanted: tuple[str, ...], file: str) -> Found | Fault:
    if line.text is None:
        return Fault("record too large", line.offset, line.size, f"line {line.number}: over {RECORD_LIMIT >> 20} MiB")
    try:
        value = json.loads(line.text)
    except json.JSONDecodeError as error:
        detail = f"line {line.number}, column {error.colno}: {error.msg}"
        return Fault("bad JSON line", line.offset, line.size, detail)
    except (ValueError, RecursionError) as error:
        return Fault("bad JSON line", line.offset, line.size, f"line {line.number}: {error}")
    if isinstance(value, str):
        return Found(value, line.offset)
    if not isinstance(value, dict):
        return Fault("no text field", line.offset, line.size, f"line {line.number}: {type(value).__name__}, no object")
    record = cast(dict[str, Any], value)
    name = find_field(record, wanted)
    if name is None or not isinstance(record[name], str):
        have = ", ".join(list(record)[:12])
        detail = f"line {line.number}: no text under {' or '.join(wanted)}; fields: {have}"
        return Fault("no text field", line.offset, line.size, detail)
    return found_in(record, record[name], line.offset, file)
