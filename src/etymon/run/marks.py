"""Marks: the places along a training where a model is measured on validation text and writes on from the prompt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from etymon.evaluation import score
from etymon.generation import Sampling, continue_text, fill_blanks
from etymon.models import FillsIn, LanguageModel
from etymon.run.measuring import PSEUDO, measure_of
from etymon.run.narrator import Narrator
from etymon.storage import Run
from etymon.tokens import Tokenizer, TokenStream

# Enough to see what a model has learned, and cheap beside the steps between two marks.
SAMPLE_TOKENS = 60
# Of a pseudo-likelihood's sample; every mark of a training draws the same tokens, so that a curve shows learning alone.
MARK_READS = 2.0
BLANKS = "Hidden one at a time and guessed, in [brackets]: "
"""What stands in the place of a prompt where a model fills in and does not write on."""


@dataclass
class Marks:
    """Measures and samples one model as it learns; every mark is a row of the run's metrics, so a resume keeps it.

    A model that fills in is shown with `prompt` as `BLANKS` and its guesses in the text `blanks`. `series` is the
    training's own; marks go to `SERIES/marks`, so that rewinding the one rewinds the other.
    """

    run: Run
    narrator: Narrator
    series: str
    title: str
    tokenizer: Tokenizer
    validation: TokenStream
    validation_bytes: int
    prompt: str
    sampling: Sampling
    blanks: str = ""

    def look(self, model: LanguageModel, step: int, tokens: int, flops: float, seconds: float) -> None:
        """One mark: bits per byte on validation documents, and a sample, shown at once."""
        result, measure = (
            score(model, self.validation, max_bytes=self.validation_bytes, reads=MARK_READS),
            measure_of(model.family),
        )
        text = self.sample(model)
        row: dict[str, Any] = {
            "series": f"{self.series}/marks",
            "step": step,
            "tokens": tokens,
            "flops": flops,
            "seconds": round(seconds, 3),
            "bits_per_byte": result.mean,
            "low": result.low,
            "high": result.high,
            "n": result.n,
            "measure": measure,
            "sample": text,
        }
        self.run.metrics.rewind(row["series"], step - 1)
        self.run.metrics.append(row)
        unit = f"bits per byte{f' ({PSEUDO})' if measure == PSEUDO else ''}"
        note = f"{tokens:,} tokens read, {result.mean:.2f} {unit}"
        self.narrator.sample(self.title, note, self.prompt, text)

    def sample(self, model: LanguageModel) -> str:
        """What the model writes after the prompt, or puts into the blanks."""
        if isinstance(model, FillsIn):
            return fill_blanks(model, self.tokenizer, self.blanks)
        short = replace(self.sampling, max_tokens=min(self.sampling.max_tokens, SAMPLE_TOKENS))
        return continue_text(model, self.tokenizer, self.prompt, short)

    def rows(self) -> list[dict[str, Any]]:
        """All marks of this series, in order."""
        return [row for row in self.run.metrics.rows() if row["series"] == f"{self.series}/marks"]
