"""n-gram tables on disk: few bytes for each n-gram, in raw little-endian arrays that are mapped and asked so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.models.ngram_columns import by_context, stretches
from etymon.models.ngram_packed import Coded, PackedTable
from etymon.models.ngram_tables import ColumnName, Counted, GramTable, Indices

if TYPE_CHECKING:
    from etymon.storage import Artifact, Draft

ABOUT = "ngram.json"
FORM = 2
"""1 had a column of eight bytes for the keys and one for each kind of number."""

TYPES: Mapping[ColumnName, str] = {"counts": "<u4", "totals": "<u4", "backoffs": "<f8", "hits": "<f8"}
TOGETHER: Sequence[tuple[ColumnName, ...]] = (("counts",), ("totals", "backoffs"), ("hits",))
"""Columns that have one code between them: what a context leaves goes with its total."""

PIECE = 1 << 16  # rows written at a time, so that writing does not copy a whole column
MOST_VALUES = 1 << 20  # what has more different values than this is written as it is


def write_counted(draft: Draft, counted: Counted, about: Mapping[str, int]) -> None:
    """Write the tables, discounts, and ngram.json with the few numbers beside them.

    Of each order: order.N.last, the last tokens; order.N.starts, where the n-grams of each context begin; and for every
    column its codes and the values that they stand for.
    """
    numbers: dict[str, Any] = {
        **about,
        "form": FORM,
        "total": counted.total,
        "backoff": counted.backoff,
        "operations": counted.operations,
        "vocabulary": len(counted.tables[0]),
    }
    if counted.mixing != Counted.mixing:
        numbers["mixing"] = counted.mixing
    draft.write(ABOUT, json.dumps(numbers, indent=1, sort_keys=True).encode())
    draft.write("discounts", counted.discounts.astype("<f8").tobytes())
    for n, table in enumerate(counted.tables, start=1):
        if n > 1:  # every token is a unigram, in order
            _write_keys(draft, f"order.{n}", table.keys, len(counted.tables[n - 2]), len(counted.tables[0]))
        for names in TOGETHER:
            if len(table.at(names[0], slice(0, 1))):
                _write_coded(draft, f"order.{n}", names, table)


def _write_keys(draft: Draft, stem: str, keys: NDArray[np.uint64], contexts: int, vocabulary: int) -> None:
    kind = word_type(vocabulary)
    with draft.writer(f"{stem}.last") as last, draft.writer(f"{stem}.starts") as starts:
        starts.write(np.zeros(1, "<u4").tobytes())
        for part in by_context(keys, contexts, vocabulary, PIECE):
            last.write((keys[part.rows] % np.uint64(vocabulary)).astype(kind).tobytes())
            followers = np.bincount(part.contexts, minlength=part.size)
            starts.write((part.rows.start + np.cumsum(followers)).astype("<u4").tobytes())


def word_type(vocabulary: int) -> str:
    """The smallest type that holds any token."""
    return next(kind for kind in ("<u1", "<u2", "<u4") if vocabulary - 1 <= np.iinfo(kind).max)


def _write_coded(draft: Draft, stem: str, names: Sequence[ColumnName], table: GramTable) -> None:
    """Columns as codes into the values that occur, in ascending order: few values come often, and lie side by side."""
    rows = list(stretches(len(table), PIECE))

    def column(name: ColumnName) -> Callable[[], Iterator[NDArray[Any]]]:
        return lambda: (table.at(name, part).astype(TYPES[name], copy=False) for part in rows)

    values = [_distinct(column(name)()) for name in names]
    sizes = [len(each) for each in values]

    def places() -> Iterator[Indices]:
        """One number for the values of all columns in a row."""
        for part in rows:
            place = np.zeros(part.stop - part.start, np.int64)
            for name, known in zip(names, values, strict=True):
                place = place * len(known) + np.searchsorted(
                    known, table.at(name, part).astype(TYPES[name], copy=False)
                )
            yield place

    together = _distinct(places()) if all(sizes) else np.empty(0, np.int64)
    if not len(together):  # too many to be worth a code
        for name in names:
            draft.write(f"{stem}.{name}.values", (part.tobytes() for part in column(name)()))
        return
    kind = word_type(len(together))
    draft.write(
        f"{stem}.{names[0]}.codes", (np.searchsorted(together, part).astype(kind).tobytes() for part in places())
    )
    for name, known, which in zip(names, values, np.unravel_index(together, sizes), strict=True):
        draft.write(f"{stem}.{name}.values", known[which].tobytes())


def _distinct(parts: Iterator[NDArray[Any]]) -> NDArray[Any]:
    """The different values in ascending order; none where they are more than MOST_VALUES."""
    known = np.empty(0)
    for part in parts:
        here = np.unique(part)
        if not len(known):
            known = here
            continue
        at = np.minimum(np.searchsorted(known, here), len(known) - 1)
        known = np.sort(np.concatenate([known, here[known[at] != here]]))
        if len(known) > MOST_VALUES:
            return known[:0]
    return known


def read_counted(artifact: Artifact, order: int) -> tuple[dict[str, Any], Counted]:
    """What ngram.json says, and the tables as read-only memory maps."""
    about = artifact.read_json(ABOUT)
    if about.get("form") != FORM:
        raise EtymonError(
            "This n-gram model was kept in a form that is not read any more",
            where=str(artifact.path),
            why=f"its tables are of form {about.get('form', 1)}, this Etymon reads form {FORM}",
            help="run the command that made it once more: the text is counted again",
        )
    discounts = np.frombuffer(artifact.read("discounts"), "<f8").reshape(order, -1)
    counted = Counted(
        tables=[_read_table(artifact, n, about["vocabulary"]) for n in range(1, order + 1)],
        discounts=discounts,
        total=about["total"],
        backoff=about["backoff"],
        operations=about["operations"],
        mixing=about.get("mixing", Counted.mixing),
    )
    return about, counted


def _read_table(artifact: Artifact, n: int, vocabulary: int) -> PackedTable:
    kind, stem = word_type(vocabulary), f"order.{n}"
    if n == 1:
        last, starts = np.arange(vocabulary, dtype=kind), np.array([0, vocabulary], "<u4")
    else:
        last, starts = _map(artifact, f"{stem}.last", kind), _map(artifact, f"{stem}.starts", "<u4")
    columns: dict[ColumnName, Coded] = {}
    for names in TOGETHER:
        codes, bytes_of_codes = None, artifact.files.get(f"{stem}.{names[0]}.codes", 0)
        if bytes_of_codes:
            codes = _map(artifact, f"{stem}.{names[0]}.codes", f"<u{bytes_of_codes // len(last)}")
        for name in names:
            columns[name] = Coded(values=_map(artifact, f"{stem}.{name}.values", TYPES[name]), codes=codes)
    return PackedTable(vocabulary=vocabulary, last=last, starts=starts, columns=columns)


def _map(artifact: Artifact, name: str, dtype: str) -> NDArray[Any]:
    if artifact.files.get(name, 0) == 0:  # a column that this smoothing has not
        return np.empty(0, dtype)
    return np.asarray(artifact.map(name, dtype))
