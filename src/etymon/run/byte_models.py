"""Small models of bytes: text to a stream without a tokenizer, a model of it in seconds, and its bits for documents.

Where two training texts are compared, a tokenizer learned from either would favour that one; bytes favour none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from etymon.errors import EtymonError
from etymon.evaluation import bits_per_byte
from etymon.models import LanguageModel, NgramSettings, estimate_ngram, family
from etymon.storage import Run
from etymon.tokens import Loader, TokenStream

END_OF_TEXT = 256
NGRAM = NgramSettings(order=6)
GPT_LAYERS, GPT_WIDTH, GPT_CONTEXT = 2, 96, 128
ROWS, RATE = 16, 3e-3


@dataclass(frozen=True, kw_only=True)
class SmallModel:
    """What is trained: "ngram" (modified Kneser-Ney of order 6, counted) or "gpt" (2 layers, 96 wide, `steps` steps of
    16 rows of 128 bytes)."""

    family: str
    steps: int = 400

    def describe(self) -> dict[str, Any]:
        """All that decides the outcome, for the recipe of an artifact."""
        if self.family == "ngram":
            return {"family": "ngram", "order": NGRAM.order}
        shape = {"layers": GPT_LAYERS, "width": GPT_WIDTH, "context": GPT_CONTEXT}
        return {"family": self.family, "steps": self.steps, "rows": ROWS, "learning_rate": RATE, **shape}


def byte_stream(texts: Sequence[str]) -> TokenStream:
    """The texts as bytes, 256 between them; each is called by the SHA-256 of what it says."""
    rows = [text.encode("utf-8", "surrogatepass") for text in texts]
    sizes = np.array([len(row) for row in rows], np.int64)
    starts = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(sizes + 1, out=starts[1:])
    ids = np.full(int(starts[-1]) + 1, END_OF_TEXT, np.uint16)
    for row, start in zip(rows, starts.tolist(), strict=False):
        ids[start + 1 : start + 1 + len(row)] = np.frombuffer(row, np.uint8)
    return TokenStream(
        ids=ids,
        starts=starts,
        bytes=sizes,
        documents=[hashlib.sha256(row).hexdigest() for row in rows],
        vocabulary=END_OF_TEXT + 1,
        end_of_text=END_OF_TEXT,
    )


def learn(kind: SmallModel, stream: TokenStream, *, seed: int, into: Run, series: str) -> LanguageModel:
    """The model of a stream. A GPT's checkpoints lie in `into` while it learns, so that a stopped one goes on."""
    if kind.family == "ngram":
        return estimate_ngram(NGRAM, stream.vocabulary, stream.ids, stream.end_of_text)
    if kind.family != "gpt":
        raise EtymonError(f"There is no small model of the family {kind.family}.", help="choose ngram or gpt")
    return _gpt(kind, stream, seed, into, series)


def _gpt(kind: SmallModel, stream: TokenStream, seed: int, into: Run, series: str) -> LanguageModel:
    from etymon.objectives import NextToken
    from etymon.training import TrainingSettings, seeded, train

    gpt = family("gpt")
    assert gpt.build is not None
    with seeded(seed, "weights"):
        shape = gpt.settings(layers=GPT_LAYERS, width=GPT_WIDTH, context=GPT_CONTEXT)
        network = gpt.build(shape, stream.vocabulary)
    settings = TrainingSettings(
        batch_tokens=ROWS * GPT_CONTEXT, length=GPT_CONTEXT, learning_rate=RATE, warmup_steps=30, snapshots=0
    )
    loader = Loader(stream, length=GPT_CONTEXT, slots=ROWS, seed=seed, order=gpt.order)
    train(network, NextToken(), loader, settings, into, series, seed=seed, steps=kind.steps, device="cpu")
    into.checkpoints(series).clear()
    return network


def bits_of(model: LanguageModel, stream: TokenStream) -> Mapping[str, float]:
    """The bits that each document costs, by its name in the stream."""
    result = bits_per_byte(model, stream)
    return dict(zip(result.items, result.values, strict=True))
