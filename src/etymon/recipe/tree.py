"""The tree of settings that a dataclass declares: leaves, which have values, and tables, which have leaves."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from etymon.recipe.kinds import KINDS, TEXT, Kind, list_of
from etymon.recipe.mistakes import did_you_mean
from etymon.recipe.setting import Setting

Path = tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """What leaves and tables have in common: the class that declares it, its default, whether it may be none."""

    name: str
    owner: type[Any]
    optional: bool
    field: Field[Any]

    def default(self) -> object:
        """The declared default, made afresh where a factory makes it; `MISSING` where there is none."""
        factory = self.field.default_factory
        return self.field.default if factory is MISSING else factory()


@dataclass(frozen=True)
class Leaf(Entry):
    """One setting."""

    kind: Kind
    setting: Setting

    @property
    def limits(self) -> str:
        """The values allowed, in words; empty where all are."""
        return self.setting.limits(self.kind.spell)

    @property
    def wanted(self) -> str:
        """All that a value must be, in words: kind, limits, unit."""
        unit = f"in {self.setting.unit}" if self.setting.unit else ""
        none = 'or "none"' if self.optional else ""
        return ", ".join(part for part in (self.kind.title, self.limits, unit, none) if part)


@dataclass(frozen=True)
class Table(Entry):
    """A nested settings dataclass."""

    type: type[Any]
    help: str


@cache
def entries(cls: type[Any]) -> dict[str, Leaf | Table]:
    """What a settings dataclass declares, in its order. Raises TypeError where the declaration itself is wrong."""
    if not is_dataclass(cls):
        raise TypeError(f"{cls!r} is not a settings dataclass")
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: _entry(cls, field, hints[field.name]) for field in fields(cls) if field.init}


def _entry(cls: type[Any], field: Field[Any], annotation: Any) -> Leaf | Table:
    inner, setting = _unpacked(annotation)
    inner, optional = _without_none(inner)
    if optional and setting is None:  # Annotated[T, ...] | None
        inner, setting = _unpacked(inner)
    owner = _owner(cls, field.name)
    if isinstance(inner, type) and is_dataclass(inner):
        help = setting.help if setting else _first_line(inner)
        return Table(field.name, owner, optional, field, inner, help)
    if setting is None:
        raise TypeError(f"{cls.__name__}.{field.name} needs an Annotated[..., Setting(...)] that says what it is")
    kind, choices = _kind(cls, field.name, inner)
    return Leaf(field.name, owner, optional, field, kind, replace(setting, choices=choices) if choices else setting)


def _unpacked(annotation: Any) -> tuple[Any, Setting | None]:
    if get_origin(annotation) is not Annotated:
        return annotation, None
    inner, *extras = get_args(annotation)
    return inner, next((extra for extra in extras if isinstance(extra, Setting)), None)


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """T | None -> (T, True)."""
    parts = get_args(annotation)
    if get_origin(annotation) not in (Union, types.UnionType) or type(None) not in parts or len(parts) != 2:
        return annotation, False
    return next(part for part in parts if part is not type(None)), True


def _kind(cls: type[Any], name: str, annotation: Any) -> tuple[Kind, tuple[str, ...]]:
    """The kind of a type, and its choices where it is a Literal."""
    parts = get_args(annotation)
    if annotation in KINDS:
        return KINDS[annotation], ()
    if get_origin(annotation) is Literal and all(isinstance(part, str) for part in parts):
        return TEXT, parts
    if get_origin(annotation) is tuple and len(parts) == 2 and parts[1] is Ellipsis:
        element, choices = _kind(cls, name, parts[0])
        return list_of(element), choices
    raise TypeError(f"{cls.__name__}.{name}: {annotation!r} is not a kind of setting")


def _owner(cls: type[Any], name: str) -> type[Any]:
    """The class whose body declares the field, which is the one beside the code that reads it."""
    return next((base for base in cls.__mro__ if name in inspect.get_annotations(base)), cls)


def _first_line(cls: type[Any]) -> str:
    """What a class says of itself; the signature that `dataclass` writes where there is no docstring says nothing."""
    text = (cls.__doc__ or "").strip()
    return "" if text.startswith(f"{cls.__name__}(") else text.split("\n", 1)[0]


def find(cls: type[Any], path: Path) -> Leaf | Table | None:
    """The entry at a path, or None."""
    entry = entries(cls).get(path[0]) if path else None
    if len(path) <= 1 or entry is None:
        return entry
    return find(entry.type, path[1:]) if isinstance(entry, Table) else None


def leaves(cls: type[Any], prefix: Path = ()) -> Iterator[tuple[Path, Leaf]]:
    """Every setting of the tree with its path, in declared order."""
    for name, entry in entries(cls).items():
        if isinstance(entry, Table):
            yield from leaves(entry.type, (*prefix, name))
        else:
            yield (*prefix, name), entry


def keys(cls: type[Any]) -> list[str]:
    """The dotted key of every setting of the tree, in declared order; of optional tables too."""
    return [".".join(path) for path, _ in leaves(cls)]


def suggestion(cls: type[Any], path: Path, known: int) -> str:
    """What may have been meant by a path of which only the first `known` parts exist, and else what there is."""
    table = find(cls, path[:known])
    names = entries(table.type if isinstance(table, Table) else cls)
    prefix = "".join(f"{part}." for part in path[:known])
    near = did_you_mean(path[known], names)
    if near:
        return near.replace("did you mean ", f"did you mean {prefix}", 1).replace(" or ", f" or {prefix}")
    elsewhere = [key for key in keys(cls) if key.rpartition(".")[2] == path[-1]] or _near_keys(cls, path[-1])
    if elsewhere:
        return f"did you mean {' or '.join(elsewhere[:4])}?"
    return f"there are: {', '.join(prefix + name for name in names)}"


def _near_keys(cls: type[Any], name: str) -> list[str]:
    near = did_you_mean(name, {key.rpartition(".")[2] for key in keys(cls)})
    words = near.removeprefix("did you mean ").removesuffix("?").split(" or ")
    return [key for key in keys(cls) if key.rpartition(".")[2] in words]


def default_at(cls: type[Any], path: Path) -> object:
    """The value a setting has when nobody sets it; `MISSING` where it must be set, None inside an absent table."""
    value: object = MISSING
    for depth in range(1, len(path) + 1):
        if depth > 1 and value is None:
            return None
        entry = find(cls, path[:depth])
        assert entry is not None
        value = entry.default() if value is MISSING else getattr(value, path[depth - 1])
    return value


def declared_in(entry: Entry) -> str:
    """The module that declares a setting, which is the one whose code reads it."""
    module = sys.modules.get(entry.owner.__module__)
    return f"{entry.owner.__qualname__} in {module.__name__ if module else entry.owner.__module__}"
