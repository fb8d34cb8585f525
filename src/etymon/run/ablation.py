"""`ablate`: two recipes for one input, told apart by the models that their corpora give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from etymon.corpus import Corpus, CorpusSettings, Working, build
from etymon.errors import EtymonError
from etymon.progress import Progress, silent
from etymon.run.byte_models import SmallModel, byte_stream
from etymon.run.fair_text import BOTH, EITHER, TRUSTED, FairText, fair_text, sample
from etymon.run.paired import seeded_difference
from etymon.run.trials import Trial, Trials
from etymon.storage import Artifact, Store, artifact_id
from etymon.tokens import TokenStream

STAGE_VERSION = 2
MODELS = (SmallModel(family="ngram"), SmallModel(family="gpt"))
BUDGET, LEAST_BUDGET = 2_000_000, 20_000
VIEW_BYTES = 300_000
SEEDS = 5
HERE = Working()
NO_DIFFERENCE = "no difference that this budget can show"
SAME = "no difference: the two recipes keep the same documents of this text"
TOO_LITTLE_IN_COMMON = (
    "no recipe is called better: the two keep too little in common to ask both about; "
    "give text like what the models are wanted for (--trusted)"
)


@dataclass(frozen=True)
class Comparison:
    """Bits per byte of A's and B's models of one family on one view; `mean` is A less B, below 0 where A is better.

    [`low`, `high`] is its 95 % interval over `n` documents and over seeds together; `by_seed` has each seed's."""

    family: str
    view: str
    a: float
    b: float
    mean: float
    low: float
    high: float
    n: int
    by_seed: tuple[float, ...]

    @property
    def smallest(self) -> float:
        """The smallest difference that would have been told: half the interval, or the longer side of it."""
        return max(self.mean - self.low, self.high - self.mean)

    @property
    def better(self) -> str:
        """ "A", "B", or "" where the interval holds 0."""
        return "A" if self.high < 0 else "B" if self.low > 0 else ""


@dataclass(frozen=True)
class Side:
    """One recipe: the corpus that it gave, and how many documents and bytes it kept."""

    corpus: str
    documents: int
    bytes: int


@dataclass(frozen=True)
class Ablation:
    """What two recipes' models were found to be worth. `verdict` says it in words; `better` is "A", "B" or "".

    `smallest` is the smallest difference in bits per byte that would have made a winner; None where nothing was
    measured. `told` says what was done to keep it fair."""

    sides: tuple[Side, Side]
    comparisons: tuple[Comparison, ...]
    better: str
    verdict: str
    smallest: float | None
    told: tuple[str, ...]
    artifact: Artifact

    def as_json(self) -> dict[str, Any]:
        """Everything, for machines and for `etymon.report.ablation_in_words`."""
        return {
            "id": self.artifact.id,
            "a": vars(self.sides[0]),
            "b": vars(self.sides[1]),
            "better": self.better,
            "verdict": self.verdict,
            "smallest_difference": self.smallest,
            "comparisons": [
                vars(each)
                | {"by_seed": list(each.by_seed), "better": each.better, "smallest_difference": each.smallest}
                for each in self.comparisons
            ],
            "told": list(self.told),
        }


def ablate(
    store: Store,
    a: CorpusSettings,
    b: CorpusSettings,
    paths: Sequence[str],
    *,
    trusted: Sequence[str] = (),
    models: Sequence[SmallModel] = MODELS,
    budget: int = BUDGET,
    seeds: int = SEEDS,
    working: Working = HERE,
    progress: Progress = silent,
) -> Ablation:
    """Build both corpora, train small models on the same number of bytes of each, and ask all of them about the same
    text, which none was trained on (`fair_text` has how).

    paths, trusted   the input of both; and text like what the models are wanted for, which then decides alone. Without
                     it a recipe is called better only where it is both on what both kept and on what either kept: the
                     wider recipe wins the second alone by having seen what the other dropped.
    budget           bytes to train on; less where either corpus has less, so that no text is read twice because a
                     recipe kept little. So quality is compared and not quantity; both sizes are told.
    seeds            samples, first weights and orders; their spread is part of the interval.

    Readings, corpora and every small model's outcome are artifacts: stopped, the same call goes on. The outcome is an
    artifact of kind "ablation", found again for the same corpora. Raises EtymonError where either corpus has under
    20,000 bytes to train on.
    """
    made = [
        corpus_of(store, paths, settings, f"recipe {name}", working, progress)
        for name, settings in (("A", a), ("B", b))
    ]
    judge_text = corpus_of(store, trusted, CorpusSettings(), "trusted text", working, progress) if trusted else None
    return compare(store, made, judge_text, models=models, budget=budget, seeds=seeds, progress=progress)


