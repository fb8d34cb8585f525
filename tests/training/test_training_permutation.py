"""An XLNet is trained by the same loop: its loss falls, left to right too, and a resume ends with the same bits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from small_training import VOCABULARY, digest, losses, run_training, settings, stop_after

from etymon.errors import Interrupted
from etymon.models import family
from etymon.models.xlnet import XLNet, XLNetSettings
from etymon.objectives import Permutation, PermutedPairs
from etymon.storage import Run
from etymon.tokens import Batch, Loader, TokenStream
from etymon.training import seeded

STEPS = 100


def monotonous(documents: int = 11, length: int = 60) -> TokenStream:
    """Documents each of which says one token over and over, but for a tenth of noise."""
    generator = np.random.default_rng(0)
    parts: list[NDArray[np.int64]] = []
    for document in range(documents):
        body = np.full(length, 2 * document + 1)
        noise = generator.random(length) < 0.1
        body[noise] = generator.integers(1, VOCABULARY, noise.sum())
        parts += [np.zeros(1, np.int64), body]
    return TokenStream(
        ids=np.concatenate([*parts, np.zeros(1, np.int64)]).astype(np.uint16),
        starts=np.arange(documents + 1) * (length + 1),
        bytes=np.full(documents, length),
        documents=[f"document {number}" for number in range(documents)],
        vocabulary=VOCABULARY,
        end_of_text=0,
    )


def fresh() -> XLNet:
    """An XLNet of one block, with fresh weights."""
    build = family("xlnet").build
    assert build is not None
    with seeded(1, "weights"):
        return build(XLNetSettings(width=32, layers=1, heads=2, context=24, dropout=0.1), VOCABULARY)


def train_it(run: Run, network: XLNet, **options: object) -> None:
    loader = Loader(monotonous(), length=24, slots=4, seed=5, order="shuffle")
    shape, objective = settings(batch_tokens=96, length=24), Permutation(seed=3, predicted=0.5)
    run_training(run, network, objective=objective, loader=loader, settings=shape, steps=STEPS, **options)


def left_to_right(network: XLNet) -> float:
    """Nats per token of a document that says one token over and over."""
    ids = np.full((1, 24), 5)
    return -float(network.log_probs(Batch(ids=ids, targets=ids, weights=np.ones((1, 24)))).mean())


def test_the_loss_falls_and_a_stopped_training_ends_with_the_same_bits(new_run: Callable[[str], Run]) -> None:
    straight, stopped = fresh(), fresh()
    untrained = left_to_right(straight)
    train_it(new_run("straight"), straight)
    curve = losses(new_run("straight"))
    assert np.mean(curve[-10:]) < 0.8 * np.mean(curve[:10])
    assert left_to_right(straight) < 0.8 * untrained
    with pytest.raises(Interrupted):
        train_it(new_run("stopped"), stopped, stop_requested=stop_after(25))
    again = fresh()
    train_it(new_run("stopped"), again)
    assert digest(again) == digest(straight)
    assert losses(new_run("stopped")) == curve


def test_rows_with_a_memory_go_on_after_a_stop_as_if_there_had_been_none(new_run: Callable[[str], Run]) -> None:
    """The memory, shorter at first, is of the checkpoint; rows that are split among micro-batches keep theirs."""

    def train_pairs(run: Run, network: XLNet, **options: object) -> None:
        loader = Loader(monotonous(), length=12, slots=4, seed=5, order="stream")
        shape = settings(batch_tokens=48, length=12, micro_batch=2)
        pairs = PermutedPairs(seed=3, predicted=0.5, special=(20, 22))
        run_training(run, network, objective=pairs, loader=loader, settings=shape, steps=30, **options)

    def remembering() -> XLNet:
        with seeded(1, "weights"):
            return XLNet(XLNetSettings(width=32, layers=2, heads=2, context=24, memory=30), VOCABULARY)

    straight = remembering()
    train_pairs(new_run("straight"), straight)
    curve = losses(new_run("straight"))
    assert np.mean(curve[-5:]) < np.mean(curve[:5])
    with pytest.raises(Interrupted):
        train_pairs(new_run("stopped"), remembering(), stop_requested=stop_after(2))
    again = remembering()
    train_pairs(new_run("stopped"), again)
    assert digest(again) == digest(straight)
    assert losses(new_run("stopped")) == curve
