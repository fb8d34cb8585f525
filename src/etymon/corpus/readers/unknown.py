"""Files whose name says nothing: read as text where they clearly are text (README, corpus.train), else told."""

from __future__ import annotations

from collections.abc import Iterator

from etymon.corpus.found import Broken, Fault, Found, Reading
from etymon.corpus.readers.text import read_sections
from etymon.corpus.sources import Source


def read(source: Source, reading: Reading) -> Iterator[Found | Fault]:
    """The sections of the file as plain text, or the fault "unknown format"."""
    try:
        yield from read_sections(source, reading.text_bytes)
    except Broken as error:
        if error.kind in ("binary", "unknown encoding"):
            suffix = "".join(source.path.suffixes[-2:]) or "no suffix"
            raise Broken("unknown format", f"{suffix}, {error.kind}: {error.detail}") from error
        raise
