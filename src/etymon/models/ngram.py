"""The n-gram language model: interpolated modified Kneser-Ney over token ids, in numpy alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from etymon.models.family import Counts, Family
from etymon.models.ngram_files import read_counted, write_counted
from etymon.models.ngram_tables import Counted, Floats, Indices, check_ids, checked_stream, count
from etymon.progress import Progress, silent
from etymon.recipe import Setting
from etymon.tokens import Batch

if TYPE_CHECKING:
    from etymon.models.language_model import Ids
    from etymon.storage import Artifact, Draft

Tap: TypeAlias = Callable[[str, Floats], Floats]
"""Called with the name of a site and what is there [B, T]; what it returns is used instead."""


@dataclass(frozen=True, kw_only=True)
class NgramSettings:
    """The one choice an n-gram model leaves: how far it looks."""

    order: Annotated[
        int, Setting("length of the longest n-gram, the predicted token included", unit="tokens", low=1, high=8)
    ] = 5


class NgramModel:
    """Interpolated modified Kneser-Ney (Chen & Goodman 1998, section 3): for the context h and the word w

        p(w | h) = (a(hw) - D(a(hw))) / total(h) + gamma(h) p(w | h without its first token)

    down to p(w) = (a(w) - D(a(w))) / total + gamma / V. So every token of the vocabulary, seen or not, has a
    probability above 0 in every context, and they sum to 1. A context that never occurred hands all to the next
    shorter one. What is kept are the counts themselves, so that these equations are worked in float64 when asked.

    An end-of-text in the text ends a document: contexts do not reach to the left across it.
    """

    family = "ngram"
    context: int | None = None

    def __init__(
        self, settings: NgramSettings, vocabulary: int, end_of_text: int, tokens: int, counted: Counted
    ) -> None:
        """`tokens` is how many tokens were counted; the rest is what `count` found in them."""
        self.settings = settings
        self.vocabulary = vocabulary
        self.end_of_text = end_of_text
        self.tokens = tokens
        self.counted = counted
        self._unigrams = self._hit(1, np.arange(vocabulary), None) + counted.backoff / vocabulary  # p(w) [V]

    def log_probs(self, batch: Batch[Any], *, tap: Tap | None = None) -> Floats:
        """Nats [B, T] of each target after what its row holds up to it, back to the last end-of-text.

        At each order from 1 up, `tap` sees `order.n.hit` [B, T], the part of the probability that the n-gram itself
        has, (a - D) / total, 0 where the table has no such n-gram; and `order.n.backoff` [B, T], the factor gamma on
        what the shorter orders say, 1 where this context never occurred.
        """
        ids, targets = np.asarray(batch.ids), np.asarray(batch.targets)
        check_ids(ids, self.vocabulary)
        check_ids(targets, self.vocabulary)
        probability = np.full(ids.shape, 1 / self.vocabulary)
        for n, contexts in enumerate(self._contexts(ids), start=1):
            if contexts is None:
                hit, backoff = self._hit(n, targets, None), np.full(ids.shape, self.counted.backoff)
            else:
                hit, backoff = self._hit(n, self._find(n, contexts, targets), contexts), self._backoff(n, contexts)
            if tap is not None:
                hit, backoff = tap(f"order.{n}.hit", hit), tap(f"order.{n}.backoff", backoff)
            probability = hit + backoff * probability
        return np.log(probability)

    def orders(self, batch: Batch[Any]) -> NDArray[np.int64]:
        """[B, T]: the longest order whose table has the n-gram that ends in the target; 0 for a token never seen."""
        spoke = np.zeros(np.shape(batch.targets), np.int64)

        def listen(site: str, value: Floats) -> Floats:
            _, order, kind = site.split(".")
            if kind == "hit":
                spoke[value > 0] = int(order)
            return value

        self.log_probs(batch, tap=listen)
        return spoke

    def next_log_probs(self, ids: Ids, state: NDArray[np.int64] | None = None) -> tuple[Floats, NDArray[np.int64]]:
        """Log-probabilities [B, V] of what follows; the state is the last order - 1 tokens of each row."""
        check_ids(ids, self.vocabulary)
        read = ids.astype(np.int64) if state is None else np.concatenate([state, ids.astype(np.int64)], axis=1)
        recent = read[:, max(read.shape[1] - self.settings.order + 1, 0) :]
        probabilities = np.tile(self._unigrams, (len(ids), 1))
        if recent.shape[1]:
            for n, contexts in enumerate(self._contexts(recent), start=1):
                if contexts is not None:
                    self._interpolate(n, contexts[:, -1], probabilities)
        return np.log(probabilities), recent

    def sites(self) -> Sequence[str]:
        return [f"order.{n}.{site}" for n in range(1, self.settings.order + 1) for site in ("hit", "backoff")]

    def counts(self, length: int = 1) -> Counts:
        """Parameters as an ARPA file holds them: one probability per stored n-gram (and per token of the vocabulary),
        one back-off per context that occurs. FLOPs are the operations of the tables; they do not depend on `length`.
        """
        tables = self.counted.tables
        contexts = 1 + sum(int(np.count_nonzero(table.totals)) for table in tables)
        return _counts([len(table.keys) for table in tables], contexts, length, self.counted.operations, self.tokens)

    def _contexts(self, ids: NDArray[Any]) -> Sequence[Indices | None]:
        """For orders 1, 2, ...: the id [B, T] of the context that ends at each position, -1 where it never occurred or
        reaches out of the row or across an end-of-text. Order 1 has the empty context, None.
        """
        position = np.arange(int(ids.shape[1]))
        start = np.maximum.accumulate(np.where(ids == self.end_of_text, position, 0), axis=1)
        available = position - start + 1
        contexts: list[Indices | None] = [None]
        current = ids.astype(np.int64)
        for n in range(1, self.settings.order):
            if n > 1:
                shorter = np.full_like(current, -1)
                shorter[:, 1:] = current[:, :-1]
                shorter[available < n] = -1
                current = self._find(n, shorter, ids)
            contexts.append(current)
        return contexts

    def _find(self, order: int, contexts: Indices, words: NDArray[Any]) -> Indices:
        return self.counted.tables[order - 1].find(contexts, words, self.vocabulary)

    def _hit(self, order: int, rows: NDArray[Any], contexts: Indices | None) -> Floats:
        """(a - D) / total of the n-grams at these rows of the order's table, 0 for the row -1."""
        known = rows >= 0
        a = self.counted.tables[order - 1].counts[rows[known]]
        discounted = a - self.counted.discounts[order - 1][np.minimum(a, 3)]
        total = self.counted.total if contexts is None else self.counted.tables[order - 2].totals[contexts[known]]
        hit = np.zeros(rows.shape)
        hit[known] = discounted / np.maximum(total, 1)
        return hit

    def _backoff(self, order: int, contexts: Indices) -> Floats:
        """gamma of these contexts of the order, 1 for the context -1."""
        known = contexts >= 0
        backoff = np.ones(contexts.shape)
        backoff[known] = self.counted.tables[order - 2].backoffs[contexts[known]]
        return backoff

    def _interpolate(self, order: int, contexts: Indices, probabilities: Floats) -> None:
        """Turn p(w | shorter context) [B, V] into p(w | context), in place: scale all, then add to what was seen."""
        table = self.counted.tables[order - 1]
        probabilities *= self._backoff(order, contexts)[:, None]
        for row, context in enumerate(contexts.tolist()):
            if context >= 0:
                seen = table.following(context, self.vocabulary)
                words = table.keys[seen.start : seen.stop] - np.uint64(context * self.vocabulary)
                rows = np.arange(seen.start, seen.stop)
                probabilities[row, words] += self._hit(order, rows, np.full(len(seen), context))


