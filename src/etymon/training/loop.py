"""The training loop: the order of a step, as straight code."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

from etymon.errors import EtymonError, Interrupted
from etymon.models import Network, evaluating
from etymon.objectives import Objective, step_flops
from etymon.progress import Progress, silent
from etymon.training.budget import Horizon
from etymon.training.device import choose_device, choose_precision, keep_memory, within_memory
from etymon.training.fingerprint import Lineage, numerics
from etymon.training.optimizer import AdamW, clipped_norm
from etymon.training.randomness import own_randomness
from etymon.training.record import ENDS, Position, Record, plan_of, snapshot_steps
from etymon.training.schedule import learning_rate
from etymon.training.settings import TrainingSettings
from etymon.training.step import Gradients

if TYPE_CHECKING:
    from etymon.storage import Run
    from etymon.tokens import Loader


NOTHING: Mapping[str, str] = {}


class Observer(Protocol):
    """Someone who looks at the network as it learns. The time that takes is no training time; it is told apart."""

    def wants(self, step: int, total: int | None) -> bool:
        """Whether to look when `step` steps are done (0: before the first); total: steps in all, None while open."""
        ...

    def look(self, network: Network, step: int, tokens: int, flops: float, seconds: float) -> None:
        """Look, in evaluation mode and without gradients; the network must be left as it is.

        After a kill the steps since the last checkpoint are done again, and looked at again.
        """
        ...


@dataclass(frozen=True)
class Trained:
    """What a training took, over all its parts; the network holds the weights."""

    steps: int
    tokens: int
    flops: float
    seconds: float
    observing_seconds: float
    stopped_by: Literal["steps", "budget"]
    lineages: tuple[Lineage, ...]


class Stopwatch:
    """Seconds of training, without those of observing, going on from earlier parts of the same training."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._start = clock, clock()
        self.observing = 0.0

    def add(self, position: Position) -> None:
        """What earlier parts took."""
        self._start -= position.seconds
        self.observing += position.observing_seconds

    @property
    def seconds(self) -> float:
        """Training time so far."""
        return self._clock() - self._start

    @contextmanager
    def observing_now(self) -> Generator[None, None, None]:
        """Time inside is observing time."""
        begin = self._clock()
        try:
            yield
        finally:
            took = self._clock() - begin
            self._start += took
            self.observing += took


