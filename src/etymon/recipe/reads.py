"""Which settings are read: the proof that none of them does nothing."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import is_dataclass
from inspect import currentframe
from types import FrameType
from typing import Any, cast

from etymon.recipe.tree import Leaf, Path, Table, entries, keys

_ROOM = __name__.rpartition(".")[0]
_COPIERS = {"dataclasses", "copy", "copyreg", "pickle"}
_OWN_METHODS = {"__eq__", "__hash__", "__repr__", "__lt__", "__init__", "__post_init__", "__replace__"}
_Listener = Callable[[Any, str], None]
_listeners: dict[type[Any], list[_Listener]] = {}


class Reads:
    """The dotted keys of the settings of a tree that have been read, growing while it is recorded."""

    def __init__(self, cls: type[Any]) -> None:
        self._all = keys(cls)
        self.keys: set[str] = set()

    @property
    def unread(self) -> list[str]:
        """The settings that nobody has read yet, in declared order."""
        return [key for key in self._all if key not in self.keys]


@contextmanager
def watch(settings: object) -> Generator[Reads, None, None]:
    """Record which settings of this one tree are read by attribute, `settings.training.rate`, by other rooms' code.

    Reading and writing recipes, comparing, printing, copying and a class's own `__post_init__` do not count: they
    would make every setting look used. Neither does a read of a table; only leaves count. The objects and their
    equality stay what they are; while it lasts, attribute access of their classes is slower.
    """
    reads = Reads(type(settings))
    places: dict[int, tuple[Any, Path]] = {id(node): (node, path) for path, node in _nodes(settings, ())}

    def listener(node: object, name: str) -> None:
        watched, path = places.get(id(node), (None, ()))
        if watched is node:
            reads.keys.add(".".join((*path, name)))

    with ExitStack() as listening:
        classes: set[type[Any]] = {type(node) for node, _ in places.values()}
        for cls in classes:
            listening.enter_context(_listening(cls, listener))
        yield reads


@contextmanager
def recording_reads(cls: type[Any]) -> Generator[Reads, None, None]:
    """Record as `watch` does, for all settings of these classes, also those loaded or copied while it lasts.

    Where a class stands in the tree several times (one training table for each model), a read counts for every place.
    """
    reads = Reads(cls)
    places: dict[type[Any], dict[str, list[str]]] = {}
    for path, kind in _tables(cls, ()):
        for name, entry in entries(kind).items():
            if isinstance(entry, Leaf):
                places.setdefault(kind, {}).setdefault(name, []).append(".".join((*path, name)))

    def listener_of(names: dict[str, list[str]]) -> _Listener:
        return lambda node, name: reads.keys.update(names[name])

    with ExitStack() as listening:
        for kind, names in places.items():
            listening.enter_context(_listening(kind, listener_of(names)))
        yield reads


def _nodes(settings: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """The settings object and every one below it, with their paths."""
    yield path, settings
    cls = cast(type[Any], type(settings))
    for name, entry in entries(cls).items():
        value = getattr(settings, name) if isinstance(entry, Table) else None
        if value is not None and is_dataclass(value):
            yield from _nodes(value, (*path, name))


def _tables(cls: type[Any], path: Path) -> Iterator[tuple[Path, type[Any]]]:
    yield path, cls
    for name, entry in entries(cls).items():
        if isinstance(entry, Table):
            yield from _tables(entry.type, (*path, name))


@contextmanager
def _listening(cls: type[Any], listener: _Listener) -> Generator[None, None, None]:
    """Tell `listener` of every read of a leaf of instances of `cls`; when the last leaves, the class is as before."""
    present = _listeners.setdefault(cls, [])
    if not present:
        _tap(cls, present)
    present.append(listener)
    try:
        yield
    finally:
        present.remove(listener)
        if not present:
            type.__delattr__(cls, "__getattribute__")


def _tap(cls: type[Any], present: list[_Listener]) -> None:
    if "__getattribute__" in vars(cls):
        raise TypeError(f"{cls.__name__} has its own __getattribute__, so its reads cannot be recorded")
    original = cast(Callable[[Any, str], Any], cls.__getattribute__)
    names = {name for name, entry in entries(cls).items() if isinstance(entry, Leaf)}

    def tell(self: Any, name: str) -> Any:
        if name in names and _is_use(currentframe()):
            for listener in tuple(present):
                listener(self, name)
        return original(self, name)

    type.__setattr__(cls, "__getattribute__", tell)


def _is_use(tap: FrameType | None) -> bool:
    """Whether the code that called `tap` uses a setting, rather than carrying it about."""
    frame = tap.f_back if tap else None
    if frame is None:
        return False
    module = str(frame.f_globals.get("__name__", ""))
    inside = module == _ROOM or module.startswith(f"{_ROOM}.")
    return not inside and module not in _COPIERS and frame.f_code.co_name not in _OWN_METHODS