def estimate_ngram(
    settings: NgramSettings, vocabulary: int, ids: Ids, end_of_text: int, progress: Progress = silent
) -> NgramModel:
    """The n-gram model of one token stream: end-of-text, document, end-of-text, document, ..., end-of-text.

    Raises EtymonError for a stream that does not begin with end-of-text and for ids outside the vocabulary.
    """
    stream = checked_stream(ids, vocabulary, end_of_text)
    counted = count(stream, vocabulary, settings.order, end_of_text, progress)
    return NgramModel(settings, vocabulary, end_of_text, len(stream) - 1, counted)


def extend_ngram(
    settings: NgramSettings, vocabulary: int, streams: Sequence[Ids], end_of_text: int, progress: Progress = silent
) -> NgramModel:
    """The n-gram model of several streams, one after the other: continued training is counting all of them."""
    parts = [checked_stream(stream, vocabulary, end_of_text) for stream in streams]
    # Where one ends with end-of-text and the next begins with it, keeping both would count an empty document.
    joined = [part[:-1] if i + 1 < len(parts) and part[-1] == end_of_text else part for i, part in enumerate(parts)]
    return estimate_ngram(settings, vocabulary, np.concatenate(joined), end_of_text, progress)


def preset(parameters: float, vocabulary: int) -> NgramSettings:
    """Order 7 for bytes and characters, 5 for longer tokens: the size of a table follows from the text, not a wish.

    On the last tenth of tiny Shakespeare, characters: order 5, 6, 7, 8 give 1.561, 1.523, 1.517, 1.519 nats each.
    """
    return NgramSettings(order=7 if vocabulary <= 512 else 5)


def largest_counts(settings: NgramSettings, vocabulary: int, length: int) -> Counts:
    """The most that a text of `length` tokens can give: no n-gram twice. `NgramModel.counts` says what it did give."""
    sizes = [vocabulary, *(min(vocabulary**n, length) for n in range(2, settings.order + 1))]
    contexts = 1 + sum(min(vocabulary**n, length) for n in range(1, settings.order))
    operations = length + sum(length * (4 + math.log2(max(length, 1))) for _ in sizes[1:]) + 3 * sum(sizes) + contexts
    return _counts(sizes, contexts, length, operations, length)


def _counts(sizes: Sequence[int], contexts: int, length: int, operations: float, tokens: int) -> Counts:
    """What `log_probs` does per token: at each order from 2 up the target is looked up, and at each from 2 to the last
    but one also the context of the next order. A look-up makes a key (2 operations) and compares it with log2(size)
    others; the equation takes 4 at each order. Sorting the queries first, for speed, is not counted.
    """
    look_ups = [2 + math.log2(max(size, 1)) for size in sizes[1:]]
    forward = 4 * len(sizes) + sum(look_ups) + sum(look_ups[:-1])
    return Counts(
        parameters=sum(sizes) + contexts,
        embedding_parameters=0,
        length=length,
        forward_flops_per_token=forward,
        training_flops_per_token=operations / max(tokens, 1),
    )


def _write(draft: Draft, model: NgramModel) -> None:
    write_counted(draft, model.counted, {"end_of_text": model.end_of_text, "tokens": model.tokens})


def _read(artifact: Artifact, settings: NgramSettings, vocabulary: int) -> NgramModel:
    about, counted = read_counted(artifact, settings.order)
    return NgramModel(settings, vocabulary, about["end_of_text"], about["tokens"], counted)


FAMILY = Family(
    name="ngram",
    title="n-gram (modified Kneser-Ney)",
    settings=NgramSettings,
    learns="counts",
    order="stream",
    estimate=estimate_ngram,
    preset=preset,
    counts=largest_counts,
    write=_write,
    read=_read,
)