def train(
    network: Network,
    objective: Objective,
    loader: Loader,
    settings: TrainingSettings,
    into: Run,
    series: str,
    *,
    seed: int,
    inputs: Mapping[str, str] = NOTHING,
    device: str = "auto",
    steps: int | None = None,
    budget: float | None = None,
    observe: Sequence[Observer] = (),
    stop_requested: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
    progress: Progress = silent,
    say: Callable[[str], None] = lambda text: None,
    warn: Callable[[str], None] = warnings.warn,
) -> Trained:
    """Train for so many `steps`, or for a `budget` of seconds; a training that was stopped goes on where it was.

    The result is a function of (fresh weights, loader, settings, seed, steps) and of nothing else on one machine:
    stopped and resumed anywhere, it ends with the same bits. With a budget of time it is also a function of the
    decisions in the journal. Everything it leaves is in the run `into` under the name `series`.

    `inputs` are the ids of what it is made from (role -> id): a checkpoint that was made from others is refused. `say`
    is told from which step a stopped one goes on; `warn` of damaged checkpoints that were left out, and of a resume
    with other versions, device, threads or kernels, which begins a new lineage (refused where settings.strict).

    Raises Interrupted, with a checkpoint saved, when `stop_requested()` says so between two steps; DiskFault when the
    disk has no room for what is to be saved; EtymonError when settings, network and loader do not fit, when a
    checkpoint is of another training, and when loss or gradient are not finite (that step is not applied).
    """
    watch = Stopwatch(clock)
    horizon = Horizon(steps=steps, seconds=budget, decay_share=settings.decay_share)
    _check(network, loader, settings)
    place = choose_device(device)
    precision = choose_precision(settings.precision, place)
    if place.type == "cpu":
        keep_memory()
    network.to(place).train()
    optimizer = AdamW(network, settings)
    gradients = Gradients(network, objective, loader, settings.micro_batch or loader.slots, precision, seed)
    record = Record(
        into,
        series,
        network,
        optimizer,
        plan=plan_of(settings, seed, network, objective, horizon, inputs, loader.mixture),
        numerics=numerics(place, precision, len(gradients.pieces)),
        checkpoint_seconds=settings.checkpoint_seconds,
        snapshots=settings.snapshots,
        strict=settings.strict,
        say=say,
        warn=warn,
    )
    is_snapshot = snapshot_steps(settings.snapshots, horizon.total)
    at = record.resume(horizon)
    watch.add(at)
    flops = step_flops(objective, network.counts, loader.slots, loader.length)
    resumed_at = at.step
    if not record.goes_on:
        _observe(observe, network, at, horizon, watch)
        if is_snapshot(0):
            record.snapshot(at)

    with own_randomness(place):
        while not horizon.reached(at.step):
            begin = watch.seconds
            if stop_requested():
                record.save(at)
                raise Interrupted(
                    f"{series} was stopped after step {at.step}", help="the same command goes on from here"
                )
            rate = learning_rate(settings, at.step, horizon.progress(at.step), total=steps)
            with within_memory(settings.batch_tokens):
                gradient = gradients.of(at.step, at.state)
            norm = clipped_norm(network, settings.clip)
            _refuse_unless_finite(at.step, gradient.loss, norm, rate)
            optimizer.step(rate)

            at = Position(
                at.step + 1,
                at.tokens + gradient.tokens,
                at.flops + flops,
                watch.seconds,
                watch.observing,
                gradient.state,
            )
            record.row(
                at,
                loss=gradient.loss,
                learning_rate=rate,
                gradient_norm=norm,
                tokens_per_second=gradient.tokens / max(at.seconds - begin, 1e-9),
            )
            progress(*_done(at, horizon), f"loss {gradient.loss:.3f}")
            _observe(observe, network, at, horizon, watch)
            at = replace(at, observing_seconds=watch.observing)
            if is_snapshot(at.step):
                record.snapshot(at)
            record.save_if_due(at)
            if at.step > resumed_at + 1:  # the first step of a process warms up
                horizon.took(watch.seconds - begin)
            undecided = horizon.total is None
            anchor = horizon.decide(at.step, watch.seconds)
            if anchor is not None:
                record.decided(at, anchor, first=undecided)

    record.save(at)
    if not record.has_ended(at.step):  # a kill may have come between the last save and this
        if settings.snapshots and not is_snapshot(at.step):
            record.snapshot(at)
        record.event(ENDS, step=at.step, seconds=at.seconds)
    stopped_by = "steps" if budget is None else "budget"
    return Trained(at.step, at.tokens, at.flops, at.seconds, at.observing_seconds, stopped_by, record.lineages)


def _check(network: Network, loader: Loader, settings: TrainingSettings) -> None:
    """Raise EtymonError where settings, network and loader contradict each other."""
    if (loader.slots, loader.length) != (settings.rows, settings.length):
        raise EtymonError(
            f"The loader gives {loader.slots} rows of {loader.length} tokens",
            why=f"the settings want {settings.rows} rows of {settings.length}",
            help="make it with slots=settings.rows and length=settings.length",
        )
    if network.context is not None and network.context < settings.length:
        raise EtymonError(
            f"Rows of {settings.length} tokens do not fit a network that reads {network.context} at once",
            where="training length and model context",
            help=f"length={network.context}, or a model with context={settings.length}",
        )
    if loader.stream.vocabulary > network.vocabulary:
        raise EtymonError(
            f"The text has {loader.stream.vocabulary} different tokens and the network knows {network.vocabulary}",
            help="build the network with the vocabulary of the tokenizer that made the text into tokens",
        )


def _refuse_unless_finite(step: int, loss: float, norm: float, rate: float) -> None:
    if math.isfinite(loss) and math.isfinite(norm):
        return
    raise EtymonError(
        f"Step {step + 1} was not applied: its loss is {loss} and its gradient's length {norm}",
        why=f"at a learning rate of {rate:.3g}; rates that are too high are the usual cause",
        help=f"start it anew with learning_rate={rate / 2:.1g}; the last checkpoint is kept as it was",
    )


def _observe(observers: Sequence[Observer], network: Network, at: Position, horizon: Horizon, watch: Stopwatch) -> None:
    wanting = [observer for observer in observers if observer.wants(at.step, horizon.total)]
    if wanting:
        with watch.observing_now(), evaluating(network):
            for observer in wanting:
                observer.look(network, at.step, at.tokens, at.flops, at.seconds)


def _done(at: Position, horizon: Horizon) -> tuple[float, float | None]:
    """How much is done of how much: steps, or seconds of a budget."""
    if horizon.seconds is not None:
        return min(at.seconds, horizon.seconds), horizon.seconds
    return at.step, horizon.total
