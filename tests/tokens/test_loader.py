"""The loader: each target once an epoch, any step at once, and the same rows however a batch is cut."""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.tokens import Batch, Loader, Order, TokenStream

END = 0


def stream_of(*lengths: int, kind: str = "uint16") -> TokenStream:
    """A stream whose text tokens are all different, so that a token tells its place."""
    ids, starts, following = [END], [0], 1
    for length in lengths:
        ids += [*range(following, following + length), END]
        following += length
        starts.append(len(ids) - 1)
    return TokenStream(
        ids=np.array(ids, kind),
        starts=np.array(starts),
        bytes=np.array(lengths, np.int64),
        documents=[f"document {number}" for number in range(len(lengths))],
        vocabulary=following,
        end_of_text=END,
    )


LENGTHS = st.lists(st.integers(0, 30), min_size=1, max_size=12)
ROWS = st.integers(1, 7)
WIDTHS = st.integers(1, 17)
SEEDS = st.integers(0, 2**63)
STEPS = st.one_of(st.integers(0, 50), st.integers(10**9, 10**12))
ORDERS = st.sampled_from(["shuffle", "stream"])


def fields(batch: Batch[NDArray]) -> list[NDArray]:
    assert batch.documents is not None
    return [batch.ids, batch.targets, batch.weights, batch.documents]


def places(stream: TokenStream, batch: Batch[NDArray]) -> NDArray:
    """Where in the stream each input token stands [B, T]; -1 for padding."""
    assert batch.documents is not None
    place = np.zeros(stream.vocabulary, np.int64)
    place[stream.ids] = np.arange(len(stream.ids))
    found = np.where(batch.ids == END, stream.starts[batch.documents], place[batch.ids])
    return np.where(batch.documents < 0, -1, found)


@given(lengths=LENGTHS, length=WIDTHS, slots=ROWS, seed=SEEDS, epoch=st.integers(0, 10**8))
def test_every_target_is_asked_for_exactly_once_in_every_epoch(lengths, length, slots, seed, epoch):
    stream = stream_of(*lengths)
    loader = Loader(stream, length=length, slots=slots, seed=seed, order="shuffle")
    asked: Counter[int] = Counter()
    for number in range(epoch * loader.windows, (epoch + 1) * loader.windows):
        step, row = divmod(number, slots)
        batch = loader.batch(step, range(row, row + 1))
        asked.update((places(stream, batch)[batch.weights == 1] + 1).tolist())
    assert asked == Counter(range(1, len(stream.ids)))


@given(lengths=LENGTHS, length=WIDTHS, slots=ROWS, seed=SEEDS, step=STEPS, order=ORDERS)
def test_targets_are_what_follows_the_inputs_in_the_stream(lengths, length, slots, seed, step, order):
    stream = stream_of(*lengths)
    batch = Loader(stream, length=length, slots=slots, seed=seed, order=order).batch(step)
    at = places(stream, batch)
    assert np.array_equal(batch.targets[at >= 0], stream.ids[at[at >= 0] + 1])
    assert np.array_equal(batch.targets[:, :-1], batch.ids[:, 1:])
    assert not batch.weights[at < 0].any()


@given(lengths=LENGTHS, length=WIDTHS, slots=ROWS, seed=SEEDS, step=STEPS, order=ORDERS, data=st.data())
def test_a_batch_cut_into_slots_is_the_same_batch(lengths, length, slots, seed, step, order, data):
    loader = Loader(stream_of(*lengths), length=length, slots=slots, seed=seed, order=order)
    cuts = sorted({0, slots, *data.draw(st.lists(st.integers(0, slots), max_size=4))})
    parts = [loader.batch(step, range(start, end)) for start, end in pairwise(cuts)]
    for whole, *pieces in zip(fields(loader.batch(step)), *(fields(part) for part in parts), strict=True):
        assert np.array_equal(whole, np.concatenate(pieces))


@given(lengths=LENGTHS, length=WIDTHS, slots=ROWS, seed=SEEDS, step=STEPS, order=ORDERS)
def test_a_batch_depends_on_nothing_but_stream_seed_and_step(lengths, length, slots, seed, step, order):
    def fresh() -> Loader:
        return Loader(stream_of(*lengths), length=length, slots=slots, seed=seed, order=order)

    used = fresh()
    for earlier in (3, 1, step + 1):
        used.batch(earlier)
    assert all(np.array_equal(a, b) for a, b in zip(fields(used.batch(step)), fields(fresh().batch(step)), strict=True))


@given(lengths=LENGTHS, length=WIDTHS, slots=ROWS, seed=SEEDS, step=STEPS)
def test_a_lane_goes_on_where_it_stopped_for_ever(lengths, length, slots, seed, step):
    stream = stream_of(*lengths)
    loader = Loader(stream, length=length, slots=slots, seed=seed, order="stream")
    now, then = loader.batch(step), loader.batch(step + 1)
    assert now.carries_state and then.carries_state
    assert np.array_equal(then.ids[:, 0], now.targets[:, -1])
    follows = (now.documents[:, -1] + (now.targets[:, -1] == END)) % len(lengths)
    assert np.array_equal(then.documents[:, 0], follows)


