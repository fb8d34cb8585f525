"""The comparison of two recipes as plain text for the terminal: the verdict, a table, and what kept it fair."""

from __future__ import annotations

from collections.abc import Iterator

from etymon.report.numbers import counted, fixed, prefixed
from etymon.report.reading import JsonObject, number, part, rows, strings, text
from etymon.report.terminal import aligned_table

HEADINGS = ("model, asked about text that was", "A", "B", "A - B", "95 % interval", "documents", "better")


def ablation_in_words(data: JsonObject, a: str, b: str) -> str:
    """`data` is the answer of `etymon ablate --json`; a and b are the recipes' names.

    Columns: bits per byte of both (lower is better), their difference with its interval over documents and trainings,
    the number of documents, and the better recipe where the interval leaves 0 out."""
    lines = [_sentence(text(data, "verdict")), "", *_sides(data, a, b)]
    if table := [_cells(row) for row in rows(data, "comparisons")]:
        lines += ["", aligned_table(HEADINGS, table), ""]
    return "\n".join([*lines, *strings(data, "told")]).rstrip()


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _sides(data: JsonObject, a: str, b: str) -> Iterator[str]:
    for name, recipe in (("a", a), ("b", b)):
        side = part(data, name)
        documents = counted(number(side, "documents") or 0, "document")
        yield (
            f"{name.upper()}: {recipe}, {documents} of {prefixed(number(side, 'bytes'), 'B')}, "
            f"corpus {text(side, 'corpus')[:12]}"
        )


def _cells(row: JsonObject) -> tuple[str, ...]:
    low, high = (fixed(number(row, name), 4) for name in ("low", "high"))
    return (
        f"{text(row, 'family')}, {text(row, 'view')}",
        fixed(number(row, "a"), 4),
        fixed(number(row, "b"), 4),
        fixed(number(row, "mean"), 4),
        f"{low} to {high}",
        f"{int(number(row, 'n') or 0):,}",
        text(row, "better"),
    )
