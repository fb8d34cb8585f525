"""Cuts: what was taken out of the texts of some documents, small enough to be held for all of them."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from etymon.corpus.substrings import Spans, without


class Cuts:
    """The spans of characters that were cut for one reason, by document: 24 bytes a document that lost something and 8
    a span. Documents come in the order of their rows."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._rows, self._ends, self._lost = array("q"), array("q"), array("q")
        self._places = array("I")

    def add(self, row: int, text: str, spans: Spans) -> str:
        """Cuts `spans` out of the text of a row; what is left, without white space at its ends."""
        left = without(text, spans).strip()
        self._rows.append(row)
        self._places.extend(place for span in spans for place in span)
        self._ends.append(len(self._places))
        self._lost.append(len(text.encode()) - len(left.encode()))
        return left

    def left(self, row: int, text: str) -> str:
        """What is left of the text of a row; all of it where nothing was cut."""
        at = bisect_left(self._rows, row)
        if at == len(self._rows) or self._rows[at] != row:
            return text
        places = self._places[self._ends[at - 1] if at else 0 : self._ends[at]]
        return without(text, zip(places[::2], places[1::2], strict=True)).strip()

    def lost(self, rows: int) -> NDArray[np.int64]:
        """The UTF-8 bytes that each of the first `rows` documents has lost. [rows]"""
        lost = np.zeros(rows, np.int64)
        lost[np.frombuffer(self._rows, np.int64)] = np.frombuffer(self._lost, np.int64)
        return lost

    def among(self, start: int, stop: int) -> Iterable[int]:
        """The rows of [start, stop) that have lost something."""
        return self._rows[bisect_left(self._rows, start) : bisect_left(self._rows, stop)]
