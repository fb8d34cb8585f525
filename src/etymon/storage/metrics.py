"""The metrics of a run: rows of numbers by series and step, which replay exactly after any kill."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from etymon.errors import EtymonError
from etymon.storage.canonical import JsonObject
from etymon.storage.records import RecordFile


class Metrics:
    """metrics.jsonl. Rows are not synced one by one; a checkpoint syncs them before it counts."""

    def __init__(self, path: Path, owner: str) -> None:
        """`owner` names the run in errors."""
        self._file = RecordFile(path, owner, synced=False)

    def append(self, row: Mapping[str, Any]) -> None:
        """Adds a row of JSON values, at least "series" (text) and "step" (integer). NaN and infinities become null."""
        if not isinstance(row.get("series"), str) or not isinstance(row.get("step"), int | np.integer):
            raise EtymonError(
                "A row of metrics lacks its series or its step.",
                where=f"row with the fields {', '.join(map(str, row))}",
                help='give "series" as text and "step" as an integer',
            )
        self._file.append(row)

    def rows(self) -> list[JsonObject]:
        """All rows in the order they were appended, less a tail torn by a loss of power. Raises Damaged."""
        return self._file.scan().records

    def rewind(self, series: str, step: int) -> None:
        """Drops the rows of a series after `step`, all of them or none, durably; other rows keep their order."""
        self._file.keep(lambda row: row["series"] != series or row["step"] <= step)

    def sync(self) -> None:
        """Makes all rows so far durable."""
        self._file.sync()

    def close(self) -> None:
        """Closes the file; the next append opens it again."""
        self._file.close()
