"""A training of a few thousandths of a second a step, for the tests of this room."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from etymon.models import Network, family
from etymon.objectives import NextToken
from etymon.storage import Run
from etymon.tokens import Loader, TokenStream
from etymon.training import Trained, TrainingSettings, seeded, train

VOCABULARY = 23
STATE_CARRYING = "lstm"


def text(tokens: int = 705, seed: int = 0) -> TokenStream:
    """A stream in which each token is one more than the one before, most of the time."""
    generator = np.random.default_rng(seed)
    ids = np.arange(tokens) % (VOCABULARY - 1) + 1
    noise = generator.random(tokens) < 0.1
    ids[noise] = generator.integers(1, VOCABULARY, noise.sum())
    starts = np.array([0, tokens // 2, tokens - 1], np.int64)
    ids[starts] = 0
    return TokenStream(
        ids=ids.astype(np.uint16),
        starts=starts,
        bytes=np.diff(starts),
        documents=["first", "second"],
        vocabulary=VOCABULARY,
        end_of_text=0,
    )


def settings(**changed: Any) -> TrainingSettings:
    """Four rows of eight tokens, and no snapshots."""
    few = {"batch_tokens": 32, "length": 8, "learning_rate": 1e-2, "warmup_steps": 3, "snapshots": 0}
    return TrainingSettings(**(few | changed))


def network_of(name: str = "gpt", *, dropout: float = 0.0, seed: int = 1) -> Network:
    """A network of a few thousand parameters with fresh weights."""
    kind = family(name)
    shape: dict[str, Any] = {"width": 16, "layers": 2, "dropout": dropout}
    shape |= {"heads": 2, "context": 8} if name == "gpt" else {}
    assert kind.build is not None
    with seeded(seed, "weights"):
        return kind.build(kind.settings(**shape), VOCABULARY)


def loader_for(name: str = "gpt", *, slots: int = 4, length: int = 8) -> Loader:
    """The text in the order that the family wants."""
    return Loader(text(), length=length, slots=slots, seed=5, order=family(name).order)


def run_training(run: Run, network: Network, *, series: str = "x", **options: Any) -> Trained:
    """Train the network; options are those of `train` and `settings`."""
    options = {"seed": 7, "device": "cpu"} | options
    if "budget" not in options:
        options.setdefault("steps", 20)
    loader = options.pop("loader", None) or loader_for(network.family)
    return train(
        network,
        options.pop("objective", NextToken()),
        loader,
        options.pop("settings", settings()),
        run,
        series,
        **options,
    )


def digest(network: torch.nn.Module) -> str:
    """SHA-256 of all weights."""
    parts = [parameter.detach().numpy().tobytes() for parameter in network.parameters()]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def stop_after(calls: int) -> Callable[[], bool]:
    """A `stop_requested` that says so at the call after so many."""
    left = iter([False] * calls)
    return lambda: next(left, True)


def losses(run: Run, series: str = "x") -> list[float]:
    """The loss of every step, from the metrics."""
    return [row["loss"] for row in run.metrics.rows() if row["series"] == series]
