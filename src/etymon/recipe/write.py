"""From settings to text: a recipe file that says of every setting what it is and why it has its value."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, cast

from etymon.recipe.kinds import NONE, quoted
from etymon.recipe.load import check
from etymon.recipe.tree import Leaf, Path, Table, entries, find

_WIDTH = 110
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]+")


def to_toml(settings: object, reasons: Mapping[str, str] | None = None) -> str:
    """The settings as a recipe file: each key with its help, limits, unit, and the reason for its value if given.

    `reasons` maps dotted keys (of settings or tables) to a sentence. `load` of the text gives equal settings; values
    that a recipe may not have raise `RecipeError`, a reason for a key that is not there raises ValueError.
    """
    check(settings)
    cls, reasons = type(settings), reasons or {}
    strange = [key for key in reasons if find(cls, tuple(key.split("."))) is None]
    if strange:
        raise ValueError(f"reasons for settings that do not exist: {', '.join(strange)}")
    return "\n".join(_table_lines(cls, settings, (), reasons)).strip("\n") + "\n"


def _table_lines(cls: type[Any], settings: object, path: Path, reasons: Mapping[str, str]) -> Iterator[str]:
    tables: list[tuple[Table, object]] = []
    for name, entry in entries(cls).items():
        value = getattr(settings, name)
        if isinstance(entry, Table) and value is not None:
            tables.append((entry, value))
            continue
        yield from _comment(entry, (*path, name), reasons)
        yield f"{_key(name)} = {quoted(NONE) if value is None else cast(Leaf, entry).kind.to_toml(value)}"
        yield ""
    for table, value in tables:
        here = (*path, table.name)
        yield from _comment(table, here, reasons)
        yield f"[{'.'.join(map(_key, here))}]"
        if all(isinstance(entry, Table) for entry in entries(table.type).values()):
            yield ""
        yield from _table_lines(table.type, value, here, reasons)


def _comment(entry: Leaf | Table, path: Path, reasons: Mapping[str, str]) -> Iterator[str]:
    if isinstance(entry, Table):
        about = entry.help
    else:
        facts = ", ".join(filter(None, (entry.setting.unit, entry.limits)))
        about = f"{entry.setting.help} ({facts})" if facts else entry.setting.help
    reason = reasons.get(".".join(path), "")
    for text in (about, f"Why: {reason}" if reason else ""):
        yield from textwrap.wrap(_CONTROL.sub(" ", text), _WIDTH, initial_indent="# ", subsequent_indent="#   ")


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else quoted(name)
