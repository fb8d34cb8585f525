"""A BERT is trained by the same loop: its loss falls, and a resume ends with the same bits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from small_training import VOCABULARY, digest, losses, run_training, settings, stop_after

from etymon.errors import EtymonError, Interrupted
from etymon.models import family
from etymon.models.bert import BERT, BERTSettings
from etymon.objectives import Masked
from etymon.storage import Run
from etymon.tokens import Loader, TokenStream
from etymon.training import seeded

STEPS = 150


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


def fresh() -> BERT:
    """A BERT of one block, with fresh weights."""
    build = family("bert").build
    assert build is not None
    with seeded(1, "weights"):
        return build(BERTSettings(width=32, layers=1, heads=2, context=24), VOCABULARY)


def objective(network: BERT) -> Masked:
    return Masked(special=network.special, vocabulary=VOCABULARY, seed=3)


def train_it(run: Run, network: BERT, **options: object) -> None:
    loader = Loader(monotonous(), length=21, slots=4, seed=5, order="shuffle")
    shape = settings(batch_tokens=84, length=21)
    run_training(run, network, objective=objective(network), loader=loader, settings=shape, steps=STEPS, **options)


def test_the_loss_falls_and_a_stopped_training_ends_with_the_same_bits(new_run: Callable[[str], Run]) -> None:
    straight, stopped = fresh(), fresh()
    train_it(new_run("straight"), straight)
    curve = losses(new_run("straight"))
    assert np.mean(curve[-10:]) < 0.8 * np.mean(curve[:10])
    with pytest.raises(Interrupted):
        train_it(new_run("stopped"), stopped, stop_requested=stop_after(25))
    again = fresh()
    train_it(new_run("stopped"), again)
    assert digest(again) == digest(straight)
    assert losses(new_run("stopped")) == curve


def test_a_step_without_a_token_to_ask_for_is_told(new_run: Callable[[str], Run]) -> None:
    blank, network = monotonous(length=0), fresh()
    loader = Loader(blank, length=21, slots=4, seed=5, order="shuffle")
    shape = settings(batch_tokens=84, length=21)
    with pytest.raises(EtymonError, match="asks for no token"):
        run_training(new_run("a"), network, objective=objective(network), loader=loader, settings=shape, steps=2)
