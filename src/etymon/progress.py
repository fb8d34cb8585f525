"""How long-running work tells of its progress: one callable that every room takes and only the edge draws."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with the amount done and the total in the same unit (None: unknown), and a few words to show beside it."""

    def __call__(self, done: float, total: float | None = None, note: str = "") -> None: ...


def silent(done: float, total: float | None = None, note: str = "") -> None:
    """Progress for whoever does not want to hear of it."""
