"""XLNet's own rows: a reused half and two segments, rates and order, both ways to read, a memory, and nothing leaks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.errors import EtymonError
from etymon.models.network import as_tensors
from etymon.models.xlnet import XLNet, XLNetSettings
from etymon.objectives import PermutedPairs
from etymon.tokens import Loader, TokenStream

WORDS, END_OF_TEXT, END, WHOLE = 500, 0, 498, 499
LENGTH, SLOTS = 48, 6
CPU = torch.device("cpu")


def stream_of(documents: int = 12, length: int = 150, seed: int = 0) -> TokenStream:
    """Documents of random tokens."""
    generator = np.random.default_rng(seed)
    parts = [np.concatenate([[END_OF_TEXT], generator.integers(1, END, length)]) for _ in range(documents)]
    return TokenStream(
        ids=np.concatenate([*parts, [END_OF_TEXT]]), starts=np.arange(documents + 1) * (length + 1),
        bytes=np.full(documents, length), documents=[f"d{i}" for i in range(documents)],
        vocabulary=WORDS, end_of_text=END_OF_TEXT,
    )  # fmt: skip


LOADER = Loader(stream_of(), length=LENGTH, slots=SLOTS, seed=5, order="stream")
PAIRS = PermutedPairs(seed=7, special=(END, WHOLE))


def network_of(memory: int = 60) -> XLNet:
    torch.manual_seed(0)
    network = XLNet(XLNetSettings(layers=2, width=32, heads=2, context=96, memory=memory), WORDS)
    for parameter in network.parameters():
        parameter.data.add_(torch.randn_like(parameter), alpha=0.1)
    return network.eval()


@settings(deadline=None, max_examples=25)
@given(step=st.integers(0, 300))
def test_a_row_is_a_window_then_two_segments_and_special_tokens_are_never_asked_for(step: int) -> None:
    batch = PAIRS.batch(LOADER, step)
    assert batch.ids.shape == (SLOTS, 2 * LENGTH)
    for ids, weights, segments, ranks in zip(batch.ids, batch.weights, batch.segments, batch.ranks, strict=True):
        ends = np.flatnonzero(ids == END)
        assert len(ends) == 2
        assert LENGTH < ends[0] < ends[1] == 2 * LENGTH - 2
        assert ids[-1] == WHOLE
        assert np.array_equal(np.flatnonzero(np.diff(segments)), [ends[0], ends[1]])
        assert not np.isin(ids[weights > 0], (END, WHOLE, END_OF_TEXT)).any()
        for half in (slice(0, LENGTH), slice(LENGTH, 2 * LENGTH)):
            plain = ~np.isin(ids[half], (END, WHOLE, END_OF_TEXT))
            assert (weights[half] > 0).sum() == max(round(plain.sum() / 6), 1)
            asked = ranks[half][weights[half] > 0]
            given_rank = ranks[half][weights[half] == 0]
            assert len(set(given_rank)) == 1
            assert sorted(asked) == list(range(given_rank[0] + 1, given_rank[0] + 1 + len(asked)))
        assert ranks[:LENGTH].max() < ranks[LENGTH:].min()


def test_the_next_step_begins_where_this_ones_second_half_did_and_half_of_the_rows_run_backwards() -> None:
    stream = LOADER.stream
    ring = np.asarray(stream.ids[:-1])
    following = 0
    for step in range(40):
        batch, after = PAIRS.batch(LOADER, step), PAIRS.batch(LOADER, step + 1)
        for row in range(SLOTS):
            first = batch.ids[row, :LENGTH]
            text = first if row < SLOTS // 2 else first[::-1]
            starts = np.flatnonzero(ring == text[0])
            assert sum(np.array_equal(ring[(at + np.arange(LENGTH)) % len(ring)], text) for at in starts) == 1
            ends = np.flatnonzero(batch.ids[row] == END)
            a, b = batch.ids[row, LENGTH : ends[0]], batch.ids[row, ends[0] + 1 : ends[1]]
            assert np.array_equal(a, after.ids[row, : len(a)])
            following += np.array_equal(b, after.ids[row, len(a) : len(a) + len(b)])
    assert 0.4 < following / (40 * SLOTS) < 0.6


def test_a_batch_is_a_function_of_its_step_however_its_rows_are_cut() -> None:
    whole = PAIRS.batch(LOADER, 3)
    for cut in (range(0, 2), range(2, 5), range(4, 6)):
        part = PAIRS.batch(LOADER, 3, cut)
        for name in ("ids", "weights", "segments", "ranks"):
            assert np.array_equal(getattr(whole, name)[cut.start : cut.stop], getattr(part, name))
    one_way = replace(PAIRS, backwards=False).batch(LOADER, 3)
    assert np.array_equal(one_way.ids[:3], whole.ids[:3])
    assert not np.array_equal(one_way.ids[3:], whole.ids[3:])
    assert one_way.carries_state
    assert replace(PAIRS, backwards=False).name != PAIRS.name


def test_what_is_asked_for_depends_on_no_token_of_its_own_or_a_later_rank() -> None:
    """The gradient of each log-probability to what it may not see is exactly 0, and to the rest it is not."""
    network = network_of()
    batch = as_tensors(PAIRS.batch(LOADER, 0), CPU)
    heard: list[torch.Tensor] = []

    def tap(site: str, value: torch.Tensor) -> torch.Tensor:
        if site == "embed":
            value = value.detach().requires_grad_()
            heard.append(value)
        return value

    hidden, _ = network(batch, tap=tap, state=network.start(SLOTS), remembered=LENGTH)
    log_probs = network.head(hidden).log_softmax(-1).gather(-1, batch.targets[..., None])[..., 0]
    asked = torch.tensor(np.stack([np.flatnonzero(row)[[0, 3, 7, 8, 11, 13]] for row in batch.weights.numpy()]))
    for place in asked.T[..., None]:
        (to_embedding,) = torch.autograd.grad(log_probs.gather(1, place).sum(), heard, retain_graph=True)
        size, own = to_embedding.abs().sum(-1), batch.ranks.gather(1, place)
        assert (size[batch.ranks >= own] == 0).all()
        assert (size[batch.ranks < own] > 0).all()


def test_the_memory_takes_the_first_half_alone_and_the_next_step_uses_it() -> None:
    network = network_of(memory=60)
    first, second = (as_tensors(PAIRS.batch(LOADER, step), CPU) for step in (0, 1))
    _, count, state = PAIRS.loss(network, first)
    assert float(count) == float((first.weights > 0).sum())
    assert state is not None
    assert [tuple(memory.shape) for memory in state] == [(SLOTS, LENGTH, 32)] * 2
    assert torch.equal(state[0], network.embed(first.ids[:, :LENGTH]).detach())
    assert not any(memory.requires_grad for memory in state)
    with_memory, without = PAIRS.loss(network, second, state)[0], PAIRS.loss(network, second)[0]
    assert float(with_memory.detach()) != float(without.detach())
    kept = PAIRS.loss(network, second, state)[2]
    assert kept is not None
    assert [memory.shape[1] for memory in kept] == [60, 60]


def test_a_loader_whose_rows_do_not_go_on_is_refused_and_so_is_one_without_room() -> None:
    shuffled = Loader(stream_of(), length=LENGTH, slots=SLOTS, seed=5, order="shuffle")
    with pytest.raises(EtymonError, match="go on where"):
        PAIRS.batch(shuffled, 0)
    with pytest.raises(EtymonError, match="do not fit"):
        PAIRS.batch(Loader(stream_of(), length=6, slots=2, seed=5, order="stream"), 0)
