"""Single steps of the main job, for whoever wants one of them alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from etymon.corpus import Working, build, read_share, weights_in_words
from etymon.errors import EtymonError
from etymon.generation import Sampling, continue_text
from etymon.models import family
from etymon.models import load as load_model
from etymon.recipe import load
from etymon.run.byte_models import SmallModel
from etymon.run.mixture import FitSettings, FittedMixture, fit_mixture
from etymon.run.narrator import Narrator
from etymon.run.presets import tokenizer_preset
from etymon.run.settings import settings_type, tokenizer_of
from etymon.run.text import tell_corpus
from etymon.run.torch_wait import torch_is_there
from etymon.storage import Artifact, Store
from etymon.tokens import Tokenizer, train_tokenizer


def working_with(workers: int | None, backend: str, rank: int, world: int) -> Working:
    """How reading is spread. Raises EtymonError where there is no such rank or number of workers."""
    if world < 1 or not 0 <= rank < world:
        raise EtymonError(f"there is no rank {rank} of {world}", where="--rank", help="ranks go from 0 to --world - 1")
    if workers is not None and workers < 1:
        raise EtymonError(f"{workers} workers cannot read", where="--workers", help="one is the least")
    return Working(Working.here().workers if workers is None else workers, backend, rank, world)


def build_corpus(
    store: Store,
    paths: Sequence[str],
    overrides: Sequence[str],
    recipes: Sequence[str],
    narrator: Narrator,
    working: Working,
) -> Artifact:
    """Text to a corpus artifact."""
    return _corpus(store, paths, _settings(overrides, recipes, {}), narrator, working)


def read_corpus_share(
    store: Store,
    paths: Sequence[str],
    overrides: Sequence[str],
    recipes: Sequence[str],
    narrator: Narrator,
    working: Working,
) -> tuple[int, int]:
    """The readings of one rank: how many, and of how many."""
    settings = _settings(overrides, recipes, {}).corpus
    with narrator.phase("reading the text") as progress:
        return read_share(store, paths, settings, working=working, progress=progress)


def build_tokenizer(
    store: Store, paths: Sequence[str], overrides: Sequence[str], recipes: Sequence[str], narrator: Narrator
) -> Artifact:
    """Text to a tokenizer artifact, by way of its corpus."""
    corpus = _corpus(store, paths, _settings(overrides, recipes, {}), narrator, Working.here())
    preset = tokenizer_preset(int(corpus.statistics["splits"]["train"]["bytes"]))
    vocabulary = {"tokenizer": {"vocabulary": preset.values["tokenizer.vocabulary"]}}
    with narrator.phase("learning the tokenizer") as progress:
        return train_tokenizer(store, corpus, _settings(overrides, recipes, vocabulary).tokenizer, progress=progress)


def _corpus(store: Store, paths: Sequence[str], settings: Any, narrator: Narrator, working: Working) -> Artifact:
    with narrator.phase("reading the text") as progress:
        corpus = build(store, paths, settings.corpus, working=working, progress=progress)
    tell_corpus(narrator, corpus)
    return corpus


def _settings(overrides: Sequence[str], recipes: Sequence[str], base: dict[str, Any]) -> Any:
    kind = settings_type(torch_is_there())
    return load(kind, files=[Path(recipe) for recipe in recipes], overrides=overrides, base=base)


def fit_weights(store: Store, corpus: Artifact, overrides: Sequence[str], narrator: Narrator) -> FittedMixture:
    """The weights of a corpus's domains, fitted and checked. Overrides are settings of `FitSettings`: runs=32."""
    settings = load(FitSettings, overrides=overrides)
    with narrator.phase("fitting a mixture") as progress:
        return fit_mixture(
            store,
            corpus,
            target=weights_in_words(settings.target, "target") or None,
            runs=settings.runs,
            run_bytes=settings.run_bytes,
            final_bytes=settings.final_bytes,
            most_epochs=settings.most_epochs,
            model=SmallModel(family=settings.family, steps=settings.steps),
            seed=settings.seed,
            progress=progress,
        )


def write_on(store: Store, reference: str, prompt: str, overrides: Sequence[str]) -> str:
    """What a model writes after a prompt. Overrides are settings of `Sampling`: temperature=0.7."""
    artifact = store.open(reference)
    if artifact.kind != "model":
        raise EtymonError(
            f"{reference} is a {artifact.kind}, which cannot write", help="`etymon ls --kind model` lists the models"
        )
    kind = family(str(artifact.recipe["family"]))
    if kind.objective == "masked":
        raise EtymonError(
            f"{reference} is a {kind.name}, which cannot continue a text",
            why="it fills in what is hidden, given what stands on both sides of it",
            help="name a model that reads from left to right: `etymon ls --kind model` lists the models",
        )
    sampling = load(Sampling, overrides=overrides)
    tokenizer = Tokenizer.open(tokenizer_of(store, artifact))
    return continue_text(load_model(artifact), tokenizer, prompt, sampling)
