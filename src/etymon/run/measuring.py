"""Measuring: every model on the same held-out bytes, kept per document."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, cast

from etymon.evaluation import READS, score
from etymon.models import LanguageModel, Mixture, families, family, load
from etymon.run.job import Job
from etymon.run.text import Text
from etymon.statistics import Result
from etymon.storage import Artifact

MEASUREMENT_VERSION = 1
LIKELIHOOD, PSEUDO = "likelihood", "pseudo-likelihood"
"""What a model's bits per byte are made of; only likelihoods are compared, ranked and called better or worse."""


def measure_of(name: str) -> str:
    """What the bits per byte of a family are made of."""
    return PSEUDO if family(name).objective == "masked" else LIKELIHOOD


def measure(job: Job, name: str, model: Artifact, text: Text, heldout_bytes: int) -> Artifact:
    """What each held-out document costs one model: an artifact of kind "measurement" with result.json."""
    recipe: dict[str, Any] = {"measure": "bits per byte", "split": "test", "max_bytes": heldout_bytes}
    if measure_of(name) == PSEUDO:
        recipe |= {"measure": PSEUDO, "reads": READS}
    inputs = {"model": model.id, "shards": text.shards.id}
    found = job.store.find("measurement", recipe, inputs, stage_version=MEASUREMENT_VERSION)
    if found is not None:
        return job.keep(f"measurement/{name}", found)
    with job.phase(f"measure {name}", f"measuring {name} on held-out documents") as progress:
        opened = on_device(job, load(model))
        result = score(opened, text.streams["test"], split="test", max_bytes=heldout_bytes, progress=progress)
    with job.store.create(
        "measurement", recipe, inputs, stage_version=MEASUREMENT_VERSION, name=f"{job.request.name}/{name}"
    ) as draft:
        draft.write("result.json", json.dumps(asdict(result)).encode())
        return job.keep(
            f"measurement/{name}", draft.seal({"bits_per_byte": result.as_json(), "measure": measure_of(name)})
        )


def on_device(job: Job, model: LanguageModel) -> LanguageModel:
    """A network where it was trained, so that measuring takes the time that was put aside for it."""
    if isinstance(model, Mixture):
        model.models = [on_device(job, each) for each in model.models]
    elif model.family in families() and family(model.family).learns == "gradients":
        from etymon.training import choose_device

        return cast("Any", model).to(choose_device(job.settings().device))
    return model


def result_of(measurement: Artifact) -> Result:
    """The result that a measurement holds, with its values per document."""
    return Result(**measurement.read_json("result.json"))
