"""The comparison of a run as a plain text table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from etymon.report.numbers import count, fixed, work
from etymon.report.reading import JsonObject, Measured, is_pseudo, measured, number, part, rows, text

HEADINGS = ("model", "parameters", "tokens", "training work", "bits per byte", "95 % interval")


def terminal_table(data: JsonObject) -> str:
    """Models in the order of the data with the compressors' floors beneath; empty where there are no models.

    Columns: family, parameters, training tokens, training work (FLOP, or table operations), bits per byte (lower is
    better), its 95 % interval.
    """
    models = [_model_cells(model) for model in rows(data, "models")]
    if not models:
        return ""
    floors = [_floor_cells(floor) for floor in rows(data, "floors") if number(floor, "bits_per_byte") is not None]
    lines = [HEADINGS, *models, *floors]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    rule = "  ".join("-" * width for width in widths)
    body = [_aligned(line, widths) for line in lines]
    beneath = [rule, *body[1 + len(models) :]] if floors else []
    return "\n".join([body[0], rule, *body[1 : 1 + len(models)], *beneath])


def aligned_table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells under headings and a rule; the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(headings, *lines, strict=True)]
    rule = "  ".join("-" * width for width in widths)
    return "\n".join([_aligned(headings, widths), rule, *(_aligned(line, widths) for line in lines)])


def _model_cells(model: JsonObject) -> Sequence[str]:
    result = measured(part(model, "bits_per_byte"))
    return (
        (text(model, "title") or text(model, "family")) + (" (best)" if model.get("best") is True else ""),
        count(number(model, "parameters")),
        count(number(model, "tokens")),
        work(number(model, "flops"), text(model, "flops_kind") or "FLOP"),
        fixed(result.mean if result else None) + (" pseudo" if is_pseudo(model) else ""),
        _interval(result),
    )


def _floor_cells(floor: JsonObject) -> Sequence[str]:
    return (text(floor, "name"), "", "", "", fixed(number(floor, "bits_per_byte")), "")


def _interval(result: Measured | None) -> str:
    if result is None or result.low is None or result.high is None:
        return ""
    return f"{fixed(result.low)} to {fixed(result.high)}"


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip()
