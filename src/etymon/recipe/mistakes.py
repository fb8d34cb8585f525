"""What is wrong with a recipe: every mistake with its place, gathered into one error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from etymon.errors import EtymonError

_SHOWN = 80  # characters of an offending text


@dataclass(frozen=True, order=True)
class Place:
    """Where something was given: `source` is a file or "command line", `rank` its turn, `line` from 1 (0: no line)."""

    rank: int
    line: int
    source: str

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass(frozen=True)
class Mistake:
    """One thing to put right: `subject` is the text as given, `why` what is wrong, `help` what would be right."""

    place: Place
    subject: str
    why: str
    help: str = ""

    def __str__(self) -> str:
        sentence = f"{self.place}: {shortened(self.subject)}: {self.why}"
        return f"{sentence}\n      {self.help}" if self.help else sentence


class RecipeError(EtymonError):
    """All mistakes of a recipe at once, in the order of files and lines, those of the command line last."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes: Sequence[Mistake] = sorted(mistakes, key=lambda mistake: mistake.place)
        if len(self.mistakes) == 1:
            only = self.mistakes[0]
            super().__init__(f"{shortened(only.subject)}: {only.why}", where=str(only.place), help=only.help)
        else:
            listed = "".join(f"\n  {mistake}" for mistake in self.mistakes)
            super().__init__(f"{len(self.mistakes)} mistakes in the recipe{listed}")


def shortened(text: str) -> str:
    """In one line and not too long."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest known words as a question, or nothing."""
    lowered: dict[str, str] = {}
    for each in known:
        lowered.setdefault(each.lower(), each)
    near = get_close_matches(word.lower(), lowered, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(lowered[each] for each in near)}?" if near else ""
