"""Recipes: published rule sets and ours, each one TOML file of edits and rules with the source of every number."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from etymon.corpus.edits import EDITS, LOST
from etymon.corpus.extract import EXTRACTORS
from etymon.corpus.measures import COLUMNS, Column
from etymon.corpus.near import PRESETS
from etymon.corpus.rules import OPERATIONS, Rule, conditions
from etymon.errors import EtymonError

SUFFIX = ".toml"
KEYS = ("source", "languages", "language_score", "extractor", "edits", "defaults", "rule")
RULE_KEYS = {"name": str, "column": str, "op": str, "threshold": (int, float), "source": str}
OPTIONAL_KEYS = ("setting", "after", "since", "unless")
SCORE = "score."
PROBABILITY = Column("probability", 0.0, 1.0, "what a classifier of the build says")
DEFAULTS: dict[str, tuple[Any, ...]] = {
    "near_duplicates": ("off", *PRESETS),
    "personal_data": ("mask", "keep"),
    "whole_text_language": (True, False),
    "repeated_lines": ("off", "line", "paragraph"),
    "repeated_spans": (),
}
"""The settings that may go with a recipe, and their values; () for those that are checked where they are read."""
SETTINGS = ("minimum_bytes",)
"""The settings that may give a threshold."""
LOST_WORDS = Column("share", 0.0, 1.0, "words that the edits from `since` to `after` took out")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides on a page. `languages` are the only ones it is meant for (empty: any), from `language_score` on;
    `extractor` is what it was published with ("" where it does not matter); `edits` are made in their order, the rules
    judge in theirs. `defaults` are settings that go with it."""

    name: str
    source: str
    rules: tuple[Rule, ...]
    edits: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    language_score: float = 0.0
    extractor: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def columns(self) -> tuple[str, ...]:
        """Everything its rules have to know of a page, in the form that `edits.edit_and_measure` takes."""
        return tuple(dict.fromkeys(column for rule in self.rules for column in rule.columns))


def recipes() -> tuple[str, ...]:
    """The names of the recipes that come with the package."""
    names = (each.name for each in files("etymon.corpus.recipes").iterdir())
    return tuple(sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX)))


def recipe(name_or_path: str) -> Recipe:
    """A recipe by its name, or a user's own by the path of its TOML file.

    Raises EtymonError for an unknown name, and for a mistake in a file with its line."""
    if name_or_path in recipes():
        file = files("etymon.corpus.recipes").joinpath(name_or_path + SUFFIX)
        return parse_recipe(file.read_text("utf-8"), name_or_path, name_or_path + SUFFIX)
    path = Path(name_or_path)
    if path.suffix != SUFFIX:
        near = get_close_matches(name_or_path, recipes(), n=1)
        raise EtymonError(
            f"there is no recipe {name_or_path}",
            help=f"did you mean {near[0]}?" if near else f"the recipes are {', '.join(recipes())}, or a {SUFFIX} file",
        )
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as cause:
        raise EtymonError("the recipe cannot be read", where=name_or_path, why=str(cause)) from cause
    return parse_recipe(text, path.stem, name_or_path)


