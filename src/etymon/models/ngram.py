"""The n-gram language model over token ids, in numpy alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.models.family import Counts, Family
from etymon.models.language_model import check_ids
from etymon.models.ngram_files import read_counted, write_counted
from etymon.models.ngram_memory import columns_for
from etymon.models.ngram_settings import LINES, NAMES, NgramSettings
from etymon.models.ngram_smoothing import tables_of
from etymon.models.ngram_tables import Counted, Floats, Indices, checked_stream
from etymon.progress import Progress, silent
from etymon.tokens import Batch

if TYPE_CHECKING:
    from etymon.models.language_model import Ids
    from etymon.models.ngram_lines import LineModel
    from etymon.storage import Artifact, Draft, Steps

Tap: TypeAlias = Callable[[str, Floats], Floats]
"""Called with the name of a site and what is there [B, T]; what it returns is used instead."""


OUTSIDE = -2
"""In place of a context's id: it reaches out of the row or across an end-of-text. -1: it never occurred."""


class NgramModel:
    """For the context h and the word w, interpolated,

        p(w | h) = hit(hw) + gamma(h) p(w | h without its first token)

    down to p(w) = hit(w) + gamma / V, with hit(hw) = (a(hw) - D(a(hw))) / total(h) as the smoothing counts and
    discounts (each has a file with its equations: `ngram_kneser_ney`, `ngram_witten_bell`, ...). A context that never
    occurred hands all to the next shorter one. So, but for maximum likelihood, every token of the vocabulary has a
    probability above 0 in every context, and they sum to 1. Katz backs off instead: the second term speaks only where
    hw was never seen. add-k has 1 / V in the place of the shorter context.

    What is kept are the counts themselves, so that these equations are worked in float64 when asked. An end-of-text in
    the text ends a document: contexts do not reach to the left across it.
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
        uniform = np.full(vocabulary, 1 / vocabulary)
        unigrams = self._hit(1, np.arange(vocabulary), None)
        self._unigrams = self._mixed(unigrams, np.full(vocabulary, counted.backoff), uniform, None)  # p(w) [V]

    def log_probs(self, batch: Batch[Any], *, tap: Tap | None = None) -> Floats:
        """Nats [B, T] of each target after what its row holds up to it, back to the last end-of-text.

        At each order from 1 up, `tap` sees `order.n.hit` [B, T], the part of the probability that the n-gram itself
        has, (a - D) / total, 0 where the table has no such n-gram; and `order.n.backoff` [B, T], the factor gamma on
        what the shorter orders say, 1 where this context never occurred. Where maximum likelihood gives 0 it is -inf.
        """
        ids, targets = np.asarray(batch.ids), np.asarray(batch.targets)
        check_ids(ids, self.vocabulary)
        check_ids(targets, self.vocabulary)
        probability = np.full(ids.shape, 1 / self.vocabulary)
        for n, (contexts, rows) in enumerate(self._walk(ids, targets), start=1):
            hit = self._hit(n, rows, contexts)
            backoff = np.full(ids.shape, self.counted.backoff) if contexts is None else self._backoff(n, contexts)
            if tap is not None:
                hit, backoff = tap(f"order.{n}.hit", hit), tap(f"order.{n}.backoff", backoff)
            probability = self._mixed(hit, backoff, probability, contexts)
        return _log(probability)

    def _mixed(self, hit: Floats, backoff: Floats, shorter: Floats, contexts: Indices | None) -> Floats:
        """p(w | h) from what the n-gram itself has, the share of its context, and p(w | h without its first token)."""
        if self.counted.mixing == "back off":
            return np.where(hit > 0, hit, backoff * shorter)
        if self.counted.mixing == "uniform":
            alone = hit + backoff / self.vocabulary
            return alone if contexts is None else np.where(contexts == OUTSIDE, shorter, alone)
        return hit + backoff * shorter

    def orders(self, batch: Batch[Any]) -> NDArray[np.int64]:
        """[B, T]: the longest order whose table has the n-gram that ends in the target; 0 for a token never seen."""
        ids, targets = np.asarray(batch.ids), np.asarray(batch.targets)
        check_ids(ids, self.vocabulary)
        check_ids(targets, self.vocabulary)
        unigrams = self.counted.tables[0]
        seen = (unigrams.hits > 0) if unigrams.has_hits else (unigrams.counts > 0)
        spoke = seen[targets].astype(np.int64)
        for n, (contexts, rows) in enumerate(self._walk(ids, targets), start=1):
            if contexts is not None:
                spoke[rows >= 0] = n
        return spoke

    def next_log_probs(self, ids: Ids, state: NDArray[np.int64] | None = None) -> tuple[Floats, NDArray[np.int64]]:
        """Log-probabilities [B, V] of what follows; the state is the last order - 1 tokens of each row."""
        check_ids(ids, self.vocabulary)
        read = ids.astype(np.int64) if state is None else np.concatenate([state, ids.astype(np.int64)], axis=1)
        recent = read[:, max(read.shape[1] - self.settings.order + 1, 0) :]
        probabilities = np.tile(self._unigrams, (len(ids), 1))
        if recent.shape[1]:
            nothing = np.zeros_like(recent)  # is asked for: only the contexts are needed
            for n, (contexts, _) in enumerate(self._walk(recent, nothing), start=1):
                if contexts is not None:
                    self._lengthen(n, contexts[:, -1], probabilities)
        return _log(probabilities), recent

    def unigrams(self) -> Floats:
        """Log-probabilities [V] after nothing at all."""
        return _log(self._unigrams)

    def hits(self, order: int) -> Floats:
        """What each n-gram of the order has of its own, in the order of its table [G]."""
        table = self.counted.tables[order - 1]
        contexts = (table.keys // np.uint64(self.vocabulary)).astype(np.int64)
        return self._hit(order, np.arange(len(table.keys)), contexts if order > 1 else None)

    def sites(self) -> Sequence[str]:
        return [f"order.{n}.{site}" for n in range(1, self.settings.order + 1) for site in ("hit", "backoff")]

    def counts(self, length: int = 1) -> Counts:
        """Parameters as an ARPA file holds them: one probability per stored n-gram (and per token of the vocabulary),
        one back-off per context that occurs. FLOPs are the operations of the tables; they do not depend on `length`.
        """
        tables = self.counted.tables
        contexts = 1 + sum(int(np.count_nonzero(table.totals)) for table in tables)
        return _counts([len(table) for table in tables], contexts, length, self.counted.operations, self.tokens)

    def _walk(self, ids: NDArray[Any], targets: NDArray[Any]) -> Iterator[tuple[Indices | None, Indices]]:
        """For orders 1, 2, ...: the id [B, T] of the context that ends at each position, -1 where it never occurred,
        OUTSIDE where it reaches out of the row or across an end-of-text; and the row [B, T] of the n-gram of it and the
        target, -1 where there is none. Order 1 has the empty context, None.

        Where the targets are what follows in the row, as in every text, that n-gram is the next position's context of
        the order above: it is looked up once.
        """
        position = np.arange(int(ids.shape[1]))
        start = np.maximum.accumulate(np.where(ids == self.end_of_text, position, 0), axis=1)
        available = position - start + 1
        follow = np.array_equal(ids[:, 1:], targets[:, :-1])
        yield None, targets.astype(np.int64)
        contexts = ids.astype(np.int64)
        for n in range(2, self.settings.order + 1):
            rows = self._find(n, contexts, targets)
            yield contexts, rows
            if n < self.settings.order:
                before = np.full_like(contexts, OUTSIDE)
                before[:, 1:] = contexts[:, :-1]
                contexts = np.full_like(contexts, OUTSIDE)
                contexts[:, 1:] = rows[:, :-1] if follow else self._find(n, before, ids)[:, 1:]
                contexts[available < n] = OUTSIDE

    def _find(self, order: int, contexts: Indices, words: NDArray[Any]) -> Indices:
        return self.counted.tables[order - 1].find(contexts, words, self.vocabulary)

    def _hit(self, order: int, rows: NDArray[Any], contexts: Indices | None) -> Floats:
        """(a - D) / total of the n-grams at these rows of the order's table, 0 for the row -1."""
        known = np.flatnonzero(rows >= 0)
        found, table = rows.take(known), self.counted.tables[order - 1]
        hit = np.zeros(rows.size)
        if table.has_hits:
            hit[known] = table.at("hits", found)
        else:
            a = table.at("counts", found)
            discounted = a - self.counted.discount(order, a)
            if contexts is None:
                hit[known] = discounted / max(self.counted.total, 1)
            else:
                total = self.counted.tables[order - 2].at("totals", contexts.take(known))
                hit[known] = discounted / np.maximum(total, 1)
        return hit.reshape(rows.shape)

    def _backoff(self, order: int, contexts: Indices) -> Floats:
        """gamma of these contexts of the order, 1 for the context -1."""
        known = np.flatnonzero(contexts >= 0)
        backoff = np.ones(contexts.size)
        backoff[known] = self.counted.tables[order - 2].at("backoffs", contexts.take(known))
        return backoff.reshape(contexts.shape)

    def _lengthen(self, order: int, contexts: Indices, probabilities: Floats) -> None:
        """Turn p(w | shorter context) [B, V] into p(w | context), in place: scale all, then mend what was seen."""
        table, mixing = self.counted.tables[order - 1], self.counted.mixing
        if mixing == "uniform":
            probabilities[contexts != OUTSIDE] = 1 / self.vocabulary
        probabilities *= self._backoff(order, contexts)[:, None]
        for row, context in enumerate(contexts.tolist()):
            if context >= 0:
                seen = table.following(context, self.vocabulary)
                words = table.words(seen, self.vocabulary)
                rows = np.arange(seen.start, seen.stop)
                hits = self._hit(order, rows, np.full(len(seen), context))
                probabilities[row, words] = hits if mixing == "back off" else probabilities[row, words] + hits


