"""The readers by format: each takes a source and yields what it finds, in order. A new format is one entry here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module

from etymon.corpus.found import Fault, Found, Reading
from etymon.corpus.sources import Source

Reader = Callable[[Source, Reading], Iterator[Found | Fault]]

MODULES = {  # format: the module whose `read` is its reader, imported when the first such file comes
    "text": "text",
    "code": "code",
    "html": "html",
    "jsonl": "jsonl",
    "table": "table",
    "parquet": "parquet",
    "notebook": "notebook",
    "docstrings": "docstrings",
    "topics": "topics",
    "archive": "archive",
    "web archive": "archive",
    "unknown": "unknown",
}


def reader_of(format_name: str) -> Reader:
    """The reader of a format."""
    return import_module(f"etymon.corpus.readers.{MODULES[format_name]}").read
