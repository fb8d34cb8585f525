"""n-gram tables on disk: one raw little-endian array per column, mapped back without reading."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from etymon.models.ngram_tables import Counted, Table

if TYPE_CHECKING:
    from etymon.storage import Artifact, Draft

ABOUT = "ngram.json"
COLUMNS = {"keys": "<u8", "counts": "<u4", "totals": "<u4", "backoffs": "<f8", "hits": "<f8"}
SOMETIMES = "hits"  # where it is empty it is not written
PIECE = 1 << 22  # elements written at a time, so that writing does not copy a whole column


def write_counted(draft: Draft, counted: Counted, about: Mapping[str, int]) -> None:
    """Write order.N.COLUMN for every table, discounts, and ngram.json with the few numbers beside them."""
    numbers: dict[str, Any] = {
        **about,
        "total": counted.total,
        "backoff": counted.backoff,
        "operations": counted.operations,
    }
    if counted.mixing != Counted.mixing:
        numbers["mixing"] = counted.mixing
    draft.write(ABOUT, json.dumps(numbers, indent=1, sort_keys=True).encode())
    draft.write("discounts", counted.discounts.astype("<f8").tobytes())
    for n, table in enumerate(counted.tables, start=1):
        for column, dtype in COLUMNS.items():
            array: NDArray[Any] = getattr(table, column)
            if column == SOMETIMES and not len(array):
                continue
            pieces = (array[at : at + PIECE].astype(dtype).tobytes() for at in range(0, len(array), PIECE))
            draft.write(f"order.{n}.{column}", pieces)


def read_counted(artifact: Artifact, order: int) -> tuple[dict[str, Any], Counted]:
    """What ngram.json says, and the tables as read-only memory maps."""
    about = artifact.read_json(ABOUT)
    discounts = np.frombuffer(artifact.read("discounts"), "<f8").reshape(order, -1)
    tables = [
        Table(**{column: _map(artifact, f"order.{n}.{column}", dtype) for column, dtype in COLUMNS.items()})
        for n in range(1, order + 1)
    ]
    counted = Counted(
        tables=tables,
        discounts=discounts,
        total=about["total"],
        backoff=about["backoff"],
        operations=about["operations"],
        mixing=about.get("mixing", Counted.mixing),
    )
    return about, counted


def _map(artifact: Artifact, name: str, dtype: str) -> NDArray[Any]:
    if artifact.files.get(name, 0) == 0:  # the system maps no empty file
        return np.empty(0, dtype)
    return np.asarray(artifact.map(name, dtype))
