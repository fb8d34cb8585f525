"""Sparsity: how much of new text counting has never seen, and what each smoothing makes of it, by amount of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from etymon.evaluation import bits_per_byte, chosen_documents
from etymon.models import SMOOTHING_NAMES as NAMES
from etymon.models import NgramModel, NgramSettings, estimate_ngram, unseen
from etymon.progress import silent
from etymon.run.job import Job
from etymon.run.learning import ids_to_count, whole_documents
from etymon.run.text import Text
from etymon.statistics import Result, paired_ratio_difference, ratio_result
from etymon.storage import Artifact
from etymon.tokens import TokenStream

# Maximum likelihood is not among them: what it never saw costs it infinitely many bits, which `unseen` tells already.
CHOICES = ("add-k", "katz", "witten-bell", "kneser-ney", "modified-kneser-ney")
K = 0.01
PARTS = (1.0, 1 / 4, 1 / 16, 1 / 64)
LEAST_TOKENS = 500
MOST_BYTES = 131_072
EDGES = ("low", "high")


def sparsity_part(
    job: Job, text: Text, models: Mapping[str, Artifact], heldout_bytes: int, share: float
) -> dict[str, Any]:
    """Unseen n-grams by order and bits per byte by smoothing, after counting ever more of the text, on the held-out
    documents that the models are measured on; counting all smoothings takes at most `share` of the budget, or less
    text. Nothing where the run counts no n-gram."""
    if "ngram" not in models:
        return {}
    model, stream = models["ngram"], text.streams["test"]
    order = int(model.read_json("config.json")["settings"]["order"])
    ids = ids_to_count(job.store, model.inputs)
    rows = chosen_documents(stream, min(heldout_bytes, MOST_BYTES))
    scored = int(sum(stream.starts[row + 1] - stream.starts[row] - 1 for row in rows))
    largest = affordable(job, model, len(ids), scored, share)
    if largest * len(ids) < min(LEAST_TOKENS, len(ids)):
        job.skip("the picture of sparsity", f"counting the text for it takes more than {share:.0%} of the budget")
        return {}
    amounts: list[dict[str, Any]] = []
    for part in sorted(each * largest for each in PARTS):
        job.stop_if_asked()
        read = whole_documents(ids, part, stream.end_of_text)
        enough = part == largest or len(read) >= LEAST_TOKENS
        if enough and (not amounts or len(read) > amounts[-1]["tokens"]):
            amounts.append(amount_of(job, read, order, stream, rows))
    work = len(CHOICES) * sum(amount["tokens"] for amount in amounts)
    return {
        "order": order,
        "documents": len(rows),
        "scored": scored,
        "smoothings": [{"smoothing": name, "title": titled(name)} for name in CHOICES],
        "amounts": amounts,
        "counted": work,
        "part": largest,
    }


def titled(smoothing: str) -> str:
    """What a reader calls it."""
    return f"{NAMES[smoothing]}, k = {K:g}" if smoothing == "add-k" else NAMES[smoothing]


def affordable(job: Job, model: Artifact, tokens: int, scored: int, share: float) -> float:
    """The part of the text that can be counted with every smoothing, by what counting took in this run: seconds of a
    budget in time, table operations of one in FLOPs, so that the latter depends on nothing else."""
    spent, budget = model.statistics, job.request.budget
    per_token = (spent["flops"] if budget.seconds is None else spent["seconds"]) / max(spent["tokens"], 1)
    reads = share * float(budget.flops or budget.seconds or 0) / (len(CHOICES) * max(per_token, 1e-12))
    return min(max((reads - len(PARTS) * scored) / (sum(PARTS) * tokens), 0.0), 1.0)


def amount_of(job: Job, read: Any, order: int, stream: TokenStream, rows: list[int]) -> dict[str, Any]:
    """What counting this stretch of tokens gives, within the memory that counting may take in this run."""
    memory, steps = job.settings().models.ngram.memory, job.run.steps("sparsity")
    results: dict[str, Result] = {}
    grams: list[dict[str, Any]] = []
    for name in CHOICES:
        k = K if name == "add-k" else NgramSettings.k
        settings = NgramSettings(order=order, smoothing=name, k=k, memory=memory)
        steps.clear()  # what a kill left may be of another text
        model = estimate_ngram(settings, stream.vocabulary, read, stream.end_of_text, silent, steps)
        results[name] = bits_per_byte(model, stream, split="test", max_bytes=int(stream.bytes[rows].sum()))
        if not grams:
            grams = unseen_by_document(model, stream, rows)
    steps.clear()
    return {
        "tokens": len(read),
        "unseen": grams,
        "bits_per_byte": {name: result.as_json() for name, result in results.items()},
        "difference": closest(results),
    }


def closest(results: dict[str, Result]) -> dict[str, Any]:
    """The best smoothing less the second best, on the same documents."""
    first, second = sorted(results, key=lambda name: results[name].mean)[:2]
    a, b = results[first], results[second]
    return {"a": first, "b": second} | paired_ratio_difference(a.values, b.values, a.weights).as_json()


def unseen_by_document(model: NgramModel, stream: TokenStream, rows: list[int]) -> list[dict[str, Any]]:
    """For each order: of the n-grams that end at a token of the text, how many were never seen, with the interval of
    their share over documents."""
    found = [unseen(model, np.asarray(stream.ids[stream.starts[row] : stream.starts[row + 1]])) for row in rows]
    names = [stream.documents[row] for row in rows]
    table: list[dict[str, Any]] = []
    for orders in zip(*found, strict=True):
        never, grams = [each.unseen for each in orders], [each.grams for each in orders]
        share = ratio_result("unseen", "share of n-grams", never, grams, names, "unseen n-grams of held-out documents")
        numbers = share.as_json()  # an interval is stretched about its mean, and a share is no less than 0 nor over 1
        bounds = {key: None if numbers[key] is None else min(max(float(numbers[key] or 0), 0.0), 1.0) for key in EDGES}
        table.append({"order": orders[0].order, "grams": sum(grams), "unseen": sum(never)} | numbers | bounds)
    return table
