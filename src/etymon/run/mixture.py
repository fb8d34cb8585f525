"""`fit_mixture`: the weights of domains, found by small runs on drawn mixtures, and kept only if they prove better."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from etymon.corpus import Corpus, Document, Weights, limited, order, weights_by_temperature, weights_in_words
from etymon.errors import EtymonError
from etymon.progress import Progress, silent
from etymon.recipe import Bytes, Setting
from etymon.run.byte_models import SmallModel, bits_of, byte_stream, learn
from etymon.run.paired import seeded_difference
from etymon.run.regression import Floats, Regression, fit, optimum, optimum_interval
from etymon.storage import Artifact, Run, Store, artifact_id

STAGE_VERSION = 2
MOST_DOMAINS = 12
LEAST_RUNS = 8
LEAST_R2 = 0.3
CHECKS = 5
CHECK_SEED = 1 << 20
"""Seeds of the last comparison, far from those of the runs that the regression was fitted to."""


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """What `etymon mixture fit` can be told."""

    target: Annotated[
        tuple[str, ...],
        Setting("how much each domain's held-out text counts, docs=0.7,code=0.3; empty: as much as there is of it"),
    ] = ()
    runs: Annotated[int, Setting("small models that are trained, each on a mixture of its own", low=LEAST_RUNS)] = 24
    run_bytes: Annotated[Bytes, Setting("text that each of them reads", low=1000)] = Bytes(500_000)
    final_bytes: Annotated[
        Bytes | None, Setting("text that the weights are for, which bounds small domains; none: all of it", low=1)
    ] = None
    most_epochs: Annotated[float, Setting("no domain is given more than it has, read so often", low=1e-6)] = 4.0
    family: Annotated[str, Setting("the small model: counted in seconds, or a network", choices=("ngram", "gpt"))] = (
        "ngram"
    )
    steps: Annotated[int, Setting("steps of a gpt, of 16 rows of 128 bytes each", low=1)] = 400
    seed: Annotated[int, Setting("every random choice follows from it", low=0)] = 0

    def __post_init__(self) -> None:
        weights_in_words(self.target, "target")


@dataclass(frozen=True)
class FittedMixture:
    """`weights` to mix by: the optimum if it was `accepted`, else in proportion to bytes. `verdict` says why.

    `found` is the optimum, whether it was accepted or not, and `interval` the 95 % interval of each of its weights.
    `runs` are the small runs (weights and bits per byte); `regression` has its kind and what leaving one out gives;
    `check` is the optimum less the proportional mixture in bits per byte, trained anew, with interval and n."""

    weights: Weights
    accepted: bool
    verdict: str
    runs: Sequence[Mapping[str, Any]]
    regression: Mapping[str, Any]
    check: Mapping[str, Any]
    found: Mapping[str, float]
    interval: Mapping[str, Sequence[float]]
    artifact: Artifact

    @property
    def setting(self) -> str:
        """What to give to `etymon run`; empty where the check did not confirm that it helps."""
        if not self.accepted:
            return ""
        return "mixture.weights=" + ",".join(f"{domain}={share:.4g}" for domain, share in self.weights.shares.items())

    def as_json(self) -> dict[str, Any]:
        """The answer for machines."""
        told = ("accepted", "verdict", "setting", "found", "interval", "regression", "check", "runs")
        weights = {"weights": dict(self.weights.shares), "told": list(self.weights.told)}
        return {"id": self.artifact.id} | weights | {key: getattr(self, key) for key in told}

    def in_words(self) -> str:
        """Each domain with the weight it has by its bytes and the one that was found, the verdict, and what to do."""
        before = self.runs[0]["weights"]
        lines = [f"{'domain':<20} {'as it is':>9} {'found':>9}  95 % interval"]
        for domain, share in self.found.items():
            low, high = self.interval[domain]
            lines.append(f"{domain:<20} {before.get(domain, 0.0):>9.2%} {share:>9.2%}  {low:.2%} to {high:.2%}")
        lines += ["", self.verdict, *self.weights.told]
        return "\n".join([*lines, f"to train on it: {self.setting}" if self.accepted else "there is nothing to set"])


def fit_mixture(
    store: Store,
    corpus: Artifact,
    *,
    target: Mapping[str, float] | None = None,
    runs: int = 24,
    run_bytes: int = 500_000,
    final_bytes: float | None = None,
    most_epochs: float = 4.0,
    model: SmallModel | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> FittedMixture:
    """Train `runs` small models on `run_bytes` each of mixtures drawn at random, regress their loss on the weights, and
    take the mixture with the least loss predicted (RegMix, Liu et al. 2024, arXiv 2407.01492).

    target       how much each domain's validation text counts (None: as many bytes as it has)
    final_bytes  bytes that the weights are for, which with `most_epochs` limit small domains (None: the whole corpus)
    model        what is trained (None: an n-gram of bytes, seconds a run)

    What a regression says of mixtures that nobody trained is a guess, so the optimum and the proportional mixture are
    then trained anew, five times each on other samples, and compared document by document; where the regression
    explains under 0.3 of the spread of runs that it has not seen, or the interval of that comparison holds 0, the
    proportional weights stay. No small run reads a text twice: a draw that would is bounded, and the bounded weights
    are what is regressed on. The outcome is an artifact of kind "mixture".

    Raises EtymonError for under 2 or over 12 domains, under 8 runs, and where a domain has no validation text.
    """
    kind = model or SmallModel(family="ngram")
    if runs < LEAST_RUNS:
        raise EtymonError(f"{runs} runs are too few to fit a mixture to.", help=f"ask for {LEAST_RUNS} or more")
    recipe: dict[str, Any] = {
        "target": dict(target) if target else None,
        "runs": runs,
        "run_bytes": run_bytes,
        "final_bytes": final_bytes,
        "most_epochs": most_epochs,
        "model": kind.describe(),
        "seed": seed,
    }
    inputs = {"corpus": corpus.id}
    found = store.find("mixture", recipe, inputs, stage_version=STAGE_VERSION)
    if found is None:
        run = store.run(f"mixture-{artifact_id('mixture', recipe, inputs, STAGE_VERSION)[:12]}")
        with run.lock():
            trial = Trial(Corpus.open(corpus), target, run_bytes, kind, run, progress, runs + 2 * CHECKS)
            said = _fitted(trial, runs, final_bytes, most_epochs, seed)
        with store.create("mixture", recipe, inputs, stage_version=STAGE_VERSION) as draft:
            found = draft.seal(said)
        if run.path.exists():
            store.remove_run(run.name)
    return _opened(found)


def _opened(artifact: Artifact) -> FittedMixture:
    said: Any = artifact.statistics
    weights = Weights(said["weights"], tuple(said["told"]))
    keys = ("accepted", "verdict", "runs", "regression", "check", "found", "interval")
    return FittedMixture(weights, **{key: said[key] for key in keys}, artifact=artifact)


class Trial:
    """Training text by domain, text to be asked about, and what a mixture costs on it."""

    def __init__(
        self,
        corpus: Corpus,
        target: Mapping[str, float] | None,
        run_bytes: int,
        kind: SmallModel,
        run: Run,
        progress: Progress,
        trainings: int,
    ) -> None:
        self._texts, self._sizes, self._domains = _columns(list(corpus.documents("train")))
        asked = sorted(corpus.documents("validation"), key=lambda document: document.id)
        self.sizes = dict.fromkeys(sorted(set(self._domains)), 0)
        for domain, size in zip(self._domains, self._sizes, strict=True):
            self.sizes[domain] += size
        if not 2 <= len(self.sizes) <= MOST_DOMAINS:
            raise EtymonError(
                f"A mixture of {len(self.sizes)} domains cannot be fitted.",
                help=f"name 2 to {MOST_DOMAINS} domains in the text, or use a temperature",
            )
        self.asked = byte_stream([document.text for document in asked])
        self.counts = _counts(asked, target)
        self.run_bytes = min(run_bytes, sum(self._sizes) // 2)
        self._kind, self._run, self._progress = kind, run, progress
        self._trainings, self._done = trainings, 0

    def drawn(self, runs: int, seed: int) -> list[Weights]:
        """The proportional mixture, and others about what lies between it and equal shares."""
        middle = weights_by_temperature(self.sizes, 2.0).shares
        generator = np.random.Generator(np.random.Philox(key=seed))
        rows = generator.dirichlet([len(middle) * share for share in middle.values()], runs - 1)
        mixtures = [self.proportional, *(Weights(dict(zip(middle, row.tolist(), strict=True))) for row in rows)]
        return [limited(each, self.sizes, self.run_bytes, 1.0) for each in mixtures]

    @property
    def proportional(self) -> Weights:
        """As the corpus is."""
        return weights_by_temperature(self.sizes, 1.0)

    def bits(self, weights: Weights, seed: int, series: str) -> Floats:
        """The bits [D] that each document asked about costs a model of this mixture. Under one seed all mixtures take
        the same documents of a domain first, so that they differ by their weights and not by what was drawn. What was
        measured is kept in the run's folder until all is done, so that a stopped fit goes on at the next model."""
        self._progress(self._done, self._trainings, "training on a mixture")
        self._done += 1
        file = f"{series}.json"
        if not self._run.exists(file):
            self._run.write(file, json.dumps(self._measured(weights, seed, series).tolist()).encode())
        return np.array(json.loads(self._run.read(file)))

    def _measured(self, weights: Weights, seed: int, series: str) -> Floats:
        read = list(order(self._sizes, self._domains, weights, seed=seed, budget=self.run_bytes))
        texts = [self._texts[number] for number in read]
        over = sum(self._sizes[number] for number in read) - self.run_bytes
        texts[-1] = texts[-1].encode()[: self._sizes[read[-1]] - over].decode(errors="ignore")  # all runs read as much
        model = learn(self._kind, byte_stream(texts), seed=seed, into=self._run, series=series)
        bits = bits_of(model, self.asked)
        return np.array([bits[name] for name in self.asked.documents])

    def loss(self, bits: Floats) -> float:
        """Bits per byte of the target."""
        return float((bits * self.counts).sum() / (self.asked.bytes * self.counts).sum())


