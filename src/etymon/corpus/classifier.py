"""A small text classifier: logistic regression on hashed words and pairs of words, with calibrated probabilities.

As fast and nearly as good as the linear classifiers of fastText (Joulin et al. 2016), and plain numpy: every weight is
that of a word or of two in a row, there is no pretrained part, and the same texts and seed give the same weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.corpus.measures.batch import Batch
from etymon.corpus.measures.unicode import PUNCTUATION, SPACE
from etymon.errors import EtymonError
from etymon.progress import Progress, silent

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BITS = 17
"""Of a bucket: 131,072 weights. Four times as many gain 0.001 of area under the curve on 25,000 short texts."""
STEPS, RATE, DECAY = 150, 1.0, 1e-5
CALIBRATION = 0.2
"""Share of the texts that the weights never see, to calibrate on."""
LEAST = 20
"""Texts of each label."""
BATCH_CHARACTERS = 1 << 20
PAIR, MIXER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
IDEOGRAPHS = 0x2E80
"""From here on a character is a word by itself, for these scripts set no spaces."""


@dataclass(frozen=True, slots=True)
class _Features:
    """What is in some texts: for each word and pair of words its text, its bucket, and its weight 1 / sqrt(features of
    the text), so that long texts are not surer for their length alone. All [F]."""

    document: Ints
    bucket: Ints
    value: Floats
    documents: int

    def sums(self, weights: Floats) -> Floats:
        """The weighted sum of each text's features. [D]"""
        return np.bincount(self.document, weights[self.bucket] * self.value, self.documents).astype(np.float64)

    def back(self, errors: Floats) -> Floats:
        """The errors of the texts [D] on the buckets. [2^BITS]"""
        return np.bincount(self.bucket, errors[self.document] * self.value, 1 << BITS).astype(np.float64)


def _features(texts: Sequence[str]) -> _Features:
    batch = Batch([text.lower() for text in texts])
    inside = ~batch.has(SPACE | PUNCTUATION)
    alone = inside & (batch.codes >= IDEOGRAPHS)
    before, alone_before = np.roll(inside, 1), np.roll(alone, 1)
    before[0] = alone_before[0] = False
    apart = alone | alone_before
    words = batch.spans(np.flatnonzero(inside & (~before | apart)), np.flatnonzero(before & (~inside | apart)))
    hashes = batch.hashes(words)
    together = words.document[1:] == words.document[:-1]
    pairs = (hashes[:-1] * PAIR + hashes[1:])[together]
    document = np.concatenate([words.document, words.document[1:][together]])
    features = np.concatenate([hashes, pairs])
    features = (features ^ (features >> np.uint64(29))) * MIXER
    counts = np.bincount(document, minlength=len(texts))
    bucket = (features >> np.uint64(64 - BITS)).astype(np.int64)
    return _Features(document, bucket, 1 / np.sqrt(counts[document]), len(texts))


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    begin = held = 0
    for at, text in enumerate(texts):
        held += len(text)
        if held >= BATCH_CHARACTERS:
            yield texts[begin : at + 1]
            begin, held = at + 1, 0
    if begin < len(texts):
        yield texts[begin:]


