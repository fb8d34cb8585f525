"""Personal data: addresses and numbers of people, masked the same way wherever they stand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address

SMALL = 32
"""Four numbers below it are a section or a version, not somebody's address."""
IBAN_LENGTHS = {
    code: int(length)
    for code, length in re.findall(
        r"([A-Z]{2})(\d{2})",
        """AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24
        FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21
        LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31
        SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20""",
    )
}
"""Characters of an account number by country (ISO 13616, the IBAN registry of SWIFT)."""
_CARD = re.compile(
    r"4(?:\d{15}|\d{18})|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|3[47]\d{13}"
    r"|(?:36|38|30[0-5]\d)\d{10,12}|(?:6011|64[4-9]\d|65\d\d|35[2-8]\d)\d{12}|62\d{14,17}"
)
"""Ranges and lengths that issuers use: Visa, Mastercard, American Express, Diners, Discover, JCB, UnionPay (ISO/IEC
7812). Visa's old 13 digits are left out: the bar codes of German goods begin with 4 and have as many."""
_COUNTRY = re.compile(
    r"1[2-9]\d\d[2-9]\d{6}$|[27]\d{9,11}$|(?:3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])\d{6,12}$"
    r"|(?:2[1-69]\d|35\d|37\d|38\d|42\d|50\d|59\d|6[7-9]\d|8[0578]\d|96\d|97\d|99\d)\d{5,12}$"
)
"""Country codes of E.164, with digits enough behind them."""


_VERSION = re.compile(r"(?:[a-z>]/|\bv(?:ersion)?\.? ?)$", re.IGNORECASE)
_SAYS_PHONE = re.compile(
    r"(?<!\w)(?:tele?f?|tele?phone?|telef[oó]no?|t[ée]l|téléphone|phone|mobil[eo]?|handy|cell|fax|call)"
    r"(?: ?(?:no|nr|number|nummer))?\.? ?:? ?\(?$",
    re.IGNORECASE,
)
_BEFORE = 24
"""Characters in which a word before a number can say what it is."""


@dataclass(frozen=True, slots=True)
class Masked:
    """A text whose personal data was replaced by "<kind>", and how often by kind."""

    text: str
    counts: dict[str, int] = field(default_factory=dict[str, int])


def _digits(match: re.Match[str]) -> str:
    return re.sub(r"[^0-9]", "", match[0].replace("(0)", ""))


def _before(match: re.Match[str]) -> str:
    return match.string[max(match.start() - _BEFORE, 0) : match.start()]


def _luhn(digits: str) -> bool:
    """The checksum of payment cards (ISO/IEC 7812-1)."""
    values = [int(digit) for digit in reversed(digits)]
    return (sum(values[::2]) + sum(sum(divmod(2 * value, 10)) for value in values[1::2])) % 10 == 0


def _is_card(match: re.Match[str]) -> bool:
    digits = _digits(match)
    return _CARD.fullmatch(digits) is not None and len(set(digits)) > 1 and _luhn(digits)


def _is_iban(match: re.Match[str]) -> bool:
    """The checksum of ISO 13616: country and check digits to the end, letters as numbers, modulo 97 it is 1."""
    account = re.sub(r"\s", "", match[0])
    return int("".join(str(int(character, 36)) for character in account[4:] + account[:4])) % 97 == 1


def _is_public_address(match: re.Match[str]) -> bool:
    numbers = match[0].split(".")
    if len(numbers) == 4 and (all(int(number) < SMALL for number in numbers) or _VERSION.search(_before(match))):
        return False
    try:
        return ip_address(match[0]).is_global
    except ValueError:
        return False


def _is_international(match: re.Match[str]) -> bool:
    digits = _digits(match)
    return len(set(digits)) > 2 and len(digits) <= 15 and _COUNTRY.match(digits) is not None


def _is_said_to_be_phone(match: re.Match[str]) -> bool:
    return len(set(_digits(match))) > 2 and _SAYS_PHONE.search(_before(match)) is not None


@dataclass(frozen=True, slots=True)
class _Kind:
    """`pattern` finds what could be one of the kind in a line with `needs` in it; `check` says whether it is."""

    name: str
    needs: str
    pattern: re.Pattern[str]
    check: Callable[[re.Match[str]], bool] = bool


