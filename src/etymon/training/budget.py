"""The end of a training: after so many steps, or when a budget of time is used up, with a decay that ends right there.

With a number of steps everything is known beforehand. With a budget of time the rate stays at its highest until what is
left is just enough for the decay, at the speed of the last steps; that decision is an `Anchor`, and so is each later
correction, should the speed change. Anchors are written to the journal, and a resumed training takes them from there.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from etymon.errors import EtymonError

# Steps whose median is the step time: enough to overlook one slow step, few enough to follow a machine that slows down.
WINDOW = 33
# The plan is corrected where it would miss the budget by more than this share of it.
MISS = 0.02


@dataclass(frozen=True)
class Anchor:
    """From `step` on the decay goes on from `progress` (0: begins, 1: done), evenly until `total` steps are done."""

    step: int
    progress: float
    total: int


class Horizon:
    """How far the training goes, and how far the decay is at each step.

    steps: how many in all, or None; seconds: the budget of time, or None. Exactly one is given. decay_share: the share
    of all steps in which the rate falls.
    """

    def __init__(self, *, steps: int | None, seconds: float | None, decay_share: float) -> None:
        if (steps is None) == (seconds is None):
            raise EtymonError("A training ends after a number of steps or of seconds", help="give one of the two")
        if (steps or seconds or 0) <= 0:
            raise EtymonError("A training of no steps or no seconds is none", help="give more than 0")
        self.seconds, self._share = seconds, decay_share
        self._times: deque[float] = deque(maxlen=WINDOW)
        self.anchors: list[Anchor] = []
        if steps is not None:
            self.anchors = [Anchor(steps - round(decay_share * steps), 0.0, steps)]

    @property
    def total(self) -> int | None:
        """Steps in all; None while that is not decided."""
        return self.anchors[-1].total if self.anchors else None

    def reached(self, step: int) -> bool:
        """Whether the training is over once `step` steps are done."""
        return self.total is not None and step >= self.total

    def progress(self, step: int) -> float:
        """How far the decay is in the step with this number (from 0): 0 before it begins, 1 at the end."""
        for anchor in reversed(self.anchors):
            if anchor.step <= step:
                span = anchor.total - anchor.step
                part = 1.0 if span <= 0 else min((step - anchor.step) / span, 1.0)
                return anchor.progress + (1 - anchor.progress) * part
        return 0.0

    def replay(self, anchors: Sequence[Anchor]) -> None:
        """Take over decisions that an earlier part of the same training has made."""
        if self.seconds is not None:
            self.anchors = list(anchors)

    def took(self, seconds: float) -> None:
        """A step took so long. The first of a process is not told: it warms up."""
        self._times.append(seconds)

    def decide(self, step: int, elapsed: float) -> Anchor | None:
        """With `step` steps done after `elapsed` seconds: the decision due now, if any; it holds from here on."""
        if self.seconds is None or (self.anchors and step <= self.anchors[-1].step):
            return None
        anchor = self._begin(step, elapsed) if not self.anchors else self._correct(step, elapsed)
        if anchor is not None:
            self.anchors.append(anchor)
        return anchor

    def _begin(self, step: int, elapsed: float) -> Anchor | None:
        left = self._steps_left(elapsed)
        if left is None or left > self._share * (step + left):
            return None
        return Anchor(step, 0.0, step + left)

    def _correct(self, step: int, elapsed: float) -> Anchor | None:
        left, last = self._steps_left(elapsed), self.anchors[-1]
        if left is None or left == last.total - step or self.seconds is None:
            return None
        step_time = median(self._times) if self._times else 0.0
        if abs(last.total - step - left) * step_time <= MISS * self.seconds:
            return None
        return Anchor(step, self.progress(step), step + left)

    def _steps_left(self, elapsed: float) -> int | None:
        """Steps that still fit into the budget; None while the speed is not known."""
        remaining = (self.seconds or math.inf) - elapsed
        if remaining <= 0:
            return 0
        return round(remaining / median(self._times)) if self._times and median(self._times) > 0 else None
