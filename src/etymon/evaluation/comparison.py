"""Measurements of documents set side by side: two models on the same ones, one model on those of each domain."""

from __future__ import annotations

from collections.abc import Mapping

from etymon.errors import EtymonError
from etymon.statistics import Result, paired_ratio_difference, ratio_result


def paired_difference(first: Result, second: Result, *, seed: int = 0) -> Result:
    """Bits per byte of the first model minus those of the second on the same documents; below 0, the first is better.

    Documents are resampled in pairs, so that what makes a document hard for both does not widen the interval.
    """
    if list(first.items) != list(second.items) or list(first.weights) != list(second.weights):
        raise EtymonError(
            "These two models were measured on different documents",
            why=f"{first.protocol}\n       against {second.protocol}",
            help="measure both on the same split with the same max_bytes",
        )
    same = first.protocol == second.protocol
    return paired_ratio_difference(
        first.values,
        second.values,
        first.weights,
        name=f"{first.name}_difference",
        unit=first.unit,
        items=first.items,
        protocol=first.protocol if same else f"{first.protocol} minus {second.protocol}",
        seed=seed,
    )


def by_domain(result: Result, domains: Mapping[str, str], *, seed: int = 0) -> dict[str, Result]:
    """The same measurement for the documents of each domain alone; `domains` gives the domain of each document id."""
    missing = [document for document in result.items if document not in domains]
    if missing:
        raise EtymonError("Some documents have no domain", why=f"{len(missing)} of them, the first is {missing[0]}")
    rows: dict[str, list[int]] = {}
    for row, document in enumerate(result.items):
        rows.setdefault(domains[document], []).append(row)
    return {domain: _only(result, rows[domain], domain, seed) for domain in sorted(rows)}


def _only(result: Result, rows: list[int], domain: str, seed: int) -> Result:
    values, weights = [result.values[row] for row in rows], [result.weights[row] for row in rows]
    items = [result.items[row] for row in rows]
    protocol = f"{result.protocol}; only domain {domain}: {len(rows)} documents, {sum(weights):.0f} bytes"
    return ratio_result(result.name, result.unit, values, weights, items, protocol, seed)
