"""Bits per byte: how surprised a model is by held-out documents, per byte of their text."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.evaluation.windows import Window, batches, windows
from etymon.models import FillsIn, LanguageModel
from etymon.progress import Progress, silent
from etymon.statistics import Result, ratio_result
from etymon.tokens import Batch, TokenStream

UNIT = "bits per byte"
BATCH_TOKENS = 16_384


def bits_per_byte(
    model: LanguageModel,
    stream: TokenStream,
    *,
    split: str = "held-out",
    length: int | None = None,
    max_bytes: int | None = None,
    batch_tokens: int = BATCH_TOKENS,
    seed: int = 0,
    progress: Progress = silent,
) -> Result:
    """All bits that the text costs over all its UTF-8 bytes, with a 95 % interval by resampling documents.

    Every text token of each document is scored exactly once, by the chain rule: the first is predicted from end-of-text
    alone, each further one from all that the model can use of its own document, never of another. A model with a
    limited context reads overlapping windows that move on by half of it: after the first window, every token scored has
    more than half a context before it. The end-of-text after a document is not text and is not counted.

    split         what the protocol calls these documents
    length        longest window in tokens (None: the context of the model; where that has no limit, whole documents)
    max_bytes     take only whole documents, in an order given by the hash of their ids, for as long as they fit (and
                  at least one), so that the choice depends on nothing but the documents
    batch_tokens  tokens that are given to the model at a time, padding included; one longer window goes by itself
    seed          of the resampling

    The result holds for every document its bits (`values`), UTF-8 bytes (`weights`) and id (`items`), and in `details`
    the number of tokens scored. Its protocol carries a fingerprint of ids and bytes, which is the same whatever the
    tokenizer, so that models with other tokens are compared on the same text.

    Raises EtymonError where there is nothing to score, `length` exceeds the model's context, the vocabularies differ,
    the model gives a token no finite probability, or it sees both sides of a token and so gives a text none.
    """
    if isinstance(model, FillsIn):
        raise EtymonError(
            f"A {model.family} has no bits per byte",
            why="it guesses a token with what comes behind it in view, which makes no probability of a text",
            help="etymon.evaluation.pseudo_bits_per_byte gives its pseudo-likelihood, which is compared with no other",
        )
    length = _window_length(model, stream, length)
    stride = 1 if length is None else max(length // 2, 1)
    chosen = chosen_documents(stream, max_bytes)
    cut = list(windows(stream, chosen, length, stride))
    nats = _nats(model, stream, cut, batch_tokens, progress)
    documents, sizes = [stream.documents[row] for row in chosen], stream.bytes[chosen]
    protocol = protocol_of(split, documents, sizes, length, stride)
    result = ratio_result("bits_per_byte", UNIT, nats[chosen] / np.log(2), sizes, documents, protocol, seed)
    tokens = sum(window.scored for window in cut)
    return replace(result, details={**result.details, "tokens": tokens})


def scored_tokens(
    ask: Callable[[Batch[NDArray[np.int64]]], NDArray[Any]],
    stream: TokenStream,
    *,
    length: int | None = None,
    max_bytes: int | None = None,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress = silent,
) -> NDArray[Any]:
    """[n]: what `ask` answers [B, T] for each token that `bits_per_byte` scores in the same windows, in an order that
    depends on the stream and these alone, so that the answers of several models can be laid side by side."""
    cut = list(windows(stream, chosen_documents(stream, max_bytes), length, max((length or 0) // 2, 1)))
    answers: list[NDArray[Any]] = []
    done, total = 0, sum(window.length for window in cut)
    for together, batch in batches(stream, cut, batch_tokens):
        answers.append(np.asarray(ask(batch))[batch.weights > 0])
        done += sum(window.length for window in together)
        progress(done, total, "tokens scored")
    return np.concatenate(answers)


def _nats(
    model: LanguageModel, stream: TokenStream, cut: Sequence[Window], batch_tokens: int, progress: Progress
) -> NDArray[np.float64]:
    """[D]: what the scored tokens of each document of the stream cost together, 0 where none of it was cut."""
    nats = np.zeros(len(stream.documents))
    done, total = 0, sum(window.length for window in cut)
    for together, batch in batches(stream, cut, batch_tokens):
        surprise = -np.asarray(model.log_probs(batch), np.float64)
        sums = np.where(batch.weights > 0, surprise, 0.0).sum(axis=1)
        check_finite(sums, [window.document for window in together], stream)
        np.add.at(nats, [window.document for window in together], sums)
        done += sum(window.length for window in together)
        progress(done, total, "tokens scored")
    return nats


def _window_length(model: LanguageModel, stream: TokenStream, length: int | None) -> int | None:
    if model.vocabulary != stream.vocabulary:
        raise EtymonError(
            "This model and this text have different tokenizers",
            why=f"the model knows {model.vocabulary} tokens, the text is written in {stream.vocabulary}",
        )
    if length is None:
        return model.context
    if length < 1 or (model.context is not None and length > model.context):
        raise EtymonError(f"Windows of {length} tokens do not suit this model", why=f"its context is {model.context}")
    return length


def chosen_documents(stream: TokenStream, max_bytes: int | None) -> list[int]:
    """Rows of the documents to score, ascending: those with text, or the first of them in hash order that fit."""
    written = [row for row, size in enumerate(stream.bytes.tolist()) if size > 0]
    if not written:
        raise EtymonError("There is no held-out text to score", help="keep documents for the validation split")
    if max_bytes is None:
        return written
    order = sorted(written, key=lambda row: hashlib.sha256(stream.documents[row].encode()).digest())
    fit = int(np.searchsorted(np.cumsum(stream.bytes[order]), max_bytes, side="right"))
    return sorted(order[: max(fit, 1)])


def check_finite(sums: NDArray[np.float64], rows: Sequence[int], stream: TokenStream) -> None:
    """Raise EtymonError where a sum of nats is not finite; `rows` says of which documents they are."""
    if not np.isfinite(sums).all():
        document = stream.documents[rows[int(np.flatnonzero(~np.isfinite(sums))[0])]]
        raise EtymonError(
            "The model gives no finite probability to a token",
            where=f"document {document}",
            why="a network may have diverged in training; maximum likelihood gives 0 to what it never saw",
            help="train the network again with a lower rate; give the n-gram another smoothing",
        )


def protocol_of(split: str, documents: Sequence[str], sizes: NDArray[np.int64], length: int | None, stride: int) -> str:
    """What was measured, in words, with a fingerprint of the documents."""
    reads = "whole documents" if length is None else f"windows of {length} tokens, stride {stride}"
    return (
        f"{UNIT} of UTF-8 text; {told(split, documents, sizes)}; each text token once, after end-of-text and its own "
        f"document so far; end-of-text not counted; {reads}"
    )


def told(split: str, documents: Sequence[str], sizes: NDArray[np.int64]) -> str:
    """The documents, in words, with a fingerprint that is the same whatever the tokenizer."""
    digest = hashlib.sha256()
    for document, size in zip(documents, sizes, strict=True):
        digest.update(f"{document}\t{size}\n".encode())
    fingerprint = digest.hexdigest()[:16]
    return f"{split}: {len(documents)} documents, {sizes.sum()} bytes, sha256 of ids and bytes {fingerprint}"
