"""Counting: every n-gram of a token stream, how often it occurs and after how many different tokens, by sorting."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.models.ngram_tables import Indices, ascending, keys_of
from etymon.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Grams:
    """All n-grams of one order, in ascending order of (context, word); an n-gram's id is its row.

    keys         uint64 [G]  as in `Table`
    occurrences  uint32 [G]  how often each occurs
    adjusted     uint32 [G]  by how many different tokens it is preceded; where none can precede it, its occurrences
    suffixes     uint32 [G]  the id of the n-gram without its first token, one order below (0 for order 1)
    """

    keys: NDArray[np.uint64]
    occurrences: NDArray[np.uint32]
    adjusted: NDArray[np.uint32]
    suffixes: NDArray[np.uint32]

    def contexts(self, vocabulary: int) -> Indices:
        """The id of each n-gram's context, one order below (0 for order 1, whose context is empty)."""
        return (self.keys // np.uint64(vocabulary)).astype(np.int64)


def count(
    ids: NDArray[Any], vocabulary: int, order: int, end_of_text: int, progress: Progress
) -> tuple[list[Grams], float]:
    """The n-grams of orders 1 to `order` of a stream that begins with end-of-text, and the operations it took.

    An n-gram never reaches to the left across an end-of-text: it may begin with one (the start of a document) and may
    end with one (the end of a document is predicted like a word), but has none inside.

    The adjusted count of an n-gram of the highest order is how often it occurs; of a lower one, by how many different
    tokens it is preceded. One that begins with end-of-text has nothing before it and keeps its number of occurrences.

    n-grams are named by rank doubling: the key of the n-gram that ends at position i is the id of the (n-1)-gram that
    ends at i-1, times V, plus token i, and its id is the rank of that key. One sort per order finds all of them. The
    shorter suffix of an n-gram is then the (n-1)-gram that ends where it ends, and what follows a context lies side by
    side in the table, which is what generation needs.

    Operations counted: per position and order, two for the key, log2 of the number of positions for the comparisons of
    the sort, one to tell a new key and one to count it.
    """
    words = ids.astype(np.uint32)
    left = tokens_to_the_left(ids, end_of_text, order)
    once = np.bincount(words[1:], minlength=vocabulary).astype(np.uint32)
    nothing = np.zeros(vocabulary, np.uint32)
    found = [Grams(keys=np.arange(vocabulary, dtype=np.uint64), occurrences=once, adjusted=once, suffixes=nothing)]
    ending = words  # the id of the (n-1)-gram that ends at each position
    opens = np.zeros(vocabulary, np.bool_)  # of the (n-1)-grams, those that begin with end-of-text
    operations = float(len(words) - 1)
    for n in range(2, order + 1):
        progress(n - 2, order, f"counting {n}-grams")
        at = np.flatnonzero(left >= n - 1)
        rows = ranked(ending[at - 1], words[at], vocabulary)
        one = at[rows.example]
        suffixes = ending[one]
        precede = np.bincount(suffixes, minlength=len(found[-1].keys)).astype(np.uint32)
        found[-1] = replace(found[-1], adjusted=np.where(opens, found[-1].occurrences, precede))
        opens = left[one] == n - 1
        times = rows.occurrences
        found.append(Grams(keys=rows.keys, occurrences=times, adjusted=times, suffixes=suffixes))
        ending = np.zeros(len(words), np.uint32)
        ending[at] = rows.ranks
        operations += len(at) * (4 + math.log2(max(len(at), 1)))
    return found, operations


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """Distinct keys in ascending order, how often each occurs, where one of them is, and the rank of every key."""

    keys: NDArray[np.uint64]
    occurrences: NDArray[np.uint32]
    example: Indices
    ranks: NDArray[np.uint32]


def ranked(contexts: NDArray[np.uint32], words: NDArray[np.uint32], vocabulary: int) -> Ranked:
    """The n-grams (context, word), by rank."""
    keys, order = ascending(keys_of(contexts, words, vocabulary))
    first, ranks = distinct(keys, order)
    occurrences = np.diff(first, append=len(keys)).astype(np.uint32)
    return Ranked(keys=keys[first], occurrences=occurrences, example=order[first], ranks=ranks)


def distinct(keys: NDArray[np.uint64], order: Indices) -> tuple[Indices, NDArray[np.uint32]]:
    """Of ascending keys that came from the places `order`: where each begins; and the rank of every one, by place."""
    new = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    ranks = np.empty(len(keys), np.uint32)
    ranks[order] = np.cumsum(new, dtype=np.uint32) - np.uint32(1)
    return np.flatnonzero(new), ranks


def tokens_to_the_left(
    ids: NDArray[Any], end_of_text: int, most: int, first: int = 0, document: int = 0
) -> NDArray[np.uint8]:
    """How many tokens of its own document precede each position, its end-of-text included, but `most` at most.

    `ids` may be a stretch of a text from position `first` on, where the document had begun at `document`; then what
    is told of its first position is not so.
    """
    position = np.arange(first, first + len(ids))
    starts = np.where(ids == end_of_text, position, document)
    starts = np.maximum.accumulate(starts)
    left = np.zeros(len(ids), np.uint8)
    left[1:] = np.minimum(position[1:] - starts[:-1], most)
    return left
