"""Personal data: addresses and numbers of people, masked the same way wherever they stand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address


@dataclass(frozen=True, slots=True)
class Masked:
    """A text whose personal data was replaced by "<kind>", and how often by kind."""

    text: str
    counts: dict[str, int] = field(default_factory=dict[str, int])


def _luhn(digits: str) -> bool:
    """The checksum of payment cards (ISO/IEC 7812-1)."""
    values = [int(digit) for digit in reversed(digits)]
    return (sum(values[::2]) + sum(sum(divmod(2 * value, 10)) for value in values[1::2])) % 10 == 0


def _is_card(found: str) -> bool:
    digits = re.sub(r"\D", "", found)
    return 13 <= len(digits) <= 19 and digits[0] in "23456" and len(set(digits)) > 1 and _luhn(digits)


def _is_iban(found: str) -> bool:
    """The checksum of ISO 13616: country and check digits to the end, letters as numbers, modulo 97 it is 1."""
    account = found.replace(" ", "")
    if not 15 <= len(account) <= 34:
        return False
    return int("".join(str(int(character, 36)) for character in account[4:] + account[:4])) % 97 == 1


def _is_public_address(found: str) -> bool:
    try:
        return ip_address(found).is_global
    except ValueError:
        return False


def _is_phone(found: str) -> bool:
    digits = re.sub(r"\D", "", found)
    return 8 <= len(digits) <= 15 and len(set(digits)) > 2


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    needs: str
    """A character without which a text holds none of this kind."""
    pattern: re.Pattern[str]
    check: Callable[[str], bool]


_KINDS = (
    _Kind(
        "email",
        "@",
        re.compile(r"\b[\w.%+-]{1,64}@(?:[a-zA-Z0-9-]{1,63}\.){1,8}[a-zA-Z]{2,24}\b"),
        lambda found: True,
    ),
    _Kind("iban", "", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"), _is_iban),
    _Kind("card", "", re.compile(r"(?<![\d.,-])\d(?:[ -]?\d){12,18}(?![\d.,-]?\d)"), _is_card),
    _Kind("ip", ".", re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)"), _is_public_address),
    _Kind(
        "ip",
        ":",
        re.compile(r"(?<![\w:.])(?:[0-9a-fA-F]{1,4}:){2,7}(?::?[0-9a-fA-F]{1,4}){1,7}(?![\w:.])"),
        _is_public_address,
    ),
    # International ("+49 30 1234567"), and North American with its brackets: other national forms look like any number.
    _Kind("phone", "+", re.compile(r"(?<![\w+])\+[1-9]\d{0,2}(?:[ ./()-]{0,2}\d){6,13}(?![\d])"), _is_phone),
    _Kind("phone", "(", re.compile(r"(?<![\w(])\(\d{3}\) ?\d{3}[-. ]\d{4}(?!\d)"), _is_phone),
)  # fmt: skip
_TRIGGER = re.compile(r"@[a-zA-Z0-9]|\d[\d ().:/A-Z-]{6}|:[0-9a-fA-F]{0,4}:")
"""What every kind has somewhere: only lines that hold it are looked at."""


def mask(text: str) -> Masked:
    """The text with e-mail addresses, bank accounts (IBAN), payment cards, public IP addresses and phone numbers
    replaced by <email>, <iban>, <card>, <ip>, <phone>. Masking twice changes nothing more."""
    counts: Counter[str] = Counter()
    pieces: list[str] = []
    done = 0
    while trigger := _TRIGGER.search(text, done):
        begin = max(text.rfind("\n", done, trigger.start()) + 1, done)
        end = text.find("\n", trigger.end()) + 1 or len(text)
        pieces += [text[done:begin], _masked(text[begin:end], counts)]
        done = end
    return Masked("".join([*pieces, text[done:]]), dict(counts)) if counts else Masked(text)


def _masked(line: str, counts: Counter[str]) -> str:
    for kind in _KINDS:
        if kind.needs in line:
            line = kind.pattern.sub(lambda match, kind=kind: _replaced(match, kind, counts), line)
    return line


def _replaced(match: re.Match[str], kind: _Kind, counts: Counter[str]) -> str:
    if not kind.check(match[0]):
        return match[0]
    counts[kind.name] += 1
    return f"<{kind.name}>"