@dataclass(frozen=True, slots=True)
class Classifier:
    """A trained classifier: `weights` by bucket [2^BITS], `bias`, and `slope` and `shift` of its calibration."""

    weights: Floats
    bias: float
    slope: float
    shift: float

    def scores(self, texts: Sequence[str]) -> Floats:
        """The probability that each text has the label. [D] One without a word gets what the bias says alone."""
        raw = [self.bias + _features(batch).sums(self.weights) for batch in _batches(texts)]
        return _logistic(self.slope * np.concatenate([*raw, np.zeros(0)]) + self.shift)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What it is, to be kept in an artifact: 512 KiB of weights, and three numbers."""
        return {"weights": self.weights.astype(np.float32), "numbers": np.array([self.bias, self.slope, self.shift])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Classifier:
        """What `to_arrays` gave. Raises EtymonError for arrays of other shapes or with numbers that are none."""
        weights, numbers = (np.asarray(arrays.get(name, ()), np.float64) for name in ("weights", "numbers"))
        if weights.shape != (1 << BITS,) or numbers.shape != (3,):
            why = f"weights {weights.shape} and numbers {numbers.shape}, not ({1 << BITS},) and (3,)"
            raise EtymonError("this is no text classifier", why=why)
        if not (np.isfinite(weights).all() and np.isfinite(numbers).all()):
            raise EtymonError("the text classifier is damaged", why="not all of its numbers are finite")
        return cls(weights, *(float(each) for each in numbers))


def train(
    texts: Sequence[str], labels: Sequence[bool] | NDArray[np.bool_], *, seed: int, progress: Progress = silent
) -> Classifier:
    """A classifier that tells the texts with the label from those without.

    Logistic regression by AdaGrad (Duchi et al. 2011) on all texts at once, then Platt's scaling (1999) on a fifth of
    them that it was not trained on, drawn by `seed` from each label alike. Raises EtymonError where there are fewer
    than 20 texts of a label."""
    truth = np.asarray(labels, bool)
    if len(truth) != len(texts):
        raise EtymonError(f"{len(truth)} labels for {len(texts)} texts", where="classifier")
    if min(truth.sum(), (~truth).sum()) < LEAST:
        why = f"{int(truth.sum())} have the label, {int((~truth).sum())} have not"
        raise EtymonError(f"a classifier needs {LEAST} texts of each label", where="classifier", why=why)
    held = _held_out(truth, seed)
    seen, unseen = ([text for text, out in zip(texts, held, strict=True) if out == each] for each in (False, True))
    weights, bias = _fit(_joined(seen), truth[~held], progress)
    weights = weights.astype(np.float32).astype(np.float64)  # as they are kept: the same scores before and after
    return Classifier(weights, bias, *_platt(bias + _joined(unseen).sums(weights), truth[held]))


def _joined(texts: Sequence[str]) -> _Features:
    """The features of many texts, found in batches: 24 bytes for each word and pair."""
    parts = [_features(batch) for batch in _batches(texts)]
    first = np.cumsum([0, *(part.documents for part in parts)])
    return _Features(
        np.concatenate([part.document + begin for part, begin in zip(parts, first[:-1], strict=True)]),
        np.concatenate([part.bucket for part in parts]),
        np.concatenate([part.value for part in parts]),
        len(texts),
    )


def _held_out(truth: NDArray[np.bool_], seed: int) -> NDArray[np.bool_]:
    """A fifth of the texts of each label. [D]"""
    rng = np.random.default_rng(seed)
    held = np.zeros(len(truth), bool)
    for label in (False, True):
        mine = rng.permutation(np.flatnonzero(truth == label))
        held[mine[: max(1, int(CALIBRATION * len(mine)))]] = True
    return held


def _fit(features: _Features, truth: NDArray[np.bool_], progress: Progress) -> tuple[Floats, float]:
    weights, squares = np.zeros(1 << BITS), np.full(1 << BITS, 1e-12)
    share = float(truth.mean())
    bias, bias_squares = float(np.log(share / (1 - share))), 1e-12
    for step in range(STEPS):
        progress(step, STEPS, "learning")
        errors = (_logistic(bias + features.sums(weights)) - truth) / len(truth)
        gradient = features.back(errors) + DECAY * weights
        squares += gradient * gradient
        weights -= RATE * gradient / np.sqrt(squares)
        bias_gradient = float(errors.sum())
        bias_squares += bias_gradient * bias_gradient
        bias -= RATE * bias_gradient / bias_squares**0.5
    return weights, bias


def _platt(raw: Floats, truth: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and shift under which logistic(slope * raw + shift) are probabilities: Newton's method on targets that are
    drawn a little to the middle (Platt 1999; Lin, Lin and Weng 2007). The slope is never negative."""
    yes, no = int(truth.sum()), int((~truth).sum())
    target = np.where(truth, (yes + 1) / (yes + 2), 1 / (no + 2))
    slope, shift = 1.0, 0.0
    for _ in range(50):
        p = _logistic(slope * raw + shift)
        error, spread = p - target, p * (1 - p) + 1e-9
        gradient = np.array([error @ raw, error.sum()])
        curvature = np.array([[spread @ (raw * raw), spread @ raw], [spread @ raw, spread.sum()]]) + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        slope, shift = max(slope - float(step[0]), 0.0), shift - float(step[1])
        if float(np.abs(step).max()) < 1e-9:
            break
    return slope, shift


def _logistic(z: Floats) -> Floats:
    return 0.5 * (1.0 + np.tanh(0.5 * z))
