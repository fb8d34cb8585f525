"""Trials: small models of both recipes' text, and what each document asked about costs them, kept as artifacts.

A stopped ablation finds the trials that were finished; one with more seeds only adds the new ones.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from etymon.progress import Progress
from etymon.run.byte_models import SmallModel, bits_of, byte_stream, learn
from etymon.storage import Artifact, Run, Store
from etymon.tokens import TokenStream

STAGE_VERSION = 1
KIND, BITS_FILE = "trial", "bits.json"


@dataclass(frozen=True)
class Trial:
    """One model to be trained: its kind, its seed, and the side (0: A, 1: B) whose text it learns."""

    kind: SmallModel
    seed: int
    side: int

    @property
    def key(self) -> tuple[str, int, int]:
        """What its outcome is called by."""
        return self.kind.family, self.seed, self.side

    @property
    def words(self) -> str:
        """For the line of progress."""
        return f"the {self.kind.family} of {'AB'[self.side]}, seed {self.seed}"


class Trials:
    """Trains what is missing. `texts` [2] are what each side learns, by seed; `asked` is what all are asked about."""

    def __init__(self, store: Store, run: Run, corpora: Sequence[Artifact], asked: TokenStream) -> None:
        self._store, self._run, self._corpora, self._asked = store, run, corpora, asked

    def bits(
        self, trials: Sequence[Trial], texts: Mapping[tuple[int, int], list[str]], progress: Progress
    ) -> dict[tuple[str, int, int], Mapping[str, float]]:
        """The bits of every document asked about, by trial; `texts` are by seed and side."""
        streams = {place: byte_stream(each) for place, each in texts.items()}
        missing = [each for each in trials if self._found(each, streams) is None]
        pace = _Pace(missing, progress)
        for each in missing:
            pace.begin(each)
            self._train(each, streams)
            pace.end(each)
        return {each.key: self._read(each, streams) for each in trials}

    def _recipe(self, trial: Trial, streams: Mapping[tuple[int, int], TokenStream]) -> dict[str, Any]:
        learned = streams[trial.seed, trial.side]
        return {
            "model": trial.kind.describe(),
            "seed": trial.seed,
            "learned": _digest(learned),
            "asked": _digest(self._asked),
        }

    def _inputs(self, trial: Trial) -> dict[str, str]:
        return {"corpus": self._corpora[trial.side].id}

    def _found(self, trial: Trial, streams: Mapping[tuple[int, int], TokenStream]) -> Artifact | None:
        return self._store.find(KIND, self._recipe(trial, streams), self._inputs(trial), stage_version=STAGE_VERSION)

    def _train(self, trial: Trial, streams: Mapping[tuple[int, int], TokenStream]) -> None:
        stream = streams[trial.seed, trial.side]
        series = f"{trial.kind.family}-{trial.seed}-{'ab'[trial.side]}"
        model = learn(trial.kind, stream, seed=trial.seed, into=self._run, series=series)
        bits = bits_of(model, self._asked)
        recipe, inputs = self._recipe(trial, streams), self._inputs(trial)
        with self._store.create(KIND, recipe, inputs, stage_version=STAGE_VERSION) as draft:
            draft.write(BITS_FILE, json.dumps(dict(bits)).encode())
            draft.seal({"documents": len(bits), "bits": sum(bits.values()), "bytes": int(self._asked.bytes.sum())})

    def _read(self, trial: Trial, streams: Mapping[tuple[int, int], TokenStream]) -> Mapping[str, float]:
        found = self._found(trial, streams)
        assert found is not None  # trained a moment ago, or found before that
        return json.loads(found.read(BITS_FILE))


def _digest(stream: TokenStream) -> str:
    """The documents of a stream in their order, as one name."""
    return hashlib.sha256("\n".join(stream.documents).encode()).hexdigest()


class _Pace:
    """Progress in seconds of training. A GPT takes many times as long as an n-gram, so nothing is said of the time that
    remains before one model of each kind has been trained, and then each kind counts by its own."""

    def __init__(self, missing: Sequence[Trial], progress: Progress) -> None:
        self._left = [each.kind.family for each in missing]
        self._progress, self._spent, self._begun = progress, 0.0, 0.0
        self._took: dict[str, list[float]] = {}

    def begin(self, trial: Trial) -> None:
        """A trial begins: tells how far the work is."""
        self._begun = time.monotonic()
        known = all(family in self._took for family in self._left)
        coming = sum(sum(took) / len(took) for took in map(self._took.get, self._left) if took)
        self._progress(self._spent, self._spent + coming if known else None, trial.words)

    def end(self, trial: Trial) -> None:
        """It is done."""
        took = time.monotonic() - self._begun
        self._took.setdefault(trial.kind.family, []).append(took)
        self._left.remove(trial.kind.family)
        self._spent += took
