"""Jupyter notebooks: markdown and code cells, joined by blank lines; outputs are left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from etymon.corpus.found import Broken, Fault, Found, Reading
from etymon.corpus.sources import Source
from etymon.corpus.streams import read_whole

KINDS = ("markdown", "code", "heading")


def read(source: Source, reading: Reading) -> Iterator[Found | Fault]:
    """One document per notebook (formats 3 and 4)."""
    data = read_whole(source.open)
    try:
        notebook = json.loads(data)
        pages = [notebook] if "cells" in notebook else notebook["worksheets"]
        cells = [cell for page in pages for cell in page["cells"]]
        texts = [_source_of(cell) for cell in cells if cell.get("cell_type") in KINDS]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Broken("bad notebook", f"{type(error).__name__}: {error}") from error
    yield Found("\n\n".join(text for text in texts if text.strip()), 0)


def _source_of(cell: dict[str, Any]) -> str:
    text = cell.get("source", cell.get("input", ""))
    return text if isinstance(text, str) else "".join(text)
