"""The journal of a run: what happened, in order, each event durable before anyone acts on it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from etymon.errors import EtymonError
from etymon.storage.canonical import JsonObject
from etymon.storage.records import RecordFile

_OWN = ("event", "time", "sequence")


class Journal:
    """events.jsonl: appended and synced event by event; a tail torn by a loss of power is cut at the next append."""

    def __init__(self, path: Path, owner: str) -> None:
        """`owner` names the run in errors."""
        self._file = RecordFile(path, owner, synced=True)

    def append(self, event: str, **fields: Any) -> None:
        """Adds an event; when this returns it survives a loss of power. `fields` are JSON values."""
        for name in _OWN:
            if name in fields:
                raise EtymonError(f"{name!r} is the journal's own field.", help="give the field another name")
        cut = self._append(event, fields)
        if cut:
            self._append("journal tail cut", {"bytes": cut, "before": event})

    def _append(self, event: str, fields: JsonObject) -> int:
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        return self._file.append({**fields, "event": event, "time": time})

    def events(self) -> list[JsonObject]:
        """All events, oldest first: `event`, `time` (wall clock, for showing), `sequence` from 0, and its fields."""
        records = self._file.scan().records
        return [{**record, "sequence": number} for number, record in enumerate(records)]

    def close(self) -> None:
        """Closes the file; the next append opens it again."""
        self._file.close()
