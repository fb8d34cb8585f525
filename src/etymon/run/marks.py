"""Marks: the places along a training where a model is measured on validation text and writes on from the prompt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from etymon.evaluation import bits_per_byte
from etymon.generation import Sampling, continue_text
from etymon.models import LanguageModel
from etymon.run.narrator import Narrator
from etymon.storage import Run
from etymon.tokens import Tokenizer, TokenStream

# Enough to see what a model has learned, and cheap beside the steps between two marks.
SAMPLE_TOKENS = 60


@dataclass
class Marks:
    """Measures and samples one model as it learns; every mark is a row of the run's metrics, so a resume keeps it.

    `series` is the training's own; marks go to `SERIES/marks`, so that rewinding the one rewinds the other.
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

    def look(self, model: LanguageModel, step: int, tokens: int, flops: float, seconds: float) -> None:
        """One mark: bits per byte on validation documents, and a sample, shown at once."""
        result = bits_per_byte(model, self.validation, max_bytes=self.validation_bytes)
        short = replace(self.sampling, max_tokens=min(self.sampling.max_tokens, SAMPLE_TOKENS))
        text = continue_text(model, self.tokenizer, self.prompt, short)
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
            "sample": text,
        }
        self.run.metrics.rewind(row["series"], step - 1)
        self.run.metrics.append(row)
        note = f"{tokens:,} tokens read, {result.mean:.2f} bits per byte"
        self.narrator.sample(self.title, note, self.prompt, text)

    def rows(self) -> list[dict[str, Any]]:
        """All marks of this series, in order."""
        return [row for row in self.run.metrics.rows() if row["series"] == f"{self.series}/marks"]
