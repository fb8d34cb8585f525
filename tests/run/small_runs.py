"""Runs of a second or two: text, a narrator that remembers, and the main job called as a library."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from etymon.run import Budget, Outcome, Request, Silent, run_job
from etymon.storage import Store

SENTENCE = "the small model reads a text and counts what follows each word so that it may write on from there"
LITTLE = "4e9FLOP"


def paragraphs(count: int, seed: int) -> str:
    """So many different paragraphs of about 200 bytes."""
    draw = random.Random(seed)
    return "\n\n".join(
        f"{' '.join(draw.choices(SENTENCE.split(), k=40))} ({seed}.{number})." for number in range(count)
    )


@dataclass
class Heard(Silent):
    """A narrator who remembers what was said and warned."""

    said: list[str] = field(default_factory=list[str])
    warned: list[str] = field(default_factory=list[str])

    def say(self, text: str) -> None:
        self.said.append(text)

    def warn(self, text: str) -> None:
        self.warned.append(text)

    @property
    def reused(self) -> set[str]:
        """The roles of what was found and not made again."""
        return {text.partition(": reused")[0] for text in self.said if ": reused" in text}


def run(
    store: Store,
    text: Path,
    *settings: str,
    families: str = "ngram",
    name: str = "small",
    budget: str = LITTLE,
    initial: str | None = None,
    narrator: Silent | None = None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> Outcome:
    """The main job; its settings as on the command line."""
    overrides = settings if initial else (f"families={families}", *settings)
    request = Request(paths=(str(text),), budget=Budget.parse(budget), name=name, overrides=overrides, initial=initial)
    return run_job(request, store, narrator or Silent(), stop_requested)
