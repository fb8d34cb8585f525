"""HTML: a page's markup as characters; its text is found later, by the extractor that the recipe names."""

from __future__ import annotations

from collections.abc import Iterator

from etymon.corpus.found import Broken, Fault, Found, Reading
from etymon.corpus.sources import Source
from etymon.corpus.streams import BYTE_ORDER_MARKS, read_whole


def read(source: Source, reading: Reading) -> Iterator[Found | Fault]:
    """One page per file; one with no main content comes to an empty text, which a rule then drops."""
    yield Found("", 0, html=_decoded(read_whole(source.open)))


def _decoded(data: bytes) -> str:
    """A page's characters: by byte order mark, as UTF-8 where it is that, else by its own declaration or its looks."""
    for mark, name in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    if b"\x00" in data:
        raise Broken("binary", "NUL bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _guessed(data)


def _guessed(data: bytes) -> str:
    try:
        from resiliparse.parse.encoding import bytes_to_str, detect_encoding
    except ImportError as error:
        raise Broken("no HTML reader", "resiliparse is not installed: pip install resiliparse") from error
    return bytes_to_str(data, detect_encoding(data, from_html_meta=True) or "utf-8")
