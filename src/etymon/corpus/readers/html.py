"""HTML: a page's markup as characters; its text is found later, by the extractor that the recipe names."""

from __future__ import annotations

from collections.abc import Iterator

from etymon.corpus.archive import decoded
from etymon.corpus.found import Broken, Fault, Found, Reading
from etymon.corpus.sources import Source
from etymon.corpus.streams import BYTE_ORDER_MARKS, read_whole


def read(source: Source, reading: Reading) -> Iterator[Found | Fault]:
    """One page per file; one with no main content comes to an empty text, which a rule then drops."""
    data = read_whole(source.open)
    if b"\x00" in data and not data.startswith(tuple(mark for mark, _ in BYTE_ORDER_MARKS)):
        raise Broken("binary", "NUL bytes")
    yield Found("", 0, html=decoded(data))
