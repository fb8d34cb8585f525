"""Rules are data: rows that compare a measured column with a threshold; judging never measures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from operator import ge, gt, le, lt
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]

OPERATIONS: dict[str, Callable[[Any, float], Any]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
"""Of a number, or of an array number by number."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A document is dropped where `column` `op` `threshold` holds; `source` says where the number is from and
    `setting` which setting takes its place. A column "words@policy lines" is measured after the edit "policy lines"."""

    name: str
    column: str
    op: str
    threshold: float
    source: str
    setting: str = ""

    @property
    def words(self) -> str:
        """The rule as one reads it: "bytes < 16"."""
        return f"{self.column} {self.op} {self.threshold:g}"

    def to_json(self) -> dict[str, Any]:
        """The rule as a row of an artifact's recipe."""
        return asdict(self)


def rules_with(settings: Mapping[str, float], rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Rules under the thresholds that `settings` give by name."""
    return tuple(
        replace(rule, threshold=settings[rule.setting]) if rule.setting in settings else rule for rule in rules
    )


def all_reasons(columns: Mapping[str, Any], rules: Sequence[Rule], documents: int) -> Bools:
    """Which rules hold for which documents. [D, R]"""
    holds = np.zeros((documents, len(rules)), bool)
    for place, rule in enumerate(rules):
        values = np.asarray(columns[rule.column], np.float64)
        holds[:, place] = OPERATIONS[rule.op](values, rule.threshold)
    return holds


def decide(columns: Mapping[str, Any], rules: Sequence[Rule], documents: int) -> list[str | None]:
    """The name of the first rule that drops each document; None where none does. `columns` hold one number for each of
    the `documents`; a rule on a column that is not among them is a KeyError."""
    holds = all_reasons(columns, rules, documents)
    if not rules:
        return [None] * documents
    names = [rule.name for rule in rules]
    first: list[int] = holds.argmax(axis=1).tolist()
    found: list[bool] = np.logical_or.reduce(holds, axis=1).tolist()
    return [names[each] if held else None for each, held in zip(first, found, strict=True)]
