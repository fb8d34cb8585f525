"""What each rule takes, alone and with others, and the documents that lie closest to its threshold on either side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.corpus.arrow import RecordBatch
from etymon.corpus.rules import Rule, all_reasons, applies
from etymon.corpus.schema import value_name

CLOSEST = 3
SAMPLE = 160
"""Characters of a document that are shown beside its name."""
Near = tuple[float, str, str, float, str]
"""Distance to the threshold, id, url, value, and how the text begins."""


@dataclass(slots=True)
class _Taken:
    """The documents that one rule holds for, those that no other rule holds for, and the closest on both sides."""

    holds: int = 0
    alone: int = 0
    dropped: tuple[Near, ...] = ()
    kept: tuple[Near, ...] = ()


class Overlap:
    """Counts over all documents that could be read, batch by batch, in memory that does not grow."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._taken = [_Taken() for _ in rules]

    def add(self, batch: RecordBatch, readable: NDArray[np.bool_]) -> None:
        """Takes a prepared batch; only `readable` documents count. [D]"""
        names = dict.fromkeys(name for rule in self._rules for name in rule.columns)
        values = {name: np.asarray(batch.column(value_name(name)), np.float64) for name in names}
        holds = all_reasons(values, self._rules, batch.num_rows) & readable[:, None]
        others = holds.sum(axis=1)[:, None] - holds
        for place, (rule, taken) in enumerate(zip(self._rules, self._taken, strict=True)):
            mine, free = holds[:, place], others[:, place] == 0
            taken.holds += int(mine.sum())
            taken.alone += int((mine & free).sum())
            distance = np.abs(values[rule.column] - rule.threshold)
            taken.dropped = self._closest(batch, mine & free, distance, values[rule.column], taken.dropped)
            other = readable & free & ~mine & applies(values, rule, batch.num_rows)
            taken.kept = self._closest(batch, other, distance, values[rule.column], taken.kept)

    def _closest(
        self,
        batch: RecordBatch,
        chosen: NDArray[np.bool_],
        distance: NDArray[np.float64],
        values: NDArray[np.float64],
        before: tuple[Near, ...],
    ) -> tuple[Near, ...]:
        farthest = before[-1][0] if len(before) == CLOSEST else np.inf
        rows = np.flatnonzero(chosen & (distance < farthest))
        if not len(rows):
            return before
        nearest = rows[np.argsort(distance[rows], kind="stable")[:CLOSEST]].tolist()
        ids, urls, texts = (batch.column(name) for name in ("id", "url", "text"))
        found: list[Near] = [
            (float(distance[row]), _at(ids, row), _at(urls, row), float(values[row]), _at(texts, row)[:SAMPLE])
            for row in nearest
        ]
        return tuple(nsmallest(CLOSEST, [*before, *found]))

    def to_json(self) -> list[dict[str, Any]]:
        """One row a rule, in the order of the rules."""
        return [
            {
                "rule": rule.name,
                "column": rule.column,
                "op": rule.op,
                "threshold": rule.threshold,
                "unless": rule.unless,
                "source": rule.source,
                "holds": taken.holds,
                "alone": taken.alone,
                "nearest_dropped": [_shown(near) for near in taken.dropped],
                "nearest_kept": [_shown(near) for near in taken.kept],
            }
            for rule, taken in zip(self._rules, self._taken, strict=True)
        ]


def _at(column: Any, row: int) -> str:
    return str(column[row].as_py())


def _shown(near: Near) -> dict[str, Any]:
    _, id, url, value, text = near
    return {"id": id, "url": url, "value": value, "text": text}
