"""Parquet: one document per row, from the text column; offsets are row numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from etymon.corpus.arrow import pa, pq
from etymon.corpus.fields import (
    DOMAIN_FIELDS,
    ID_FIELDS,
    LANGUAGE_FIELDS,
    NESTED_FIELDS,
    TEXT_FIELDS,
    URL_FIELDS,
    find_field,
    found_in,
    longest_field,
)
from etymon.corpus.found import Broken, Fault, Found, Reading
from etymon.corpus.sources import Source

ROWS = 512


def read(source: Source, reading: Reading) -> Iterator[Found | Fault]:
    """The rows of a file as documents; a missing value is an empty text."""
    if source.codec:
        raise Broken("unknown format", f"a Parquet file inside {source.codec}; unpack it first")
    with pq.ParquetFile(str(source.path)) as file:
        column = _text_column(file, reading.text_field)
        about = (*URL_FIELDS, *ID_FIELDS, *LANGUAGE_FIELDS, *DOMAIN_FIELDS, *NESTED_FIELDS)
        columns = [column, *(name for name in file.schema_arrow.names if name.lower() in about and name != column)]
        number = 0
        for batch in file.iter_batches(batch_size=ROWS, columns=columns):
            for row in batch.to_pylist():
                yield found_in(row, row[column] or "", number, source.name)
                number += 1


def _is_text(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _text_column(file: Any, wanted: str) -> str:
    names = [field.name for field in file.schema_arrow if _is_text(field.type)]
    name = find_field(names, (wanted,) if wanted else TEXT_FIELDS)
    if name is None and not wanted and names:
        first = next(file.iter_batches(batch_size=ROWS, columns=names), None)
        rows = [[row[name] or "" for name in names] for row in first.to_pylist()] if first is not None else []
        name = longest_field(rows, names)
    if name is None:
        have = ", ".join(file.schema_arrow.names[:12])
        raise Broken("no text field", f"no text column{f' {wanted}' if wanted else ''} with rows; columns: {have}")
    return name