_END = r"(?![\w+-]|[.,(][0-9])"
"""What a number ends before. Whatever a number of any kind begins with is in it: else one that stands right behind
another would show only once that is masked, and masking twice would change more."""
_IBAN = "|".join(
    rf"{code}[0-9]{{2}}(?:[ \u00a0]?[A-Z0-9]){{{length - 4}}}" for code, length in sorted(IBAN_LENGTHS.items())
)
_KINDS = (
    _Kind("iban", "", re.compile(rf"(?=[A-Z]{{2}}[0-9]{{2}})(?<!\w)(?:{_IBAN}){_END}"), _is_iban),
    # In one piece or as printed on the card: elsewhere sixteen digits are a row of a table.
    _Kind(
        "card",
        "",
        re.compile(
            r"(?=[0-9]{4})(?<![\w.,+-])(?:[0-9]{14,19}|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{3})?"
            rf"|[0-9]{{4}}([ -])[0-9]{{6}}\2[0-9]{{4,5}}){_END}"
        ),
        _is_card,
    ),
    _Kind("ip", ".", re.compile(rf"(?<![\w.+-])[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}}{_END}"), _is_public_address),
    # Only addresses that are given out (2000::/3), so that times and names with colons are none.
    _Kind(
        "ip",
        ":",
        re.compile(r"(?<![\w:.+-])[23][0-9a-fA-F]{3}:(?:[0-9a-fA-F]{0,4}:){1,6}[0-9a-fA-F]{0,4}" rf"(?!:){_END}"),
        _is_public_address,
    ),
    _Kind(
        "phone",
        "+",
        re.compile(rf"(?<![\w+])\+[1-9](?:[ \u00a0./()-]{{0,2}}[0-9]){{7,15}}{_END}"),
        _is_international,
    ),
    # North America, where area and exchange begin with 2 to 9, and France, by their shapes.
    _Kind(
        "phone",
        "",
        re.compile(
            r"(?<![\w.,(+-])(?:\([2-9][0-9]{2}\) ?[2-9][0-9]{2}[-. ]|[2-9][0-9]{2}([-.])[2-9][0-9]{2}\1)[0-9]{4}" + _END
        ),
    ),
    _Kind("phone", "", re.compile(rf"(?<![\w.,(+-])0[1-9](?:([ .])[0-9]{{2}})(?:\1[0-9]{{2}}){{3}}{_END}")),
    # Any other only behind a word that says so: without it, it looks like any number.
    _Kind(
        "phone",
        "0",
        re.compile(rf"(?<![\w,(+-])\(?0[0-9]{{1,4}}\)?(?:[ ./-]{{0,3}}[0-9]){{4,10}}{_END}"),
        _is_said_to_be_phone,
    ),
)
_TRIGGER = re.compile(
    r"[0-9](?:(?:[ \u00a0().:/-]{0,3}[0-9]){5}|[0-9]{0,2}(?:\.[0-9]{1,3}){3}|[0-9a-fA-F]{3}:[0-9a-fA-F:])"
)
"""What every kind but e-mail has somewhere: only lines that hold it are looked at."""
_HOST = re.compile(r"@(?:[a-zA-Z0-9-]{1,63}\.){1,8}[a-zA-Z]{2,24}(?![\w-])")
_USER = re.compile(r"[\w.%+-]{1,64}$")


def mask(text: str) -> Masked:
    """The text with e-mail addresses, bank accounts (IBAN), payment cards, public IP addresses and phone numbers
    replaced by <email>, <iban>, <card>, <ip>, <phone>. Masking twice changes nothing more.

    Phone numbers are international ones (E.164), North American and French ones by their shape, and what stands behind
    a word such as "Tel."; private and documentation addresses stay, as do versions that look like an address."""
    counts: Counter[str] = Counter()
    pieces: list[str] = []
    done = 0
    for begin, end in _lines(text):
        pieces += [text[done:begin], _masked(text[begin:end], counts)]
        done = end
    return Masked("".join([*pieces, text[done:]]), dict(counts)) if counts else Masked(text)


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Where the lines begin and end that could hold something."""
    end = 0
    host, numbers = _HOST.search(text), _TRIGGER.search(text)
    while host or numbers:
        at = min(match.start() for match in (host, numbers) if match)
        begin = max(text.rfind("\n", end, at) + 1, end)
        end = text.find("\n", at) + 1 or len(text)
        yield begin, end
        if host and host.start() < end:
            host = _HOST.search(text, end)
        if numbers and numbers.start() < end:
            numbers = _TRIGGER.search(text, end)


def _masked(line: str, counts: Counter[str]) -> str:
    """A line until nothing is in it: what stood before a number and made it something else may have been masked."""
    while found := _found(line):
        pieces: list[str] = []
        done = 0
        for begin, end, kind in found:
            if begin >= done:
                pieces += [line[done:begin], f"<{kind}>"]
                counts[kind] += 1
                done = end
        line = "".join([*pieces, line[done:]])
    return line


def _found(line: str) -> list[tuple[int, int, str]]:
    """Everything of any kind in a line, by where it begins; of two at one place the kind that is named first."""
    found = list(_emails(line)) if "@" in line else []
    for kind in _KINDS:
        if kind.needs in line:
            found += [(*match.span(), kind.name) for match in kind.pattern.finditer(line) if kind.check(match)]
    return sorted(found, key=lambda each: each[0])


def _emails(line: str) -> Iterator[tuple[int, int, str]]:
    """From each host to the left, so that a long word without one is not gone through again and again."""
    done = 0
    for host in _HOST.finditer(line):
        if user := _USER.search(line, max(done, host.start() - 64), host.start()):
            yield user.start(), host.end(), "email"
            done = host.end()