def _log(probabilities: Floats) -> Floats:
    with np.errstate(divide="ignore"):  # maximum likelihood has probabilities of 0
        return np.log(probabilities)


def estimate_ngram(
    settings: NgramSettings,
    vocabulary: int,
    ids: Ids,
    end_of_text: int,
    progress: Progress = silent,
    steps: Steps | None = None,
) -> NgramModel:
    """The n-gram model of one token stream: end-of-text, document, end-of-text, document, ..., end-of-text.

    A text too large for `settings.memory` is counted in parts; those that are finished stay among `steps`, where a
    second try finds them, until the caller has saved the model and clears them.

    Raises EtymonError for a stream that does not begin with end-of-text and for ids outside the vocabulary, and where
    the settings ask for the n-grams of lines.
    """
    if settings.sentences == LINES:
        raise EtymonError("sentences=lines asks for a model of lines", help="call estimate_lines")
    stream = checked_stream(ids, vocabulary, end_of_text)
    return counted_model(settings, vocabulary, stream, end_of_text, progress, steps)


def counted_model(
    settings: NgramSettings, vocabulary: int, stream: Ids, end_of_text: int, progress: Progress, steps: Steps | None
) -> NgramModel:
    """The n-gram model of a checked stream, whatever it is that end-of-text divides in it."""
    with columns_for(settings, vocabulary, len(stream), steps) as columns:
        counted = tables_of(settings, stream, vocabulary, end_of_text, progress, columns)
    settings = replace(settings, memory=NgramSettings.memory)  # it is no part of the model
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


