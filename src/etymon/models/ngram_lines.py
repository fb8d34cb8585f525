"""n-grams of lines, as KenLM and SRILM count them: each line is a sentence, and no n-gram reaches across its end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from etymon.models.family import Counts
from etymon.models.language_model import Ids, check_ids
from etymon.models.ngram import NgramModel, Tap, counted_model
from etymon.models.ngram_files import read_counted, write_counted
from etymon.models.ngram_settings import NgramSettings
from etymon.models.ngram_tables import Floats, Indices, checked_stream
from etymon.progress import Progress, silent
from etymon.tokens import Batch

if TYPE_CHECKING:
    from etymon.storage import Artifact, Draft, Steps

ABOUT = "lines.json"


class LineModel:
    """An n-gram model of the lines of a text. To the counts every token that ends a line and end-of-text are the same,
    `</s>`, and `<s>` stands before each line; so they are those of `lmplz` for the lines.

        p(w | h) = p(w | h in its line),   p(end | h) = p(</s> | h in its line) x share(end)

    share is how often lines ended so in the text, one more for each way: by this token, by that, with their document.
    So every token of the vocabulary has its own probability, and all sum to 1.
    """

    family = "ngram"
    context: int | None = None

    def __init__(self, lines: NgramModel, vocabulary: int, end_of_text: int, endings: Sequence[int]) -> None:
        """`lines`: the model of folded tokens (`Fold`); `endings`: how often each end of `Fold.ends` was counted."""
        self.lines, self.settings = lines, lines.settings
        self.vocabulary, self.end_of_text, self.endings = vocabulary, end_of_text, list(endings)
        self.fold = Fold(vocabulary, end_of_text, self.settings.line_ends)
        self._log_share = np.zeros(vocabulary)
        counts = np.array(endings, np.float64) + 1
        self._log_share[self.fold.ends] = np.log(counts / counts.sum())

    def log_probs(self, batch: Batch[Any], *, tap: Tap | None = None) -> Floats:
        """Nats [B, T]; taps see the model of lines."""
        ids, targets = np.asarray(batch.ids), np.asarray(batch.targets)
        check_ids(ids, self.vocabulary)
        check_ids(targets, self.vocabulary)
        folded = replace(batch, ids=self.fold.numbers[ids], targets=self.fold.numbers[targets])
        return self.lines.log_probs(folded, tap=tap) + self._log_share[targets]

    def next_log_probs(self, ids: Ids, state: Indices | None = None) -> tuple[Floats, Indices]:
        check_ids(ids, self.vocabulary)
        found, state = self.lines.next_log_probs(self.fold.numbers[ids], state)
        return found[:, self.fold.numbers] + self._log_share, state

    def sites(self) -> Sequence[str]:
        return self.lines.sites()

    def counts(self, length: int = 1) -> Counts:
        """Those of the model of lines, and a share for each way in which lines end."""
        found = self.lines.counts(length)
        return replace(found, parameters=found.parameters + len(self.endings))


class Fold:
    """The tokens of a vocabulary, all that end a line made one.

    ends [E]: end-of-text and the tokens that end a line. numbers [V]: the folded id of each token.
    """

    def __init__(self, vocabulary: int, end_of_text: int, line_ends: Sequence[int]) -> None:
        ends = np.array([end_of_text, *line_ends], np.int64)
        check_ids(ends, vocabulary)
        kept = np.ones(vocabulary, np.bool_)
        kept[ends[1:]] = False
        self.ends = ends
        self.kept = np.flatnonzero(kept)
        self.numbers: Indices = np.cumsum(kept) - 1
        self.end = int(self.numbers[end_of_text])
        self.numbers[ends] = self.end

    def stream(self, ids: NDArray[Any]) -> NDArray[Any]:
        """A stream of lines from one of documents: where a document ends right behind a line, that line ends once."""
        ended = np.isin(ids, self.ends[1:])
        closing = np.zeros(len(ids), np.bool_)
        closing[1:] = ended[:-1] & (ids[1:] == self.ends[0])
        return self.numbers[ids[~closing]]


def estimate_lines(
    settings: NgramSettings,
    vocabulary: int,
    ids: Ids,
    end_of_text: int,
    progress: Progress = silent,
    steps: Steps | None = None,
) -> LineModel:
    """The model of the lines of one token stream; `settings.line_ends` are the tokens that end a line."""
    stream = checked_stream(ids, vocabulary, end_of_text)
    fold = Fold(vocabulary, end_of_text, settings.line_ends)
    lines = counted_model(settings, len(fold.kept), fold.stream(np.asarray(stream)), fold.end, progress, steps)
    endings = np.bincount(np.asarray(stream[1:], np.int64), minlength=vocabulary)[fold.ends]
    return LineModel(lines, vocabulary, end_of_text, endings.tolist())


def write_lines(draft: Draft, model: LineModel) -> None:
    """The tables of the lines, and how they ended."""
    write_counted(draft, model.lines.counted, {"end_of_text": model.end_of_text, "tokens": model.lines.tokens})
    draft.write(ABOUT, json.dumps({"endings": model.endings}).encode())


def read_lines(artifact: Artifact, settings: NgramSettings, vocabulary: int) -> LineModel:
    """What `write_lines` wrote."""
    about, counted = read_counted(artifact, settings.order)
    fold = Fold(vocabulary, about["end_of_text"], settings.line_ends)
    lines = NgramModel(settings, len(fold.kept), fold.end, about["tokens"], counted)
    return LineModel(lines, vocabulary, about["end_of_text"], artifact.read_json(ABOUT)["endings"])
