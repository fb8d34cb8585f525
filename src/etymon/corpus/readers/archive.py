"""Archives of several files: told, not opened."""

from __future__ import annotations

from collections.abc import Iterator

from etymon.corpus.found import Fault, Found, Reading
from etymon.corpus.sources import Source


def read(source: Source, reading: Reading) -> Iterator[Found | Fault]:
    """One fault that says what to do."""
    yield Fault("archive", 0, source.size, "an archive of several files; unpack it and give the folder")