@given(length=WIDTHS, slots=ROWS, seed=SEEDS, blocks=st.integers(1, 5))
def test_lanes_that_divide_the_stream_read_all_of_it_once_an_epoch(length, slots, seed, blocks):
    stream = stream_of(length * slots * blocks - 1)
    loader = Loader(stream, length=length, slots=slots, seed=seed, order="stream")
    assert loader.steps_per_epoch == blocks
    read = np.concatenate([loader.batch(step).ids.ravel() for step in range(blocks)])
    assert sorted(read.tolist()) == list(range(length * slots * blocks))


@given(lengths=LENGTHS, length=WIDTHS, slots=ROWS, seed=SEEDS, step=STEPS, order=ORDERS)
def test_documents_number_the_input_tokens(lengths, length, slots, seed, step, order):
    stream = stream_of(*lengths)
    batch = Loader(stream, length=length, slots=slots, seed=seed, order=order).batch(step)
    text = (batch.documents >= 0) & (batch.ids != END)
    at, number = places(stream, batch)[text], batch.documents[text]
    assert ((stream.starts[number] < at) & (at < stream.starts[number + 1])).all()


def test_shapes_and_types_are_those_of_the_batch():
    batch = Loader(stream_of(50, kind="uint32"), length=8, slots=3, seed=0, order="shuffle").batch(0)
    assert [field.shape for field in fields(batch)] == [(3, 8)] * 4
    assert [field.dtype for field in fields(batch)] == [np.int64, np.int64, np.float32, np.int64]
    assert batch.positions is None and batch.segments is None and not batch.carries_state


def test_a_stream_shorter_than_a_row_is_padded_with_weight_zero():
    batch = Loader(stream_of(2, 1), length=9, slots=2, seed=4, order="shuffle").batch(0)
    assert batch.ids[0].tolist() == [END, 1, 2, END, 3, END, END, END, END]
    assert batch.targets[0].tolist() == [1, 2, END, 3, END, END, END, END, END]
    assert batch.weights[0].tolist() == [1, 1, 1, 1, 1, 0, 0, 0, 0]
    assert batch.documents[0].tolist() == [0, 0, 0, 1, 1, -1, -1, -1, -1]


def test_the_last_window_is_full_and_asks_only_for_what_is_left():
    loader = Loader(stream_of(24), length=10, slots=1, seed=0, order="shuffle")  # 25 targets: 10 + 10 + 5
    weights = [loader.batch(step).weights[0] for step in range(3)]
    assert sorted(row.sum() for row in weights) == [5, 10, 10]
    last = min(weights, key=lambda row: row.sum())
    assert last.tolist() == [0] * 5 + [1] * 5


def test_cuts_and_order_differ_from_epoch_to_epoch_and_from_seed_to_seed():
    stream = stream_of(199)
    firsts = set()
    for seed in range(4):
        loader = Loader(stream, length=20, slots=10, seed=seed, order="shuffle")
        for epoch in range(4):
            firsts.add(tuple(loader.batch(epoch).ids[:, 0].tolist()))
    assert len(firsts) == 16
    assert len({tuple(sorted(first)) for first in firsts}) > 8


def test_a_step_far_out_costs_no_more_than_the_first():
    loader = Loader(stream_of(1000), length=16, slots=4, seed=1, order="shuffle")
    assert loader.batch(10**15).weights.sum() > 0


def test_steps_per_epoch_are_rounded_up():
    stream = stream_of(99)
    assert Loader(stream, length=10, slots=3, seed=0, order="shuffle").steps_per_epoch == 4
    assert Loader(stream, length=10, slots=3, seed=0, order="stream").steps_per_epoch == 4
    assert Loader(stream, length=10, slots=3, seed=0, order="shuffle").windows == 10


def test_an_empty_split_is_told_in_words():
    empty = stream_of()
    with pytest.raises(EtymonError, match="no text"):
        Loader(empty, length=4, slots=1, seed=0, order="shuffle")


@pytest.mark.parametrize("slots", [range(0, 5), range(-1, 2), range(0, 4, 2)])
def test_rows_outside_the_batch_are_refused(slots: range):
    loader = Loader(stream_of(50), length=4, slots=4, seed=0, order="shuffle")
    with pytest.raises(EtymonError, match="not in a batch of 4"):
        loader.batch(0, slots)


def test_an_empty_batch_is_refused():
    with pytest.raises(EtymonError, match="empty"):
        Loader(stream_of(50), length=0, slots=4, seed=0, order="shuffle")


@pytest.mark.parametrize(("order", "digest"), [("shuffle", "c08e502b276d6dbe"), ("stream", "0ed71e32e5bb420e")])
def test_the_order_of_the_data_does_not_change_between_versions(order: Order, digest: str):
    """Where this fails, runs begun with an earlier version would go on with other data."""
    loader = Loader(stream_of(300, 50, 0, 777), length=32, slots=5, seed=2**40 + 7, order=order)
    rows = [loader.batch(step).ids for step in (0, 1, 12, 10**9)]
    assert hashlib.sha256(np.concatenate(rows).tobytes()).hexdigest()[:16] == digest
