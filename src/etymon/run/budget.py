"""`Budget`: what a run may spend, how it is shared out, and the clock that counts only what is the run's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from etymon.errors import EtymonError
from etymon.recipe import UnitError, parse_duration, parse_flops

# The shares of docs/decisions.md: data at most 15 %, training at least 60 %, measuring and explaining at most 20 %.
DATA_SHARE = 0.15
TRAINING_SHARE = 0.60
MEASURING_SHARE = 0.20
# Of the measuring, for the pictures of sparsity and of effective context, half each.
PICTURES_SHARE = 0.04


@dataclass(frozen=True)
class Budget:
    """Either `seconds` of this machine or a number of `flops`; the other is None. `text` is how the user put it."""

    text: str
    seconds: float | None = None
    flops: float | None = None

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Read "10m", "2h" or "1e15 FLOP"."""
        try:
            if "flop" in text.lower():
                return cls(text, flops=_positive(parse_flops(text)))
            return cls(text, seconds=_positive(parse_duration(text)))
        except (UnitError, ValueError) as error:
            raise EtymonError(
                f"the budget {text!r} is not an amount of time or of arithmetic",
                where="--budget",
                why=error.why if isinstance(error, UnitError) else str(error),
                help="write a time with its unit (90s, 10m, 2h) or a number of operations (1e15FLOP)",
            ) from error

    def __str__(self) -> str:
        return self.text


def _positive(value: float) -> float:
    if not 0 < value < float("inf"):
        raise ValueError("it must be more than zero and finite")
    return value


class BudgetClock:
    """Seconds that the run has used, over all its starts; time spent waiting for something else is left out."""

    def __init__(self, spent_before: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = clock() - spent_before

    @property
    def spent(self) -> float:
        """Seconds used so far."""
        return self._clock() - self._start

    @contextmanager
    def not_counted(self) -> Generator[None]:
        """Time inside is nobody's: the installation of torch, a question to the user."""
        begin = self._clock()
        try:
            yield
        finally:
            self._start += self._clock() - begin


@dataclass(frozen=True)
class Division:
    """How what is left of a budget is divided once the text is ready.

    Exactly one of `training_seconds` and `training_flops` is set: what each family that learns by gradient gets.
    `validation_bytes` are read at each of `marks` marks along a training; `heldout_bytes` at its end.
    """

    training_seconds: float | None
    training_flops: float | None
    validation_bytes: int
    heldout_bytes: int
    marks: int


@dataclass(frozen=True)
class Costs:
    """What measuring costs: FLOPs to score one byte of text (mean over the families), and the rate of this machine."""

    flops_per_byte: float
    flops_per_second: float
    seconds_per_sample: float


# Read at each mark whatever it costs, and held out at the end: below this an interval over documents means little.
LEAST_BYTES = 32_768
LEAST_HELDOUT = 200_000
# What is put together of others has them read the validation text to fit its weights, and once more for its mark.
FITTING_READS = 2


def divide(
    budget: Budget, spent: float, families: int, costs: Costs, heldout: int, validation: int, combined: int = 0
) -> Division:
    """Share out the rest of a budget over `families` trainings and the measuring of them.

    heldout, validation: bytes that there are to measure on. `combined`: models put together of these, each of which is
    taken to have all of them read everything once more. What measuring does not need goes to training, so that a budget
    in time is used and kept: training = rest - measuring, and never less than 60 % of the whole.
    """
    if families == 0:
        return Division(None, None, min(validation, LEAST_BYTES), heldout, 0)
    marks = 8
    reads, ends = marks + FITTING_READS * combined, 1 + combined  # of the validation and of the held-out bytes
    if budget.flops is not None:
        measuring = (MEASURING_SHARE - PICTURES_SHARE) * budget.flops / families
        affordable = measuring / costs.flops_per_byte
        return Division(
            training_seconds=None,
            training_flops=(1 - MEASURING_SHARE) * budget.flops / families,
            validation_bytes=_bounded(affordable / 2 / reads, validation),
            heldout_bytes=_bounded(affordable / 2 / ends, heldout, LEAST_HELDOUT),
            marks=marks,
        )
    assert budget.seconds is not None
    rest = max(budget.seconds - spent, budget.seconds * TRAINING_SHARE)
    samples = marks * costs.seconds_per_sample
    pictures = PICTURES_SHARE * budget.seconds
    measuring = max((MEASURING_SHARE * 0.9 * budget.seconds - pictures) / families - samples, 0.0)
    seconds_per_byte = costs.flops_per_byte / costs.flops_per_second
    validation_bytes = _bounded(0.4 * measuring / seconds_per_byte / reads, validation)
    heldout_bytes = _bounded(0.6 * measuring / seconds_per_byte / ends, heldout, LEAST_HELDOUT)
    needed = samples + (reads * validation_bytes + ends * heldout_bytes) * seconds_per_byte
    floor = TRAINING_SHARE * budget.seconds / families
    # Loading, saving and drawing the report: measured at 2 to 4 seconds.
    training = max((rest - 3.0 - pictures) / families - needed, floor)
    return Division(max(round(training, 1), 0.1), None, validation_bytes, heldout_bytes, marks)


def _bounded(affordable: float, available: int, least: int = LEAST_BYTES) -> int:
    return int(min(max(affordable, least), available))
