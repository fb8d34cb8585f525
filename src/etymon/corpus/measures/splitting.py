"""One chunk of text between white space split into words, as the published pipelines count words.

They use spaCy's English tokenizer, whose documentation (spacy.io/usage/linguistic-features#how-tokenizer-works) gives
the procedure: exceptions first, then prefixes and suffixes from the outside in, then addresses, then infixes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise, product

from etymon.corpus.measures.exceptions import exceptions
from etymon.corpus.measures.unicode import CASED, UNCASED, icons, of_category, pattern

SINGLE = ",:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪"
QUOTES = ",'\"”“`‘´’‚„»«「」『』（）〔〕【】《》〈〉⟦⟧"
CURRENCIES = "$£€¥฿₽﷼₴" + "".join(map(chr, range(0x20A0, 0x20C0)))
HYPHENS = "-–—~"
METRES = (f"{prefix}{size}" for prefix, size in product(("", "k", "d", "c", "m"), ("m", "m²", "m³")))
METRES_IN_RUSSIAN = (f"{prefix}{size}" for prefix, size in product(("", "к", "д", "с", "м"), ("м", "м²", "м³")))
OTHER_UNITS = (
    "ha µm nm yd in ft kg g mg µg t lb oz m/s km/h kmh mph hPa Pa mbar mb MB kb KB gb GB tb TB T G M K % "
    "нм кг г мг м/с км/ч кПа Па мбар Кб КБ кб Мб МБ мб Гб ГБ гб Тб ТБ"
)
UNITS = (
    *METRES,
    *METRES_IN_RUSSIAN,
    *OTHER_UNITS.split(),
)
LONGEST_CHUNK = 100_000
"""Characters up to which a chunk is split: a longer one is no writing, and is one word."""
MOST_WORDS = 5
"""Words of the longest sequence that is put together again to an exception."""
LONGEST_EXCEPTION = 12
LONGEST_SUFFIX = 7
"""Characters that decide a suffix, but for a run of dots: a unit of four, and the two before."""
PREFIXES = frozenset("§%=—–" + SINGLE + QUOTES + CURRENCIES)
SUFFIXES = frozenset("—–" + SINGLE + QUOTES)
"""Marks that are cut off alone wherever they stand in front or at the end: no pattern has to be asked about these."""


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """What is cut off in front, at the end and in between, and what an address looks like."""
    uncased = pattern(UNCASED)
    lower = pattern(of_category(CASED, "Ll")) + "\u0294" + uncased
    upper = pattern(of_category(CASED, "Lu")) + uncased
    letter = pattern(CASED) + uncased
    icon, single, quotes, money = pattern(icons()), re.escape(SINGLE), re.escape(QUOTES), re.escape(CURRENCIES)
    prefix = rf"[§%=—–{single}]|\+(?![0-9])|…|\.\.+|[{quotes}{money}]|US\$|C\$|A\$|[{icon}]"
    units = "|".join(map(re.escape, UNITS))
    suffix = (
        rf"(?:……|[…{single}{quotes}{icon}—–]|'s|'S|’s|’S|(?<=[0-9])\+|(?<=°[FfCcKk])\."
        rf"|(?<=[0-9])(?:[{money}]|US\$|C\$|A\$|{units})"
        rf"|(?<=[0-9{lower}%²\-+|…{single}{quotes}])\.|(?<=[{upper}][{upper}])\.)$"
    )
    infix = (
        rf"(?=[.…{icon}+\-*^,{HYPHENS}:<>=/])(?:"  # one look at the character before the alternatives, for speed
        rf"\.\.+|…|[{icon}]|(?<=[0-9])[+\-*^](?=[0-9-])|(?<=[{lower}{quotes}])\.(?=[{upper}{quotes}])"
        rf"|(?<=[{letter}]),(?=[{letter}])|(?<=[{letter}0-9])(?:---?|——|[{HYPHENS}])(?=[{letter}])"
        rf"|(?<=[{letter}0-9])[:<>=/](?=[{letter}]))"
    )
    label = "[A-Za-z0-9\u00a1-\uffff]"
    address = (
        r"(?:[\w+\-.]{2,}://)?(?:\S+@)?(?:(?!10\.|127\.|169\.254\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)"
        r"(?:[1-9]\d?|1\d\d|2[01]\d|22[0-3])(?:\.(?:1?\d{1,2}|2[0-4]\d|25[0-5])){2}\.(?:[1-9]\d?|1\d\d|2[0-4]\d|25[0-4])"
        rf"|(?:(?:{label}[A-Za-z0-9\u00a1-\uffff_-]{{0,62}})?{label}\.)+[{lower}]{{2,63}})(?::\d{{2,5}})?(?:[/?#]\S*)?"
    )
    return re.compile(prefix), re.compile(suffix), re.compile(infix), re.compile(address)


def split_chunk(chunk: str) -> tuple[str, ...]:
    """The words of a chunk that holds no white space; joined they give the chunk."""
    known = exceptions()
    if chunk in known:
        return known[chunk]
    if len(chunk) > LONGEST_CHUNK:
        return (chunk,)
    words = _split(chunk, known)
    return tuple(_put_together(words)) if len(words) > 1 else tuple(words)


def _prefix(chunk: str, start: int, stop: int) -> int:
    """The length of what is cut off in front of chunk[start:stop], which is not empty."""
    if chunk[start] in PREFIXES:
        return 1
    found = _patterns()[0].match(chunk, start, stop)
    return found.end() - start if found else 0


def _suffix(chunk: str, start: int, stop: int) -> int:
    """The length of what is cut off at the end of chunk[start:stop], whose end alone is looked at."""
    if stop > start and chunk[stop - 1] in SUFFIXES:
        return 1
    if chunk.endswith("..", start, stop):
        first = stop
        while first > start and chunk[first - 1] == ".":
            first -= 1
        return stop - first
    found = _patterns()[1].search(chunk[max(start, stop - LONGEST_SUFFIX) : stop])
    return found.end() - found.start() if found else 0


def _split(chunk: str, known: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Affixes off, exceptions kept, the rest split at infixes."""
    front: list[str] = []
    back: list[str] = []
    start, stop = 0, len(chunk)

    def is_known(first: int, last: int) -> bool:
        return last - first <= LONGEST_EXCEPTION and chunk[first:last] in known

    while start < stop and not is_known(start, stop):
        inner = start + _prefix(chunk, start, stop)
        if inner > start and is_known(inner, stop):
            front.append(chunk[start:inner])
            start = inner
            break
        outer = stop - _suffix(chunk, inner, stop)
        if outer < stop and is_known(start, outer):
            back.append(chunk[outer:stop])
            stop = outer
            break
        if inner == start and outer == stop:
            break
        if inner > start:
            front.append(chunk[start:inner])
        if outer < stop:
            back.append(chunk[outer:stop])
        start, stop = inner, outer
    return [*front, *_middle(chunk[start:stop], known), *reversed(back)]


