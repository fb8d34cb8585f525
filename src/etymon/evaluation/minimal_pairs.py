"""Minimal pairs: of two sentences that differ in one point of grammar, which does a model find the likelier one?"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.models import FillsIn, LanguageModel
from etymon.progress import Progress, silent
from etymon.statistics import Result, ratio_result
from etymon.tokens import Batch, Tokenizer

UNIT = "share of pairs"
CHANCE = 0.5
BATCH_TOKENS = 8_192
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class MinimalPair:
    """A sentence and its twin that breaks one rule. `group`: the phenomenon it belongs to; `name`: its own."""

    good: str
    bad: str
    group: str
    name: str


def read_blimp(archive: Path, *, each: int | None = None) -> list[MinimalPair]:
    """The pairs of BLiMP (Warstadt et al. 2020, arXiv 1912.00582) from its archive as published: 67 paradigms of 1,000
    pairs, grouped by phenomenon. `each`: only the first so many of every paradigm (they were made in random order)."""
    pairs: list[MinimalPair] = []
    try:
        with zipfile.ZipFile(archive) as opened:
            for member in sorted(name for name in opened.namelist() if name.endswith(".jsonl")):
                if not member.startswith("__MACOSX"):
                    pairs += [_pair(line) for line in opened.read(member).splitlines()[:each]]
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError, json.JSONDecodeError, KeyError) as error:
        raise EtymonError(
            "This is no archive of minimal pairs as BLiMP publishes them",
            where=str(archive),
            why=f"{type(error).__name__}: {error}",
            help="give BLiMP.zip from github.com/alexwarstadt/blimp, unchanged",
        ) from error
    if not pairs:
        raise EtymonError("There are no minimal pairs in this archive", where=str(archive), help="give BLiMP.zip")
    return pairs


def _pair(line: bytes) -> MinimalPair:
    row = json.loads(line)
    return MinimalPair(
        good=row["sentence_good"],
        bad=row["sentence_bad"],
        group=row["linguistics_term"],
        name=f"{row['UID']}/{row['pairID']}",
    )


def minimal_pairs(
    model: LanguageModel | FillsIn,
    tokenizer: Tokenizer,
    pairs: Sequence[MinimalPair],
    *,
    batch_tokens: int = BATCH_TOKENS,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Result]:
    """For each group the share of pairs whose good sentence the model scores above the bad one (a tie counts half; 0.5
    is chance), with a 95 % interval by resampling pairs; groups in the order of their names.

    A sentence's score is the logarithm of its probability behind end-of-text, by the chain rule. For a model that fills
    in it is the pseudo-log-likelihood (Salazar et al. 2020, arXiv 1910.14659): the sum over its tokens of log p(token |
    all others). That favours words of several tokens, each of which is seen while the others are guessed (Kauf and
    Ivanova 2023, arXiv 2305.10588). The protocol says which it was.

    `values` are the outcomes of the pairs, `items` their names. The interval takes pairs for independent; those of one
    paradigm are made from one template and a small lexicon, so other templates would vary more.
    """
    if not pairs:
        raise EtymonError("There are no minimal pairs to judge", help="read_blimp reads some")
    if model.vocabulary != tokenizer.vocabulary:
        raise EtymonError(
            "This model and this tokenizer do not belong together",
            why=f"the model knows {model.vocabulary} tokens, the tokenizer {tokenizer.vocabulary}",
        )
    sentences = [sentence for pair in pairs for sentence in (pair.good, pair.bad)]
    scores = sentence_scores(model, tokenizer, sentences, batch_tokens=batch_tokens, progress=progress)
    difference = scores[::2] - scores[1::2]
    outcomes = np.where(difference == 0, CHANCE, difference > 0)
    found: dict[str, Result] = {}
    for group in sorted({pair.group for pair in pairs}):
        rows = [row for row, pair in enumerate(pairs) if pair.group == group]
        names = [pairs[row].name for row in rows]
        protocol = f"minimal pairs: {group}, {len(rows)} pairs; {way(model)}"
        found[group] = ratio_result("accuracy", UNIT, outcomes[rows], np.ones(len(rows)), names, protocol, seed)
    return found


def way(model: LanguageModel | FillsIn) -> str:
    """How a model scores a sentence, in words."""
    if isinstance(model, FillsIn):
        return "pseudo-log-likelihood, each token hidden alone"
    return "log-probability of the sentence behind end-of-text"


def sentence_scores(
    model: LanguageModel | FillsIn,
    tokenizer: Tokenizer,
    sentences: Sequence[str],
    *,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress = silent,
) -> NDArray[np.float64]:
    """Nats [N] of each sentence: its log-probability, or pseudo-log-likelihood for a model that fills in."""
    rows = [np.asarray(ids, np.int64) for ids in tokenizer.encode_batch(sentences)]
    _check(model, rows, sentences)
    score = _filled_in(model, batch_tokens) if isinstance(model, FillsIn) else _read_on(model, tokenizer.end_of_text)
    scores, done = np.zeros(len(rows)), 0
    for together in _of_one_length(rows, batch_tokens):
        scores[together] = score(np.stack([rows[row] for row in together]))
        done += len(together)
        progress(done, len(rows), "sentences scored")
    if not np.isfinite(scores).all():
        where = sentences[int(np.flatnonzero(~np.isfinite(scores))[0])]
        raise EtymonError("The model gives no finite probability to a sentence", where=repr(where))
    return scores


def _check(model: LanguageModel | FillsIn, rows: Sequence[Numbers], sentences: Sequence[str]) -> None:
    for ids, sentence in zip(rows, sentences, strict=True):
        if not len(ids):
            raise EtymonError("A sentence of a minimal pair is empty", help="give two sentences to compare")
        if model.context is not None and len(ids) > model.context:
            raise EtymonError(
                "A sentence does not fit this model",
                where=repr(sentence),
                why=f"it has {len(ids)} tokens, the model reads {model.context} at once",
            )


def _of_one_length(rows: Sequence[Numbers], tokens: int) -> Iterator[list[int]]:
    """Sentences of equally many tokens together, of at most `tokens` tokens in all (or one)."""
    lengths = np.array([len(ids) for ids in rows])
    for length in np.unique(lengths).tolist():
        same = np.flatnonzero(lengths == length).tolist()
        most = max(tokens // (length + 1), 1)
        for begin in range(0, len(same), most):
            yield same[begin : begin + most]


def _read_on(model: LanguageModel, end_of_text: int) -> Callable[[Numbers], NDArray[np.float64]]:
    def score(rows: Numbers) -> NDArray[np.float64]:
        ids = np.concatenate([np.full((len(rows), 1), end_of_text), rows[:, :-1]], 1)
        log_probs = model.log_probs(Batch(ids=ids, targets=rows, weights=np.ones_like(rows)))
        return np.asarray(log_probs, np.float64).sum(1)

    return score


def _filled_in(model: FillsIn, tokens: int) -> Callable[[Numbers], NDArray[np.float64]]:
    def score(rows: Numbers) -> NDArray[np.float64]:
        length = rows.shape[1]
        copies = np.repeat(rows, length, 0)
        places = np.arange(len(copies)) % length
        nats = np.empty(len(copies))
        most = max(tokens // length, 1)
        for begin in range(0, len(copies), most):
            ids, at = copies[begin : begin + most], places[begin : begin + most]
            each = np.arange(len(ids))
            nats[begin : begin + most] = np.asarray(model.hidden_log_probs(ids, at))[each, ids[each, at]]
        return nats.reshape(len(rows), length).sum(1)

    return score