def parse_recipe(text: str, name: str, where: str) -> Recipe:
    """A recipe from the text of its file; `where` names the file in errors."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as cause:
        raise EtymonError("the recipe is not TOML", where=where, why=str(cause)) from cause
    return _Reader(text, where).recipe(table, name)


class _Reader:
    """Checks a recipe's table and says in which line a mistake stands."""

    def __init__(self, text: str, where: str) -> None:
        self._lines, self._where = text.splitlines(), where
        self._rule_lines = [n for n, line in enumerate(self._lines) if re.match(r"\s*\[\[\s*rule\s*\]\]", line)]

    def recipe(self, table: dict[str, Any], name: str) -> Recipe:
        for key in table:
            self._known("key", key, KEYS, self._line(key, 0))
        if extractor := str(table.get("extractor", "")):
            self._known("extractor", extractor, EXTRACTORS, self._line("extractor", 0))
        edits: tuple[str, ...] = tuple(self._list(table, "edits"))
        for each in edits:
            self._known("edit", each, tuple(EDITS), self._line("edits", 0))
        rows = self._rows(table)
        rules = tuple(self._rule(row, edits, number) for number, row in enumerate(rows))
        if not rules:
            raise EtymonError("the recipe has no rules", where=self._where, help="a rule is a table [[rule]]")
        for number, rule in enumerate(rules):
            if rule.name in {other.name for other in rules[:number]}:
                line = self._rule_lines[number] if number < len(self._rule_lines) else 0
                raise self._mistake(f"two rules are named {rule.name}", line, "a rule's name is what decisions say")
        score = table.get("language_score", 0.0)
        if not isinstance(score, int | float) or not 0 <= score <= 1:
            raise self._mistake(f"language_score {score} is no share", self._line("language_score", 0), "0 to 1")
        return Recipe(
            name,
            str(table.get("source", "")),
            rules,
            edits,
            tuple(self._list(table, "languages")),
            float(score),
            extractor,
            self._defaults(table),
        )

    def _rows(self, table: dict[str, Any]) -> list[dict[str, Any]]:
        rows = table.get("rule", [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in cast("list[Any]", rows)):
            raise self._mistake("rule is no list of tables", self._line("rule", 0), "a rule is a table [[rule]]")
        return cast("list[dict[str, Any]]", rows)

    def _defaults(self, table: dict[str, Any]) -> dict[str, Any]:
        """The settings that go with the recipe, each of a kind that there is."""
        defaults = table.get("defaults", {})
        if not isinstance(defaults, dict):
            raise self._mistake("defaults is no table", self._line("defaults", 0), "it begins with [defaults]")
        for key, value in cast("dict[str, Any]", defaults).items():
            self._known("default", key, tuple(DEFAULTS), self._line(key, 0))
            allowed = DEFAULTS[key]
            if allowed and value not in allowed:
                words = ", ".join(map(str, allowed))
                raise self._mistake(f"{key} cannot be {value}", self._line(key, 0), f"it is one of {words}")
        return cast("dict[str, Any]", defaults)

    def _list(self, table: dict[str, Any], key: str) -> list[str]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in cast("list[Any]", value)):
            raise self._mistake(f"{key} is not a list of names", self._line(key, 0), f'{key} = ["…", "…"]')
        return cast("list[str]", value)

    def _rule(self, row: dict[str, Any], edits: tuple[str, ...], number: int) -> Rule:
        begin = self._rule_lines[number] if number < len(self._rule_lines) else 0
        for key in row:
            self._known("key", key, (*RULE_KEYS, *OPTIONAL_KEYS), self._line(key, begin))
        for key, kind in RULE_KEYS.items():
            if not isinstance(row.get(key), kind) or isinstance(row.get(key), bool):
                raise self._mistake(f"rule {number + 1} has no {key}", begin, f"every rule says {', '.join(RULE_KEYS)}")
        self._known("operation", row["op"], tuple(OPERATIONS), self._line("op", begin))
        for key in ("after", "since"):
            if key in row and row[key] not in edits:
                self._known("edit of this recipe", str(row[key]), edits, self._line(key, begin))
        scored = str(row["column"]).startswith(SCORE) and not row.get("after")
        if not scored:
            self._known("column", row["column"], (*COLUMNS, LOST), self._line("column", begin))
        column = PROBABILITY if scored else LOST_WORDS if row["column"] == LOST else COLUMNS[row["column"]]
        self._within(column, row["column"], row["threshold"], self._line("threshold", begin))
        return Rule(
            row["name"],
            self._column(row, begin),
            row["op"],
            float(row["threshold"]),
            row["source"],
            self._setting(row, begin),
            self._unless(row, begin),
        )

    def _within(self, column: Column, name: str, threshold: float, line: int) -> None:
        """A threshold that a column can reach."""
        if not column.low <= threshold <= column.high:
            what = f"threshold {threshold:g} can never be met by {name}"
            raise self._mistake(what, line, f"it lies from {column.low:g} to {column.high:g} ({column.unit})")

    def _setting(self, row: dict[str, Any], begin: int) -> str:
        """The setting that gives the threshold; "" where the recipe itself does."""
        if "setting" not in row:
            return ""
        self._known("setting for a threshold", str(row["setting"]), SETTINGS, self._line("setting", begin))
        return str(row["setting"])

    def _unless(self, row: dict[str, Any], begin: int) -> str:
        """The words of the conditions under which a rule does not apply; they are on the text as it comes."""
        if "unless" not in row:
            return ""
        line = self._line("unless", begin)
        try:
            found = conditions(str(row["unless"]))
        except ValueError:
            raise self._mistake(f"unless {row['unless']} is no condition", line, '"spaceless > 0.3"') from None
        for each in found:
            self._known("column", each.column, tuple(COLUMNS), line)
            self._within(COLUMNS[each.column], each.column, each.threshold, line)
        return str(row["unless"])

    def _column(self, row: dict[str, Any], begin: int) -> str:
        after, since = row.get("after", ""), row.get("since", "")
        if (row["column"] == LOST) != bool(since) or (since and not after):
            raise self._mistake(f"{LOST} goes with after and since, and since with it", begin, "name two edits")
        return f"{row['column']}@{after}|{since}" if since else f"{row['column']}@{after}" if after else row["column"]

    def _line(self, key: str, begin: int) -> int:
        """The line at or behind `begin` that gives a key."""
        found: Iterator[int] = (
            n for n, line in enumerate(self._lines[begin:], begin) if re.match(rf"\s*{re.escape(key)}\s*=", line)
        )
        return next(found, begin)

    def _known(self, what: str, name: str, known: tuple[str, ...], line: int) -> None:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            raise self._mistake(
                f"there is no {what} {name}",
                line,
                f"did you mean {near[0]}?" if near else f"there are {', '.join(known) or 'none'}",
            )

    def _mistake(self, what: str, line: int, help: str) -> EtymonError:
        return EtymonError(what, where=f"{self._where}, line {line + 1}", help=help)
