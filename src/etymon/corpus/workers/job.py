"""One task on its way: how often workers died of it, at which steps, and whose fault that was."""

from __future__ import annotations

import signal
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from etymon.corpus.workers.process import Death
from etymon.errors import EtymonError

DEATHS_BY_CRASH = 2
"""So often must workers crash at the same step before the step is to blame."""
DEATHS_BY_KILL = 4
"""The same for signals that no process sends itself: they come from an operator, a scheduler, a machine out of memory.
Only a step that holds most of a task's time meets four of them by chance."""
KILLS = frozenset(-each for each in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT))
DEATHS_OF_A_TASK = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one task, and the steps that were left out because they end whoever takes them, with the reason:
    "cpu time", "memory", "crash: SIGSEGV"."""

    result: Any
    poisoned: dict[int, str] = field(default_factory=dict[int, str])


@dataclass(slots=True)
class Job:
    """One task with its number, the steps that it has to leave out, and the deaths that it has seen."""

    number: int
    task: Any
    poisoned: dict[int, str] = field(default_factory=dict[int, str])
    deaths: Counter[int] = field(default_factory=Counter[int])

    @property
    def needs_fresh_worker(self) -> bool:
        """Whether a worker died of it before: then nothing that an earlier task left behind may be to blame."""
        return bool(self.deaths)

    def died(self, death: Death) -> None:
        """Notes a death; a step that is to blame is left out from now on. Raises EtymonError where leaving out steps
        does not help."""
        self.deaths[death.step] += 1
        if death.over_budget or self._repeated(death):
            self._blame(death)
        elif self.deaths.total() >= DEATHS_OF_A_TASK:
            raise EtymonError(
                f"workers keep dying ({death.words})",
                why=f"{self.deaths.total()} did in one task, not often enough at the same record to blame one",
                help="look for what ends them: memory limits, another program; what is finished is kept",
            )

    def _repeated(self, death: Death) -> bool:
        enough = DEATHS_BY_KILL if death.code in KILLS else DEATHS_BY_CRASH
        return death.step >= 0 and self.deaths[death.step] >= enough

    def _blame(self, death: Death) -> None:
        if death.step < 0 or death.step in self.poisoned:
            raise EtymonError(
                "a worker cannot do its task",
                why=f"it ended ({death.words}) outside of any record",
                help="see that the machine has the memory that a worker may take",
            )
        self.poisoned[death.step] = death.words
