"""Counting where the text is larger than memory: sorted runs of stretches of it, merged; each finished once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.models.ngram_columns import Column, OnDisk, Part, stretches
from etymon.models.ngram_counting import Grams, distinct, ranked, tokens_to_the_left
from etymon.models.ngram_tables import ascending
from etymon.progress import Progress

RUN = {"keys": "<u8", "occurrences": "<u4", "suffixes": "<u4", "places": "<u4"}
"""Of a stretch of the text: its n-grams in order, and for each position the row of the one that ends there."""

MERGED = {"keys": "<u8", "occurrences": "<u4", "suffixes": "<u4", "rows": "<u4", "taken": "<u4"}
"""Of the whole text: its n-grams in order; then, part by part of the merging, what row each n-gram of each run has, and
how many of each run that were."""


def count_in_parts(
    ids: NDArray[Any], vocabulary: int, order: int, end_of_text: int, progress: Progress, columns: OnDisk
) -> tuple[list[Grams], float]:
    """What `ngram_counting.count` gives, to the bit, with `columns.piece` positions or n-grams in memory at a time.

    The keys of an order need the ids of the order below, in the order of the text. So each stretch of the text is
    sorted alone (a run), and the runs are merged: the merged rows are the ids. Every run knows at which of its
    positions each of its n-grams ends, so the rows go back to the text without another sort. No text is too uneven: a
    run holds an n-gram once, however often it occurs, and any part of the merging can be made as short as one row.
    """
    counting = _Counting(ids, vocabulary, end_of_text, order, columns)
    once = np.zeros(vocabulary, np.uint32)
    for part in counting.stretches:
        once += np.bincount(ids[max(part.start, 1) : part.stop], minlength=vocabulary).astype(np.uint32)
        columns.forget()
    found = [
        Grams(
            keys=np.arange(vocabulary, dtype=np.uint64),
            occurrences=once,
            adjusted=once,
            suffixes=np.zeros(vocabulary, np.uint32),
        )
    ]
    opens = range(0)  # of the (n-1)-grams, the rows of those that begin with end-of-text: they lie side by side
    operations = float(len(ids) - 1)
    for n in range(2, order + 1):
        progress(n - 2, order, f"counting {n}-grams in {len(counting.stretches)} parts")
        merged = counting.merged(n)
        adjusted = counting.adjusted(n - 1, found[-1].occurrences, opens, merged["suffixes"])
        found[-1] = replace(found[-1], adjusted=adjusted)
        begins = range(end_of_text, end_of_text + 1) if n == 2 else opens
        bounds = np.array([begins.start * vocabulary, begins.stop * vocabulary], np.uint64)
        first, end = np.searchsorted(merged["keys"], bounds)
        opens = range(int(first), int(end))
        times = merged["occurrences"]
        found.append(Grams(keys=merged["keys"], occurrences=times, adjusted=times, suffixes=merged["suffixes"]))
        at = counting.positions(n)
        operations += at * (4 + math.log2(max(at, 1)))
    counting.drop_runs(order)
    return found, operations


@dataclass
class _Counting:
    """One text, cut into stretches; each is read once per order."""

    ids: NDArray[Any]
    vocabulary: int
    end_of_text: int
    order: int
    columns: OnDisk
    stretches: Sequence[slice] = field(default_factory=list[slice])

    def __post_init__(self) -> None:
        self.columns.watch("text", {"ids": self.ids})
        self.stretches = list(stretches(len(self.ids), self.columns.piece))
        self._documents = [0]  # where the last document began, before each stretch
        for part in self.stretches:
            ends = np.flatnonzero(np.asarray(self.ids[part]) == self.end_of_text)
            self._documents.append(part.start + int(ends[-1]) if len(ends) else self._documents[-1])
            self.columns.forget()
        self._positions: dict[int, int] = {}

    def merged(self, n: int) -> Part:
        """The n-grams of the whole text; the runs of the order below are not needed any more then."""
        step = f"{n}.merged"
        runs: list[Part] = []
        if not self.columns.has(step):
            runs = [self._run(n, part) for part in range(len(self.stretches))]
            if n > 2:
                self.drop_runs(n - 1)
        return self.columns.made(step, MERGED, lambda: _merge(runs, self.columns.piece or 1))

    def adjusted(self, n: int, occurrences: Column, opens: range, suffixes: Column) -> Column:
        """By how many different tokens each n-gram is preceded: how often it is a suffix of an (n+1)-gram."""
        piece = self.columns.piece or 1

        def parts() -> Iterator[Part]:
            for rows in stretches(len(occurrences), 4 * piece):  # a few bytes each
                precede = np.zeros(rows.stop - rows.start, np.uint32)
                for part in stretches(len(suffixes), piece):
                    here = suffixes[part]
                    here = here[(here >= rows.start) & (here < rows.stop)] - np.uint32(rows.start)
                    precede += np.bincount(here, minlength=len(precede)).astype(np.uint32)
                    self.columns.forget()
                own = slice(max(opens.start, rows.start), max(min(opens.stop, rows.stop), rows.start))
                precede[own.start - rows.start : own.stop - rows.start] = occurrences[own]
                yield {"adjusted": precede}

        return self.columns.made(f"{n}.adjusted", {"adjusted": "<u4"}, parts)["adjusted"]

    def positions(self, n: int) -> int:
        """At how many positions of the text an n-gram ends."""
        return sum(int(np.count_nonzero(self._left(part) >= n - 1)) for part in range(len(self.stretches)))

    def drop_runs(self, n: int) -> None:
        for part in range(len(self.stretches)):
            self.columns.drop(f"{n}.run-{part}")

    def _run(self, n: int, part: int) -> Part:
        """The n-grams of a stretch of the text, by their keys."""

        def parts() -> Iterator[Part]:
            at = np.flatnonzero(self._left(part) >= n - 1)
            ending = self._ending(n - 1, part)
            before = np.empty(len(ending), np.uint32)  # the id of the (n-1)-gram that ends one position earlier
            before[1:] = ending[:-1]
            before[0] = self._ending(n - 1, part - 1)[-1] if part else 0
            words = np.asarray(self.ids[self.stretches[part]]).astype(np.uint32)
            found = ranked(before[at], words[at], self.vocabulary)
            suffixes = ending[at[found.example]]
            yield {
                "keys": found.keys,
                "occurrences": found.occurrences,
                "suffixes": suffixes,
                "places": found.ranks,
            }

        return self.columns.made(f"{n}.run-{part}", RUN, parts)

    def _ending(self, n: int, part: int) -> NDArray[np.uint32]:
        """The id of the n-gram that ends at each position of a stretch (0 where there is none)."""
        if n == 1:
            return np.asarray(self.ids[self.stretches[part]]).astype(np.uint32)
        merged = self.columns.made(f"{n}.merged", MERGED, lambda: ())
        rows = _rows_of(merged, part, len(self.stretches))
        left = self._left(part)
        ending = np.zeros(len(left), np.uint32)
        ending[left >= n - 1] = rows[self._run(n, part)["places"]]
        return ending

    def _left(self, part: int) -> NDArray[np.uint8]:
        """How many tokens of its own document precede each position of a stretch, at most `order`."""
        where = self.stretches[part]
        begin = max(where.start - 1, 0)
        left = tokens_to_the_left(
            np.asarray(self.ids[begin : where.stop]), self.end_of_text, self.order, begin, self._documents[part]
        )
        return left[where.start - begin :]


def _merge(runs: Sequence[Part], piece: int) -> Iterator[Part]:
    """The runs as one, at most `piece` rows of them at a time (or one of each)."""
    at = np.zeros(len(runs), np.int64)
    ends = np.array([len(run["keys"]) for run in runs])
    step = max(piece // len(runs), 1)
    base = 0
    while (at < ends).any():
        beyond = [int(run["keys"][i + step]) for run, i, end in zip(runs, at, ends, strict=True) if i + step < end]
        to = (
            np.array([_below(run["keys"], min(beyond), int(i), step) for run, i in zip(runs, at, strict=True)])
            if (beyond)
            else ends
        )
        given = {
            name: np.concatenate([run[name][i:j] for run, i, j in zip(runs, at, to, strict=True)])
            for name in ("keys", "occurrences", "suffixes")
        }
        keys, order = ascending(given["keys"])
        first, ranks = distinct(keys, order)
        yield {
            "keys": keys[first],
            "occurrences": np.add.reduceat(given["occurrences"][order], first, dtype=np.uint32),
            "suffixes": given["suffixes"][order[first]],
            "rows": ranks + np.uint32(base),
            "taken": to - at,
        }
        base += len(first)
        at = to


def _below(keys: Column, key: int, begin: int, step: int) -> int:
    """The first row from `begin` on whose key is not below `key`; it is at most `step` rows on."""
    return begin + int(np.searchsorted(keys[begin : begin + step], np.uint64(key)))


def _rows_of(merged: Part, run: int, runs: int) -> NDArray[np.uint32]:
    """The row that each n-gram of a run has among all."""
    taken = merged["taken"].astype(np.int64)
    ends = np.cumsum(taken)
    mine = [merged["rows"][end - size : end] for end, size in zip(ends[run::runs], taken[run::runs], strict=True)]
    return np.concatenate([np.empty(0, np.uint32), *mine])
