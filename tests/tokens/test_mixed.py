"""The mixed loader: shares hold at every row, rows hold one domain each, and any step is computed at once."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.corpus import Weights
from etymon.errors import EtymonError
from etymon.tokens import MixedLoader, TokenStream
from etymon.tokens.mixed import Ring

END = 0
WEIGHTS = Weights({"a": 0.5, "b": 0.3, "c": 0.2})


def stream_of(lengths: list[int], domains: list[str] | None = None) -> TokenStream:
    """A stream whose text tokens are all different; documents take the domains a, b, c in turn."""
    ids, starts, following = [END], [0], 1
    for length in lengths:
        ids += [*range(following, following + length), END]
        following += length
        starts.append(len(ids) - 1)
    return TokenStream(
        ids=np.array(ids, np.uint32),
        starts=np.array(starts),
        bytes=np.array(lengths, np.int64),
        documents=[f"document {number}" for number in range(len(lengths))],
        vocabulary=following,
        end_of_text=END,
        domains=["abc"[number % 3] for number in range(len(lengths))] if domains is None else domains,
    )


LENGTHS = st.lists(st.integers(0, 30), min_size=3, max_size=15)
WIDTHS = st.integers(1, 17)
SEEDS = st.integers(0, 2**63)
STEPS = st.one_of(st.integers(0, 50), st.integers(10**9, 10**12))


def loader_of(stream: TokenStream, *, length: int = 8, slots: int = 4, seed: int = 1) -> MixedLoader:
    return MixedLoader(stream, WEIGHTS, length=length, slots=slots, seed=seed)


@given(lengths=LENGTHS, length=WIDTHS, seed=SEEDS, step=STEPS)
def test_every_row_is_of_the_domain_whose_turn_it_is(lengths, length, seed, step):
    stream = stream_of(lengths)
    loader = loader_of(stream, length=length, seed=seed)
    batch = loader.batch(step)
    expected = loader.domains_of(step * 4 + np.arange(4))
    for row, domain in zip(batch.documents, expected, strict=True):
        assert {stream.domains[number] for number in row} == {domain}
    assert batch.weights.all()


@given(lengths=LENGTHS, length=WIDTHS, seed=SEEDS, step=STEPS)
def test_targets_are_what_follows_and_documents_are_whole(lengths, length, seed, step):
    stream = stream_of(lengths)
    batch = loader_of(stream, length=length, seed=seed).batch(step)
    assert np.array_equal(batch.targets[:, :-1], batch.ids[:, 1:])
    for ids, targets in zip(batch.ids, batch.targets, strict=True):
        for now, then in zip(ids.tolist(), targets.tolist(), strict=True):
            ends = now != END and now in {int(stream.ids[start - 1]) for start in stream.starts[1:]}
            assert then == END if ends else then == now + 1 or now == END


@given(step=STEPS, seed=SEEDS)
def test_a_batch_depends_on_nothing_but_stream_weights_seed_and_step(step, seed):
    stream = stream_of([20, 30, 7, 0, 12, 5])
    used = loader_of(stream, seed=seed)
    used.batch(3)
    fresh = loader_of(stream, seed=seed)
    assert np.array_equal(used.batch(step).ids, fresh.batch(step).ids)
    assert np.array_equal(used.batch(step, range(1, 3)).ids, fresh.batch(step).ids[1:3])


def test_targets_of_each_domain_keep_to_their_share_within_a_row_at_every_step():
    stream = stream_of([50, 200, 3] * 4)
    loader = loader_of(stream, length=16, slots=4)
    read = Counter[str]()
    for step in range(300):
        read.update(stream.domains[number] for number in loader.batch(step).documents.ravel())
        for domain, share in WEIGHTS.shares.items():
            assert abs(read[domain] - share * (step + 1) * 64) < 16 * 1.1
    assert all(read[domain] / (300 * 64) == pytest.approx(share, abs=0.001) for domain, share in WEIGHTS.shares.items())


def test_an_epoch_of_a_domain_reads_all_of_it_but_less_than_a_row_and_nothing_twice():
    stream = stream_of([99], ["a"])
    loader = MixedLoader(stream, Weights({"a": 1.0}), length=8, slots=1, seed=3)
    openings = set()
    for epoch in range(3):
        rows = [loader.batch(epoch * 12 + step).ids[0] for step in range(12)]
        read = np.concatenate(rows).tolist()
        assert len(set(read)) == 96
        openings.add(frozenset(range(100)) - frozenset(read))
    assert len(openings) == 3


@given(lengths=st.lists(st.integers(0, 9), min_size=1, max_size=8), data=st.data())
def test_a_ring_is_its_documents_one_after_the_other(lengths, data):
    stream = stream_of(lengths)
    chosen = data.draw(st.lists(st.sampled_from(range(len(lengths))), min_size=1, unique=True))
    ring = Ring(stream, chosen)
    expected = [place for n in chosen for place in range(stream.starts[n], stream.starts[n + 1])]
    assert ring.targets == len(expected)
    assert ring.places(np.arange(ring.targets)).tolist() == expected


@given(lengths=st.lists(st.integers(0, 9), min_size=1, max_size=8), data=st.data())
def test_a_reordered_stream_holds_the_documents_that_were_named(lengths, data):
    stream = stream_of(lengths)
    chosen = data.draw(st.lists(st.sampled_from(range(len(lengths))), max_size=12))
    copy = stream.reordered(chosen)
    assert copy.ids.tolist() == [
        *(int(stream.ids[place]) for n in chosen for place in range(stream.starts[n], stream.starts[n + 1])),
        END,
    ]
    assert [copy.documents[n] for n in range(len(chosen))] == [stream.documents[n] for n in chosen]
    assert copy.bytes.sum() == stream.bytes[chosen].sum() if chosen else len(copy.bytes) == 0
    assert np.flatnonzero(copy.ids == END).tolist() == copy.starts.tolist()


def test_a_domain_without_text_is_refused():
    with pytest.raises(EtymonError, match="no text of the domain c"):
        loader_of(stream_of([5, 5]))
    with pytest.raises(EtymonError, match="old version"):
        loader_of(replace(stream_of([5, 5, 5]), domains=()))


def test_the_order_of_mixed_data_does_not_change_between_versions():
    """Where this fails, runs begun with an earlier version would go on with other data."""
    loader = loader_of(stream_of([300, 50, 20, 777]), length=32, slots=5, seed=2**40 + 7)
    rows = [loader.batch(step).ids for step in (0, 1, 12, 10**9)]
    assert hashlib.sha256(np.concatenate(rows).tobytes()).hexdigest()[:16] == "21459970f9d6f975"
