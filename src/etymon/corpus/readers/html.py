"""HTML: the main content of the page as text."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata

from etymon.corpus.found import Broken, Fault, Found, Reading
from etymon.corpus.sources import Source
from etymon.corpus.streams import BYTE_ORDER_MARKS, read_whole


def extractor() -> str:
    """Name and version of the library that finds the main content; "none" where it is not installed."""
    try:
        return f"resiliparse {metadata.version('resiliparse')}"
    except metadata.PackageNotFoundError:
        return "none"


def read(source: Source, reading: Reading) -> Iterator[Found | Fault]:
    """One document per page; a page with no main content gives an empty text, which a rule then drops."""
    try:
        from resiliparse.extract.html2text import extract_plain_text
    except ImportError as error:
        raise Broken("no HTML reader", "resiliparse is not installed: pip install resiliparse") from error
    page = _decoded(read_whole(source.open))
    yield Found(extract_plain_text(page, main_content=True), 0)


def _decoded(data: bytes) -> str:
    """A page's characters: by byte order mark, as UTF-8 where it is that, else by its own declaration or its looks."""
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding

    for mark, name in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    if b"\x00" in data:
        raise Broken("binary", "NUL bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return bytes_to_str(data, detect_encoding(data, from_html_meta=True) or "utf-8")
