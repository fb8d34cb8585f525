"""Source code and settings files: one document per file, in sections only when very long."""

from __future__ import annotations

import json
from collections.abc import Iterator

from etymon.corpus.found import Fault, Found, Reading
from etymon.corpus.readers import jsonl
from etymon.corpus.readers.text import read_sections
from etymon.corpus.sources import Source


def read(source: Source, reading: Reading) -> Iterator[Found | Fault]:
    """A file of code; a .json file that is JSON lines in truth (as C4's are) is read as such."""
    if source.format == "code" and ".json" in source.path.suffixes[-2:] and _is_json_lines(source):
        yield from jsonl.read(source, reading)
    else:
        yield from read_sections(source, reading.code_bytes)


def _is_json_lines(source: Source) -> bool:
    """Whether the first line is a whole JSON object and another one begins after it."""
    with source.open() as stream:
        head = stream.read(1 << 20)
    first, _, rest = head.partition(b"\n")
    if not rest.lstrip().startswith(b"{"):
        return False
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False
