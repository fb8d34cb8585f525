"""A Transformer of encoder and decoder is trained by the same loop as others, and written down as others are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_training import VOCABULARY, digest, losses, run_training, settings, stop_after

from etymon.errors import Interrupted
from etymon.generation import beam_search
from etymon.models import family, load, save
from etymon.models.transformer import Transformer, TransformerSettings
from etymon.objectives import Translation
from etymon.storage import Run, Store
from etymon.tokens import Loader, TokenStream
from etymon.training import seeded

STEPS = 60


def twice(pairs: int = 48, length: int = 3) -> TokenStream:
    """Each source is its own target."""
    draw = np.random.default_rng(0)
    sources = draw.integers(1, VOCABULARY, (pairs, length))
    parts = [part for source in sources for part in (np.zeros(1, np.int64), source) * 2]
    return TokenStream(
        ids=np.concatenate([*parts, np.zeros(1, np.int64)]).astype(np.uint16),
        starts=np.arange(2 * pairs + 1) * (length + 1),
        bytes=np.full(2 * pairs, length),
        documents=[f"text {number}" for number in range(2 * pairs)],
        vocabulary=VOCABULARY,
        end_of_text=0,
    )


def fresh() -> Transformer:
    build = family("transformer").build
    assert build is not None
    with seeded(1, "weights"):
        shape = TransformerSettings(width=32, hidden=64, layers=1, heads=2, dropout=0.1, begin_id=0)
        return build(shape, VOCABULARY)


def train_it(run: Run, network: Transformer, **options: object) -> None:
    loader = Loader(twice(), length=8, slots=16, seed=5, order="shuffle")
    shape, objective = settings(batch_tokens=128, length=8), Translation(seed=3)
    run_training(run, network, objective=objective, loader=loader, settings=shape, steps=STEPS, **options)


def test_the_loss_falls_and_a_stopped_training_ends_with_the_same_bits(
    new_run: Callable[[str], Run], tmp_path: Path
) -> None:
    straight, stopped = fresh(), fresh()
    train_it(new_run("straight"), straight)
    curve = losses(new_run("straight"))
    assert np.mean(curve[-5:]) < 0.8 * np.mean(curve[:5])
    with pytest.raises(Interrupted):
        train_it(new_run("stopped"), stopped, stop_requested=stop_after(25))
    again = fresh()
    train_it(new_run("stopped"), again)
    assert digest(again) == digest(straight)
    assert losses(new_run("stopped")) == curve

    with Store.at(tmp_path / "store").create("model", {}, {}, stage_version=1) as draft:
        save(draft, straight)
        read = load(draft.seal())
    prompt = [*twice().ids[1:4].tolist(), 0]
    search = {"stop": {0}, "max_tokens": 5}
    assert beam_search(read, prompt, **search) == beam_search(straight.eval(), prompt, **search)
