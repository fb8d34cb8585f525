"""`TokenStream`: one split of a corpus as a single row of token ids, and where in it each document lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.integer[Any]]


@dataclass(frozen=True, kw_only=True)
class TokenStream:
    """End-of-text, document 0, end-of-text, document 1, … end-of-text: each document stands between two of them.

    ids [N]: the tokens. starts [D + 1]: where the end-of-text before each document stands; the last one is that of the
    closing end-of-text, N - 1. bytes [D]: UTF-8 bytes of each document. documents [D]: their ids in the corpus.
    domains [D]: the domain of each, empty where the shards were made without.
    `vocabulary` is the number of different ids that can occur, `end_of_text` the one between documents.

    Its first and last token are the same, so the stream may be read as a ring: after the last document's end the
    first one begins, exactly as any other follows the one before it.
    """

    ids: Ids
    starts: NDArray[np.int64]
    bytes: NDArray[np.int64]
    documents: Sequence[str]
    vocabulary: int
    end_of_text: int
    domains: Sequence[str] = ()

    @property
    def targets(self) -> int:
        """How many tokens a model can be asked for: all but the first, which nothing comes before."""
        return len(self.ids) - 1

    def document_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The number of the document to which each position belongs; an end-of-text belongs to the one it opens."""
        return np.searchsorted(self.starts[:-1], positions, side="right") - 1

    def reordered(self, documents: Sequence[int]) -> TokenStream:
        """The stream of these documents in this order, each as often as it is named; a copy in memory."""
        order = np.asarray(documents, np.int64)
        begins, sizes = self.starts[order], self.starts[order + 1] - self.starts[order]
        starts = np.zeros(len(order) + 1, np.int64)
        np.cumsum(sizes, out=starts[1:])
        places = np.repeat(begins - starts[:-1], sizes) + np.arange(int(starts[-1]))
        return replace(
            self,
            ids=np.append(self.ids[places], self.ids[-1]),
            starts=starts,
            bytes=self.bytes[order],
            documents=[self.documents[number] for number in order.tolist()],
            domains=[self.domains[number] for number in order.tolist()] if self.domains else (),
        )