def _columns(documents: Sequence[Document]) -> tuple[list[str], list[int], list[str]]:
    return (
        [document.text for document in documents],
        [document.bytes for document in documents],
        [document.domain for document in documents],
    )


def _counts(asked: Sequence[Document], target: Mapping[str, float] | None) -> Floats:
    """How much each document asked about counts [D]: 1, or so that its domain has its part of the target."""
    if target is None:
        return np.ones(len(asked))
    sizes = {domain: sum(each.bytes for each in asked if each.domain == domain) for domain in target}
    missing = [domain for domain, size in sizes.items() if size == 0]
    if missing:
        raise EtymonError(f"There is no validation text of the domain {missing[0]}.", help="hold out more text")
    scale = {domain: target[domain] * sum(sizes.values()) / size for domain, size in sizes.items()}
    return np.array([scale.get(each.domain, 0.0) for each in asked])


def _fitted(trial: Trial, runs: int, final_bytes: float | None, most_epochs: float, seed: int) -> dict[str, Any]:
    names = list(trial.sizes)
    mixtures = trial.drawn(runs, seed)
    losses = [trial.loss(trial.bits(weights, seed, f"run-{number}")) for number, weights in enumerate(mixtures)]
    drawn = np.array([[each.shares.get(name, 0.0) for name in names] for each in mixtures])
    regression = fit(drawn, np.array(losses))
    budget = final_bytes or float(sum(trial.sizes.values()))
    most = _most(trial, budget, most_epochs)
    best: list[float] = optimum(regression, most, seed).tolist()
    interval = optimum_interval(drawn, np.array(losses), regression, most, seed).tolist()
    found = Weights(dict(zip(names, best, strict=True)))
    check = _checked(trial, found, seed) if regression.r2 >= LEAST_R2 else {}
    accepted = bool(check) and check["high"] is not None and check["high"] < 0
    kept = found if accepted else limited(trial.proportional, trial.sizes, budget, most_epochs)
    return {
        "weights": dict(kept.shares),
        "told": list(kept.told),
        "accepted": accepted,
        "verdict": _verdict(regression, check, runs),
        "found": dict(found.shares),
        "interval": dict(zip(names, interval, strict=True)),
        "runs": [{"weights": dict(w.shares), "bits_per_byte": loss} for w, loss in zip(mixtures, losses, strict=True)],
        "regression": {"kind": regression.kind, "error": regression.error, "r2": regression.r2, "n": runs},
        "check": check,
    }


