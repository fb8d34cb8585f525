"""Pseudo bits per byte: how well a model that sees to both sides guesses hidden tokens. No probability of the text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.evaluation.likelihood import BATCH_TOKENS, UNIT, bits_per_byte, check_finite, chosen_documents, told
from etymon.models import FillsIn, Ids, LanguageModel
from etymon.progress import Progress, silent
from etymon.statistics import Result, ratio_result
from etymon.tokens import TokenStream

READS = 8.0
"""A sample is as large as so many readings of the text allow: each token of it costs the reading of its window."""
EDGES = 2
"""Tokens that begin and end a window."""


@dataclass(frozen=True)
class Hidden:
    """One token to guess: the document's number, the place in the stream of its window's first token, the window's
    length, and where in it the hidden token stands."""

    document: int
    start: int
    length: int
    place: int


def score(
    model: LanguageModel,
    stream: TokenStream,
    *,
    split: str = "held-out",
    max_bytes: int | None = None,
    reads: float | None = READS,
    progress: Progress = silent,
) -> Result:
    """`bits_per_byte`; of a model that fills in, `pseudo_bits_per_byte` with `reads`. The result's name says which."""
    if isinstance(model, FillsIn):
        return pseudo_bits_per_byte(model, stream, split=split, max_bytes=max_bytes, reads=reads, progress=progress)
    return bits_per_byte(model, stream, split=split, max_bytes=max_bytes, progress=progress)


def pseudo_bits_per_byte(
    model: FillsIn,
    stream: TokenStream,
    *,
    split: str = "held-out",
    max_bytes: int | None = None,
    reads: float | None = READS,
    batch_tokens: int = BATCH_TOKENS,
    seed: int = 0,
    progress: Progress = silent,
) -> Result:
    """-log2 p(token | all others of its window) over the text tokens, by the UTF-8 bytes of the text, with a 95 %
    interval by resampling documents (Salazar et al. 2020, arXiv 1910.14659, equation 2).

    These terms are no chain rule: each token is guessed with what comes behind it in view, and their sum is the
    logarithm of no probability. The number is compared with no bits per byte: the model sees more than they allow.

    A document's window for a token is the `context` tokens around it. Every token costs the reading of a window, so a
    sample is taken: in each document as many tokens as `reads` readings of it come to (at least one; None: all), drawn
    evenly by `seed` and the document's id; their mean stands for all tokens of the document, so that the interval holds
    what the sampling adds. `max_bytes` and documents are as in `bits_per_byte`. `details` has the tokens that were
    guessed ("tokens") and how many there are ("of").
    """
    if model.vocabulary != stream.vocabulary:
        raise EtymonError(
            "This model and this text have different tokenizers",
            why=f"the model knows {model.vocabulary} tokens, the text is written in {stream.vocabulary}",
        )
    chosen = chosen_documents(stream, max_bytes)
    sample = [hidden for row in chosen for hidden in _sample(stream, row, model.context, reads, seed)]
    nats, guessed = _nats(model, stream, sample, batch_tokens, progress)
    tokens = np.diff(stream.starts) - 1
    documents, sizes = [stream.documents[row] for row in chosen], stream.bytes[chosen]
    bits = nats[chosen] / np.maximum(guessed[chosen], 1) * tokens[chosen] / np.log(2)
    of = int(tokens[chosen].sum())
    drawn = "all tokens" if len(sample) == of else f"{len(sample):,} of {of:,} tokens, drawn evenly by seed {seed}"
    protocol = (
        f"pseudo-likelihood, no probability of the text: {UNIT} of UTF-8 text; {told(split, documents, sizes)}; "
        f"{drawn}, each hidden alone, given the up to {model.context} tokens of its document around it"
    )
    result = ratio_result("pseudo_bits_per_byte", f"pseudo {UNIT}", bits, sizes, documents, protocol, seed)
    return replace(result, details={**result.details, "tokens": len(sample), "of": of})


def _sample(stream: TokenStream, row: int, context: int, reads: float | None, seed: int) -> Iterator[Hidden]:
    """The tokens of one document to guess, each in the middle of its window where the document goes that far."""
    first, end = int(stream.starts[row]) + 1, int(stream.starts[row + 1])
    tokens, length = end - first, min(end - first, context)
    if tokens == 0:
        return
    count = tokens if reads is None else min(max(round(reads * tokens / (length + EDGES)), 1), tokens)
    digest = hashlib.sha256(stream.documents[row].encode()).digest()
    draw = np.random.default_rng((seed, int.from_bytes(digest[:8], "little")))
    for place in np.sort(draw.choice(tokens, count, replace=False)).tolist():
        start = min(max(place - length // 2, 0), tokens - length)
        yield Hidden(row, first + start, length, place - start)


def _nats(
    model: FillsIn, stream: TokenStream, sample: Sequence[Hidden], batch_tokens: int, progress: Progress
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """[D] and [D]: what the guessed tokens of each document cost together, and how many they are."""
    nats, guessed = np.zeros(len(stream.documents)), np.zeros(len(stream.documents), np.int64)
    done = 0
    for together in _batches(sample, batch_tokens):
        starts = np.array([hidden.start for hidden in together])
        places = np.array([hidden.place for hidden in together])
        ids: Ids = np.asarray(stream.ids[starts[:, None] + np.arange(together[0].length)], np.int64)
        log_probs = np.asarray(model.hidden_log_probs(ids, places), np.float64)
        rows = np.arange(len(together))
        surprise = -log_probs[rows, ids[rows, places]]
        documents = [hidden.document for hidden in together]
        check_finite(surprise, documents, stream)
        np.add.at(nats, documents, surprise)
        np.add.at(guessed, documents, 1)
        done += len(together)
        progress(done, len(sample), "hidden tokens guessed")
    return nats, guessed


def _batches(sample: Sequence[Hidden], tokens: int) -> Iterator[Sequence[Hidden]]:
    """Windows of one length together, the longest first, of at most `tokens` tokens in all."""
    in_order = sorted(sample, key=lambda hidden: -hidden.length)
    at = 0
    while at < len(in_order):
        length = in_order[at].length
        rows = max(tokens // (length + EDGES), 1)
        together = [hidden for hidden in in_order[at : at + rows] if hidden.length == length]
        yield together
        at += len(together)
