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
class Condition:
    """What a column must be for something to hold."""

    column: str
    op: str
    threshold: float

    @property
    def words(self) -> str:
        """The condition as one reads it: "spaceless > 0.3"."""
        return f"{self.column} {self.op} {self.threshold:g}"

    def holds(self, value: Any) -> Any:
        """Of a number, or of an array number by number."""
        return OPERATIONS[self.op](value, self.threshold)


def conditions(words: str) -> tuple[Condition, ...]:
    """The conditions in "spaceless <= 0.3 or syllabic > 0.3", of which one is enough; none in "".

    Raises ValueError where a part is none."""
    return tuple(_condition(part) for part in words.split(" or ")) if words else ()


def _condition(words: str) -> Condition:
    column, op, threshold = words.split()
    if op not in OPERATIONS:
        raise ValueError(f"there is no operation {op}")
    return Condition(column, op, float(threshold))


@dataclass(frozen=True, slots=True)
class Rule:
    """A document is dropped where `column` `op` `threshold` holds; `source` says where the number is from and
    `setting` which setting takes its place. A column "words@policy lines" is measured after the edit "policy lines".
    The rule does not apply where one of the `conditions` of `unless` holds."""

    name: str
    column: str
    op: str
    threshold: float
    source: str
    setting: str = ""
    unless: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """What has to be known of a document: its column, and those of `unless`."""
        return (self.column, *(each.column for each in conditions(self.unless)))

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
        holds[:, place] = OPERATIONS[rule.op](values, rule.threshold) & applies(columns, rule, documents)
    return holds


def applies(columns: Mapping[str, Any], rule: Rule, documents: int) -> Bools:
    """Which documents a rule is for. [D]"""
    found = np.ones(documents, bool)
    for each in conditions(rule.unless):
        found &= ~each.holds(np.asarray(columns[each.column], np.float64))
    return found


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
