"""pyarrow as this room uses it: the library has no types of its own, so the few that we need are said here."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

pa: Any = import_module("pyarrow")
pc: Any = import_module("pyarrow.compute")
pq: Any = import_module("pyarrow.parquet")


class Schema(Protocol):
    """Column names with their types."""

    @property
    def names(self) -> list[str]: ...


class Array(Protocol):
    """One column."""

    def __len__(self) -> int: ...
    def to_pylist(self) -> list[Any]: ...
    def cast(self, target_type: Any) -> Array: ...
    def unique(self) -> Array: ...


class RecordBatch(Protocol):
    """Some rows of a table, held by column."""

    @property
    def num_rows(self) -> int: ...
    @property
    def nbytes(self) -> int: ...
    @property
    def schema(self) -> Schema: ...
    def column(self, name: str) -> Array: ...
    def take(self, indices: Array) -> RecordBatch: ...
    def to_pylist(self) -> list[dict[str, Any]]: ...
