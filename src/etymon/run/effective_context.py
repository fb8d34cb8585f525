"""Effective context: what each family makes of ever more tokens before those it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from etymon.evaluation import Glances, bits_by_context, chosen_documents, glances
from etymon.models import LanguageModel, family, load
from etymon.run.job import Job
from etymon.run.measuring import on_device
from etymon.run.text import Text
from etymon.statistics import Result, paired_ratio_difference
from etymon.storage import Artifact

MOST_CONTEXT = 256
LEAST_CONTEXT = 4
# A context is shortened until this many tokens can be paid for; below the least, an interval says nothing.
MOST_TOKENS, GOOD_TOKENS, LEAST_TOKENS = 2048, 128, 32
PUT_TOGETHER = "it is put together of others, which are measured"
BOTH_SIDES = "it sees what comes behind a token too, so that it has no context before it alone"


def context_part(
    job: Job, text: Text, models: Mapping[str, Artifact], heldout_bytes: int, share: float
) -> dict[str, Any]:
    """Bits per byte of the same held-out tokens with 1, 2, 4, … tokens before each, for every family that gives
    probabilities. Tokens, and if need be the longest context, are as many as `share` of the budget pays for."""
    readers = {name: model for name, model in models.items() if not why_not(name)}
    left_out = [{"family": name, "why": why_not(name)} for name in models if name not in readers]
    if not any(family(name).learns == "gradients" for name in readers):
        return {}
    opened = {name: on_device(job, load(model)) for name, model in readers.items()}
    wanted = max((model.context or MOST_CONTEXT) for model in opened.values() if model.family != "ngram")
    seen = affordable(job, text, readers, min(wanted, MOST_CONTEXT), heldout_bytes, share)
    if seen is None:
        few = f"{LEAST_TOKENS} tokens with {LEAST_CONTEXT} before each"
        why = f"{few} are more than the held-out text has or {share:.0%} of the budget pays for"
        job.skip("the picture of effective context", why)
        return {}
    rows: list[dict[str, Any]] = []
    for name, model in opened.items():
        job.stop_if_asked()
        lengths = [length for length in powers(seen.longest) if length <= (model.context or length)]
        rows.append({"family": name} | measured(model, seen, lengths) | order_of(readers[name]))
    return {
        "tokens": len(seen.ids),
        "documents": len(set(seen.documents)),
        "longest": seen.longest,
        "families": rows,
        "left_out": left_out,
    }


def why_not(name: str) -> str:
    """Why a family has no effective context to measure here; "" where it has one."""
    kind = family(name)
    return BOTH_SIDES if kind.objective == "masked" else PUT_TOGETHER if kind.learns == "parts" else ""


def order_of(model: Artifact) -> dict[str, int]:
    """How far a family looks by its construction: an n-gram sees n - 1 tokens and nothing before them."""
    settings = model.read_json("config.json")["settings"]
    return {"order": int(settings["order"])} if model.recipe["family"] == "ngram" else {}


def measured(model: LanguageModel, seen: Glances, lengths: list[int]) -> dict[str, Any]:
    """The points of one family, each with how many bits more it needs than with the longest context, in pairs."""
    results = bits_by_context(model, seen, lengths)
    points = [
        {"context": length} | result.as_json() | {"more": more(result, results[-1])}
        for length, result in zip(lengths, results, strict=True)
    ]
    return {"points": points}


def more(result: Result, longest: Result) -> dict[str, Any]:
    """What a shorter context costs."""
    return paired_ratio_difference(result.values, longest.values, result.weights).as_json()


def powers(longest: int) -> list[int]:
    """1, 2, 4, … as far as `longest`."""
    return [2**i for i in range(longest.bit_length()) if 2**i <= longest]


def affordable(
    job: Job, text: Text, models: Mapping[str, Artifact], wanted: int, heldout_bytes: int, share: float
) -> Glances | None:
    """The tokens to score: the longest context that the documents and the budget have enough tokens for."""
    stream = text.streams["test"]
    documents = chosen_documents(stream, heldout_bytes)
    sizes = [len(text.tokenizer.token_bytes(token)) for token in range(text.tokenizer.vocabulary)]
    budget = job.request.budget
    lengths = [longest for longest in reversed(powers(wanted)) if longest >= LEAST_CONTEXT]
    for least, longest in [(least, longest) for least in (GOOD_TOKENS, LEAST_TOKENS) for longest in lengths]:
        cost = sum(cost_of_a_token(model, text, longest, timed=budget.seconds is not None) for model in models.values())
        tokens = min(int(share * float(budget.flops or budget.seconds or 0) / cost), MOST_TOKENS)
        seen = glances(stream, documents, longest, tokens, sizes) if tokens >= least else None
        if seen is not None and len(seen.ids) >= least and seen.sizes.any():
            return seen
    return None


def cost_of_a_token(model: Artifact, text: Text, longest: int, *, timed: bool) -> float:
    """What it costs to score one token with every context: FLOPs, or the seconds that they took in the training."""
    kind, spent = family(str(model.recipe["family"])), model.statistics
    reads = sum(powers(longest))
    if kind.learns == "counts":
        flops = reads * spent["flops"] / max(spent["tokens"], 1)
    else:
        settings = on_record(kind.settings, model)
        flops = reads * kind.counts(settings, text.tokenizer.vocabulary, longest).forward_flops_per_token
    return flops * spent["seconds"] / spent["flops"] if timed else flops


def on_record(kind: type[Any], model: Artifact) -> Any:
    """The settings that a model was made with."""
    from etymon.recipe import from_json

    return from_json(kind, model.read_json("config.json")["settings"])
