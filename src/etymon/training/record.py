"""What a training leaves in its run: rows of metrics, events in the journal, checkpoints and snapshots."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from etymon.errors import EtymonError
from etymon.models import Network
from etymon.objectives import Objective
from etymon.recipe import identity
from etymon.storage import Mark
from etymon.training import checkpoint
from etymon.training.budget import Anchor, Horizon
from etymon.training.fingerprint import Lineage, Numerics, differences, lineages_of
from etymon.training.optimizer import AdamW
from etymon.training.settings import TrainingSettings, what_is_learned

if TYPE_CHECKING:
    from etymon.storage import Checkpoint, Run

STAGE_VERSION = 1
"""Raised whenever the same plan would give other bits."""

STARTS, RESUMES, ENDS = "training starts", "training resumes", "training ends"
NEW_LINEAGE = "new lineage"
DECAY_STARTS, DECAY_CORRECTED = "decay starts", "decay corrected"


@dataclass(frozen=True)
class Position:
    """Where a training is: `step` steps are done; targets, FLOPs and seconds so far; the state that lanes carry."""

    step: int = 0
    tokens: int = 0
    flops: float = 0.0
    seconds: float = 0.0
    observing_seconds: float = 0.0
    state: tuple[Tensor, ...] | None = None


class Record:
    """The files of one training.

    `plan` must not change between its parts; `numerics` should not: where it did, a new lineage begins, or in strict
    settings the training is refused. `warn` is told, in a sentence, of all that is not as it should be.
    """

    def __init__(
        self,
        into: Run,
        series: str,
        network: Network,
        optimizer: AdamW,
        *,
        plan: dict[str, Any],
        numerics: Numerics,
        checkpoint_seconds: float,
        snapshots: int,
        strict: bool,
        say: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> None:
        self._run, self._series = into, series
        self._network, self._optimizer = network, optimizer
        self._plan, self._say, self._warn = plan, say, warn
        self._every, self._snapshots, self._strict = checkpoint_seconds, snapshots, strict
        self._saved_at, self._saved_step = 0.0, -1
        self._checkpoints = into.checkpoints(series)
        self._numerics = numerics
        self.goes_on = False
        """Whether there was a checkpoint to go on from; it may be of step 0."""
        self.lineages = (Lineage(0, numerics),)

    def event(self, event: str, **fields: Any) -> None:
        """Write an event of this series into the journal."""
        self._run.journal.append(event, series=self._series, **fields)

    def has_ended(self, step: int) -> bool:
        """Whether the journal tells that this training has come to its end at that step."""
        return any(event["event"] == ENDS and event["step"] == step for event in self._events_since_start())

    def _events_since_start(self) -> list[dict[str, Any]]:
        """The events of this series since it last started from nothing."""
        mine = [event for event in self._run.journal.events() if event.get("series") == self._series]
        starts = [number for number, event in enumerate(mine) if event["event"] == STARTS]
        return mine[starts[-1] :] if starts else mine

    def _resumes(self) -> list[dict[str, Any]]:
        return [event for event in self._events_since_start() if event["event"] == RESUMES]

    def row(self, position: Position, **values: float) -> None:
        """One row of metrics."""
        seconds = {"seconds": position.seconds, "observing_seconds": position.observing_seconds}
        counts = {"step": position.step, "tokens": position.tokens, "flops": position.flops}
        self._run.metrics.append({"series": self._series, **counts, **seconds, **values})

    def resume(self, horizon: Horizon) -> Position:
        """Put network, optimizer, metrics and horizon back to where the last good checkpoint is; (0, ...) without one.

        Raises EtymonError where the checkpoint is of another training, and DiskFault where the disk has no room for
        what is still to be saved.
        """
        found = self._checkpoints.latest()
        self._tell_damage(found)
        self._require_space()
        if found is None:
            self._tell_others()
            self._run.metrics.rewind(self._series, -1)
            self.event(STARTS, total_steps=horizon.total, seconds=horizon.seconds, numerics=self._numerics)
            return Position()
        self._same_plan(found)
        self._follow_lineages(found)
        state = checkpoint.load_training(self._network, self._optimizer, found)
        horizon.replay(self._anchors())
        about, mark = found.about, Mark.from_json(found.about["metrics"])
        self.goes_on = True
        self._tell_lost_rows(found.step, mark)
        # What was learned after the checkpoint is lost, but the time is spent all the same; an earlier resume from here
        # has dropped the rows that told of it.
        lost = [row["seconds"] for row in self._run.metrics.rows(mark) if row["series"] == self._series]
        told = [event["seconds"] for event in self._resumes() if event["step"] == found.step]
        seconds = max([about["seconds"], *lost, *told])
        self._run.metrics.rewind(self._series, found.step, mark)
        self._saved_at, self._saved_step = seconds, found.step
        if not horizon.reached(found.step):
            self.event(RESUMES, step=found.step, seconds=seconds)
            self._say(f"{self._series} goes on from step {found.step:,}, with {about['tokens']:,} tokens read")
        return Position(found.step, about["tokens"], about["flops"], seconds, about["observing_seconds"], state)

    def _tell_damage(self, found: Checkpoint | None) -> None:
        where = "the beginning" if found is None else f"step {found.step}"
        for damage in self._checkpoints.stepped_over:
            self._warn(f"a checkpoint is damaged and left out ({damage}); {self._series} goes on from {where}")

    def _tell_lost_rows(self, step: int, mark: Mark) -> None:
        """The rows up to a checkpoint were durable before it counted: where they are gone, somebody took them away."""
        metrics = self._run.metrics
        if metrics.holds(mark):  # which reads one line, however long the run
            return
        there = {row["step"] for row in metrics.rows() if row["series"] == self._series and "loss" in row}
        lost = step - sum(1 <= each <= step for each in there)
        if lost:
            self._warn(f"the metrics of {lost:,} of the {step:,} steps that {self._series} goes on from are lost")

    def _require_space(self) -> None:
        """Before the first step, not at the first save: a disk that is too full is known now."""
        weights, all_of_it = checkpoint.bytes_of(self._network, self._optimizer)
        snapshots = self._snapshots + 1 if self._snapshots else 0
        needed = self._checkpoints.bytes_to_come(all_of_it, weights, snapshots)
        self._run.require_space(needed, f"the checkpoints and snapshots of {self._series}")

    def _tell_others(self) -> None:
        """Name the unfinished trainings of the same family in this run that this one, being another, does not go on
        from."""
        for series in (each for each in self._run.series() if each != self._series):
            other = self._run.checkpoints(series).newest()
            if other is None or other.about.get("plan", {}).get("family") != self._plan["family"]:
                continue
            self._warn(
                f"{self._series} begins anew. {series}, which stands at step {other.step}, is another training: "
                f"{'; '.join(differences(other.about['plan'], self._plan)) or 'it has another name'}"
            )

    def _same_plan(self, found: Checkpoint) -> None:
        other = differences(found.about["plan"], self._plan)
        if other:
            raise EtymonError(
                f"The checkpoint of {self._series} is of another training",
                where=str(found.path),
                why="; ".join(other),
                help="start it under another name, or with what it was started with",
            )

    def _follow_lineages(self, found: Checkpoint) -> None:
        """Go on in the lineage of the checkpoint, or begin another where the fingerprint is another."""
        self.lineages = lineages_of(found.about)
        other = differences(self.lineages[-1].numerics, self._numerics)
        if not other:
            return
        if self._strict:
            raise EtymonError(
                f"{self._series} would go on with other bits than it was begun with",
                where=str(found.path),
                why="; ".join(other),
                help="go on with what it was begun with, or without `strict`: then a new lineage is begun and noted",
            )
        self.lineages += (Lineage(found.step, self._numerics),)
        self.event(NEW_LINEAGE, step=found.step, number=len(self.lineages), differences=other)
        self._warn(
            f"{self._series} goes on from step {found.step} in a new lineage, with other bits than without the stop: "
            f"{'; '.join(other)}"
        )

    def _anchors(self) -> list[Anchor]:
        """The decisions about the decay since this series last started from nothing."""
        return [
            Anchor(event["step"], event["progress"], event["total_steps"])
            for event in self._events_since_start()
            if event["event"] in (DECAY_STARTS, DECAY_CORRECTED)
        ]

    def decided(self, position: Position, anchor: Anchor, *, first: bool) -> None:
        """Write a decision down. The first one comes with a checkpoint, so that a stop soon after it costs little."""
        if first:
            self.save(position)
        self.event(
            DECAY_STARTS if first else DECAY_CORRECTED,
            step=anchor.step,
            progress=anchor.progress,
            total_steps=anchor.total,
            seconds=position.seconds,
        )

    def save(self, position: Position) -> None:
        """A checkpoint to go on from, unless there is one of this very step."""
        if position.step == self._saved_step:
            return
        files = checkpoint.training_files(self._network, self._optimizer, position.state)
        self._checkpoints.save(position.step, files, self._about(position))
        self._saved_at, self._saved_step = position.seconds, position.step

    def save_if_due(self, position: Position) -> None:
        """A checkpoint if the last one is old enough."""
        if position.seconds - self._saved_at >= self._every:
            self.save(position)

    def snapshot(self, position: Position) -> None:
        """Weights that stay. What is said of them depends on the step alone, so a resumed training says the same."""
        about = {"tokens": position.tokens, "flops": position.flops}
        self._checkpoints.snapshot(position.step, checkpoint.weights_file(self._network), about)

    def _about(self, position: Position) -> dict[str, Any]:
        counts = {"tokens": position.tokens, "flops": position.flops}
        seconds = {"seconds": position.seconds, "observing_seconds": position.observing_seconds}
        lineages = [lineage.to_json() for lineage in self.lineages]
        metrics = self._run.metrics.mark().to_json()  # saving makes the rows up to here durable
        return {**counts, **seconds, "plan": self._plan, "lineages": lineages, "metrics": metrics}


def plan_of(
    settings: TrainingSettings,
    seed: int,
    network: Network,
    objective: Objective,
    horizon: Horizon,
    inputs: Mapping[str, str],
    mixture: Mapping[str, float],
) -> dict[str, Any]:
    """What two parts of one training must agree on; `inputs` are the ids of what it is made from, by role, `mixture`
    the shares of domains, empty where the text is read as it is."""
    shape = {"family": network.family, "vocabulary": network.vocabulary, "network": identity(network.settings)}
    end = {"seconds": horizon.seconds} if horizon.seconds is not None else {"steps": horizon.total}
    sources = {f"input {role}": id for role, id in inputs.items()}
    stage = {"objective": objective.name, "stage version": STAGE_VERSION}
    drawn = {"mixture": dict(mixture)} if mixture else {}
    return {**what_is_learned(settings), **shape, **stage, **end, **sources, **drawn, "seed": seed}


def snapshot_steps(wanted: int, total: int | None) -> Callable[[int], bool]:
    """Whether a step is one of about `wanted` that are evenly spaced in their logarithm; step 0 is one of them.

    Where the total is not known yet, each is 2^(16 / wanted) times the one before: `wanted` of them in 65,536 steps.
    """
    if wanted == 0:
        return lambda step: False
    if total is None:
        ratio = 2 ** (16 / wanted)
        return lambda step: step == 0 or step == round(ratio ** round(math.log(step, ratio)))
    steps = {0} | {round(total ** (i / max(wanted - 2, 1))) for i in range(wanted - 1)}
    return steps.__contains__
