"""`RunSettings`: the whole recipe of a run as one typed tree, put together from what each room declares."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, make_dataclass
from functools import cache, reduce
from typing import Annotated, Any

from etymon.corpus import CorpusSettings, MixtureSettings
from etymon.errors import EtymonError
from etymon.generation import Sampling
from etymon.models import CACHE, WITHOUT_TORCH, families, family
from etymon.objectives import SETTINGS
from etymon.recipe import Setting, from_json, to_json
from etymon.run.torch_wait import torch_is_there
from etymon.storage import Artifact, Store
from etymon.tokens import TokenizerSettings

PRESET = "the preset"
COMBINED = ("infinity", "mixture")
"""The families that are put together of others of a run."""
DEFAULT_FAMILIES = ("ngram", "lstm", "gpt")
TABLES = ("models", "training", "objectives")
"""The parts of the recipe that have a table for each family; a family that a part does not concern has none."""


@dataclass(frozen=True, kw_only=True)
class _RunSettings:
    """What every run has; `models`, `training` and `objectives` are added per installed family by `settings_type`."""

    seed: Annotated[int, Setting("every random choice follows from it: data order, first weights, samples", low=0)] = 0
    families: Annotated[tuple[str, ...], Setting("the kinds of model to train, in this order")] = DEFAULT_FAMILIES
    prompt: Annotated[str, Setting("what each model writes on from while it learns; empty: from the text itself")] = ""
    device: Annotated[
        str, Setting("where networks train; auto takes the first there is", choices=("auto", "cuda", "mps", "cpu"))
    ] = "auto"
    corpus: CorpusSettings = field(default_factory=CorpusSettings)
    tokenizer: TokenizerSettings = field(default_factory=TokenizerSettings)
    mixture: MixtureSettings = field(default_factory=MixtureSettings)
    sampling: Sampling = field(default_factory=Sampling)


@cache
def settings_type(with_networks: bool, names: tuple[str, ...] | None = None) -> type[Any]:
    """The type of the recipe tree: `_RunSettings` with tables of models, trainings and objectives, an entry a family.

    Families that learn by gradient need torch to be described; without it (`with_networks` False) only the others are.
    `names`: only these families, None: all that are installed.
    """
    kinds = [family(name) for name in families() if with_networks or name in WITHOUT_TORCH]
    kinds = [kind for kind in kinds if names is None or kind.name in names]
    models = _table("ModelsSettings", {kind.name: kind.settings for kind in kinds})
    parts: list[tuple[str, Any, Any]] = [("models", models, field(default_factory=models))]
    learners = [kind.name for kind in kinds if kind.learns == "gradients"]
    if learners:
        from etymon.training import TrainingSettings

        training = _table("TrainingsSettings", dict.fromkeys(learners, TrainingSettings))
        parts.append(("training", training, field(default_factory=training)))
    asking = {kind.name: SETTINGS[kind.objective] for kind in kinds if kind.objective in SETTINGS}
    if asking:
        objectives = _table("ObjectivesSettings", asking)
        parts.append(("objectives", objectives, field(default_factory=objectives)))
    made = make_dataclass("RunSettings", parts, bases=(_RunSettings,), frozen=True, kw_only=True)
    made.__module__, made.__doc__ = __name__, "The recipe of a run."
    return made


def only_families(settings: Any, names: tuple[str, ...]) -> Any:
    """The same settings without the tables of families that are not trained, which would do nothing."""
    kind = settings_type(torch_is_there(), names)
    values = {each.name: getattr(settings, each.name) for each in fields(kind)}
    for table in fields(kind):
        if table.name in TABLES:
            made: Any = table.default_factory
            values[table.name] = made(**{each.name: getattr(values[table.name], each.name) for each in fields(made)})
    return kind(**values)


def check_used(given: dict[str, str], names: tuple[str, ...]) -> None:
    """Nothing may be set that does nothing: `given` are the keys that the user set, with where."""
    for key, where in given.items():
        table, _, rest = key.partition(".")
        name = rest.partition(".")[0]
        if table in TABLES and name not in names and where != PRESET:
            raise EtymonError(
                f"{key} is set, but no {name} is trained",
                where=where,
                why=f"families = {', '.join(names)}",
                help=f"add it (families={','.join((*names, name))}) or leave the setting out",
            )


def check_mixed(mixture: MixtureSettings, given: dict[str, str], names: tuple[str, ...]) -> None:
    """A mixture is of what networks read: where none is trained it would do nothing. What says no more than the
    default, as the resolved recipe of a run does, is none."""
    if mixture == MixtureSettings() or not set(names) <= set(WITHOUT_TORCH):
        return
    key = next(key for key in given if key.startswith("mixture."))
    raise EtymonError(
        f"{key} is set, but no network is trained",
        where=given[key],
        why="an n-gram counts all of the text once, whatever its domains",
        help=f"add one (families={','.join((*names, 'gpt'))}) or leave the setting out",
    )


def parts_of(name: str, settings: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    """Of what a model is made that is put together of others, where these families are trained: what is named, else all
    that give probabilities."""
    if name == "infinity":
        return ("ngram",)
    return settings.parts or (*(each for each in names if each != name and not fills_in(each)), CACHE)


def fills_in(name: str) -> bool:
    """Whether a family gives no probability of a text. Where torch is not there, none is trained that could."""
    return name not in (*WITHOUT_TORCH, CACHE) and torch_is_there() and family(name).objective == "masked"


def check_parts(settings: Any, names: tuple[str, ...]) -> None:
    """What is put together needs its parts: trained in this run, two of them at least, each once."""
    for name in (name for name in names if name in COMBINED):
        own = getattr(settings.models, name)
        parts = parts_of(name, own, names)
        missing = [part for part in parts if part not in names and part != CACHE]
        if missing:
            raise EtymonError(
                f"the {name} is made of {', '.join(parts)}, but no {missing[0]} is trained",
                where=f"models.{name}" if name != "infinity" else "families",
                why=f"families = {', '.join(names)}",
                help=f"add it: families={','.join((missing[0], *names))}",
            )
        if name == "infinity":
            continue
        if name in parts or len(set(parts)) != len(parts) or len(parts) < 2:
            raise EtymonError(
                f"models.{name}.parts={','.join(parts)} cannot be mixed",
                where=f"models.{name}.parts",
                why="a mixture has at least two parts, each once, and is none of them itself",
                help="for example families=ngram,mixture models.mixture.parts=ngram,cache",
            )
        if CACHE not in parts and own.cache_length != type(own).cache_length:
            raise EtymonError(
                f"models.{name}.cache_length={own.cache_length} would do nothing",
                where=f"models.{name}.cache_length",
                why=f"parts={','.join(parts)} have no cache",
                help=f"leave it out, or add the cache: parts={','.join((*parts, CACHE))}",
            )
        for part in (part for part in parts if fills_in(part)):
            raise EtymonError(
                f"a {part} cannot be part of a mixture",
                where=f"models.{name}.parts",
                why="it guesses a token with what comes behind it in view, which makes no probability of a text",
                help="leave it out of parts; it is trained and measured beside the mixture",
            )
        if own.weights and (not own.parts or len(own.weights) != len(parts) or abs(sum(own.weights) - 1) > 1e-9):
            raise EtymonError(
                f"models.{name}.weights={','.join(map(str, own.weights))} are no weights for {', '.join(parts)}",
                where=f"models.{name}.weights",
                why="each of parts, which must be named, has one, and they sum to 1",
                help="leave them out to have them fitted, or for example parts=ngram,cache weights=0.9,0.1",
            )


NO_SHAPE = ("dropout", "_penalty")
"""How settings end that say how a network is trained, not what it is."""


def check_going_on(settings: Any, given: dict[str, str], model: Artifact, tokenizer: Artifact) -> None:
    """A run goes on with the family, tokenizer and shape of its model; dropout and penalties have no part in it.

    What learns from counts has no shape: all of it is counted anew.
    """
    kind, value = family(str(model.recipe["family"])), to_json(settings)
    check_counts_on(model, kind.learns)
    fixed: dict[str, Any] = {"families": [kind.name]}
    if "imported" in tokenizer.recipe:
        fixed |= {f"tokenizer.{key}": "as it was imported" for key in value["tokenizer"]}
    fixed |= {f"tokenizer.{key}": each for key, each in tokenizer.recipe.items()}
    if kind.learns == "gradients":
        shape = to_json(from_json(kind.settings, model.recipe["settings"]))
        fixed |= {f"models.{kind.name}.{key}": each for key, each in shape.items()}
    for key, where in given.items():
        wanted = reduce(lambda table, part: table[part], key.split("."), value)
        if key in fixed and where != PRESET and not key.endswith(NO_SHAPE) and wanted != fixed[key]:
            raise EtymonError(
                f"{key} is {wanted}, but the run goes on from a model where it is {fixed[key]}",
                where=where,
                why=f"family, tokenizer and shape are those of the {kind.name} {model.id[:12]}",
                help="leave the setting out, or leave --from out and train a new model",
            )


def check_counts_on(model: Artifact, learns: str) -> None:
    """Only what has learned from a text can go on learning: a network, or counts that are here to be added to."""
    if learns == "gradients" or (learns == "counts" and "shards" in model.inputs):
        return
    made, help = "it is put together of others", "go on from one of its parts: `etymon show` names them"
    if learns == "counts":
        made, help = "it has probabilities of another program, and no counts", "leave --from out and count anew"
    raise EtymonError(f"{model.label} cannot go on learning", where="--from", why=made, help=help)


def tokenizer_of(store: Store, model: Artifact) -> Artifact:
    """The tokenizer that a model reads by; one that was imported may have none."""
    if "tokenizer" not in model.inputs:
        raise EtymonError(
            f"The model {model.label} came without a tokenizer that can be used here",
            where=str(model.path),
            why="what its tokens stand for is not known",
            help="import it again with a tokenizer.json of byte-level BPE, as GPT-2's, in its folder",
        )
    return store.open(model.inputs["tokenizer"])


def _table(name: str, types: dict[str, type[Any]]) -> type[Any]:
    entries = [(key, kind, field(default_factory=kind)) for key, kind in types.items()]
    made = make_dataclass(name, entries, frozen=True, kw_only=True)
    made.__module__, made.__doc__ = __name__, "One table for each installed family."
    return made


def check_families(names: tuple[str, ...], *, with_networks: bool = True) -> None:
    """Every family asked for exists and none twice; the list is not empty. What a network learns from can be asked only
    where torch is there (`with_networks`)."""
    if not names:
        raise EtymonError(
            "no family of models is asked for",
            where="families",
            help=f"name at least one of {', '.join(families())}: families=ngram,gpt",
        )
    for name in names:
        if name not in families():
            family(name)
        if names.count(name) > 1:
            raise EtymonError(f"the family {name} is asked for twice", where="families", help="name it once")
        if with_networks and family(name).objective == "translation":
            raise EtymonError(
                f"etymon run cannot train the family {name}",
                where="families",
                why="it learns the probability of a text given another, and a run has no pairs",
                help="train it from Python: etymon.training.train with etymon.objectives.Translation",
            )