def _most(trial: Trial, budget: float, most_epochs: float) -> Floats:
    """The largest weight [D] that each domain has text for."""
    most = np.array([min(1.0, most_epochs * size / budget) for size in trial.sizes.values()])
    if most.sum() < 1:
        limited(trial.proportional, trial.sizes, budget, most_epochs)  # says in words that the text is too short
    return most


def _checked(trial: Trial, found: Weights, seed: int) -> dict[str, Any]:
    """The optimum less the proportional mixture in bits per byte, both trained on samples that no run has seen."""
    totals: list[Floats] = []
    for name, weights in (("found", found), ("proportional", trial.proportional)):
        bounded = limited(weights, trial.sizes, trial.run_bytes, 1.0)
        seeds = range(CHECK_SEED + seed, CHECK_SEED + seed + CHECKS)
        totals.append(np.array([trial.bits(bounded, each, f"{name}-{each}") for each in seeds]))  # [S, D]
    counts = trial.counts
    found_less = seeded_difference(totals[0] * counts, totals[1] * counts, trial.asked.bytes * counts)
    return vars(found_less) | {"by_seed": list(found_less.by_seed)}


def _verdict(regression: Regression, check: Mapping[str, Any], runs: int) -> str:
    if not check:
        return (
            f"the regression explains {max(regression.r2, 0.0):.0%} of the spread of runs left out (n = {runs}), "
            f"which is too little: proportional weights are kept"
        )
    if check["high"] is None:
        return "one document shows no difference: proportional weights are kept"
    told = f"{check['mean']:+.4f} [{check['low']:+.4f}, {check['high']:+.4f}] bits per byte, n = {check['n']} documents"
    if check["high"] < 0:
        return f"the fitted mixture is better than the proportional one: {told}"
    return f"the fitted mixture is not better than the proportional one ({told}): proportional weights are kept"
