"""Amounts with their unit in words: time, bytes, counts and floating-point operations, read and written exactly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from difflib import get_close_matches
from typing import NewType

from etymon.errors import EtymonError

Duration = NewType("Duration", float)
"""Seconds. In a recipe always with a unit: "90s", "10m", "1h30m"; a bare number could mean minutes."""
Bytes = NewType("Bytes", int)
"""Bytes. "64 MiB" is 64 x 1024^2, "64 MB" is 64 x 1000^2."""
Count = NewType("Count", int)
"""A whole number that may be large: "4k", "3e6", "2M", "1.5B", 1_000."""
Flops = NewType("Flops", float)
"""Floating-point operations (an amount, not a rate): "1e15 FLOP", "3 PFLOP"."""

_LARGEST_WHOLE = 2**63 - 1  # TOML promises 64 bits
_LARGEST_EXPONENT = 307  # of what a float can hold
_EXACT = Context(prec=80, traps=[])
_TERM = re.compile(r"(\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?)\s*([^\W\d_][^\d\s]*)?\s*")


class UnitError(EtymonError, ValueError):
    """A text that is not an amount of the kind wanted."""

    def __init__(self, text: str, unit: Unit, why: str) -> None:
        super().__init__(f"{text!r} is not {unit.noun}", why=why, help=f"write it {unit.written}")


@dataclass(frozen=True)
class Unit:
    """One kind of amount: its words with what each is worth, and how people write it."""

    noun: str
    written: str
    worth: Mapping[str, Decimal]
    doubtful: Mapping[str, str]
    whole: bool
    bare: bool
    """Whether a number without a unit has a meaning."""
    many: bool = False
    """Whether terms add up: 1h30m."""


def _worth(**words: int | float) -> dict[str, Decimal]:
    return {word: Decimal(str(worth)) for word, worth in words.items()}


_PREFIXES = "kMGTPEZY"
_SECONDS = (
    _worth(w=604_800, week=604_800, weeks=604_800, d=86_400, day=86_400, days=86_400)
    | _worth(h=3600, hr=3600, hour=3600, hours=3600, m=60, min=60, minute=60, minutes=60)
    | _worth(s=1, sec=1, second=1, seconds=1, ms=0.001)
)
_BYTES = (
    _worth(B=1, byte=1, bytes=1, KB=1000)
    | {f"{prefix}B": Decimal(1000) ** power for power, prefix in enumerate("kMGTP", 1)}
    | {f"{prefix}iB": Decimal(1024) ** power for power, prefix in enumerate("KMGTP", 1)}
)
_COUNTS = _worth(k=10**3, K=10**3, M=10**6, B=10**9, T=10**12) | _worth(
    thousand=10**3, million=10**6, billion=10**9, trillion=10**12
)
_OPERATIONS = {
    word: Decimal(1000) ** power
    for power, prefix in enumerate(["", *_PREFIXES])
    for word in (f"{prefix}FLOP", f"{prefix}FLOPs")
}
_RATE = "that is a rate (operations per second); an amount is wanted: rate times seconds"
_THOUSAND_OR_1024 = "{0} may mean {0}B (thousands) or {0}iB (1024s)"

DURATION = Unit(
    "an amount of time",
    'like "90s", "10m", "1h30m" or "2 days"',
    _SECONDS,
    {"M": "M may mean minutes or months"},
    whole=False,
    bare=False,
    many=True,
)
BYTES = Unit(
    "a number of bytes",
    'like "64 MiB" (1024s), "2GB" (thousands) or 4096',
    _BYTES,
    {prefix: _THOUSAND_OR_1024.format(prefix) for prefix in "kKMGTP"}
    | {f"{prefix}b": f"{prefix}b are bits" for prefix in "kKMGTP"},
    whole=True,
    bare=True,
)
COUNT = Unit(
    "a count",
    'like 4096, "4k", "3e6", "2M" or "1.5B"',
    _COUNTS,
    {"m": "m may mean thousandths or millions", "b": "b may mean bits or billions", "G": "billions are written B"},
    whole=True,
    bare=True,
)
FLOPS = Unit(
    "a number of floating-point operations",
    'like "1e15 FLOP" or "3 PFLOP"',
    _OPERATIONS,
    {f"{prefix}{rate}": _RATE for prefix in ["", *_PREFIXES] for rate in ("FLOPS", "FLOP/s", "FLOPs/s")},
    whole=False,
    bare=True,
)


def parse_duration(text: str) -> Duration:
    """Seconds of "10m", "1h30m", "90s", "2 days". Raises `UnitError`, an `EtymonError` that is a `ValueError` too."""
    return Duration(float(_amount(text, DURATION)))


def parse_bytes(text: str) -> Bytes:
    """Bytes of "64 MiB", "2GB", "4096". Raises `UnitError`."""
    return Bytes(int(_amount(text, BYTES)))


def parse_count(text: str) -> Count:
    """The whole number of "4k", "3e6", "1_000", "2M", "1.5B". Raises `UnitError`."""
    return Count(int(_amount(text, COUNT)))


def parse_flops(text: str) -> Flops:
    """Floating-point operations of "1e15 FLOP", "3 PFLOP", "1e15". Raises `UnitError`."""
    return Flops(float(_amount(text, FLOPS)))


def _amount(text: str, unit: Unit) -> Decimal:
    stripped = text.strip()
    if stripped[:1] in ("-", "−"):
        raise UnitError(text, unit, "it is negative")
    total, position, last = Decimal(0), 0, None
    while position < len(stripped) or not stripped:
        term = _TERM.match(stripped, position)
        if term is None:
            raise UnitError(text, unit, "it is not a number followed by its unit")
        worth = _unit_worth(text, term.group(2) or "", unit)
        if last is not None and (not unit.many or worth >= last):
            raise UnitError(text, unit, "larger units stand first, each once" if unit.many else "it is more than one")
        total = _EXACT.add(total, _EXACT.multiply(_EXACT.create_decimal(term.group(1).replace("_", "")), worth))
        position, last = term.end(), worth
    return _bounded(text, total, unit)


def _unit_worth(text: str, word: str, unit: Unit) -> Decimal:
    if not word:
        if unit.bare:
            return Decimal(1)
        raise UnitError(text, unit, "the unit is missing")
    if word in unit.worth:
        return unit.worth[word]
    if word in unit.doubtful:
        raise UnitError(text, unit, unit.doubtful[word])
    lowered = {known.lower(): known for known in unit.worth}
    near = get_close_matches(word.lower(), lowered, n=1, cutoff=0.7)
    hint = f"; did you mean {lowered[near[0]]!r}?" if near else ""
    raise UnitError(text, unit, f"there is no unit {word!r} for it{hint}")


def _bounded(text: str, total: Decimal, unit: Unit) -> Decimal:
    if not total.is_finite() or total.adjusted() > _LARGEST_EXPONENT:
        raise UnitError(text, unit, "it is too large")
    if unit.whole:
        if total > _LARGEST_WHOLE:
            raise UnitError(text, unit, "it is too large")
        if total != total.to_integral_value():
            raise UnitError(text, unit, "it is not a whole number")
    return total


def format_duration(seconds: float) -> str:
    """The shortest exact way to write it: 5400 -> "1h30m", 0.25 -> "0.25s"."""
    if seconds != int(seconds) or seconds == 0 or seconds >= 2**53:
        return f"{seconds!r}s" if seconds else "0s"
    rest, parts = int(seconds), ""
    for word, worth in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        amount, rest = divmod(rest, worth)
        parts += f"{amount}{word}" if amount else ""
    return parts


def format_bytes(number: int) -> str:
    """In the largest unit that divides it: 67108864 -> "64 MiB", 2000000 -> "2 MB", 1001 -> "1001 B"."""
    for word, worth in sorted(_BYTES.items(), key=lambda item: -item[1]):
        if number and number % int(worth) == 0:
            return f"{number // int(worth)} {'B' if worth == 1 else word}"
    return f"{number} B"


def format_count(number: int) -> str:
    """With a suffix where it shortens to one decimal: 1500000 -> "1.5M", 4096 -> "4096"."""
    for word in "TBMk":
        worth = int(_COUNTS[word])
        if number >= worth and number % (worth // 10) == 0:
            whole, tenth = divmod(number // (worth // 10), 10)
            return f"{whole}.{tenth}{word}" if tenth else f"{whole}{word}"
    return str(number)


def format_flops(number: float) -> str:
    """With the largest prefix that leaves 1 or more: 3e15 -> "3 PFLOP". Exact: it reads back as the same float."""
    exact = Decimal(repr(number))
    power = min(max(exact.adjusted() // 3, 0), len(_PREFIXES)) if exact else 0
    scaled = exact.scaleb(-3 * power, _EXACT)
    text = f"{scaled:f}" if -4 < scaled.adjusted() < 6 else f"{scaled:E}"
    if "." in text and "E" not in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text} {['', *_PREFIXES][power]}FLOP"
