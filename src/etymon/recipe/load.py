"""From files, words and presets to settings, with every mistake found in one run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, is_dataclass
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import Any, TypeVar, cast

from etymon.errors import EtymonError
from etymon.recipe.choices import Choices
from etymon.recipe.mistakes import Mistake, Place, RecipeError
from etymon.recipe.plain import to_json
from etymon.recipe.toml import Given, read_inline_table, read_toml
from etymon.recipe.tree import Leaf, Path, Table, entries, find, leaves

T = TypeVar("T")

_COMMAND_LINE = Place(1 << 30, 0, "command line")  # its rank: after any number of files
_BROKEN = object()


def load(
    cls: type[T],
    *,
    files: Sequence[FilePath] = (),
    overrides: Sequence[str] = (),
    base: Mapping[str, Any] | None = None,
) -> T:
    """Settings of type `cls`: its defaults, then `base`, then each file in turn, then each `key=value` override.

    `base` is a nested mapping of Python values (what a preset chose). An override spells its value without quotes:
    `models.gpt.layers=4`, `families=ngram,gpt`, `training.rate=3e-4`. Raises `RecipeError` with all mistakes of all
    sources at once: each with file and line or "command line", the text to blame, why, and what is allowed. The same
    key twice in one file or twice on one command line is a mistake; one source overriding another is not.
    """
    return cast(T, _built(_gather(cls, files, overrides, base)))


def sources(
    cls: type[Any],
    *,
    files: Sequence[FilePath] = (),
    overrides: Sequence[str] = (),
    base: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """Where the value of each setting that is not a default comes from: key -> "demo.toml:4", "command line"."""
    choices = _gather(cls, files, overrides, base)
    _built(choices)
    return {".".join(path): str(choices.chosen[path].place) for path, _ in leaves(cls) if path in choices.chosen}


def from_json(cls: type[T], value: Mapping[str, Any], *, source: str = "") -> T:
    """The settings that `to_json` made `value` of. Raises `RecipeError`; `source` says where `value` was kept."""
    place = Place(0, 0, source or f"the stored {cls.__name__}")
    choices = Choices(cls, place)
    for given in _from_mapping(value, place):
        choices.take(given, "python")
    return cast(T, _built(choices))


def check(settings: object) -> None:
    """Hold settings that were built in Python to the limits that files are held to. Raises `RecipeError`."""
    from_json(type(settings), to_json(settings), source=f"{type(settings).__name__} built in Python")


def _gather(
    cls: type[Any], files: Sequence[FilePath], overrides: Sequence[str], base: Mapping[str, Any] | None
) -> Choices:
    choices = Choices(cls, Place(0, 0, str(files[0])) if files else _COMMAND_LINE)
    for given in _from_mapping(base or {}, Place(-1, 0, "the preset")):
        choices.take(given, "python")
    for rank, file in enumerate(files):
        found, mistakes = _read_file(file, rank)
        choices.mistakes += mistakes
        for given in found:
            choices.take(given, "toml")
    _take_overrides(choices, overrides)
    return choices


def _read_file(file: FilePath, rank: int) -> tuple[list[Given], list[Mistake]]:
    """A recipe file's settings and mistakes; not being there or not being text are mistakes too."""
    place = Place(rank, 0, str(file))
    try:
        content = file.read_bytes()
    except OSError as error:
        return [], [Mistake(place, "recipe file", f"it cannot be read: {error.strerror or error}", _near_file(file))]
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        bad = content[error.start : error.start + 1].hex()
        return [], [Mistake(Place(rank, line, str(file)), f"byte 0x{bad}", "it is not UTF-8", "save the file as UTF-8")]
    return read_toml(text, str(file), rank)


def _near_file(file: FilePath) -> str:
    if not file.parent.is_dir():
        return f"there is no folder {file.parent}"
    if file.exists():
        return "name a TOML file that can be read"
    near = get_close_matches(file.name, [each.name for each in file.parent.glob("*.toml")], n=1)
    return f"did you mean {file.parent / near[0]}?" if near else "name a TOML file that exists"


