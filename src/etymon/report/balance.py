"""A text as read, as kept and as trained on, as plain text for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from etymon.report.numbers import count, fixed
from etymon.report.reading import JsonObject, number, part, rows, strings, text

SHOWN = 8
WIDTH = 26


def balance_in_words(balance: JsonObject) -> str:
    """Shares of domains, genres and languages, figures of a sample, phenomena and the representation audit with their
    95 % intervals, a column for each side; then what they cannot tell."""
    sides = rows(balance, "sides")
    lines = [_line("", [text(side, "title") for side in sides])]
    for kind in ("domains", "genres", "languages"):
        lines += ["", f"{kind}, share of bytes", *_shares(sides, kind)]
    lines += ["", "looked at word by word", *_sampled(sides)]
    lines += ["", "phenomena per 1,000 words", *_phenomena(sides)]
    lines += ["", "mentions per million words", *_audit(sides)]
    whys = {text(side, "why") for side in sides if text(side, "why")}
    return "\n".join([*lines, "", *sorted(whys), *strings(balance, "limits")])


def _line(name: str, cells: Sequence[str]) -> str:
    return "".join([f"{name[:29]:<30}", *(f"{cell[: WIDTH - 1]:>{WIDTH}}" for cell in cells)]).rstrip()


def _shares(sides: Sequence[JsonObject], kind: str) -> Iterator[str]:
    largest: dict[str, float] = {}
    for side in sides:
        for name in part(side, kind):
            largest[name] = max(largest.get(name, 0.0), number(part(side, kind), name) or 0.0)
    names = sorted(largest, key=lambda name: -largest[name])
    for name in names[:SHOWN]:
        yield _line(name, [f"{number(part(side, kind), name) or 0.0:.2%}" for side in sides])
    if len(names) > SHOWN:
        yield f"and {len(names) - SHOWN:,} more"


def _sampled(sides: Sequence[JsonObject]) -> Iterator[str]:
    samples = [part(side, "sample") for side in sides]
    yield _line("documents", [count(number(sample, "documents")) for sample in samples])
    yield _line("bytes", [count(number(sample, "bytes")) for sample in samples])
    for name, key, within in (
        ("different words per word", "types_per_word", "vocabulary"),
        ("used once, of these", "hapax_share", "vocabulary"),
        ("new passages", "new_share", "novelty"),
    ):
        yield _line(name, [fixed(number(part(sample, within), key)) for sample in samples])


def _phenomena(sides: Sequence[JsonObject]) -> Iterator[str]:
    tables = [part(part(side, "sample"), "phenomena") for side in sides]
    for name in dict.fromkeys(name for table in tables for name in table):
        found = [part(table, name) for table in tables]
        yield _line(name, [_rate(row, "per_1000_words") for row in found])


def _audit(sides: Sequence[JsonObject]) -> Iterator[str]:
    tables = [{text(row, "group"): row for row in rows(side, "audit")} for side in sides]
    for name in dict.fromkeys(name for table in tables for name in table):
        found = [table.get(name, {}) for table in tables]
        if any(number(row, "mean") for row in found):
            yield _line(name, [_rate(row, "mean") for row in found])


def _rate(row: JsonObject, key: str) -> str:
    low, high = number(row, "low"), number(row, "high")
    mean = fixed(number(row, key), 1)
    return mean if low is None or high is None else f"{mean} [{low:.1f}, {high:.1f}]"
