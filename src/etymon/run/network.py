"""Networks in a run: how large they get for the budget, and their training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from etymon.corpus import Weights, allowed_weights, asked_weights
from etymon.evaluation import READS
from etymon.models import Counts, Family, family, load
from etymon.objectives import SETTINGS, Objective, objective_for, step_flops
from etymon.recipe import identity
from etymon.run.budget import MEASURING_SHARE, Costs, Division, divide
from etymon.run.drawing import domain_tokens, loader_of, never_read, realised_shares
from etymon.run.job import Job, frozen
from etymon.run.learning import Plan, marks_for, plan_for, seal
from etymon.run.presets import GUESS_FLOPS_PER_SECOND, Preset, fitting_rows, most_steps, network_preset
from etymon.run.text import Text
from etymon.storage import Artifact
from etymon.tokens import Loader, MixedLoader
from etymon.training import TrainingSettings, flops_per_second, seeded, train, what_is_learned

# Scoring reads each token about twice (windows overlap by half) and forward is a third of training.
SCORING_READS = 2.0
SECONDS_PER_SAMPLE = 0.25
# A checkpoint holds each weight and AdamW's two means of it.
BYTES_PER_NUMBER, NUMBERS_PER_PARAMETER = 4, 3
MIXTURE = "mixture"
"""The event that tells of the shares of domains that a training reads."""
MOST_TOLD = 12


@dataclass(frozen=True)
class Sized:
    """What one family gets: FLOPs of training, and what scoring a byte of text costs."""

    compute: float
    flops_per_byte: float


def prepare_networks(job: Job, text: Text, names: list[str], combined: int = 0) -> Division:
    """Measure this machine, size every network for its part of the budget, and divide what is left of it; `combined` is
    how many models are put together of others.

    All three depend on the moment, so they are decided once and read back from the journal ever after.
    """
    rates = {name: machine_rate(job, name, text, len(names)) for name in names}
    key = {
        "budget": str(job.request.budget),
        "device": job.settings().device,
        "families": names,
        "shards": text.shards.id,
        "initial": job.request.initial,
    }

    def decide() -> dict[str, Any]:
        sized = {name: size(job, name, text, len(names), rates[name]) for name in names}
        costs = Costs(
            flops_per_byte=sum(each.flops_per_byte for each in sized.values()) / len(sized),
            flops_per_second=sum(rates.values()) / len(rates),
            seconds_per_sample=SECONDS_PER_SAMPLE,
        )
        heldout, validation = (int(text.streams[split].bytes.sum()) for split in ("test", "validation"))
        division = divide(job.request.budget, job.clock.spent, len(names), costs, heldout, validation, combined)
        return {"division": vars(division), "compute": {name: each.compute for name, each in sized.items()}}

    decided = frozen(job, "budget divided", key, decide)
    for name in names:
        job.add_preset(preset_for(job, family(name), decided["compute"][name], text))
    tell_sizes(job, names, text)
    division = Division(**decided["division"])
    require_space(job, names, text, division)
    return division


def machine_rate(job: Job, name: str, text: Text, families: int) -> float:
    """FLOPs per second of training this family here: measured for a budget of time, not needed for one of FLOPs."""
    if job.request.budget.seconds is None:
        return GUESS_FLOPS_PER_SECOND
    kind = family(name)
    settings = job.settings()
    key = {
        "family": name,
        "vocabulary": text.tokenizer.vocabulary,
        "budget": str(job.request.budget),
        "device": settings.device,
    }

    def measure() -> dict[str, Any]:
        compute = seconds_for_training(job) / families * GUESS_FLOPS_PER_SECOND
        job.add_preset(preset_for(job, kind, compute, text))
        settings = job.settings()
        network = fresh(job, kind, text)
        training = getattr(settings.training, name)
        loader = loader_for(kind, text, training, 0, None)
        rate = flops_per_second(network, objective_of(job, kind, text), loader, training, device=settings.device)
        return {"flops_per_second": rate}

    with job.phase(f"calibrate {name}", f"measuring how fast this machine trains the {kind.title}"):
        return frozen(job, "machine measured", key, measure)["flops_per_second"]


def seconds_for_training(job: Job) -> float:
    """A first idea of the seconds for all trainings together."""
    seconds = job.request.budget.seconds
    assert seconds is not None
    return (1 - MEASURING_SHARE) * max(seconds - job.clock.spent, seconds / 2)


def size(job: Job, name: str, text: Text, families: int, rate: float) -> Sized:
    """What one family's part of the budget is in FLOPs, and what it will then cost to measure it."""
    flops = job.request.budget.flops
    compute = (1 - MEASURING_SHARE) * flops / families if flops else seconds_for_training(job) / families * rate
    kind = family(name)
    job.add_preset(preset_for(job, kind, compute, text))
    settings = getattr(job.settings().models, name)
    length = getattr(job.settings().training, name).length
    per_token = scoring_flops(kind, kind.counts(settings, text.tokenizer.vocabulary, length))
    bytes_per_token = text.train.bytes.sum() / max(text.train.targets, 1)
    return Sized(compute, per_token / float(bytes_per_token))


