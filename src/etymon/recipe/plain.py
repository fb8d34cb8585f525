"""Settings as plain JSON values, and the differences between two trees of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, cast

from etymon.recipe.kinds import JsonObject
from etymon.recipe.tree import Leaf, Table, entries


def to_json(settings: Any) -> JsonObject:
    """The settings as JSON values: durations in seconds, tuples as lists, tables as objects, none as null."""
    return {each.name: plain(getattr(settings, each.name)) for each in fields(settings) if each.init}


def identity(settings: Any) -> JsonObject:
    """What tells these settings from others, as JSON: all that have a part in the outcome, but for settings added later
    that are at their default."""
    found, kind = to_json(settings), cast(type[Any], type(settings))
    for name, entry in entries(kind).items():
        value = getattr(settings, name)
        if isinstance(entry, Table) and value is not None:
            found[name] = identity(value)
        elif isinstance(entry, Leaf) and not (entry.setting.outcome and _tells(entry, value)):
            del found[name]
    return found


def _tells(entry: Leaf, value: Any) -> bool:
    return not entry.setting.added or value != entry.default()


def plain(value: Any) -> Any:
    """One value of a setting as JSON."""
    if is_dataclass(value) and not isinstance(value, type):
        return to_json(value)
    return [plain(each) for each in cast(tuple[Any, ...], value)] if isinstance(value, tuple | list) else value


@dataclass(frozen=True)
class Difference:
    """A key whose value is not the same in two recipes; JSON values, None where there is none."""

    key: str
    a: Any
    b: Any

    def __str__(self) -> str:
        return f"{self.key}: {self.a} -> {self.b}"


def diff(a: object, b: object) -> list[Difference]:
    """Every setting in which two recipes differ, in declared order; empty just where they are equal.

    A table that only one of them has is one difference, with the whole table as its value.
    """
    return list(_differences(to_json(a), to_json(b), ""))


def _differences(a: JsonObject, b: JsonObject, prefix: str) -> Iterator[Difference]:
    for name in dict.fromkeys([*a, *b]):
        first, second = a.get(name), b.get(name)
        if isinstance(first, dict) and isinstance(second, dict):
            yield from _differences(cast(JsonObject, first), cast(JsonObject, second), f"{prefix}{name}.")
        elif first != second:
            yield Difference(prefix + name, first, second)
