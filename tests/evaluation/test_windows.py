"""Windows score every token once, with at least half a context, and never look into another document."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tiny_streams import END, stream_of

from etymon.evaluation.windows import batches, windows

documents = st.lists(st.lists(st.integers(0, 3), max_size=30), min_size=1, max_size=5)
lengths = st.integers(1, 12)


@given(documents, lengths | st.none())
def test_every_text_token_is_scored_exactly_once(texts, length):
    stream = stream_of(texts)
    scored = np.zeros(len(stream.ids), int)
    for window in windows(stream, range(len(texts)), length, max((length or 2) // 2, 1)):
        last = window.start + window.length
        scored[last - window.scored + 1 : last + 1] += 1
    assert scored.tolist() == [int(token != END) for token in stream.ids]


@given(documents, lengths)
def test_windows_stay_in_their_document_and_within_the_length(texts, length):
    stream = stream_of(texts)
    for window in windows(stream, range(len(texts)), length, max(length // 2, 1)):
        assert 0 < window.scored <= window.length <= length
        assert stream.starts[window.document] <= window.start
        assert window.start + window.length < stream.starts[window.document + 1]


@given(documents, lengths)
def test_after_the_first_window_each_scored_token_sees_at_least_half_a_window(texts, length):
    stream = stream_of(texts)
    for window in windows(stream, range(len(texts)), length, max(length // 2, 1)):
        seen = window.length - window.scored + 1
        assert window.start == stream.starts[window.document] or seen > length - max(length // 2, 1)


@given(documents, lengths, st.integers(1, 60))
def test_batches_hold_every_window_and_mark_what_counts(texts, length, tokens):
    stream = stream_of(texts)
    cut = list(windows(stream, range(len(texts)), length, max(length // 2, 1)))
    together = []
    for rows, batch in batches(stream, cut, tokens):
        together += rows
        assert batch.ids.size <= tokens or len(rows) == 1
        assert batch.weights.sum(axis=1).tolist() == [window.scored for window in rows]
        for row, window in enumerate(rows):
            inside = slice(window.start, window.start + window.length)
            assert batch.ids[row, : window.length].tolist() == stream.ids[inside].tolist()
            assert (batch.ids[row, window.length :] == END).all()
            assert batch.targets[row, : window.length - 1].tolist() == batch.ids[row, 1 : window.length].tolist()
    assert sorted(together, key=lambda w: (w.document, w.start)) == sorted(cut, key=lambda w: (w.document, w.start))