def _title(settings: Mapping[str, Any]) -> str:
    lines = ", of lines" if settings.get("sentences") == LINES else ""
    return f"n-gram ({NAMES[settings.get('smoothing', NgramSettings.smoothing)]}{lines})"


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


def _estimate(
    settings: NgramSettings,
    vocabulary: int,
    ids: Ids,
    end_of_text: int,
    progress: Progress = silent,
    steps: Steps | None = None,
) -> NgramModel | LineModel:
    from etymon.models.ngram_lines import estimate_lines  # it is made from this file's model

    estimate = estimate_lines if settings.sentences == LINES else estimate_ngram
    return estimate(settings, vocabulary, ids, end_of_text, progress, steps)


def _write(draft: Draft, model: NgramModel | LineModel) -> None:
    from etymon.models.ngram_lines import write_lines

    if isinstance(model, NgramModel):
        write_counted(draft, model.counted, {"end_of_text": model.end_of_text, "tokens": model.tokens})
    else:
        write_lines(draft, model)


def _read(artifact: Artifact, settings: NgramSettings, vocabulary: int) -> NgramModel | LineModel:
    from etymon.models.ngram_lines import read_lines

    if settings.sentences == LINES:
        return read_lines(artifact, settings, vocabulary)
    about, counted = read_counted(artifact, settings.order)
    return NgramModel(settings, vocabulary, about["end_of_text"], about["tokens"], counted)


FAMILY = Family(
    name="ngram",
    title=_title({}),
    titles=_title,
    settings=NgramSettings,
    learns="counts",
    order="stream",
    year=1948,  # Shannon's approximations to English; the smoothing is younger
    estimate=_estimate,
    preset=preset,
    counts=largest_counts,
    write=_write,
    read=_read,
    version=2,
)
