"""The readers by format: each takes a source and yields what it finds, in order. A new format is one entry here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module

from etymon.corpus.found import Fault, Found, Reading, Skipped
from etymon.corpus.sources import Source

Reader = Callable[[Source, Reading], Iterator[Found | Fault | Skipped]]
SliceReader = Callable[[Source, int, int], Iterator[Found | Fault | Skipped]]
Cutter = Callable[[Source, int], list[tuple[int, int]]]

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
    "pdf": "pdf",
    "docx": "docx",
    "epub": "epub",
    "archive": "archive",
    "web archive": "web_archive",
    "unknown": "unknown",
}
CUT = frozenset(("web archive",))
"""Formats whose files can be read from the middle: their modules have `slices` and `read_slice`, too."""


def reader_of(format_name: str) -> Reader:
    """The reader of a format."""
    return import_module(f"etymon.corpus.readers.{MODULES[format_name]}").read


def cutter_of(format_name: str) -> Cutter | None:
    """What cuts a file of a format into (start, stop) of about so many bytes; None where it must be read whole."""
    return import_module(f"etymon.corpus.readers.{MODULES[format_name]}").slices if format_name in CUT else None


def slice_reader_of(format_name: str) -> SliceReader:
    """What reads the records of a file that begin in bytes [start, stop) of it."""
    return import_module(f"etymon.corpus.readers.{MODULES[format_name]}").read_slice
