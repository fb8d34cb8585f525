"""Translation: rows are pairs, each epoch has each pair once, and smoothing is what its definition says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.errors import EtymonError
from etymon.models import Network, family
from etymon.models.network import as_tensors
from etymon.objectives import Translation
from etymon.tokens import Loader, TokenStream

CPU, END = torch.device("cpu"), 18


def stream_of(documents: list[list[int]]) -> TokenStream:
    """These documents in a stream whose last id is end-of-text."""
    ids = [END]
    starts = [0]
    for document in documents:
        ids += [*document, END]
        starts.append(len(ids) - 1)
    sizes = np.array([len(document) for document in documents])
    names = [str(number) for number in range(len(documents))]
    return TokenStream(
        ids=np.array(ids, np.uint16), starts=np.array(starts), bytes=sizes, documents=names, vocabulary=END + 1,
        end_of_text=END,
    )  # fmt: skip


def some_pairs(count: int, seed: int = 0) -> list[list[int]]:
    draw = np.random.default_rng(seed)
    return [draw.integers(0, END, draw.integers(1, 7)).tolist() for _ in range(2 * count)]


def loader_of(documents: list[list[int]], slots: int) -> Loader:
    return Loader(stream_of(documents), length=16, slots=slots, seed=0, order="shuffle")


def network_of(name: str) -> Network:
    kind = family(name)
    shape = {"transformer": {"hidden": 48, "dropout": 0.0}, "gpt1": {"context": 16}}[name]
    assert kind.build is not None
    torch.manual_seed(0)
    return kind.build(kind.settings(width=32, layers=1, heads=2, **shape), END + 1)


Pair = tuple[list[int], list[int]]


def told(ids: list[int], weights: list[float], targets: list[int], prefix: int) -> Pair | None:
    """The source and the target of a row, as it asks for them; None where it asks for nothing."""
    if not any(weights):
        return None
    asked = [token for token, weight in zip(targets, weights, strict=True) if weight]
    assert ids[prefix] == END and ids[prefix + 1 : prefix + len(asked)] == asked[:-1]
    assert asked[-1] == END and not any(weights[:prefix])
    return ids[:prefix], asked[:-1]


@settings(deadline=None, max_examples=50)
@given(pairs=st.integers(1, 9), slots=st.integers(1, 5), seed=st.integers(0, 99))
def test_each_epoch_asks_for_each_pair_once_whole_and_however_the_rows_are_cut(
    pairs: int, slots: int, seed: int
) -> None:
    documents = some_pairs(pairs, seed)
    loader, objective = loader_of(documents, slots), Translation(seed=seed)
    seen: list[Pair | None] = []
    for step in range(2 * pairs):
        for row in range(slots):
            one = objective.batch(loader, step, range(row, row + 1))
            assert one.prefixes is not None
            seen.append(told(*(x[0].tolist() for x in (one.ids, one.weights, one.targets, one.prefixes))))
        whole = objective.batch(loader, step)
        assert whole.prefixes is not None
        rows = zip(*(x.tolist() for x in (whole.ids, whole.weights, whole.targets, whole.prefixes)), strict=True)
        assert [told(*row) for row in rows] == seen[-slots:]
    batches = -(-pairs // slots)
    wanted = sorted(zip(documents[0::2], documents[1::2], strict=True))
    for epoch in range(2):
        asked = [pair for pair in seen[epoch * batches * slots : (epoch + 1) * batches * slots] if pair is not None]
        assert sorted(asked) == wanted


def test_without_sources_the_targets_are_the_same() -> None:
    loader = loader_of(some_pairs(5), 5)
    given, alone = (Translation(seed=3, given=given).batch(loader, 0) for given in (True, False))
    assert alone.prefixes is not None and not alone.prefixes.any()
    for row in range(5):
        asked, other = (batch.targets[row][batch.weights[row] > 0].tolist() for batch in (given, alone))
        assert asked == other
    assert (alone.ids[:, 0] == END).all()


@pytest.mark.parametrize("name", ["transformer", "gpt1"])
def test_the_loss_that_is_told_is_the_models_own_nats(name: str) -> None:
    network, loader = network_of(name), loader_of(some_pairs(4), 4)
    objective = Translation(seed=0)
    batch = objective.batch(loader, 0)
    nats, count, state = objective.loss(network.train(), as_tensors(batch, CPU))
    assert float(nats.detach()) == pytest.approx(-(network.log_probs(batch) * batch.weights).sum(), rel=1e-5)
    assert float(count) == batch.weights.sum() and state is None


@pytest.mark.parametrize("name", ["transformer", "gpt1"])
def test_smoothed_gradients_are_those_of_torchs_label_smoothing(name: str) -> None:
    network, loader = network_of(name).train(), loader_of(some_pairs(4), 4)
    batch = as_tensors(Translation(seed=0).batch(loader, 0), CPU)
    Translation(seed=0, smoothing=0.3).loss(network, batch)[0].backward()
    ours = {key: parameter.grad for key, parameter in network.named_parameters()}
    network.zero_grad()
    asked = batch.weights > 0
    logits = network.head(network(batch)[0])[asked]
    torch.nn.functional.cross_entropy(logits, batch.targets[asked], label_smoothing=0.3, reduction="sum").backward()
    for key, parameter in network.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(ours[key], parameter.grad, atol=2e-5, rtol=1e-4)


def test_a_target_is_learned_from_its_source() -> None:
    """To say the source again is learned where the sources are there, and cannot be where they are not."""
    draw = np.random.default_rng(0)
    documents = [word for _ in range(64) for word in [draw.integers(0, END, 3).tolist()] * 2]
    loader, costs = loader_of(documents, 32), {}
    for sources in (True, False):
        network, objective = network_of("transformer" if sources else "gpt1"), Translation(seed=0, given=sources)
        optimizer = torch.optim.Adam(network.parameters(), 3e-3)
        for step in range(60):
            nats, count, _ = objective.loss(network, as_tensors(objective.batch(loader, step), CPU))
            optimizer.zero_grad()
            (nats / count).backward()
            optimizer.step()
            costs[sources] = float(nats.detach() / count)
    assert costs[True] < 0.6 * costs[False]


def test_a_text_that_is_no_list_of_pairs_is_refused() -> None:
    with pytest.raises(EtymonError, match="3 documents is no list of pairs"):
        Translation(seed=0).batch(loader_of([[1], [2], [3]], 1), 0)
    with pytest.raises(EtymonError, match="leaves no label"):
        Translation(seed=0, smoothing=1.0)
