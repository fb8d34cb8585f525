"""Which field of a record is its text, its url, its language: by name, else the longest text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from etymon.corpus.found import Found

TEXT_FIELDS = ("text", "content", "body")
URL_FIELDS = ("url", "uri", "source_url", "link")
LANGUAGE_FIELDS = ("language", "lang", "language_code")
ID_FIELDS = ("id", "_id", "doc_id", "docid", "document_id", "uuid")
DOMAIN_FIELDS = ("domain",)
GENRE_FIELDS = ("genre",)
NESTED_FIELDS = ("metadata", "meta")
KNOWN_FIELDS = frozenset(
    (*TEXT_FIELDS, *URL_FIELDS, *LANGUAGE_FIELDS, *ID_FIELDS, *DOMAIN_FIELDS, *GENRE_FIELDS, "title", "label")
)


def find_field(names: Iterable[str], wanted: Sequence[str]) -> str | None:
    """The first of `wanted` among `names`, upper and lower case alike, as it is written there."""
    by_lower = _by_lower(names)
    return next((by_lower[want.lower()] for want in wanted if want.lower() in by_lower), None)


def _by_lower(names: Iterable[str]) -> dict[str, str]:
    return {name.strip().lower(): name for name in reversed(list(names))}


def longest_field(rows: Sequence[Sequence[str]], names: Sequence[str]) -> str | None:
    """The column that holds most characters in `rows` among those that hold language rather than numbers or codes:
    words with spaces between, or letters beyond ASCII, in at least half of the cells. None where there is none."""
    best, most = None, 0
    for number, name in enumerate(names):
        cells = [cell for row in rows if number < len(row) for cell in [row[number].strip()] if cell]
        length = sum(map(len, cells))
        if length > most and 2 * sum(map(_is_language, cells)) >= len(cells):
            best, most = name, length
    return best


def _is_language(cell: str) -> bool:
    letters = sum(map(str.isalpha, cell))
    return 2 * letters > len(cell) and (" " in cell or not cell.isascii())


def _word(places: Sequence[Mapping[str, Any]], wanted: Sequence[str]) -> str:
    """The first short field of these names, as text; "" where there is none."""
    for values in places:
        for name in wanted:
            if isinstance(value := values.get(name), str | int):
                return str(value).strip()
    return ""


def _lowered(values: Mapping[str, Any]) -> dict[str, Any]:
    return {lower: values[name] for lower, name in _by_lower(values).items()}


def found_in(record: Mapping[str, Any], text: str, offset: int, file: str) -> Found:
    """A record's text with what the record, or its metadata, says about itself; one with an id but no url is named
    `file#id`."""
    fields = _lowered(record)
    nested = [fields[name] for name in NESTED_FIELDS if isinstance(fields.get(name), Mapping)]
    places = [fields, *(_lowered(cast(Mapping[str, Any], values)) for values in nested)]
    url, name = _word(places, URL_FIELDS), _word(places, ID_FIELDS)
    return Found(
        text=text,
        offset=offset,
        url=url or (f"{file}#{name}" if name else ""),
        language=_word(places, LANGUAGE_FIELDS)[:32],
        domain=_word(places, DOMAIN_FIELDS)[:64],
        genre=_word(places, GENRE_FIELDS)[:64],
    )
