"""How documents are cut into rows that a model can read, so that every token is scored exactly once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etymon.tokens import Batch, TokenStream


@dataclass(frozen=True)
class Window:
    """Some consecutive tokens of one document, of which the last `scored` predictions count.

    `start` is the place in the stream of its first input; its `length` inputs predict the token after each of them.
    """

    document: int
    start: int
    length: int
    scored: int


def windows(stream: TokenStream, documents: Sequence[int], length: int | None, stride: int) -> Iterator[Window]:
    """Windows of at most `length` inputs over each document, its opening end-of-text included.

    The first window of a document scores all its predictions. Each later one ends `stride` tokens further on (the last
    one with the document) and scores only what is new, so that each of these sees more than `length - stride` tokens.
    """
    for document in documents:
        first, end = int(stream.starts[document]), int(stream.starts[document + 1]) - 1
        inputs = end - first
        if inputs == 0:
            continue
        done = inputs if length is None else min(length, inputs)
        yield Window(document, first, done, done)
        while length is not None and done < inputs:
            new = min(stride, inputs - done)
            done += new
            yield Window(document, first + done - length, length, new)


def batches(
    stream: TokenStream, cut: Sequence[Window], tokens: int
) -> Iterator[tuple[Sequence[Window], Batch[NDArray[np.int64]]]]:
    """Windows of similar length together, the longest first, as rows of at most `tokens` tokens in all, padding
    included; a single longer window is a batch by itself. Rows are padded on the right with end-of-text of weight 0.
    """
    in_order = sorted(cut, key=lambda window: -window.length)
    at = 0
    while at < len(in_order):
        rows = max(tokens // in_order[at].length, 1)
        together = in_order[at : at + rows]
        yield together, _batch(stream, together)
        at += rows


def _batch(stream: TokenStream, together: Sequence[Window]) -> Batch[NDArray[np.int64]]:
    shape = (len(together), together[0].length)
    ids = np.full(shape, stream.end_of_text, np.int64)
    targets = np.full(shape, stream.end_of_text, np.int64)
    weights = np.zeros(shape, np.int64)
    for row, window in enumerate(together):
        end = window.start + window.length
        ids[row, : window.length] = stream.ids[window.start : end]
        targets[row, : window.length] = stream.ids[window.start + 1 : end + 1]
        weights[row, window.length - window.scored : window.length] = 1
    return Batch(ids=ids, targets=targets, weights=weights)