def scoring_flops(kind: Family, counts: Counts) -> float:
    """FLOPs of scoring, per token of the text. Where one token at a time is hidden, the head reads that one alone."""
    if kind.objective == "masked":
        return READS * (counts.forward_flops_per_token - counts.asked_flops_per_token / 3)
    return SCORING_READS * counts.forward_flops_per_token


def preset_for(job: Job, kind: Family, compute: float, text: Text) -> Preset:
    """The settings of a network; one that goes on from an earlier model keeps the shape of that one."""
    preset = network_preset(kind, compute, text.train.targets, text.tokenizer.vocabulary)
    given = job.given()
    if job.request.initial is not None:
        kept = {key: value for key, value in preset.values.items() if not key.startswith("models.")}
        preset = Preset(kept, {key: preset.reasons[key] for key in kept})
        given |= {f"models.{kind.name}.{key}": value for key, value in initial_settings(job).items()}
    return fitting_rows(kind, preset, given)


def initial_settings(job: Job) -> dict[str, Any]:
    """The shape of the model that the run goes on from."""
    assert job.request.initial is not None
    return job.store.open(job.request.initial).recipe["settings"]


def tell_sizes(job: Job, names: list[str], text: Text) -> None:
    """How large the networks are, in one sentence each."""
    for name in names:
        settings = getattr(job.settings().models, name)
        counts = family(name).counts(settings, text.tokenizer.vocabulary, getattr(job.settings().training, name).length)
        shape = ", ".join(f"{key} {value}" for key, value in identity(settings).items())
        job.narrator.say(f"{family(name).title}: {counts.parameters:,} parameters ({shape})")


def fresh(job: Job, kind: Family, text: Text) -> Any:
    """A network with first weights that follow from the seed."""
    settings = job.settings()
    assert kind.build is not None, f"{kind.name} learns by gradient"
    with seeded(settings.seed, kind.name, "weights"):
        return kind.build(getattr(settings.models, kind.name), text.tokenizer.vocabulary)


def objective_of(job: Job, kind: Family, text: Text) -> Objective:
    """What a family learns from in this run."""
    settings = job.settings()
    own = getattr(settings.objectives, kind.name) if kind.objective in SETTINGS else None
    return objective_for(kind, own, getattr(settings.models, kind.name), text.tokenizer, settings.seed)


def loader_for(
    kind: Family, text: Text, training: TrainingSettings, seed: int, shares: Mapping[str, float] | None
) -> Loader:
    """The batches that a family learns from, by these shares of domains or as the text is."""
    return loader_of(text.train, length=training.length, rows=training.rows, seed=seed, order=kind.order, shares=shares)


def check_mixture(job: Job, text: Text) -> None:
    """Raise EtymonError where shares are asked for that this text does not have, before anything is trained."""
    asked_weights(job.settings().mixture, domain_tokens(text.train))


def mixture_for(job: Job, name: str, text: Text, division: Division) -> Weights | None:
    """The share of each domain in the training of this family; None: as the text is."""
    settings, training = job.settings(), getattr(job.settings().training, name)
    wanted, limit = steps_for(job, name, text, division)
    tokens = min(wanted, limit) * training.rows * training.length
    return allowed_weights(settings.mixture, domain_tokens(text.train), tokens)


def tell_mixture(job: Job, plan: Plan, told: Sequence[str]) -> None:
    """Say which mixture a training reads, and enter it in the journal once."""
    largest = sorted(plan.recipe["mixture"].items(), key=lambda each: -each[1])
    shares = [f"{domain} {share:.2%}" for domain, share in largest[:MOST_TOLD]]
    more = [f"{len(largest) - MOST_TOLD:,} more domains"] if len(largest) > MOST_TOLD else []
    sentence = "; ".join([f"{plan.series} reads {', '.join([*shares, *more])}", *told])
    job.narrator.say(sentence)
    events = job.run.journal.events()
    if not any(event["event"] == MIXTURE and event["series"] == plan.series for event in events):
        job.run.journal.append(MIXTURE, series=plan.series, text=sentence)


