"""n-gram tables as they are kept and asked: last words, where each context's begin, and codes for the few values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.models.ngram_tables import ColumnName, Floats, Indices, keys_of


@dataclass(frozen=True, kw_only=True)
class Coded:
    """A column: `values[codes]`, or the values themselves where there are no codes.

    Counts of n-grams are small whole numbers, and what a context leaves to the order below follows from a few of them.
    So a column has few different values, and one or two bytes name one exactly where it would take eight.
    """

    values: NDArray[Any]
    codes: NDArray[Any] | None = None

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        if isinstance(rows, slice):
            return self.values[rows] if self.codes is None else self.values.take(self.codes[rows])
        return self.values.take(rows if self.codes is None else self.codes.take(rows))


@dataclass(frozen=True, kw_only=True)
class PackedTable:
    """What a `Table` says, in fewer bytes.

    last     uint8, 16 or 32 [G]  the last token of each n-gram, in ascending order of (context, token)
    starts   uint32 [C + 1]       for each n-gram one order below, the row of the first of which it is the context
    columns                       counts, totals, backoffs and hits, as in `Table`
    """

    vocabulary: int
    last: NDArray[Any]
    starts: NDArray[np.uint32]
    columns: Mapping[ColumnName, Coded]

    def __len__(self) -> int:
        return len(self.last)

    @property
    def keys(self) -> NDArray[np.uint64]:
        followers = np.diff(self.starts.astype(np.int64))
        return keys_of(np.repeat(np.arange(len(followers)), followers), self.last, self.vocabulary)

    @property
    def counts(self) -> NDArray[np.uint32]:
        return self.at("counts", slice(None))

    @property
    def totals(self) -> NDArray[np.uint32]:
        return self.at("totals", slice(None))

    @property
    def backoffs(self) -> Floats:
        return self.at("backoffs", slice(None))

    @property
    def hits(self) -> Floats:
        return self.at("hits", slice(None))

    @property
    def has_hits(self) -> bool:
        return len(self.columns["hits"].values) > 0

    def at(self, column: ColumnName, rows: Any) -> NDArray[Any]:
        """A column's values in these rows."""
        return self.columns[column][rows]

    def following(self, context: int, vocabulary: int) -> range:
        """The rows of the n-grams that begin with this context."""
        return range(int(self.starts[context]), int(self.starts[context + 1]))

    def words(self, rows: range, vocabulary: int) -> NDArray[Any]:
        """The last tokens of these n-grams."""
        return self.last[rows.start : rows.stop]

    def find(self, contexts: Indices, words: NDArray[Any], vocabulary: int) -> Indices:
        """Rows of the n-grams (context, word), -1 where the table has none or where the context is not known (< 0).

        A binary search in the words of each context, all searches side by side: each step looks at the middle one and
        halves what is left, rounded up. Those that have come down to one word are looked at and left out once they are
        half of all. (`take` is several times as fast as brackets, and so is arithmetic in the place of `where`.)
        """
        rows = np.full(contexts.size, -1, np.int64)
        asked = np.flatnonzero(contexts >= 0)
        context, wanted = contexts.take(asked), words.take(asked).astype(self.last.dtype)
        first = self.starts.take(context).astype(np.int64)
        size = self.starts.take(context + 1) - first  # the word is among so many from `first` on, if at all
        more = np.flatnonzero(size)
        while len(more):
            asked, wanted, first, size = asked.take(more), wanted.take(more), first.take(more), size.take(more)
            single = np.zeros(0, np.bool_)
            while np.count_nonzero(single) * 2 <= len(single):
                half = size >> 1
                first += half * (self.last.take(first + half) <= wanted)
                size -= half
                single = size == 1
            ended, more = np.flatnonzero(single), np.flatnonzero(~single)
            ended = ended[self.last.take(first.take(ended)) == wanted.take(ended)]
            rows[asked.take(ended)] = first.take(ended)
        return rows.reshape(contexts.shape)
