"""`etymon ablate`: two recipes by name or file, the corpora that they give, and the comparison, told as it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from etymon.corpus import CorpusSettings, Working, recipe
from etymon.errors import EtymonError
from etymon.recipe import load, parse_bytes, sources
from etymon.run.ablation import LEAST_BUDGET, MODELS, Ablation, compare, corpus_of
from etymon.run.byte_models import SmallModel
from etymon.run.narrator import Narrator
from etymon.run.settings import settings_type
from etymon.run.text import tell_corpus
from etymon.run.torch_wait import torch_is_there
from etymon.storage import Artifact, Store

MOST_SEEDS = 100
NO_PATHS: Sequence[str] = ()


def ablate_recipes(
    store: Store,
    recipes: tuple[str, str],
    paths: Sequence[str],
    overrides: Sequence[str],
    narrator: Narrator,
    working: Working,
    *,
    trusted: Sequence[str] = NO_PATHS,
    families: Sequence[str] = NO_PATHS,
    budget: str = "2MB",
    seeds: int = 5,
) -> Ablation:
    """As `etymon.run.ablate`; recipes are names or TOML files of rules, `overrides` settings of the corpus for both.

    Every mistake in what was asked for is told before anything is read."""
    settings = two_settings(recipes, overrides)
    models, size = small_models(families), parse_bytes(budget)
    if size < LEAST_BUDGET:
        raise EtymonError(
            f"{budget} is too little to train on", where="--budget", help=f"at least {LEAST_BUDGET:,} bytes, like 2MB"
        )
    if not 1 <= seeds <= MOST_SEEDS:
        raise EtymonError(f"there cannot be {seeds} seeds", where="--seeds", help=f"1 to {MOST_SEEDS}")
    if not paths:
        raise EtymonError("no text is named", where="PATH", help="name a file or folder after the two recipes")
    made: list[Artifact] = []
    for name, each in zip(("A", "B"), settings, strict=True):
        narrator.say(f"{name}: {each.recipe}")
        with narrator.phase(f"reading the text by {each.recipe}") as progress:
            made.append(corpus_of(store, paths, each, f"recipe {name}", working, progress))
        tell_corpus(narrator, made[-1])
    wanted = None
    if trusted:
        with narrator.phase("reading the trusted text") as progress:
            wanted = corpus_of(store, trusted, CorpusSettings(), "trusted text", working, progress)
    with narrator.phase("training small models") as progress:
        return compare(store, made, wanted, models=models, budget=size, seeds=seeds, progress=progress)


def small_models(families: Sequence[str]) -> list[SmallModel]:
    """The kinds of small model to train; where none is named, all that can be trained here."""
    known = {each.family: each for each in MODELS if each.family == "ngram" or torch_is_there()}
    for name in families:
        if name not in known:
            raise EtymonError(f"there is no small model {name}", where="--models", help=f"there are {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(families or known)]


def two_settings(recipes: tuple[str, str], overrides: Sequence[str]) -> tuple[CorpusSettings, CorpusSettings]:
    """The corpus settings of both. Raises EtymonError for an unknown recipe, for the same one twice, and for settings
    that have no part in it."""
    kind = settings_type(torch_is_there())
    settings: CorpusSettings = load(kind, overrides=overrides).corpus
    for key in sources(kind, overrides=overrides):
        if not key.startswith("corpus.") or key == "corpus.recipe":
            why = "A and B are the recipes" if key == "corpus.recipe" else "only settings of the corpus play a part"
            raise EtymonError(f"{key} is set", where="command line", why=why, help="leave the setting out")
    a, b = (replace(recipe(each), name="", source="") for each in recipes)
    if a == b:
        raise EtymonError(
            f"A and B are the same recipe: {' and '.join(dict.fromkeys(recipes))}",
            where="command line",
            why="their rules, edits and languages are the same",
            help="name two recipes that differ",
        )
    return replace(settings, recipe=recipes[0]), replace(settings, recipe=recipes[1])
