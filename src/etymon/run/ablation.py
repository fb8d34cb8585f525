"""`ablate`: two recipes for one input, told apart by the models that their corpora give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from etymon.corpus import CorpusSettings, build
from etymon.errors import EtymonError
from etymon.progress import Progress, silent
from etymon.run.byte_models import SmallModel, bits_of, byte_stream, learn
from etymon.run.fair_text import BOTH, EITHER, TRUSTED, FairText, fair_text, sample
from etymon.run.paired import seeded_difference
from etymon.storage import Artifact, Run, Store, artifact_id
from etymon.tokens import TokenStream

STAGE_VERSION = 1
MODELS = (SmallModel(family="ngram"), SmallModel(family="gpt"))
BUDGET, LEAST_BUDGET = 2_000_000, 20_000
VIEW_BYTES = 300_000
SEEDS = 5
NO_DIFFERENCE = "no difference found"


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
    def better(self) -> str:
        """ "A", "B", or "" where the interval holds 0."""
        return "A" if self.high < 0 else "B" if self.low > 0 else ""


@dataclass(frozen=True)
class Ablation:
    """What two recipes' models were found to be worth. `verdict` says it in words; `better` is "A", "B" or ""."""

    comparisons: tuple[Comparison, ...]
    better: str
    verdict: str
    told: tuple[str, ...]
    artifact: Artifact

    def in_words(self) -> str:
        """The verdict, every comparison in one line, and what was done to keep it fair."""
        rows = [
            f"  {each.family}, {each.view}: A {each.a:.4f}, B {each.b:.4f} bits per byte; "
            f"A - B {each.mean:+.4f} [{each.low:+.4f}, {each.high:+.4f}], {each.n} documents"
            for each in self.comparisons
        ]
        return "\n".join([self.verdict, *rows, *(f"  {line}" for line in self.told)])


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

    The outcome is an artifact of kind "ablation", found again for the same corpora. Raises EtymonError where either
    corpus has under 20,000 bytes to train on.
    """
    made = build(store, paths, a, progress=progress), build(store, paths, b, progress=progress)
    recipe = {
        "models": [kind.describe() for kind in models],
        "budget": budget,
        "seeds": seeds,
    }
    inputs = {"a": made[0].id, "b": made[1].id}
    judge_text = build(store, trusted, progress=progress) if trusted else None
    if judge_text is not None:
        inputs["trusted"] = judge_text.id
    found = store.find("ablation", recipe, inputs, stage_version=STAGE_VERSION)
    if found is None:
        text = fair_text(made[0], made[1], paths, judge_text, VIEW_BYTES)
        run = store.run(f"ablation-{artifact_id('ablation', recipe, inputs, STAGE_VERSION)[:12]}")
        said = _compared(run, text, models, budget, seeds, progress)
        with store.create("ablation", recipe, inputs, stage_version=STAGE_VERSION) as draft:
            found = draft.seal(said)
        if run.path.exists():
            store.remove_run(run.name)
    return _opened(found)


def _opened(artifact: Artifact) -> Ablation:
    said = artifact.statistics
    rows: list[Any] = said["comparisons"]
    comparisons = tuple(replace(Comparison(**row), by_seed=tuple(row["by_seed"])) for row in rows)
    better, verdict = judge(comparisons)
    return Ablation(comparisons, better, verdict, tuple(said["told"]), artifact)


def _compared(
    run: Run,
    text: FairText,
    models: Sequence[SmallModel],
    budget: int,
    seeds: int,
    progress: Progress,
) -> dict[str, Any]:
    sizes = [sum(len(each.encode("utf-8", "surrogatepass")) for each in pool) for pool in text.pools]
    used = min(budget, *sizes)
    if used < LEAST_BUDGET:
        raise EtymonError(
            f"Recipe {'AB'[int(np.argmin(sizes))]} leaves {used:,} bytes to train on.",
            why=f"models of less than {LEAST_BUDGET:,} bytes say nothing",
            help="give more text, or a recipe that keeps more",
        )
    asked = byte_stream(sorted({each for texts in text.views.values() for each in texts}))
    measured: dict[tuple[str, int, int], Mapping[str, float]] = {}
    steps = [(kind, seed, side) for kind in models for seed in range(seeds) for side in (0, 1)]
    for done, (kind, seed, side) in enumerate(steps):
        progress(done, len(steps), f"training the {kind.family} of recipe {'AB'[side]}")
        stream = byte_stream(sample(text.pools[side], str(seed), used))
        model = learn(kind, stream, seed=seed, into=run, series=f"{kind.family}-{seed}-{'ab'[side]}")
        measured[kind.family, seed, side] = bits_of(model, asked)
    comparisons = [
        _compare(kind.family, view, byte_stream(texts), measured, seeds)
        for kind in models
        for view, texts in text.views.items()
    ]
    told = [
        f"each model learned from {used:,} bytes; A has {sizes[0]:,} and B {sizes[1]:,} to learn from",
        f"{text.left_out[0]:,} documents of A and {text.left_out[1]:,} of B say what is asked about and were left out",
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


def judge(comparisons: Sequence[Comparison]) -> tuple[str, str]:
    """Which recipe is better, and the sentence that says so. Only views that decide are looked at: trusted text where
    there is any, else what both kept and what either kept."""
    views = {each.view for each in comparisons}
    deciding = [TRUSTED] if TRUSTED in views else [view for view in (BOTH, EITHER) if view in views]
    found = {view: {each.better for each in comparisons if each.view == view and each.better} for view in deciding}
    winners = {winner for each in found.values() for winner in each}
    if not winners:
        return "", NO_DIFFERENCE
    sides = "; ".join(f"on {view}: {' and '.join(sorted(found[view])) or 'neither'}" for view in deciding)
    if len(winners) == 1 and all(found.values()):
        winner = winners.pop()
        return winner, f"{winner} is better: its models need fewer bits ({sides})"
    return "", f"no recipe is better on all counts ({sides}): give text like what the models are wanted for"
