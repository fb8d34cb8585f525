"""Learning: each family of models takes in the same text, within its part of the budget."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from etymon.corpus import MixtureSettings
from etymon.models import Family, family, save
from etymon.progress import Progress
from etymon.recipe import identity
from etymon.run.budget import Division
from etymon.run.job import Job
from etymon.run.marks import BLANKS, Marks
from etymon.run.presets import ngram_preset
from etymon.run.text import Text
from etymon.storage import Artifact, Steps, Store, artifact_id
from etymon.tokens import open_shards

# The n-gram is estimated on growing parts of the text, so that it too can be seen to learn.
PARTS = (1 / 64, 1 / 16, 1 / 4, 1.0)
# Of the text in which a model that fills in is shown at work.
BLANK_WORDS = 30


@dataclass(frozen=True)
class Plan:
    """What a model artifact is made of: with it the same work is found again, and its checkpoints too."""

    kind: Family
    recipe: dict[str, Any]
    inputs: dict[str, str]

    @property
    def series(self) -> str:
        """The name of its metrics and checkpoints. It holds the id, so another setting never meets these."""
        return f"{self.kind.name}-{artifact_id('model', self.recipe, self.inputs, self.kind.version)[:12]}"


def plan_for(job: Job, name: str, text: Text, extra: dict[str, Any]) -> Plan:
    """The plan of one family, from its settings, the text, and what else decides the outcome."""
    settings = job.settings()
    inputs = {"shards": text.shards.id, "tokenizer": text.tokenizer_artifact.id}
    if job.request.initial is not None:
        inputs["initial"] = job.store.open(job.request.initial).id
    recipe = {"family": name, "settings": identity(getattr(settings.models, name)), "seed": settings.seed} | extra
    return Plan(family(name), recipe, inputs)


def marks_for(job: Job, plan: Plan, text: Text, validation_bytes: int) -> Marks:
    """The marks of one training."""
    settings = job.settings()
    fills_in = plan.kind.objective == "masked"
    return Marks(
        run=job.run,
        narrator=job.narrator,
        series=plan.series,
        title=plan.kind.title_with(plan.recipe["settings"]),
        tokenizer=text.tokenizer,
        validation=text.streams["validation"],
        validation_bytes=validation_bytes,
        prompt=BLANKS if fills_in else settings.prompt or first_words(text),
        sampling=settings.sampling,
        blanks=settings.prompt or first_words(text, BLANK_WORDS) if fills_in else "",
    )


def first_words(text: Text, words: int = 5) -> str:
    """A prompt from the validation text: the beginning of its longest document, up to a few words."""
    stream = text.streams["validation"]
    longest = int(np.argmax(np.diff(stream.starts)))
    begin = int(stream.starts[longest]) + 1
    opening = text.tokenizer.decode(stream.ids[begin : min(begin + 60, int(stream.starts[longest + 1]))])
    return " ".join(opening.replace("\ufffd", "").split()[:words]) or "The"


def already_learned(job: Job, plan: Plan) -> Artifact | None:
    """The finished model, if the store has it."""
    found = job.store.find("model", plan.recipe, plan.inputs, stage_version=plan.kind.version)
    if (
        found is not None
        and found.statistics["prompt"] != BLANKS
        and job.settings().prompt not in ("", found.statistics["prompt"])
    ):
        job.narrator.say(f"{plan.kind.name}: what it wrote while it learned was from {found.statistics['prompt']!r}")
    return found


def seal(job: Job, plan: Plan, model: Any, marks: Marks, spent: dict[str, Any]) -> Artifact:
    """Model, marks and what it took, as one artifact."""
    name = f"{job.request.name}/{plan.kind.name}"
    with job.store.create("model", plan.recipe, plan.inputs, stage_version=plan.kind.version, name=name) as draft:
        save(draft, model)
        return draft.seal(spent | {"marks": marks.rows(), "prompt": marks.prompt})


def learn_from_counts(job: Job, name: str, text: Text, validation_bytes: int) -> Artifact:
    """Estimate a model that reads the text once (the n-gram), on growing parts first."""
    if name == "ngram" and job.request.initial is None:
        job.add_preset(ngram_preset(family(name), text.tokenizer, job.settings().models.ngram.sentences))
    plan = plan_for(job, name, text, {})
    steps = job.run.steps(plan.series)
    found = already_learned(job, plan)
    if found is not None:
        job.run.clear_steps(f"{name}-")  # a kill may have come between the sealing and this
        return job.keep(f"model/{name}", found)
    marks = marks_for(job, plan, text, validation_bytes)
    ids = ids_to_count(job.store, plan.inputs)
    settings = getattr(job.settings().models, name)
    if job.settings().mixture != MixtureSettings():
        job.narrator.say(f"{name}: an n-gram counts all of the text once, whatever the mixture")
    model: Any = None
    spent: dict[str, Any] = {}
    title = plan.kind.title_with(plan.recipe["settings"])
    with job.phase(f"learn {name}", f"counting for the {title}") as progress:
        for part in PARTS:
            read = whole_documents(ids, part, text.tokenizer.end_of_text)
            model, spent = estimate(plan.kind, settings, text, read, progress, steps.within(f"{len(read)}-tokens"))
            marks.look(model, len(read), len(read), spent["flops"], spent["seconds"])
        made = job.keep(f"model/{name}", seal(job, plan, model, marks, spent))
        job.run.clear_steps(f"{name}-")  # of settings that were changed after a kill, too
        return made


def estimate(
    kind: Family, settings: Any, text: Text, ids: Any, progress: Progress, steps: Steps
) -> tuple[Any, dict[str, Any]]:
    """One model from one stretch of tokens, and what that took."""
    assert kind.estimate is not None, f"{kind.name} learns from counts"
    begin = time.monotonic()
    model: Any = kind.estimate(settings, text.tokenizer.vocabulary, ids, text.tokenizer.end_of_text, progress, steps)
    seconds = round(time.monotonic() - begin, 3)
    counts = model.counts(1)
    flops = counts.training_flops_per_token * len(ids)
    return model, {"parameters": counts.parameters, "tokens": len(ids), "flops": flops, "seconds": seconds}


def ids_to_count(store: Store, inputs: Mapping[str, str]) -> Any:
    """The tokens to count for a model made from `inputs` (role -> id); going on from an earlier one means to count what
    it and those before it had read, too."""
    ids, initial = open_shards(store.open(inputs["shards"]))["train"].ids, inputs.get("initial")
    while initial is not None:
        model = store.open(initial)
        before = open_shards(store.open(model.inputs["shards"]))["train"].ids
        ids = np.concatenate([before[:-1], ids])  # the one's closing end-of-text is the other's first
        initial = model.inputs.get("initial")
    return ids


def whole_documents(ids: Any, part: float, end_of_text: int) -> Any:
    """The first `part` of a stream, up to the end of a document where there is one."""
    if part >= 1:
        return ids
    wanted = max(int(len(ids) * part), 2)
    ends = np.flatnonzero(np.asarray(ids[:wanted]) == end_of_text)
    return ids[: int(ends[-1]) + 1] if len(ends) and ends[-1] > 0 else ids[:wanted]


def learn_by_gradient(job: Job, name: str, text: Text, division: Division) -> Artifact:
    """Train a network for its part of the budget; stopped anywhere, it goes on from its last checkpoint."""
    from etymon.run.network import network_plan, train_network

    plan = network_plan(job, name, text, division)
    model = already_learned(job, plan)
    if model is None:
        model = train_network(job, plan, text, division)
    else:  # a kill may have come between the sealing and this
        job.run.checkpoints(plan.series).clear()
    if model.statistics["left_out"]:
        why = "the text is short, and more passes over it teach nothing new"
        job.skip(f"{name}: {model.statistics['left_out']}", why)
    return job.keep(f"model/{name}", model)
