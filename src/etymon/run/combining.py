"""Putting models together: the infinity-gram with its n-gram, and mixtures, weighted by what validation text says."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from etymon import index
from etymon.evaluation import scored_tokens
from etymon.models import (
    CACHE,
    PART,
    InfinityGram,
    InfinitySettings,
    LanguageModel,
    Mixture,
    MixtureOfModels,
    UnigramCache,
    family,
    fitted_infinity,
    fitted_mixture,
    load,
)
from etymon.progress import Progress, silent
from etymon.recipe import from_json, identity
from etymon.run.job import Job
from etymon.run.learning import Plan, already_learned, marks_for, seal
from etymon.run.measuring import on_device
from etymon.run.settings import parts_of
from etymon.run.text import Text
from etymon.storage import Artifact, Store
from etymon.tokens import Batch, open_shards


def combine_all(
    job: Job, names: Sequence[str], text: Text, models: Mapping[str, Artifact], validation_bytes: int
) -> dict[str, Artifact]:
    """Each of these families, the infinity-gram before the mixtures that it may be part of; those of which a part could
    not be trained are left out."""
    made: dict[str, Artifact] = {}
    for name in sorted(names, key=lambda name: family(name).settings is MixtureOfModels):
        there = {**models, **made}
        wanted = parts_of(name, getattr(job.settings().models, name), tuple(there))
        missing = [part for part in wanted if part not in there and part != CACHE]
        if missing:
            job.skip(name, f"{missing[0]} is a part of it and was not trained")
        else:
            made[name] = combine(job, name, text, there, validation_bytes)
    return made


def combine(job: Job, name: str, text: Text, models: Mapping[str, Artifact], validation_bytes: int) -> Artifact:
    """The model of a family that is made of others: found again, or put together and kept."""
    plan = combined_plan(job, name, text, models, validation_bytes)
    found = already_learned(job, plan)
    if found is not None:
        return job.keep(f"model/{name}", found)
    title = plan.kind.title_with(plan.recipe["settings"])
    marks = marks_for(job, plan, text, validation_bytes)
    begin = time.monotonic()
    with job.phase(f"combine {name}", f"weighting the {title}") as progress:
        model = put_together(job.store, plan.recipe, plan.inputs, partial(on_device, job), progress)
        spent = cost(job.store, plan.inputs, model)
        spent["seconds"] = round(spent["seconds"] + time.monotonic() - begin, 3)
        if isinstance(model, Mixture):
            shares = zip(model.names, model.weights, strict=True)
            job.narrator.say(f"{name}: {', '.join(f'{weight:.3g} {part}' for part, weight in shares)}")
        marks.look(model, spent["tokens"], spent["tokens"], spent["flops"], spent["seconds"])
    return job.keep(f"model/{name}", seal(job, plan, model, marks, spent))


def combined_plan(job: Job, name: str, text: Text, models: Mapping[str, Artifact], validation_bytes: int) -> Plan:
    """What the model is made of: the parts by name, and the text that their weights are fitted to."""
    settings = getattr(job.settings().models, name)
    inputs = {"shards": text.shards.id, "tokenizer": text.tokenizer_artifact.id}
    for part in parts_of(name, settings, tuple(models)):
        if part != CACHE:
            inputs[f"{PART}{part}"] = models[part].id
    if family(name).settings is InfinitySettings:
        inputs["index"] = token_index(job, text).id
    recipe: dict[str, Any] = {"family": name, "settings": identity(settings), "validation_bytes": validation_bytes}
    if family(name).settings is MixtureOfModels:
        recipe["parts"] = list(parts_of(name, settings, tuple(models)))
    return Plan(family(name), recipe, inputs)


def token_index(job: Job, text: Text) -> Artifact:
    """The index over the tokens of the training documents."""
    stream = text.train
    unit = "uint16" if stream.vocabulary < 1 << 16 else "uint32"
    ids = np.asarray(stream.ids)
    documents = (
        (id, ids[start + 1 : end].astype(unit))
        for id, start, end in zip(
            stream.documents, stream.starts[:-1].tolist(), stream.starts[1:].tolist(), strict=True
        )
    )
    with job.phase("index", "indexing the training text") as progress:
        found = index.build(
            job.store,
            job.request.name,
            documents,
            inputs={"shards": text.shards.id},
            unit=unit,
            recipe={"split": "train"},
            progress=progress,
        )
    return job.keep("index", found)


def put_together(
    store: Store,
    recipe: Mapping[str, Any],
    inputs: Mapping[str, str],
    placed: Callable[[LanguageModel], LanguageModel] | None = None,
    progress: Progress = silent,
) -> Any:
    """The model of this recipe and these inputs, always the same: `etymon repair` makes it again. `placed` puts a part
    where it computes."""
    stream = open_shards(store.open(inputs["shards"]))["validation"]
    settings = from_json(family(str(recipe["family"])).settings, recipe["settings"])
    models = {role.removeprefix(PART): load(store.open(id)) for role, id in inputs.items() if role.startswith(PART)}
    parts = models if placed is None else {name: placed(model) for name, model in models.items()}

    def scored(ask: Callable[[Batch[Any]], Any], length: int | None) -> Any:
        most = int(recipe["validation_bytes"])
        return scored_tokens(ask, stream, length=length, max_bytes=most, progress=progress)

    if isinstance(settings, InfinitySettings):
        alone = InfinityGram(index.Index.open(store.open(inputs["index"])), stream.vocabulary, stream.end_of_text)
        return fitted_infinity(alone, parts["ngram"], settings, scored)
    parts[CACHE] = UnigramCache(stream.vocabulary, stream.end_of_text, settings.cache_length)
    return fitted_mixture([parts[name] for name in recipe["parts"]], recipe["parts"], settings, scored)


def cost(store: Store, inputs: Mapping[str, str], model: Any) -> dict[str, Any]:
    """What it took to learn what it is made of, each model once; as with every model, measuring it is not counted."""
    learned = list(learned_parts(store, inputs).values())
    spent = {key: sum(each.statistics[key] for each in learned) for key in ("parameters", "flops", "seconds")}
    tokens = max(each.statistics["tokens"] for each in learned)
    return spent | {"tokens": tokens, "weights": [float(weight) for weight in model.weights]}


def learned_parts(store: Store, inputs: Mapping[str, str]) -> dict[str, Artifact]:
    """The models, by id, that learned something: the parts, and for what is itself made of parts its own."""
    found: dict[str, Artifact] = {}
    for id in (id for role, id in inputs.items() if role.startswith(PART)):
        part = store.open(id)
        found |= learned_parts(store, part.inputs) or {part.id: part}
    return found