def _from_mapping(values: Mapping[str, Any], place: Place, prefix: Path = ()) -> Iterator[Given]:
    """The settings in a nested mapping of Python or JSON values; settings objects stand for their tables."""
    for key, value in values.items():
        path = (*prefix, *str(key).split("."))
        if is_dataclass(value) and not isinstance(value, type):
            value = to_json(value)
        if isinstance(value, Mapping):
            yield Given(path, {}, ".".join(path), place)
            yield from _from_mapping(cast(Mapping[str, Any], value), place, path)
        else:
            yield Given(path, value, f"{'.'.join(path)} = {value!r}", place)


def _take_overrides(choices: Choices, overrides: Sequence[str]) -> None:
    seen: dict[Path, str] = {}
    for word in overrides:
        key, equals, text = word.partition("=")
        path = tuple(part.strip() for part in key.split("."))
        if not equals or not all(path):
            choices.wrong(_COMMAND_LINE, word, "it is not key=value", "write it like training.rate=3e-4, in one word")
        elif path in seen:
            choices.wrong(_COMMAND_LINE, word, f"{key.strip()} is set twice, first by {seen[path]}")
        else:
            seen[path] = word
            _take_override(choices, path, text, word)


def _take_override(choices: Choices, path: Path, text: str, word: str) -> None:
    if not (isinstance(find(choices.cls, path), Table) and text.strip().startswith("{")):
        choices.take(Given(path, text, word, _COMMAND_LINE), "text")
        return
    found, mistakes = read_inline_table(path, text.strip(), _COMMAND_LINE)
    choices.mistakes += mistakes
    for given in found:
        choices.take(given, "toml")


def _built(choices: Choices) -> Any:
    """The settings, or one `RecipeError` with all that is wrong."""
    settings = _build(choices.cls, choices)
    if choices.mistakes:
        raise RecipeError(choices.mistakes)
    return settings


def _build(cls: type[Any], choices: Choices, path: Path = (), default: object = MISSING) -> Any:
    """The settings at `path`; what nobody chose comes from `default`, the object declared there, or the fields' own.

    Cross-checks of the dataclass itself (`__post_init__`) become mistakes as well. `_BROKEN` where any value is.
    """
    values: dict[str, Any] = {}
    for name, entry in entries(cls).items():
        inherited = entry.default() if default is MISSING or default is None else getattr(default, name)
        build = _build_leaf if isinstance(entry, Leaf) else _build_table
        values[name] = build(entry, choices, (*path, name), inherited)
    if any(value is _BROKEN for value in values.values()):
        return _BROKEN
    try:
        return cls(**values)
    except (EtymonError, ValueError) as error:
        _blame(cls, choices, path, error)
        return _BROKEN


def _build_leaf(leaf: Leaf | Table, choices: Choices, path: Path, inherited: object) -> Any:
    if path in choices.unreadable:
        return _BROKEN
    if path in choices.chosen:
        return choices.chosen[path].value
    return _missing(leaf, choices, path) if inherited is MISSING else inherited


def _build_table(table: Leaf | Table, choices: Choices, path: Path, inherited: object) -> Any:
    assert isinstance(table, Table)
    named = any(given[: len(path)] == path for given in (*choices.named, *choices.unreadable))
    if path in choices.absent or (inherited is None and not named):
        return None
    if table.optional and inherited is MISSING and not named:
        return _missing(table, choices, path)
    return _build(table.type, choices, path, inherited)


def _missing(entry: Leaf | Table, choices: Choices, path: Path) -> object:
    help = f"it takes {entry.wanted}" if isinstance(entry, Leaf) else 'it takes a table or "none"'
    place = choices.named.get(path[:-1], choices.whole)
    choices.wrong(place, ".".join(path), "it has no default and must be set", help)
    return _BROKEN


def _blame(cls: type[Any], choices: Choices, path: Path, error: EtymonError | ValueError) -> None:
    """Lay a cross-check's complaint at a given key that it names, else at any given key of the table."""
    why, help = (error.what, error.help) if isinstance(error, EtymonError) else (str(error), "")
    given = [name for name in entries(cls) if (*path, name) in choices.chosen]
    named = [name for name in given if name in re.split(r"\W+", why)]
    if not given:
        choices.wrong(choices.whole, ".".join(path) or cls.__name__, why, help)
        return
    key = (*path, (named or given)[0])
    choice = choices.chosen[key]
    choices.wrong(choice.place, f"{'.'.join(key)} = {choice.value}", why, help)