def _middle(chunk: str, known: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """What is left when affixes are off: an exception, an address, or words between infixes."""
    if chunk in known:
        yield from known[chunk]
    elif chunk and not chunk.isalnum() and not ("." in chunk and _patterns()[3].fullmatch(chunk)):
        start = 0
        for found in _patterns()[2].finditer(chunk):
            if found.start():
                if found.start() > start:
                    yield chunk[start : found.start()]
                yield found.group()
                start = found.end()
        if start < len(chunk):
            yield chunk[start:]
    elif chunk:
        yield chunk


@cache
def _sequences() -> tuple[dict[tuple[str, ...], tuple[str, ...]], frozenset[tuple[str, ...]]]:
    """The exceptions that splitting without exceptions would take apart, by what it makes of them; and the two words
    that each of these begins with."""
    taken_apart = ((tuple(_split(chunk, {})), words) for chunk, words in exceptions().items())
    sequences = {parts: words for parts, words in taken_apart if len(parts) > 1}
    return sequences, frozenset(parts[:2] for parts in sequences)


def _put_together(words: list[str]) -> Iterator[str]:
    """Exceptions that came out in parts, longest first and then from the left, as single exceptions again."""
    sequences, beginnings = _sequences()
    starts = [start for start, pair in enumerate(pairwise(words)) if pair in beginnings]
    if not starts:
        yield from words
        return
    spans = {
        (start, start + length): sequences[parts]
        for length in range(min(MOST_WORDS, len(words)), 1, -1)
        for start in starts
        if (parts := tuple(words[start : start + length])) in sequences and len(parts) == length
    }
    taken: set[int] = set()
    chosen: dict[int, tuple[int, tuple[str, ...]]] = {}
    for (start, stop), replacement in spans.items():
        if start not in taken and stop - 1 not in taken:
            chosen[start] = (stop, replacement)
        taken |= set(range(start, stop))
    place = 0
    while place < len(words):
        stop, replacement = chosen.get(place, (place + 1, (words[place],)))
        yield from replacement
        place = stop
