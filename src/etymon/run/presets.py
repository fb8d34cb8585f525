"""Presets: the settings that follow from machine, budget and amount of text, each with its reason in words."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

from etymon.models import Family
from etymon.run.budget import MEASURING_SHARE, Budget
from etymon.tokens import Tokenizer

# Tokens per parameter at the optimum, C = 6 N D: 20 for large models (Hoffmann et al. 2022, arXiv 2203.15556), about 1
# where most parameters are embeddings (measured at 3e12 FLOP: docs/decisions.md).
FEWEST_TOKENS, MOST_TOKENS, SMALL_COMPUTE = 1.0, 20.0, 1e13
STEPS = 1000
# Before anything is measured: what two cores do with networks of a million parameters or so.
GUESS_FLOPS_PER_SECOND = 3e10
# Muennighoff et al. 2023 (arXiv 2305.16264): to about 4 passes repeated text is nearly as good as new text.
CHEAP_PASSES = 4
# Where text is short, passes beyond this brought nothing on Austen's novels or the Python documentation.
MOST_PASSES = 40


AS_LONG_AS_ROWS = "as long as the rows that it learns from, their special tokens included"
# The generations that a run trains, in the order in which a larger budget adds them; the first are those of any run.
GENERATIONS = ("ngram", "lstm", "gpt", "bert", "xlnet", "palm")
FEWEST_NETWORKS = 2
# What each network must get before another is added: from here on most of a network is no longer its embedding.
LEAST_COMPUTE = SMALL_COMPUTE


@dataclass(frozen=True)
class Preset:
    """Dotted keys with their values, and why each has it."""

    values: dict[str, Any] = field(default_factory=dict[str, Any])
    reasons: dict[str, str] = field(default_factory=dict[str, str])

    def __or__(self, other: Preset) -> Preset:
        return Preset(self.values | other.values, self.reasons | other.reasons)


def tokenizer_preset(train_bytes: int) -> Preset:
    """The vocabulary for this much text: about one entry per 600 bytes, a power of two from 512 to 16,384."""
    vocabulary = 2 ** round(math.log2(max(train_bytes, 1) / 600))
    vocabulary = min(max(vocabulary, 512), 16_384)
    reason = f"one entry per 600 bytes of training text ({train_bytes:,} bytes), a power of two from 512 to 16,384"
    return Preset({"tokenizer.vocabulary": vocabulary}, {"tokenizer.vocabulary": reason})


def families_preset(budget: Budget) -> Preset:
    """The families that a budget allows: each network beyond the first two only where all of them get enough.

    Of a time, it goes by what two cores do: which families a run has should not depend on the moment.
    """
    flops = budget.flops or (budget.seconds or 0.0) * GUESS_FLOPS_PER_SECOND
    networks = int((1 - MEASURING_SHARE) * flops / LEAST_COMPUTE)
    if networks <= FEWEST_NETWORKS:
        return Preset()
    reason = f"every generation that can have {LEAST_COMPUTE:.0e} FLOP of training in a budget of {budget}"
    return Preset({"families": GENERATIONS[: networks + 1]}, {"families": reason})


def ngram_preset(family: Family, tokenizer: Tokenizer, sentences: str) -> Preset:
    """How far an n-gram looks, and for n-grams of lines the tokens that end one."""
    order = family.preset(0, tokenizer.vocabulary).order
    preset = Preset({"models.ngram.order": order}, {"models.ngram.order": "7 for bytes, 5 for tokens that hold more"})
    if sentences != "lines":
        return preset
    ends = tuple(id for id in range(tokenizer.vocabulary) if b"\n" in tokenizer.token_bytes(id))
    key = "models.ngram.line_ends"
    return preset | Preset({key: ends}, {key: "the tokens that hold a line feed"})


def sampling_preset() -> Preset:
    """How the models write in the report."""
    reason = "a little below 1, so that small models show what they know rather than what they guess"
    return Preset({"sampling.temperature": 0.8}, {"sampling.temperature": reason})


def network_preset(family: Family, compute: float, tokens: int, vocabulary: int) -> Preset:
    """Size, batch and rate of one family for `compute` FLOPs of training on `tokens` different tokens."""
    wanted = parameters_for(compute, tokens)
    settings = family.preset(wanted, vocabulary)
    size_reason = (
        f"{wanted:,.0f} parameters are wanted: compute {compute:.2g} FLOP = 6 N D with D = "
        f"{tokens_per_parameter(compute):.3g} N, more where the text ({tokens:,} tokens) would be read over "
        f"{2 * CHEAP_PASSES} times"
    )
    prefix = f"models.{family.name}"
    values: dict[str, Any] = {f"{prefix}.{f.name}": getattr(settings, f.name) for f in fields(settings)}
    reasons = dict.fromkeys(values, size_reason)
    if f"{prefix}.dropout" in values:
        values[f"{prefix}.dropout"], reasons[f"{prefix}.dropout"] = dropout_for(compute / (6 * wanted * tokens))
    batch = batch_tokens(compute / (6 * wanted), tokens)
    length = row_length(batch)
    training = f"training.{family.name}"
    values |= {
        f"{training}.batch_tokens": batch,
        f"{training}.length": length,
        f"{training}.learning_rate": learning_rate(wanted),
    }
    reasons |= {
        f"{training}.batch_tokens": f"about {STEPS:,} steps in all, a power of two from 1,024 to 65,536",
        f"{training}.length": "sixteen rows of different text in a step say more than a few long ones",
        f"{training}.learning_rate": "0.004 for a million parameters, less by the fourth root for more",
    }
    if f"{prefix}.context" in values:
        values[f"{prefix}.context"] = length + family.edges
        reasons[f"{prefix}.context"] = AS_LONG_AS_ROWS
    return Preset(values, reasons)


def fitting_rows(family: Family, preset: Preset, given: dict[str, Any]) -> Preset:
    """The preset with rows and context made to fit what the user has set of them: `given`, by dotted key."""
    name, edges = family.name, family.edges
    context, length, batch = f"models.{name}.context", f"training.{name}.length", f"training.{name}.batch_tokens"
    values, reasons = dict(preset.values), dict(preset.reasons)
    if context in given and length not in given and given[context] - edges < values[length]:
        values[length], reasons[length] = max(given[context] - edges, 1), "as long as the context allows"
    if length in given and context in values:
        values[context], reasons[context] = given[length] + edges, AS_LONG_AS_ROWS
    row = given.get(length, values[length])
    if batch not in given and values[batch] % row:
        values[batch], reasons[batch] = max(values[batch] // row, 1) * row, "a whole number of rows"
    return Preset(values, reasons)


def tokens_per_parameter(compute: float) -> float:
    """How many tokens each parameter should see: few for a tiny budget, 20 for a large one."""
    return min(max((compute / SMALL_COMPUTE) ** 0.25, FEWEST_TOKENS), MOST_TOKENS)


def learning_rate(parameters: float) -> float:
    """The highest rate, from the size alone."""
    return float(f"{min(4e-3, 4e-3 * (1e6 / parameters) ** 0.25):.2g}")


def row_length(batch: int) -> int:
    """Tokens in a row: a sixteenth of the step, from 64 to 256."""
    return min(max(batch // 16, 64), 256)


def parameters_for(compute: float, tokens: int) -> float:
    """Parameters for a training of `compute` FLOPs on `tokens` different tokens.

    The compute-optimal size, raised by at most four times where the text would otherwise be read more than eight
    times over: a larger model makes better use of the same passes.
    """
    optimal = math.sqrt(compute / (6 * tokens_per_parameter(compute)))
    for_few_passes = compute / (6 * 2 * CHEAP_PASSES * tokens)
    return min(max(optimal, for_few_passes), 4 * optimal, max(30.0 * tokens, 50_000.0))


def dropout_for(passes: float) -> tuple[float, str]:
    """Dropout by how often the text is read: none while it is new."""
    if passes <= CHEAP_PASSES:
        return 0.0, f"the text is read {passes:.1f} times, so it is still new"
    if passes <= 4 * CHEAP_PASSES:
        return 0.1, f"the text is read {passes:.0f} times"
    return 0.2, f"the text is read {passes:.0f} times, so learning it by heart is the danger"


def batch_tokens(total: float, tokens: int) -> int:
    """Tokens in a step: about 1,000 steps in all, and no more than a quarter of the text."""
    wanted = 2 ** round(math.log2(max(total / STEPS, 1)))
    largest = 2 ** int(math.log2(max(tokens / 4, 1)))
    return int(min(max(wanted, 1024), max(largest, 512), 65_536))


def most_steps(tokens: int, batch: int) -> int:
    """Where more steps would only read the same text again; never under 200, so that a page of text learns too."""
    return max(MOST_PASSES * tokens // batch, 200)
