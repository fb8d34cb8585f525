"""The metrics of a run: rows of numbers by series and step, which replay exactly after any kill."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from etymon.errors import EtymonError
from etymon.storage.canonical import JsonObject
from etymon.storage.records import START, Mark, RecordFile


class Metrics:
    """metrics.jsonl. Rows are not synced one by one; a checkpoint syncs them before it counts.

    Rows that a loss of power has torn go before the next one is added. One zero byte in an earlier row looks the same,
    so the journal is told.
    """

    def __init__(self, path: Path, owner: str, *, tell: Callable[..., None]) -> None:
        """`owner` names the run in errors; `tell` is the journal's `append`."""
        self._file = RecordFile(path, owner, synced=False)
        self._tell = tell

    def append(self, row: Mapping[str, Any]) -> None:
        """Adds a row of JSON values, at least "series" (text) and "step" (integer). NaN and infinities become null."""
        if not isinstance(row.get("series"), str) or not isinstance(row.get("step"), int | np.integer):
            raise EtymonError(
                "A row of metrics lacks its series or its step.",
                where=f"row with the fields {', '.join(map(str, row))}",
                help='give "series" as text and "step" as an integer',
            )
        self._tell_cut(self._file.append(row))

    def rows(self, since: Mark = START) -> list[JsonObject]:
        """All rows after a mark, in the order of appending, less a tail torn by a loss of power. Raises Damaged."""
        return self._file.scan(since).records

    def mark(self) -> Mark:
        """The place after the last row, for `rows` and `rewind` to begin at."""
        return self._file.mark()

    def holds(self, mark: Mark) -> bool:
        """Whether the rows that were there when a mark was taken still are."""
        return self._file.fits(mark)

    def rewind(self, series: str, step: int, since: Mark = START) -> None:
        """Drops the rows after `step` of a series, and of those under it (SERIES/…), all of them or none, durably.

        Other rows keep their order. `since`: a mark before which there are no such rows.
        """
        self._tell_cut(self._file.keep(lambda row: not of_series(row, series) or row["step"] <= step, since))

    def _tell_cut(self, torn: int) -> None:
        if torn:
            self._tell("metrics tail cut", bytes=torn)

    def sync(self) -> None:
        """Makes all rows so far durable."""
        self._file.sync()

    def close(self) -> None:
        """Closes the file; the next append opens it again."""
        self._file.close()


def of_series(row: Mapping[str, Any], series: str) -> bool:
    """Whether a row is one of a series, or of one under it."""
    return row["series"] == series or row["series"].startswith(f"{series}/")
