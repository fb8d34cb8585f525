"""What there is to set: an explanation in words, and a JSON Schema for editors."""

from __future__ import annotations

from dataclasses import MISSING
from typing import Any

from etymon.recipe.kinds import NONE, JsonObject
from etymon.recipe.mistakes import Mistake, Place, RecipeError
from etymon.recipe.plain import plain
from etymon.recipe.tree import Leaf, Path, Table, declared_in, default_at, entries, find, suggestion


def explain(cls: type[Any], key: str) -> str:
    """What a setting or table is: its help, type, unit, limits, default, and the module that declares and reads it.

    Raises `RecipeError` with a suggestion where there is no such key.
    """
    path = tuple(key.split("."))
    entry = find(cls, path)
    if entry is None:
        known = next(n for n in range(len(path) - 1, -1, -1) if n == 0 or isinstance(find(cls, path[:n]), Table))
        place = Place(0, 0, f"the settings of {cls.__name__}")
        raise RecipeError([Mistake(place, key, "there is no such setting", suggestion(cls, path, known))])
    rows = _table_rows(entry) if isinstance(entry, Table) else _leaf_rows(cls, path, entry)
    help = entry.help if isinstance(entry, Table) else entry.setting.help
    return "\n".join([key, *([f"  {help}"] if help else []), *(f"  {name:<9}{text}" for name, text in rows if text)])


def _leaf_rows(cls: type[Any], path: Path, leaf: Leaf) -> list[tuple[str, str]]:
    default = default_at(cls, path)
    if default is MISSING:
        shown = "there is none: it must be set"
    else:
        shown = NONE if default is None else leaf.kind.to_toml(default)
    return [
        ("type", leaf.kind.title + (f', or "{NONE}"' if leaf.optional else "")),
        ("unit", leaf.setting.unit),
        ("limits", leaf.limits),
        ("default", shown),
        ("read by", declared_in(leaf)),
    ]


def _table_rows(table: Table) -> list[tuple[str, str]]:
    names = ", ".join(entries(table.type))
    optional = f'yes: "{NONE}" leaves it out' if table.optional else ""
    return [("table of", names), ("optional", optional), ("read by", declared_in(table))]


def schema(cls: type[Any]) -> JsonObject:
    """A JSON Schema (draft 2020-12) of recipe files, for completion and help in editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": cls.__name__} | _object(cls, MISSING)


def _object(cls: type[Any], default: object) -> JsonObject:
    """The schema of a table whose declared default is `default`: an object, None, or `MISSING`."""
    known = default is not MISSING and default is not None
    properties: JsonObject = {}
    required: list[str] = []
    for name, entry in entries(cls).items():
        inherited = getattr(default, name) if known else entry.default()
        properties[name] = _property(entry, inherited)
        if inherited is MISSING and (isinstance(entry, Leaf) or "required" in properties[name]):
            required.append(name)
    found: JsonObject = {"type": "object", "properties": properties, "additionalProperties": False}
    return found | ({"required": required} if required else {})


def _property(entry: Leaf | Table, default: object) -> JsonObject:
    inner = _object(entry.type, default) if isinstance(entry, Table) else _value(entry)
    about: JsonObject = {"description": _description(entry)} if _description(entry) else {}
    if isinstance(entry, Leaf) and default is not MISSING:
        about["default"] = plain(default)
    return about | ({"anyOf": [inner, {"enum": [NONE, None]}]} if entry.optional else inner)


def _description(entry: Leaf | Table) -> str:
    if isinstance(entry, Table):
        return entry.help
    return entry.setting.help + (f" ({entry.setting.unit})" if entry.setting.unit else "")


def _value(leaf: Leaf) -> JsonObject:
    limits = _limits(leaf)
    found = dict(leaf.kind.schema)
    if "anyOf" in found:  # an amount: the limits are the bare number's
        number, text = found["anyOf"]
        return {"anyOf": [number | limits, text]}
    if found["type"] == "array":
        return found | {"items": found["items"] | limits}
    return found | limits


def _limits(leaf: Leaf) -> JsonObject:
    setting, limits = leaf.setting, JsonObject()
    if setting.choices:
        limits["enum"] = list(setting.choices)
    if setting.low is not None:
        limits["exclusiveMinimum" if setting.exclusive_low else "minimum"] = setting.low
    if setting.high is not None:
        limits["exclusiveMaximum" if setting.exclusive_high else "maximum"] = setting.high
    return limits
