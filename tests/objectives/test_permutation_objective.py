"""Permutation: the published rates and spans, nothing leaks, and a batch depends on its step alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.errors import EtymonError
from etymon.models.network import as_tensors
from etymon.models.xlnet import XLNet, XLNetSettings
from etymon.objectives import Permutation
from etymon.tokens import Loader, TokenStream

WORDS, END_OF_TEXT = 50, 0
CPU = torch.device("cpu")


def stream_of(documents: int = 40, length: int = 90, seed: int = 0) -> TokenStream:
    """Documents of random tokens."""
    generator = np.random.default_rng(seed)
    parts = [np.concatenate([[END_OF_TEXT], generator.integers(1, WORDS, length)]) for _ in range(documents)]
    return TokenStream(
        ids=np.concatenate([*parts, [END_OF_TEXT]]), starts=np.arange(documents + 1) * (length + 1),
        bytes=np.full(documents, length), documents=[f"d{i}" for i in range(documents)],
        vocabulary=WORDS, end_of_text=END_OF_TEXT,
    )  # fmt: skip


def loader_of(stream: TokenStream, length: int = 96) -> Loader:
    return Loader(stream, length=length, slots=4, seed=5, order="shuffle")


def network_of(seed: int = 0) -> XLNet:
    torch.manual_seed(seed)
    network = XLNet(XLNetSettings(layers=1, width=32, heads=2, context=96), WORDS)
    for parameter in network.parameters():
        parameter.data.add_(torch.randn_like(parameter), alpha=0.1)
    return network.eval()


@settings(deadline=None, max_examples=25)
@given(step=st.integers(0, 500), predicted=st.sampled_from([0.01, 1 / 6, 0.5, 1.0]), span=st.integers(1, 9))
def test_exactly_the_share_is_asked_for_and_it_alone_has_an_order(step: int, predicted: float, span: int) -> None:
    batch = Permutation(seed=7, predicted=predicted, span=span).batch(loader_of(stream_of()), step)
    for ids, weights, ranks in zip(batch.ids, batch.weights, batch.ranks, strict=True):
        plain = ids != END_OF_TEXT
        asked = weights > 0
        assert asked.sum() == max(round(predicted * plain.sum()), 1)
        assert not (asked & ~plain).any()
        assert sorted(ranks[asked]) == list(range(asked.sum()))
        assert (ranks[~asked] == -1).all()
    assert np.array_equal(batch.targets, batch.ids)


def runs_of(objective: Permutation, steps: int) -> Counter[int]:
    """How many runs of each length are asked for."""
    found: Counter[int] = Counter()
    loader = loader_of(stream_of())
    for step in range(steps):
        for weights in objective.batch(loader, step).weights:
            edges = np.flatnonzero(np.diff(np.pad(weights > 0, 1).astype(int)))
            found.update((edges[1::2] - edges[::2]).tolist())
    return found


def test_spans_of_one_to_five_are_the_rarer_the_longer() -> None:
    """Of probability 1/n over 1 + 1/2 + ... + 1/5, but for spans that meet, single tokens that fill up and row ends."""
    runs = runs_of(Permutation(seed=7), 300)
    total = sum(runs.values())
    shares = {n: runs[n] / total for n in range(1, 6)}
    harmonic = sum(1 / n for n in range(1, 6))
    for n in range(2, 6):
        assert shares[n] == pytest.approx(1 / n / harmonic, abs=0.05)
    assert shares[1] > shares[2] > shares[3] > shares[4] > shares[5]
    assert sum(runs[n] for n in runs if n > 5) / total < 0.1
    single = runs_of(Permutation(seed=7, span=1), 100)
    assert single[1] / sum(single.values()) > 0.8


def test_every_position_is_asked_for_about_as_often_and_in_any_order() -> None:
    loader, objective = loader_of(stream_of()), Permutation(seed=7)
    asked, later, pairs = np.zeros(96), 0, 0
    for step in range(400):
        batch = objective.batch(loader, step)
        asked += (batch.weights > 0).sum(0)
        for weights, ranks in zip(batch.weights, batch.ranks, strict=True):
            order = ranks[weights > 0]
            later += int((np.diff(order) > 0).sum())
            pairs += len(order) - 1
    rates = asked / 1600
    assert rates.mean() == pytest.approx(1 / 6, abs=0.004)
    assert np.abs(rates[:90] - 1 / 6).max() < 0.06
    assert later / pairs == pytest.approx(0.5, abs=0.02)


def test_a_batch_is_a_function_of_its_step_however_its_rows_are_cut() -> None:
    loader, objective = loader_of(stream_of()), Permutation(seed=7)
    whole = objective.batch(loader, 3)
    again, part = objective.batch(loader, 3), objective.batch(loader, 3, range(2, 4))
    assert np.array_equal(whole.ranks, again.ranks)
    assert np.array_equal(whole.ranks[2:], part.ranks)
    assert np.array_equal(whole.weights[2:], part.weights)
    assert not np.array_equal(whole.ranks, objective.batch(loader, 4).ranks)
    assert not np.array_equal(whole.ranks, Permutation(seed=8).batch(loader, 3).ranks)


def test_segments_are_the_documents_of_the_row() -> None:
    batch = Permutation(seed=7).batch(loader_of(stream_of()), 0)
    for ids, segments in zip(batch.ids, batch.segments, strict=True):
        assert segments[0] == 0
        assert set(np.flatnonzero(np.diff(segments) != 0)) <= set(np.flatnonzero(np.isin(ids, END_OF_TEXT))) | set(
            np.flatnonzero(np.isin(ids, END_OF_TEXT)) - 1
        )


@pytest.mark.parametrize("predicted", [1 / 6, 1.0])
def test_the_network_never_sees_what_it_is_asked_for(predicted: float) -> None:
    """Another token in a place that is asked for changes no logit of that place or of an earlier rank, exactly."""
    objective, network = Permutation(seed=7, predicted=predicted), network_of()
    batch = as_tensors(objective.batch(loader_of(stream_of()), 0), CPU)
    before = network(batch)[0]
    for rank in (0, 3, 9):
        place = (batch.ranks == rank).long().argmax(-1, keepdim=True)
        ids = batch.ids.scatter(-1, place, (batch.ids.gather(-1, place) + 1) % WORDS)
        after = network(replace(batch, ids=ids))[0]
        blind = batch.ranks <= rank
        blind &= batch.weights > 0
        assert blind.sum() == 4 * (rank + 1)
        assert torch.equal(after[blind], before[blind])
        later = batch.ranks > rank
        assert not torch.equal(after[later], before[later])


def test_the_loss_is_that_of_the_whole_query_stream_at_the_places_asked_for() -> None:
    objective, network = Permutation(seed=7), network_of()
    batch = as_tensors(objective.batch(loader_of(stream_of()), 1), CPU)
    nats, count, state = objective.loss(network, batch)
    log_probs = network.head(network(batch)[0]).log_softmax(-1)
    whole = -(log_probs.gather(-1, batch.targets[..., None])[..., 0] * batch.weights).sum()
    assert float(nats.detach()) == pytest.approx(float(whole.detach()), rel=1e-5)
    assert float(count) == float((batch.weights > 0).sum())
    assert state is None


def test_a_share_or_a_span_that_predicts_nothing_is_refused() -> None:
    for share in (0.0, 1.1):
        with pytest.raises(EtymonError, match="cannot be predicted"):
            Permutation(seed=7, predicted=share)
    with pytest.raises(EtymonError, match="is none"):
        Permutation(seed=7, span=0)
