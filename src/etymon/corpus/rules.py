"""Measure a batch, then decide by rules that are data: measuring never judges, judging never measures."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from etymon.corpus.arrow import Array, RecordBatch, pa, pc

OPERATIONS = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of rules.toml: a document is dropped where `column` `op` `threshold` holds."""

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


@cache
def standard_rules() -> tuple[Rule, ...]:
    """The rules that come with the package."""
    table = tomllib.loads(files("etymon.corpus").joinpath("rules.toml").read_text("utf-8"))
    return tuple(Rule(**row) for row in table["rule"])


def rules_with(settings: Mapping[str, float]) -> tuple[Rule, ...]:
    """The standard rules under the thresholds that `settings` give by name."""
    return tuple(
        replace(rule, threshold=settings[rule.setting]) if rule.setting in settings else rule
        for rule in standard_rules()
    )


def measure(batch: RecordBatch) -> dict[str, Array]:
    """What is measured of each document of a batch (schema RECORDS), by column:

    bytes: UTF-8 bytes of its text; characters; replaced: share of U+FFFD among its characters."""
    text = batch.column("text")
    characters = pc.utf8_length(text)
    marks = pc.count_substring(text, "\ufffd")
    replaced = pc.divide(marks.cast(pa.float64()), pc.max_element_wise(characters, 1).cast(pa.float64()))
    return {"bytes": pc.binary_length(text), "characters": characters, "replaced": pc.round(replaced, 6)}


def decide(columns: Mapping[str, Array], rules: Sequence[Rule]) -> Array:
    """The name of the first rule that drops each document; null where none does."""
    length = len(next(iter(columns.values())))
    reasons: Array = pa.nulls(length, pa.string())
    for rule in reversed(rules):
        holds = pc.call_function(OPERATIONS[rule.op], [columns[rule.column], pa.scalar(rule.threshold)])
        reasons = pc.if_else(holds, pa.scalar(rule.name, pa.string()), reasons)
    return reasons
