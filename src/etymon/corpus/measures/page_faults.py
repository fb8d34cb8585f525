"""Page faults: how much of a page is what a crawl is full of and nobody wants to learn from, by kind of fault."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.corpus.measures.column import Column
from etymon.corpus.measures.page_phrases import phrases

Floats = NDArray[np.float64]

LONGEST = 4000
"""Characters of a text up to which its sentences are read: a page of more is no mere notice."""
FEW_WORDS = 40
"""With fewer, shares of words say nothing; they are 0 then."""
SALAD_WORDS, MOST_WORDS = 200, 1000
"""Words from which on the order of words can be told, and up to which it is looked at."""
FEW_PAIRS = 2
"""Where fewer pairs would recur by chance nothing can be told."""
MOST_OF_ONE = 0.2
"""No word of real text is more of it; one that is heads the rows of a list."""
FEW_NAMES = 5
"""A calendar has as many names of days or months, and days."""
LINES = 10
"""With fewer lines, a page is no list."""
COLUMNS: dict[str, Column] = {
    "not_found": Column("share", 0.0, 1.0, "characters of title and text in sentences that say the page is not there"),
    "parked": Column("share", 0.0, 1.0, "characters in sentences that offer the address for sale"),
    "login": Column("share", 0.0, 1.0, "characters in sentences that ask for a login or a subscription"),
    "notice": Column("share", 0.0, 1.0, "characters in sentences about cookies, JavaScript and reserved rights"),
    "calendar": Column("share", 0.0, 1.0, "words that are names of days or months, days and years; 0 for few of them"),
    "priced_lines": Column("share", 0.0, 1.0, "lines that hold a price; 0 with fewer than 10 lines"),
    "linked_lines": Column(
        "share", 0.0, 1.0, "characters in lines that are no sentence and have almost no short words, at most as many "
        "lines as the page has links; 0 with fewer than 10 lines",
    ),
    "top_words": Column("share", 0.0, 1.0, "words that are one of the three most frequent of at least four letters"),
    "misread": Column("share", 0.0, 1.0, "characters in sequences that are UTF-8 read as an encoding of one byte"),
    "accented": Column("share", 0.0, 1.0, "characters in U+00C0 to U+00FF: Cyrillic that is read as Latin"),
    "disorder": Column(
        "share", 0.0, 1.0, "how near the words come to random order, by pairs that recur and words that follow "
        "themselves, of the first 1,000; 0 with fewer than 200 words or 2 such pairs, or where a fifth is one word",
    ),
    "filler_latin": Column("share", 0.0, 1.0, "words of five letters or more from the usual filler text, of all words"),
}  # fmt: skip
_NO_WORD = str.maketrans(dict.fromkeys('.,;:!?()[]"«»“”„¿¡/|–—•·&', " "))
ONE_BYTE = ("latin-1", "cp1252")
_SIGNS, _CODES = "$€£¥₹₽", ("EUR", "USD", "GBP", "CHF", "kr", "zł", "Kč", "Ft", "руб")
_PRICE = re.compile(rf"(?:[{_SIGNS}]|\b(?:{'|'.join(_CODES)}))\s?\d|\d\s?(?:[{_SIGNS}]|(?:{'|'.join(_CODES)})\b)")
_DAYS = frozenset(f"{day:{form}}" for day in range(1, 32) for form in ("d", "02d"))
_YEARS = frozenset(map(str, range(1900, 2100)))
_ACCENTED = re.compile("[\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff]")
_HIGH = "".join(sorted({bytes([byte]).decode(codec, "replace") for byte in range(0x80, 0xC0) for codec in ONE_BYTE}))
"""What the bytes 80 to BF are in Latin-1 and in Windows-1252."""
_CYRILLIC = "".join({bytes([byte]).decode("cp1251", "ignore") for byte in range(0x80, 0xC0)})
_MISREAD = re.compile(  # the last are Cyrillic letters read as Windows-1251
    rf"[\u00c2-\u00efРС](?:(?<=[\u00c2-\u00df])[{_HIGH}]|(?<=[\u00e0-\u00ef])[{_HIGH}]{{2}}"
    rf"|(?<=[РС])[{_CYRILLIC}](?:[РС][{_CYRILLIC}])+)"
)
_DAYS_AND_MONTHS = """
monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag sonntag
lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes sábado domingo lunedì
martedì mercoledì giovedì venerdì sabato domenica segunda terça quarta quinta sexta maandag dinsdag woensdag
donderdag vrijdag zaterdag zondag january february march april may june july august september october november
december januar februar märz mai juni juli oktober dezember janvier février mars avril juin juillet août septembre
octobre novembre décembre enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre janeiro fevereiro março maio junho julho
setembro outubro dezembro januari februari maart mei augustus mon tue wed thu fri sat sun mo tu we th fr sa su di mi
do so die mit don fre sam son lun mar mer jeu ven dim lu ma me je ve mié jue vie sáb dom mi ju vi sá gio sab seg ter
qua qui sex vr za zo wo jan feb apr jun jul aug sep oct nov dec mär okt dez fév avr aoû déc ene abr ago dic
"""
DAYS_AND_MONTHS = frozenset(_DAYS_AND_MONTHS.split())
"""In English, German, French, Spanish, Italian, Portuguese and Dutch, whole and short."""
_FILLER = """
lorem ipsum dolor consectetur adipiscing adipisicing eiusmod tempor incididunt labore dolore magna aliqua minim
veniam nostrud exercitation ullamco laboris aliquip commodo consequat irure reprehenderit voluptate velit cillum
fugiat nulla pariatur excepteur occaecat cupidatat proident culpa officia deserunt mollit laborum vestibulum
pellentesque curabitur tincidunt pretium vivamus suspendisse phasellus sagittis faucibus ullamcorper condimentum
fringilla scelerisque vulputate malesuada bibendum dapibus dignissim euismod maecenas
"""
FILLER = frozenset(_FILLER.split())
"""Of the filler text that typesetters use (after Cicero, De finibus 1.10.32), and that its generators add."""


def page_faults(texts: Sequence[str], titles: Sequence[str], links: Sequence[int] | NDArray[Any]) -> dict[str, Floats]:
    """One number per document and column of COLUMNS; `titles` are the pages' own, `links` how many links each has."""
    rows = [_measured(*page) for page in zip(texts, titles, links, strict=True)]
    return {name: np.array([row.get(name, 0.0) for row in rows], np.float64) for name in COLUMNS}