def corpus_of(
    store: Store, paths: Sequence[str], settings: CorpusSettings, whose: str, working: Working, progress: Progress
) -> Artifact:
    """A corpus; where there is none to be had, the error names whose it was to be."""
    try:
        return build(store, paths, settings, working=working, progress=progress)
    except EtymonError as error:
        error.where = f"{whose} ({settings.recipe})" + (f", {error.where}" if error.where else "")
        raise


def compare(
    store: Store,
    made: Sequence[Artifact],
    trusted: Artifact | None,
    *,
    models: Sequence[SmallModel] = MODELS,
    budget: int = BUDGET,
    seeds: int = SEEDS,
    progress: Progress = silent,
) -> Ablation:
    """The comparison of two corpora [2] of one input, as `ablate` has it."""
    recipe = {"models": [kind.describe() for kind in models], "budget": budget, "seeds": seeds}
    inputs = {"a": made[0].id, "b": made[1].id} | ({"trusted": trusted.id} if trusted else {})
    found = store.find("ablation", recipe, inputs, stage_version=STAGE_VERSION)
    run = store.run(f"ablation-{artifact_id('ablation', recipe, inputs, STAGE_VERSION)[:12]}")
    if found is None:
        text = None if keep_the_same(*made) else _enough(fair_text(made[0], made[1], trusted, VIEW_BYTES))
        with run.lock():
            said: dict[str, Any] = {"comparisons": [], "told": []}
            if text is not None:
                said = _compared(Trials(store, run, made, _asked(text)), text, models, budget, seeds, progress)
            with store.create("ablation", recipe, inputs, stage_version=STAGE_VERSION) as draft:
                found = draft.seal(said)
    if run.path.exists():  # also where an earlier call was killed once the artifact was sealed
        store.remove_run(run.name)
    return _opened(found, [Side(each.id, *_kept(each)) for each in made])


def keep_the_same(a: Artifact, b: Artifact) -> bool:
    """Whether two corpora hold the same documents, however they came to."""
    if _kept(a) != _kept(b):
        return False
    return list(Corpus.open(a).texts()) == list(Corpus.open(b).texts())


def _kept(corpus: Artifact) -> tuple[int, int]:
    return int(corpus.statistics["documents"]["kept"]), int(corpus.statistics["bytes"]["kept"])


def _asked(text: FairText) -> TokenStream:
    return byte_stream(sorted({each for texts in text.views.values() for each in texts}))


def _opened(artifact: Artifact, sides: Sequence[Side]) -> Ablation:
    said = artifact.statistics
    rows: list[Any] = said["comparisons"]
    comparisons = tuple(replace(Comparison(**row), by_seed=tuple(row["by_seed"])) for row in rows)
    better, verdict = judge(comparisons) if comparisons else ("", SAME)
    smallest = smallest_difference(comparisons) if comparisons else None
    return Ablation((sides[0], sides[1]), comparisons, better, verdict, smallest, tuple(said["told"]), artifact)


def _enough(text: FairText) -> FairText:
    """The same text. Raises EtymonError where either side has too little to learn from."""
    sizes = _sizes(text)
    if min(sizes) < LEAST_BUDGET:
        raise EtymonError(
            f"Recipe {'AB'[sizes.index(min(sizes))]} leaves {min(sizes):,} bytes to train on.",
            why=f"models of less than {LEAST_BUDGET:,} bytes say nothing",
            help="give more text, or a recipe that keeps more",
        )
    return text


