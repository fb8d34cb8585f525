"""Plain text: whole when short, else in sections with their byte offsets."""

from __future__ import annotations

from collections.abc import Iterator

from etymon.corpus.found import Fault, Found, Reading
from etymon.corpus.sections import sections
from etymon.corpus.sources import Source
from etymon.corpus.streams import encoding_of, printable, text_chunks


def read(source: Source, reading: Reading) -> Iterator[Found | Fault]:
    """The sections of a text file, at most `reading.text_bytes` each."""
    yield from read_sections(source, reading.text_bytes)


def read_sections(source: Source, limit: int) -> Iterator[Found | Fault]:
    """The sections of a decodable file; their texts concatenated are the file after its byte order mark."""
    encoding = encoding_of(source.open)
    offset = encoding.mark
    for section in sections(text_chunks(source.open, encoding), limit):
        yield Found(printable(section), offset)
        offset += encoding.size(section)
