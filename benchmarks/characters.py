"""Tiny Shakespeare letter by letter, and a plain training loop on it, for the benchmarks of small networks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from etymon.models import as_tensors, family
from etymon.objectives import NextToken
from etymon.tokens import Batch, TokenStream

SHARED = Path(os.environ.get("ETYMON_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
TEXT = SHARED / "text" / "tinyshakespeare.txt"
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Letters:
    """A text as the numbers of its letters: the first nine tenths to learn from, the last tenth held out."""

    learned: Ids
    held_out: Ids
    kinds: int

    @property
    def vocabulary(self) -> int:
        """The letters, and end-of-text."""
        return self.kinds + 1

    def stream(self, ids: Ids, name: str) -> TokenStream:
        """Letters as one document, each of them a byte."""
        end = self.kinds
        return TokenStream(
            ids=np.concatenate([[end], ids, [end]]).astype(np.uint16),
            starts=np.array([0, len(ids) + 1]),
            bytes=np.array([len(ids)]),
            documents=[name],
            vocabulary=self.vocabulary,
            end_of_text=end,
        )


def letters(path: Path = TEXT) -> Letters:
    """The text of that file."""
    text = path.read_text()
    numbers = {letter: number for number, letter in enumerate(sorted(set(text)))}
    ids = np.array([numbers[letter] for letter in text])
    learned, held_out = np.split(ids, [len(ids) * 9 // 10])
    return Letters(learned, held_out, len(numbers))


def fresh(name: str, vocabulary: int, seed: int, **settings: Any) -> Any:
    """A network of a family with first weights by that seed."""
    torch.manual_seed(seed)
    kind = family(name)
    assert kind.build is not None
    return kind.build(kind.settings(**settings), vocabulary)


def random_rows(ids: Ids, *, seed: int = 0, rows: int = 16, length: int = 64) -> Callable[[int], Batch[Any]]:
    """The batch of each step: rows from random places of a text."""

    def batch_of(step: int) -> Batch[Any]:
        begins = np.random.default_rng((seed, step)).integers(0, len(ids) - length - 1, rows)
        found = ids[begins[:, None] + np.arange(length + 1)]
        return Batch(ids=found[:, :-1], targets=found[:, 1:], weights=np.ones((rows, length)))

    return batch_of


def learn(
    network: Any,
    batch_of: Callable[[int], Batch[Any]],
    *,
    steps: int | None = None,
    cpu_seconds: float | None = None,
    rate: float = 3e-3,
    warmup: float = 0.0,
    final: float = 1.0,
    weight_decay: float = 0.0,
) -> int:
    """Train by Adam for so many steps or CPU seconds on the batch of each step; the rate rises over `warmup` of them
    and falls in a straight line to `final` of it. Returns the steps."""
    optimizer = torch.optim.AdamW(network.parameters(), rate, betas=(0.9, 0.99), weight_decay=weight_decay)
    begin, step = time.process_time(), 0
    network.train()
    while True:
        if steps is not None:
            share = step / steps
        else:
            assert cpu_seconds is not None
            share = (time.process_time() - begin) / cpu_seconds
        if share >= 1:
            network.eval()
            return step
        for group in optimizer.param_groups:
            rise = min(1.0, share / warmup) if warmup else 1.0
            group["lr"] = rate * rise * (1 - (1 - final) * share)
        batch = as_tensors(batch_of(step), network.device)
        nats, count, _ = NextToken().loss(network, batch)
        optimizer.zero_grad()
        (nats / count).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step += 1
