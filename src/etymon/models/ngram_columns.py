"""Columns of n-gram tables as they are made: whole and in memory, or piece after piece and in files."""

from __future__ import annotations

import contextlib
import itertools
import mmap
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from etymon.storage import Steps

Column: TypeAlias = NDArray[Any]
Part: TypeAlias = Mapping[str, Column]
"""The next rows of some columns, by their names."""


class Columns(Protocol):
    """Where columns are made. `piece` is how many rows of work are done at a time, None: all of them."""

    piece: int | None

    def made(self, step: str, types: Mapping[str, str], parts: Callable[[], Iterable[Part]]) -> Mapping[str, Column]:
        """The columns of a step: what `parts()` gives, one part after the other, as little-endian `types`."""
        ...

    def forget(self) -> None:
        """Called when a part has been read and the next one is to come."""
        ...


class InMemory:
    """All rows at once."""

    piece: int | None = None

    def made(self, step: str, types: Mapping[str, str], parts: Callable[[], Iterable[Part]]) -> Mapping[str, Column]:
        found = list(parts())
        if len(found) == 1:
            return {name: found[0][name].astype(kind, copy=False) for name, kind in types.items()}
        return {
            name: np.concatenate([np.empty(0, kind), *(part[name] for part in found)]).astype(kind, copy=False)
            for name, kind in types.items()
        }

    def forget(self) -> None:
        """All of it stays."""


IN_MEMORY = InMemory()


class OnDisk:
    """A few rows at a time, appended to files; a step that was finished before a kill is not done again.

    What was read through a map is given back to the system after each part, so that what is held in memory is the part.
    """

    def __init__(self, steps: Steps, piece: int) -> None:
        self.piece: int | None = piece
        self._steps = steps
        self._mapped: dict[str, Mapping[str, Column]] = {}

    def made(self, step: str, types: Mapping[str, str], parts: Callable[[], Iterable[Part]]) -> Mapping[str, Column]:
        if step not in self._mapped:
            name = self._name(step)
            if self._steps.find(name) is None:
                self._make(name, types, parts)
            found = self._steps.find(name)
            assert found is not None, "a step that was sealed is there"
            self.watch(step, {column: found.map(column, kind) for column, kind in types.items()})
        return self._mapped[step]

    def _make(self, name: str, types: Mapping[str, str], parts: Callable[[], Iterable[Part]]) -> None:
        with self._steps.begin(name) as folder, contextlib.ExitStack() as open_files:
            files = {column: open_files.enter_context(folder.writer(column)) for column in types}
            for part in parts():
                for column, kind in types.items():
                    files[column].write(part[column].astype(kind, copy=False).tobytes())
                self.forget()

    def has(self, step: str) -> bool:
        """Whether the step is finished."""
        return step in self._mapped or self._steps.find(self._name(step)) is not None

    def watch(self, step: str, columns: Mapping[str, Column]) -> None:
        """The pages of these, where they are maps, are given back, too."""
        self._mapped[step] = columns

    def drop(self, step: str) -> None:
        """Removes the files of a step that is not needed any more."""
        self._mapped.pop(step, None)
        self._steps.drop(self._name(step))

    def forget(self) -> None:
        """Gives the pages of all maps back; the files keep what is in them."""
        for column in itertools.chain(*(columns.values() for columns in self._mapped.values())):
            pages = _pages(column)
            if pages is not None and sys.platform == "linux":
                pages.madvise(mmap.MADV_DONTNEED)

    def _name(self, step: str) -> str:
        return f"{step}.of-{self.piece}"  # other pieces make other steps, such as the runs that are merged


def _pages(column: Column) -> mmap.mmap | None:
    """The map of a file that an array is a view of."""
    base: Any = column
    while isinstance(base, np.ndarray):
        base = base.base  # pyright: ignore[reportUnknownMemberType]
    return base if isinstance(base, mmap.mmap) else None


def stretches(size: int, most: int | None) -> Iterator[slice]:
    """Rows 0 to `size` in stretches of at most so many; one empty stretch where there are none."""
    most = max(size, 1) if most is None else most
    for begin in range(0, max(size, 1), most):
        yield slice(begin, min(begin + most, size))


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Some rows of a table of n-grams, and the contexts, rows of the order below, that they are all the n-grams of.

    `contexts` [rows] counts from the first of them, `below`.
    """

    rows: slice
    below: slice
    contexts: NDArray[np.int64]

    @property
    def size(self) -> int:
        """How many contexts there are."""
        return self.below.stop - self.below.start

    def summed(self, values: Column) -> NDArray[np.float64]:
        """The sum over the n-grams of each context, added in their order."""
        return np.bincount(self.contexts, weights=values, minlength=self.size).astype(np.float64)


def by_context(keys: Column, contexts: int, vocabulary: int, piece: int | None) -> Iterator[Stretch]:
    """The n-grams with these keys, none of their `contexts` torn: about so many at a time, or (None) all at once."""
    piece = piece or max(len(keys), contexts)
    row = context = 0
    while context < contexts:
        end = min(row + piece, len(keys))
        below = int(keys[end]) // vocabulary if end < len(keys) else contexts
        below = max(min(below, context + piece), context + 1)
        end = row + int(np.searchsorted(keys[row:], np.uint64(below * vocabulary)))
        within = (keys[row:end] // np.uint64(vocabulary)).astype(np.int64) - context
        yield Stretch(rows=slice(row, end), below=slice(context, below), contexts=within)
        row, context = end, below


def taken(column: Column, rows: NDArray[Any], columns: Columns) -> Column:
    """`column[rows]`, with a stretch of the column at a time."""
    if columns.piece is None:
        return column[rows]
    found = np.empty(len(rows), column.dtype)
    for part in stretches(len(column), columns.piece):
        here = np.flatnonzero((rows >= part.start) & (rows < part.stop))
        found[here] = column[part][rows[here] - part.start]
        columns.forget()
    return found


def nonzero(column: Column, columns: Columns) -> int:
    """How many numbers of a column are not 0."""
    found = 0
    for part in stretches(len(column), columns.piece):
        found += int(np.count_nonzero(column[part]))
        columns.forget()
    return found


def counts_of_counts(counts: Column, most: int, columns: Columns) -> NDArray[np.float64]:
    """How many of the counts are 0, 1, ..., `most`."""
    found = np.zeros(most + 2, np.int64)
    for part in stretches(len(counts), columns.piece):
        found += np.bincount(np.minimum(counts[part], most + 1), minlength=most + 2)
        columns.forget()
    return found[:-1].astype(np.float64)
