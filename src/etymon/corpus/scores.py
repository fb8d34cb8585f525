"""Scores: the classifiers that a build is given, as columns of probabilities and as rules that judge them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.corpus.classifier import Classifier
from etymon.corpus.rules import Rule
from etymon.corpus.settings import CorpusSettings
from etymon.errors import EtymonError
from etymon.storage import Artifact, Store

KIND, WEIGHTS_FILE = "classifier", "classifier.safetensors"
COLUMN = "score."
"""What the name of a classifier's column begins with: "score.quality"."""
GENRE = "genre."
"""What the names of classifiers begin with that label a genre: "genre.news"."""
SURE = 0.5
DECIMALS = 6
"""Of a score, so that it is the same number on processors that round the logistic function differently."""
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,39}")


@dataclass(frozen=True, slots=True)
class Scorer:
    """A classifier of a build: what it is called there, its artifact's id, the hash of its bytes, and where it lies."""

    name: str
    id: str
    digest: str
    path: str


def classifier_in(artifact: Artifact) -> Classifier:
    """The classifier that an artifact holds. Raises EtymonError where it is of another kind."""
    from safetensors.numpy import load

    if artifact.kind != KIND:
        raise EtymonError(
            f"{artifact.id[:16]} is a {artifact.kind}, not a classifier",
            where=str(artifact.path),
            help="`etymon ls --kind classifier` lists them",
        )
    arrays: dict[str, np.ndarray[Any, Any]] = load(artifact.read(WEIGHTS_FILE))
    return Classifier.from_arrays(arrays)


def find_classifier(store: Store, reference: str) -> Artifact:
    """The artifact of a classifier by reference; "latest" is the newest. Raises EtymonError where it holds none."""
    known = store.artifacts(KIND) if reference == "latest" else []
    artifact = known[-1] if known else store.open(reference)
    classifier_in(artifact)
    return artifact


def scorers_of(store: Store, settings: CorpusSettings) -> tuple[Scorer, ...]:
    """The classifiers that settings name, in the order of their names. Raises EtymonError for one that this store does
    not hold or that is none."""
    scorers: list[Scorer] = []
    for name, reference in sorted(_named(settings.classifiers, "corpus.classifiers", "quality=ID").items()):
        artifact = store.open(
            find_classifier(store, reference).id
        )  # an input of the corpus has to be in the same store
        scorers.append(Scorer(name, artifact.id, artifact.content_hash, str(artifact.path.absolute())))
    return tuple(scorers)


def score_rules(settings: CorpusSettings) -> tuple[Rule, ...]:
    """The rules that `corpus.least_score` and `corpus.most_score` stand for: "low quality", "high toxicity"."""
    sides: tuple[tuple[tuple[str, ...], str, str, str], ...] = (
        (settings.least_score, "corpus.least_score", "low", "<"),
        (settings.most_score, "corpus.most_score", "high", ">"),
    )
    return tuple(
        Rule(f"{word} {name}", COLUMN + name, op, _probability(value, setting), f"the setting {setting}")
        for given, setting, word, op in sides
        for name, value in _named(given, setting, "quality=0.3").items()
    )


def check_scored(rules: Iterable[Rule], scorers: Sequence[Scorer]) -> None:
    """Raises EtymonError where a rule judges a score that no classifier gives."""
    names = [scorer.name for scorer in scorers]
    for rule in rules:
        name = rule.column.removeprefix(COLUMN)
        if rule.column.startswith(COLUMN) and name not in names:
            raise EtymonError(
                f"the rule {rule.name} judges {rule.column}, and no classifier is called {name}",
                where=rule.source if rule.source.startswith("the setting") else "corpus.recipe",
                why=f"the classifiers are {', '.join(names)}" if names else "no classifiers are given",
                help=f"name one with corpus.classifiers={name}=ID",
            )


def _named(given: Sequence[str], setting: str, example: str) -> dict[str, str]:
    """Words of the form NAME=VALUE by their names."""
    found: dict[str, str] = {}
    for each in given:
        name, equals, value = (part.strip() for part in each.partition("="))
        if not equals or not value or not _NAME.fullmatch(name):
            raise EtymonError(
                f"{each} is no NAME=VALUE", where=setting, help=f"write {setting}={example}, names in small letters"
            )
        if name in found:
            raise EtymonError(f"{name} is given twice", where=setting, help="give each name once")
        found[name] = value
    return found


def _probability(text: str, setting: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise EtymonError(f"the threshold {text} is no probability", where=setting, help="give a number from 0 to 1")
    return value


def places(scorers: Sequence[Scorer]) -> str:
    """Where the classifiers lie on this machine, by name."""
    return json.dumps({scorer.name: scorer.path for scorer in scorers}) if scorers else ""


def scores(texts: Sequence[str], places: str) -> dict[str, NDArray[np.float64]]:
    """The scores of some texts by column: how probable each classifier finds it that a text has its label. [D]"""
    return {COLUMN + name: scored(texts).round(DECIMALS) for name, scored in _classifiers(places).items()}


@cache
def _classifiers(places: str) -> Mapping[str, Callable[[Sequence[str]], NDArray[np.float64]]]:
    found: dict[str, str] = json.loads(places) if places else {}
    return {name: classifier_in(Artifact.stored(Path(path))).scores for name, path in found.items()}


def scored_genre(scores: Mapping[str, NDArray[np.float64]], row: int) -> str:
    """The genre whose classifier is surest of a text, at a probability of a half or more; "" where none is."""
    start = COLUMN + GENRE
    found = [
        (float(values[row]), name.removeprefix(start)) for name, values in scores.items() if name.startswith(start)
    ]
    score, genre = max(found, default=(0.0, ""))
    return genre if score >= SURE else ""
