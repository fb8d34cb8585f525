"""Numbers as people write them; the same rules as assets/numbers.js, which a test holds against this file."""

from __future__ import annotations

import math

DASH = "\u2013"
MINUS = "\u2212"
PREFIXES = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")


def fixed(value: float | None, decimals: int = 3) -> str:
    """A fixed number of decimals, with a true minus sign and no negative zero."""
    if value is None:
        return DASH
    shown = f"{abs(value):.{decimals}f}"
    return MINUS + shown if value < 0 and float(shown) else shown


def prefixed(value: float | None, unit: str = "") -> str:
    """Three significant digits with the prefix that fits: 1234567 -> "1.23 M"; `unit` follows the prefix."""
    if value is None:
        return DASH
    if value < 0:
        return MINUS + prefixed(-value, unit)
    rounded = float(f"{value:.3g}")
    power = 0 if rounded < 1000 else min(len(PREFIXES) - 1, math.floor(math.log10(rounded) / 3 + 1e-9))
    shown = f"{float(f'{rounded / 1000**power:.3g}'):.12g}"
    suffix = PREFIXES[power] + unit
    return f"{shown} {suffix}" if suffix else shown


def count(value: float | None) -> str:
    """A count: exact below a million, then prefixed."""
    if value is None or abs(value) >= 1e6:
        return prefixed(value)
    return f"{value:,.0f}".replace("-", MINUS)


def counted(value: float, noun: str) -> str:
    """A count with its noun: (1, "document") -> "1 document"."""
    return f"{count(value)} {noun}{'' if value == 1 else 's'}"


def work(value: float | None, kind: str = "FLOP") -> str:
    """Work in its own kind: FLOP takes its prefix directly ("3.4 TFLOP"), other kinds keep their words."""
    if value is None:
        return DASH
    return prefixed(value, "FLOP") if kind == "FLOP" else f"{prefixed(value)} {kind}"


def duration(seconds: float | None) -> str:
    """A span of time with its two leading units: 4325 -> "1 h 12 min"."""
    if seconds is None:
        return DASH
    if seconds < 0:
        return MINUS + duration(-seconds)
    if seconds < 59.95:
        return f"{float(f'{seconds:.{2 if seconds < 9.95 else 3}g}'):.12g} s"
    whole = math.floor(seconds + 0.5)
    units = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
    first = next(index for index, (size, _) in enumerate(units) if whole >= size)
    (size, name), (next_size, next_name) = units[first], units[first + 1]
    rest = whole % size // next_size
    lead = f"{whole // size} {name}"
    return f"{lead} {rest} {next_name}" if rest else lead


def in_words(names: list[str]) -> str:
    """["a", "b", "c"] -> "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