def _measured(text: str, title: str, links: int) -> dict[str, float]:
    if not text:
        return {}
    found = phrases(title, text) if len(text) <= LONGEST else {}
    if not text.isascii():
        found["misread"] = sum(len(match[0]) for match in _MISREAD.finditer(text)) / len(text)
        found["accented"] = len(_ACCENTED.findall(text)) / len(text)
    words = text.lower().translate(_NO_WORD).split()
    if len(words) >= FEW_WORDS:
        found |= _of_words(Counter(words), len(words))
        spelled = [word for word in words[:MOST_WORDS] if word[0].isalpha()]
        found["disorder"] = _disorder(spelled) if len(spelled) >= SALAD_WORDS else 0.0
    lines = [line for line in text.splitlines() if line.strip()]
    return found | (_of_lines(lines, links) if len(lines) >= LINES else {})


def _of_words(counts: Mapping[str, int], words: int) -> dict[str, float]:
    names = sum(counts[name] for name in DAYS_AND_MONTHS & counts.keys())
    days = sum(counts[day] for day in _DAYS & counts.keys())
    years = sum(counts[year] for year in _YEARS & counts.keys())
    often = [
        count for word, count in counts.items() if count > 1 and len(word) > 3 and (word.isalpha() or _of_letters(word))
    ]
    return {
        "calendar": (names + days + years) / words if min(names, days) >= FEW_NAMES else 0.0,
        "top_words": sum(sorted(often)[-3:]) / words,
        "filler_latin": sum(counts[word] for word in FILLER & counts.keys()) / words,
    }


def _of_letters(word: str) -> bool:
    """With the vowel signs of Indic scripts and Thai, which `str.isalpha` takes for none."""
    return all(unicodedata.category(character)[0] in "LM" for character in word)


def _disorder(words: Sequence[str]) -> float:
    """How near the words come to random order, by two marks of real text: pairs of neighbours recur ("of the"), and no
    word is its own neighbour ("the the").

    In random order, a word is its own neighbour with probability p = sum of squared shares, and two pairs of neighbours
    are equal with p squared; each mark is what chance would give by what is there, at most 1."""
    counts = Counter(words)
    times = np.fromiter(counts.values(), np.float64, len(counts))
    n = len(words) - 1
    p = float((times * (times - 1)).sum()) / (len(words) * n)
    by_chance = n * (n - 1) / 2 * p * p
    if by_chance < FEW_PAIRS or times.max() > MOST_OF_ONE * len(words):
        return 0.0
    pairs = Counter(pairwise(words))
    recurring = sum(count * (count - 1) for count in pairs.values() if count > 1) / 2
    doubled = sum(count for (one, other), count in pairs.items() if one == other)
    return min((1 + by_chance) / (1 + recurring), 1.0) * min((0.5 + doubled) / (0.5 + n * p), 1.0)


def _of_lines(lines: Sequence[str], links: int) -> dict[str, float]:
    whole = "\n".join(lines)
    money = any(sign in whole for sign in (*_SIGNS, *_CODES))  # much faster to look for than prices
    priced = sum(_PRICE.search(line) is not None for line in lines) if money else 0
    listed = [len(line) for line in lines if _is_listed(line)] if links >= LINES else []
    share = sum(sorted(listed)[:links]) / sum(map(len, lines)) if len(listed) >= LINES else 0.0
    return {"priced_lines": priced / len(lines), "linked_lines": share}


def _is_listed(line: str) -> bool:
    """Whether a line names things rather than says something: two words or more, no mark at its end, and at most one in
    five words that has up to three small letters, of which sentences have many in every alphabet with small letters."""
    if line.rstrip()[-1] in ".!?,;:":  # most lines of real text end here
        return False
    words = line.split()
    if not 2 <= len(words) <= 12 or line.lower() == line.upper():
        return False
    small = sum(len(word) <= 3 and word.isalpha() and word.islower() for word in words)
    return small <= len(words) / 5
