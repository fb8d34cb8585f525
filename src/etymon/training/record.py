"""What a training leaves in its run: rows of metrics, events in the journal, checkpoints and snapshots."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from etymon.errors import EtymonError
from etymon.models import Network
from etymon.recipe import to_json
from etymon.training import checkpoint
from etymon.training.budget import Anchor, Horizon
from etymon.training.optimizer import AdamW
from etymon.training.settings import TrainingSettings

if TYPE_CHECKING:
    from etymon.storage import Checkpoint, Run

STARTS, RESUMES, ENDS = "training starts", "training resumes", "training ends"
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
    """The files of one training; `plan` is what must not change between its parts, `numerics` what should not."""

    def __init__(
        self,
        into: Run,
        series: str,
        network: Network,
        optimizer: AdamW,
        *,
        plan: dict[str, Any],
        numerics: dict[str, Any],
        checkpoint_seconds: float,
    ) -> None:
        self._run, self._series = into, series
        self._network, self._optimizer = network, optimizer
        self._plan, self._numerics = plan, numerics
        self._every, self._saved_at, self._saved_step = checkpoint_seconds, 0.0, -1
        self._checkpoints = into.checkpoints(series)

    def event(self, event: str, **fields: Any) -> None:
        """Write an event of this series into the journal."""
        self._run.journal.append(event, series=self._series, **fields)

    def row(self, position: Position, **values: float) -> None:
        """One row of metrics."""
        seconds = {"seconds": position.seconds, "observing_seconds": position.observing_seconds}
        counts = {"step": position.step, "tokens": position.tokens, "flops": position.flops}
        self._run.metrics.append({"series": self._series, **counts, **seconds, **values})

    def resume(self, horizon: Horizon) -> Position:
        """Put network, optimizer, metrics and horizon back to where the last checkpoint is; (0, ...) without one."""
        found = self._checkpoints.latest()
        if found is None:
            self._run.metrics.rewind(self._series, -1)
            self.event(STARTS, total_steps=horizon.total, seconds=horizon.seconds, numerics=self._numerics)
            return Position()
        self._same_plan(found)
        state = checkpoint.load_training(self._network, self._optimizer, found)
        horizon.replay(self._anchors())
        about = found.about
        # What was learned after the checkpoint is lost, but the time is spent all the same.
        seconds = max([about["seconds"], *(row["seconds"] for row in self._run.metrics.rows() if self._mine(row))])
        self._run.metrics.rewind(self._series, found.step)
        self._saved_at, self._saved_step = seconds, found.step
        if not horizon.reached(found.step):
            self.event(RESUMES, step=found.step, seconds=seconds)
        return Position(found.step, about["tokens"], about["flops"], seconds, about["observing_seconds"], state)

    def _mine(self, row: dict[str, Any]) -> bool:
        return row["series"] == self._series

    def _same_plan(self, found: Checkpoint) -> None:
        before = found.about["plan"]
        other = sorted(key for key in before.keys() | self._plan.keys() if before.get(key) != self._plan.get(key))
        if other:
            raise EtymonError(
                f"The checkpoint of {self._series} is of another training",
                where=str(found.path),
                why="; ".join(f"{key} was {before.get(key)} and is {self._plan.get(key)}" for key in other),
                help="start it under another name, or with what it was started with",
            )
        was = found.about["numerics"]
        if was != self._numerics:
            self.event("numerics changed", step=found.step, was=was, now=self._numerics)

    def _anchors(self) -> list[Anchor]:
        """The decisions about the decay since this series last started from nothing."""
        anchors: list[Anchor] = []
        for event in self._run.journal.events():
            if event.get("series") != self._series:
                continue
            if event["event"] == STARTS:
                anchors = []
            elif event["event"] in (DECAY_STARTS, DECAY_CORRECTED):
                anchors.append(Anchor(event["step"], event["progress"], event["total_steps"]))
        return anchors

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
        return {**counts, **seconds, "plan": self._plan, "numerics": self._numerics}


def plan_of(settings: TrainingSettings, seed: int, network: Network, horizon: Horizon) -> dict[str, Any]:
    """What two parts of one training must agree on. How often it is saved is not in it."""
    fields = to_json(settings)
    del fields["checkpoint_seconds"]
    shape = {"family": network.family, "vocabulary": network.vocabulary, "network": to_json(network.settings)}
    end = {"seconds": horizon.seconds} if horizon.seconds is not None else {"steps": horizon.total}
    return {**fields, **shape, **end, "seed": seed}


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