class MarkedSteps:
    """Observes a training at log-spaced steps and at its end; `looked` is the last step seen."""

    def __init__(self, marks: Any, expected: int, count: int) -> None:
        self.marks = marks
        self.looked = -1
        first = max(expected // 50, 1)
        self._ratio = max((expected / first) ** (1 / max(count - 1, 1)), 1.1)
        self._first = first

    def wants(self, step: int, total: int | None) -> bool:
        """At first, first * ratio, first * ratio², …, and when all steps are done."""
        if step < self._first:
            return step == total and step > 0
        nearest = round(math.log(step / self._first) / math.log(self._ratio))
        return step == total or step == round(self._first * self._ratio**nearest)

    def look(self, network: Any, step: int, tokens: int, flops: float, seconds: float) -> None:
        """Measure and sample."""
        self.marks.look(network, step, tokens, flops, seconds)
        self.looked = step


def network_plan(job: Job, name: str, text: Text, division: Division) -> Plan:
    """The plan of a network: what it learns from, its training and its part of the budget decide the outcome, too."""
    settings, kind = job.settings(), family(name)
    objective = {"objective": identity(getattr(settings.objectives, name))} if kind.objective in SETTINGS else {}
    extra = objective | {
        "training": what_is_learned(getattr(settings.training, name)),
        "seconds": division.training_seconds,
        "flops": division.training_flops,
        "device": settings.device,
    }
    weights = mixture_for(job, name, text, division)
    return plan_for(job, name, text, extra | ({} if weights is None else {"mixture": dict(weights.shares)}))


def require_space(job: Job, names: list[str], text: Text, division: Division) -> None:
    """Refuse before the first of the networks is trained, if the disk has no room for what all of them will save.

    Each keeps its snapshots and, once it is done, the model; the rolling checkpoints of one are gone before the next.
    """
    rolling, staying = 0, 0
    for name in names:
        plan = network_plan(job, name, text, division)
        if job.store.find("model", plan.recipe, plan.inputs, stage_version=plan.kind.version) is not None:
            continue
        settings, training = getattr(job.settings().models, name), getattr(job.settings().training, name)
        weights = BYTES_PER_NUMBER * plan.kind.counts(settings, text.tokenizer.vocabulary, training.length).parameters
        checkpoints = job.run.checkpoints(plan.series)
        staying += weights + checkpoints.bytes_to_come(0, weights, training.snapshots + 1)
        rolling = max(rolling, checkpoints.bytes_to_come(NUMBERS_PER_PARAMETER * weights, 0, 0))
    job.run.require_space(rolling + staying, f"the checkpoints, snapshots and models of {', '.join(names)}")


def train_network(job: Job, plan: Plan, text: Text, division: Division) -> Artifact:
    """Train for the family's part of the budget, measure along the way, and seal the model."""
    kind, settings = plan.kind, job.settings()
    training: TrainingSettings = getattr(settings.training, kind.name)
    network = fresh(job, kind, text)
    if "initial" in plan.inputs:
        network.load_state_dict(load(job.store.open(plan.inputs["initial"])).state_dict())  # type: ignore[attr-defined]
    wanted, limit = steps_for(job, kind.name, text, division)
    weights = mixture_for(job, kind.name, text, division)
    # Where a domain may be read only so often, more steps than were counted on could read it more often.
    limited = settings.mixture.most_epochs is not None
    timed = division.training_seconds is not None and wanted <= limit and not limited
    expected = min(wanted, limit)
    loader = loader_for(kind, text, training, settings.seed, plan.recipe.get("mixture"))
    told = [] if weights is None else [*weights.told, *never_read(loader, expected)]
    if weights is not None:
        tell_mixture(job, plan, told)
    marks = marks_for(job, plan, text, division.validation_bytes)
    observer = MarkedSteps(marks, expected, division.marks)
    with job.phase(f"train {kind.name}", f"training the {kind.title}", saves_itself=True) as progress:
        trained = train(
            network,
            objective_of(job, kind, text),
            loader,
            training,
            job.run,
            plan.series,
            seed=settings.seed,
            inputs=plan.inputs,
            device=settings.device,
            steps=None if timed else expected,
            budget=division.training_seconds if timed else None,
            observe=[observer],
            stop_requested=job.stop_requested,
            progress=progress,
            say=job.narrator.say,
            warn=job.narrator.warn,
        )
        if observer.looked != trained.steps:
            marks.look(network, trained.steps, trained.tokens, trained.flops, trained.seconds)
    spent = {
        "parameters": network.counts(training.length).parameters,
        "tokens": trained.tokens,
        "flops": trained.flops,
        "seconds": round(trained.seconds, 3),
        "steps": trained.steps,
        "lineages": [lineage.to_json() for lineage in trained.lineages],
        "left_out": f"{wanted - limit:,} of {wanted:,} steps" if wanted > limit else "",
    }
    asked = asked_weights(settings.mixture, domain_tokens(text.train))
    if isinstance(loader, MixedLoader) and asked is not None:
        spent["mixture"] = {"domains": realised_shares(loader, asked, trained.steps), "told": told}
    model = seal(job, plan, network.cpu(), marks, spent)
    job.run.checkpoints(plan.series).clear()
    return model


def steps_for(job: Job, name: str, text: Text, division: Division) -> tuple[int, int]:
    """The steps that the budget pays for (with a budget of time, those to expect at the speed that was measured), and
    the steps after which more would only read the same text again."""
    settings, training = getattr(job.settings().models, name), getattr(job.settings().training, name)
    kind, tokens = family(name), training.rows * training.length

    def counts(length: int) -> Counts:
        return kind.counts(settings, text.tokenizer.vocabulary, length)

    each = step_flops(objective_of(job, kind, text), counts, training.rows, training.length)
    flops = division.training_flops
    if flops is None:
        assert division.training_seconds is not None
        flops = division.training_seconds * machine_rate(job, name, text, 1)  # read back from the journal
    return max(int(flops / each), 1), most_steps(text.train.targets, tokens)