def _sizes(text: FairText) -> list[int]:
    """The bytes that A and B may learn from."""
    return [sum(len(each.encode("utf-8", "surrogatepass")) for each in pool) for pool in text.pools]


def _compared(
    trials: Trials, text: FairText, models: Sequence[SmallModel], budget: int, seeds: int, progress: Progress
) -> dict[str, Any]:
    """What the artifact says: every comparison, and what was done to keep it fair."""
    sizes = _sizes(text)
    used = min(budget, *sizes)
    texts = {(seed, side): sample(text.pools[side], str(seed), used) for seed in range(seeds) for side in (0, 1)}
    todo = [Trial(kind, seed, side) for seed in range(seeds) for kind in models for side in (0, 1)]
    measured = trials.bits(todo, texts, progress)
    comparisons = [
        _compare(kind.family, view, byte_stream(asked), measured, seeds)
        for kind in models
        for view, asked in text.views.items()
    ]
    told = [
        f"each model learned from {used:,} bytes; A has {sizes[0]:,} and B {sizes[1]:,} to learn from",
        f"{text.left_out[0]:,} documents of A and {text.left_out[1]:,} of B say what is asked about and were left out",
        *(f"{view}: {count} documents, too few to ask about" for view, count in text.too_few.items()),
    ]
    return {"comparisons": [vars(each) for each in comparisons], "told": told}


def _compare(
    family: str, view: str, asked: TokenStream, measured: Mapping[tuple[str, int, int], Mapping[str, float]], seeds: int
) -> Comparison:
    """Both recipes' models of one family on one view."""
    names, sizes = list(asked.documents), asked.bytes.astype(np.float64)
    bits = np.array(
        [[[measured[family, seed, side][name] for name in names] for seed in range(seeds)] for side in (0, 1)]
    )  # [2, S, D]
    found = seeded_difference(bits[0], bits[1], sizes)
    a, b = bits.sum(axis=2).mean(axis=1) / sizes.sum()
    return Comparison(family=family, view=view, a=float(a), b=float(b), **vars(found))


def deciding(comparisons: Sequence[Comparison]) -> list[str]:
    """The views that decide: trusted text where there is any, else what both kept and what either kept."""
    views = {each.view for each in comparisons}
    return [TRUSTED] if TRUSTED in views else [view for view in (BOTH, EITHER) if view in views]


def judge(comparisons: Sequence[Comparison]) -> tuple[str, str]:
    """Which recipe is better, and the sentence that says so and by how much."""
    views = deciding(comparisons)
    if not {BOTH, TRUSTED} & set(views):
        return "", TOO_LITTLE_IN_COMMON
    found = {view: {each.better for each in comparisons if each.view == view and each.better} for view in views}
    winners = {winner for each in found.values() for winner in each}
    sides = "; ".join(f"on {view}: {_told(comparisons, view)}" for view in views)
    if not winners:
        return "", f"{NO_DIFFERENCE}: {smallest_words(comparisons)}"
    if len(winners) == 1 and all(found.values()):
        winner = winners.pop()
        return winner, f"{winner} is better: its models need fewer bits ({sides})"
    helps = "" if TRUSTED in views else ": give text like what the models are wanted for (--trusted)"
    return "", f"no recipe is better on all counts ({sides}){helps}"


def _told(comparisons: Sequence[Comparison], view: str) -> str:
    """Which recipe is better on a view, by which model, and by how many bits per byte."""
    found = [each for each in comparisons if each.view == view and each.better]
    return " and ".join(f"{each.better} by {abs(each.mean):.4f} ({each.family})" for each in found) or "neither"


def smallest_difference(comparisons: Sequence[Comparison]) -> float:
    """The smallest difference in bits per byte that would have made a winner: on each view that decides one kind of
    model has to tell it, and all of those views have to."""
    views = deciding(comparisons) or [each.view for each in comparisons]
    return max(min(each.smallest for each in comparisons if each.view == view) for view in views)


def smallest_words(comparisons: Sequence[Comparison]) -> str:
    """What a difference would have had to be."""
    return (
        f"one under {smallest_difference(comparisons):.4f} bits per byte would not have shown; "
        f"more text, a larger --budget or more --seeds show smaller ones"
    )
