"""Balance: a corpus as it was read, as it was kept, and as networks were trained on it, side by side for the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from etymon.corpus import (
    Corpus,
    Piece,
    audit,
    figures,
    kept_sample,
    mixed_sample,
    read_sample,
    readings_of,
    shares_read,
)
from etymon.progress import Progress, silent
from etymon.storage import Artifact, Store

SAMPLE_BYTES = 500_000
"""Text of each side that is looked at word by word: about two seconds of one core."""
LIMITS = (
    "The audit counts words of short lists, in English: it tells what is spoken of, not how, and finds some of the "
    "mentions only. Groups of other names, in other languages or with words that mean something else too are missing.",
    "An interval says how far a figure moves when other documents of the same source are drawn. A small text with none "
    "of a group's words has an interval of no width, which is no proof that there are none.",
    "Phenomena are patterns of characters; those of English grammar mean nothing in other languages.",
    "New passages are counted within the sample: in all of the text, fewer are new.",
)
NO_TEXT = (
    "the text of what was dropped is not at hand: the report of the run that reads a small text looks at it, if the "
    "text lies on this machine"
)


def balance_of(
    store: Store,
    artifact: Artifact,
    models: Mapping[str, Artifact],
    *,
    records: Iterable[Any] | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Shares of all documents by domain, genre and language, and for a sample of half a megabyte of each side lengths,
    vocabulary, novelty, phenomena and the representation audit with 95 % intervals.

    Sides are "read" (everything that could be read), "kept", and one for each different mixture that one of `models`
    was trained on. `records` are what was read, where it is not in readings of the store."""
    corpus = Corpus.open(artifact)
    told = shares_read(corpus)
    read, kept = (
        {"side": side, "title": title} | told[side] for side, title in (("read", "as read"), ("kept", "kept"))
    )
    progress(0, 3, "looking at what was kept")
    kept |= looked_at(kept_sample(corpus, SAMPLE_BYTES))
    progress(1, 3, "looking at what was read")
    if told["read"] == told["kept"]:  # nothing was dropped
        read = kept | {"side": "read", "title": "as read"}
    else:
        batches = records if records is not None else readings_of(store, corpus)
        read |= {"why": NO_TEXT} if batches is None else looked_at(read_sample(batches, SAMPLE_BYTES))
    progress(2, 3, "looking at what was trained on")
    sides = [read, kept, *(trained_side(corpus, names, rows) for names, rows in mixtures_of(models))]
    return {"sides": sides, "sample_bytes": SAMPLE_BYTES, "limits": list(LIMITS)}


def mixtures_of(models: Mapping[str, Artifact]) -> list[tuple[list[str], list[dict[str, Any]]]]:
    """The different mixtures that models were trained on, each with their names."""
    found: list[tuple[list[str], list[dict[str, Any]]]] = []
    for name, model in models.items():
        rows = model.statistics.get("mixture", {}).get("domains", [])
        same = next((names for names, others in found if shares(others) == shares(rows)), None)
        if same is not None:
            same.append(name)
        elif rows:
            found.append(([name], rows))
    return found


def shares(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Realised shares by domain, without those that were not read."""
    return {row["domain"]: round(row["share"], 4) for row in rows if row["share"] > 0}


def trained_side(corpus: Corpus, names: Sequence[str], rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What networks have read: shares of domains as they were realised, all else from documents drawn with them."""
    realised = {row["domain"]: row["share"] for row in rows if row["share"] > 0}
    found = looked_at(mixed_sample(corpus, realised, SAMPLE_BYTES))
    head = {"side": "trained", "title": f"as trained ({', '.join(names)})", "mixture": list(rows)}
    return (
        head | {"domains": realised, "genres": found["genres_sampled"], "languages": found["languages_sampled"]} | found
    )


def looked_at(pieces: Sequence[Piece]) -> dict[str, Any]:
    """The figures and the audit of a sample."""
    found = figures(pieces)
    protocol = f"words of audit.toml in {len(pieces)} documents, the mean over words, bootstrap over documents"
    results = audit([piece.text for piece in pieces], protocol=protocol, only_mentioned=True)
    keys = ("documents", "bytes", "words", "lengths", "vocabulary", "novelty", "phenomena")
    sampled = {f"{key}_sampled": found[key] for key in ("genres", "languages")}
    rows = [{"group": group} | result.as_json() for group, result in results.items()]
    for row in rows:
        row["low"] = max(row["low"] or 0.0, 0.0)  # no text has fewer mentions than none
    return {"sample": {key: found[key] for key in keys}, **sampled, "audit": rows}


def trained_on(store: Store, corpus: Artifact) -> dict[str, Artifact]:
    """The models of a store that were trained on a mixture of a corpus, by name."""
    return {
        model.name or model.id[:12]: model
        for model in store.artifacts("model")
        if "mixture" in model.statistics and store.open(model.inputs["shards"]).inputs["corpus"] == corpus.id
    }
