"""Generations on one axis: bits per byte of the same held-out bytes against training compute, family by family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from etymon.evaluation import bits_per_byte, chosen_documents
from etymon.models import Family, family, load
from etymon.run.text import Text
from etymon.statistics import Result
from etymon.storage import Artifact

PSEUDO = "pseudo-likelihood"
OTHER_DOCUMENTS = "it was trained earlier and measured on other documents along the way"
FITTED = "its weights were fitted to these very documents; the comparison above has it on others"
PUT_TOGETHER = "it is put together of others with weights that were given; the comparison above has it"
POINT = ("step", "tokens", "flops", "bits_per_byte", "low", "high", "n")


def year_of(kind: Family) -> int | None:
    """The year in which this kind of model was published; None where its file does not say."""
    years = [each.year for each in kind.published.values()]
    return kind.year if kind.year is not None else min(years, default=None)


def by_year(kinds: list[Family]) -> list[Family]:
    """The oldest first; those without a year last."""
    return sorted(kinds, key=lambda kind: (year_of(kind) or 9999, kind.name))


def generations_part(text: Text, models: Mapping[str, Artifact], validation_bytes: int) -> dict[str, Any]:
    """The families by year, each with what it was measured to need along its training, on the validation documents of
    which `validation_bytes` fit. What learns from counts is measured on the same once more, for its own marks came
    before the budget was divided. Nothing where no network was trained."""
    kinds = by_year([family(name) for name in models if family(name).learns != "parts"])
    if all(kind.learns == "counts" for kind in kinds):
        return {}
    counted: dict[str, Result] = {}
    for kind in kinds:
        if kind.learns == "counts":
            counted[kind.name] = bits_per_byte(
                load(models[kind.name]), text.streams["validation"], max_bytes=validation_bytes
            )
    rows = [row_of(kind, models[kind.name], counted.get(kind.name)) for kind in kinds]
    # Documents are taken in one order for as long as they fit, so that as many of them are the same ones.
    documents = len(chosen_documents(text.streams["validation"], validation_bytes))
    same = [row for row in rows if row["measure"] == PSEUDO or {point["n"] for point in row["points"]} == {documents}]
    left_out = [{"family": row["family"], "why": OTHER_DOCUMENTS} for row in rows if row not in same]
    left_out += [
        {"family": name, "why": PUT_TOGETHER if weighted(model) else FITTED}
        for name, model in models.items()
        if family(name).learns == "parts"
    ]
    return {"split": "validation", "documents": documents, "families": same, "left_out": left_out}


def weighted(model: Artifact) -> bool:
    """Whether the weights of a mixture are those of its settings, and none was fitted."""
    return bool(model.read_json("config.json")["settings"].get("weights"))


def row_of(kind: Family, model: Artifact, counted: Result | None) -> dict[str, Any]:
    """One family: its curve, or the one point that counting gives, and how its work is counted."""
    spent = model.statistics
    if counted is None:
        points = [{key: mark.get(key) for key in POINT} for mark in spent["marks"]]
    else:
        measured = counted.as_json()
        points = [
            {
                "step": spent["tokens"],
                "tokens": spent["tokens"],
                "flops": spent["flops"],
                "bits_per_byte": measured.pop("mean"),
                **measured,
            }
        ]
    return {
        "family": kind.name,
        "title": kind.title_with(model.read_json("config.json")["settings"]),
        "year": year_of(kind),
        "measure": PSEUDO if kind.objective == "masked" else "likelihood",
        "work": "FLOP" if kind.learns == "gradients" else "table operations",
        "points": points,
    }


def published_sizes() -> list[dict[str, Any]]:
    """Every published size of every installed family, by year: what the paper says, and what our network of that shape
    holds, counted on torch's meta device, where tensors have shapes and no numbers."""
    import torch

    from etymon.models import families

    rows: list[dict[str, Any]] = []
    for kind in by_year([family(name) for name in families() if family(name).published]):
        assert kind.build is not None, f"{kind.name} has published sizes and is a network"
        for name, each in kind.published.items():
            with torch.device("meta"):
                network: Any = kind.build(each.settings, each.vocabulary)
            rows.append(
                {
                    "family": kind.name,
                    "title": kind.title,
                    "name": name,
                    "year": each.year,
                    "published": each.parameters,
                    "parameters": sum(weight.numel() for weight in network.parameters()),
                    "source": each.source,
                    "difference": each.difference,
                }
            )
    return rows
