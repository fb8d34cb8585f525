"""Pages that are no text to learn from, made by seed with known fault: the kinds that a crawl is full of.

Every kind has wordings for tuning and others that are held out: `bad_page(fault, seed, held_out=True)` uses only these.
"""

from __future__ import annotations

import random
from calendar import Calendar
from collections.abc import Callable
from dataclasses import dataclass

from harness.bad_wordings import (
    COMMERCE,
    FILLERS,
    GOODS,
    LATIN,
    MENUS,
    MONTHS,
    SENTENCES,
    WEEKDAYS,
    WORDINGS,
)

LANGUAGES = ("en", "de", "fr", "es")


@dataclass(frozen=True)
class BadPage:
    """What extraction would leave of the page, its title, its links, and what is wrong with it."""

    fault: str
    language: str
    text: str
    title: str
    links: int


class Maker:
    """The random choices of one page, out of one half of the wordings."""

    def __init__(self, fault: str, seed: int, held_out: bool) -> None:
        self.rng = random.Random(f"{fault} {seed} {held_out}")
        self.held_out = held_out
        self.language = self.rng.choice(LANGUAGES)

    def half(self, values: tuple[str, ...]) -> tuple[str, ...]:
        """Every second one: the first, third … for tuning, the others held out."""
        return values[int(self.held_out) :: 2]

    def said(self, kind: str, most: int = 3) -> list[str]:
        """Some sentences of a kind."""
        there = self.half(WORDINGS[kind][self.language])
        return self.rng.sample(there, self.rng.randint(1, min(most, len(there))))

    def menu(self, most: int = 4) -> list[str]:
        """What is left of a menu."""
        return self.rng.sample(MENUS[self.language], self.rng.randint(0, most))

    def fillers(self, most: int = 2) -> list[str]:
        """Sentences that could stand on any page."""
        return self.rng.sample(FILLERS[self.language], self.rng.randint(0, most))

    def host(self) -> str:
        return "".join(self.rng.choices("abcdefghiklmnoprstuvwz", k=self.rng.randint(5, 11))) + self.rng.choice(
            [".com", ".net", ".de", ".org", ".info"]
        )

    def filled(self, sentence: str) -> str:
        path = "/" + "/".join(self.rng.sample(["news", "p", "old", "a1", "archive", "shop", "2014"], 2))
        return sentence.format(
            host=self.host(), path=path, number=self.rng.randint(2, 90), year=self.rng.randint(2005, 2026)
        )

    def lines(self, sentences: list[str]) -> str:
        return self.rng.choice(["\n", "\n\n"]).join(map(self.filled, sentences))


def _not_found(make: Maker) -> tuple[str, str, int]:
    said = make.said("not found")
    title = make.rng.choice([make.filled(said[0]), make.host(), make.host()])
    return make.lines([*make.menu(), *said, *make.fillers(1)]), title, make.rng.randint(0, 60)


def _parked(make: Maker) -> tuple[str, str, int]:
    related = make.rng.sample(COMMERCE[make.language], make.rng.randint(0, 6))
    return make.lines([*make.said("parked"), *related]), make.host(), make.rng.randint(2, 30)


def _login(make: Maker) -> tuple[str, str, int]:
    return make.lines([*make.menu(), *make.said("login wall"), *make.fillers(1)]), make.host(), make.rng.randint(0, 40)


def _notice(make: Maker) -> tuple[str, str, int]:
    return make.lines([*make.menu(3), *make.said("notice only", 4)]), make.host(), make.rng.randint(0, 40)


def _calendar(make: Maker) -> tuple[str, str, int]:
    rng = make.rng
    year, month = rng.randint(1999, 2027), rng.randint(1, 12)
    weekdays = [name[: rng.choice([2, 3, 20])] for name in WEEKDAYS[make.language]]
    names = MONTHS[make.language]
    months: list[str] = []
    for at in range(month, min(month + rng.randint(1, 6), 13)):
        days = list(Calendar().itermonthdays(year, at))
        weeks = [" ".join(str(day) for day in days[w : w + 7] if day) for w in range(0, len(days), 7)]
        months.append("\n".join([f"{names[at - 1]} {year}", rng.choice([" ", "\n"]).join(weekdays), *weeks]))
    if rng.random() < 0.3:  # an agenda: a day a line, each with its link
        count = rng.randint(10, 31)
        months = ["\n".join(f"{weekdays[day % 7]} {day}. {names[month - 1]} {year}" for day in range(1, count))]
    return "\n\n".join([*make.menu(2), *months, *make.menu(2)]), make.host(), rng.randint(30, 200)


def _listing(make: Maker) -> tuple[str, str, int]:
    rng = make.rng
    nouns, kinds = (make.half(tuple(each)) for each in GOODS[make.language])
    count = rng.randint(14, 80)
    items = [
        f"{rng.choice(kinds)} {rng.choice(nouns)} {rng.choice('ABCDEFGHKLMX')}{rng.randint(1, 999)}"
        for _ in range(count)
    ]
    mark = rng.choice(["{} €", "€ {}", "${}", "EUR {}", "{} kr", "£{}"])
    priced = rng.random() < 0.6
    lines = [
        f"{item} {mark.format(f'{rng.randint(1, 900)}.{rng.randint(0, 99):02d}')}" if priced else item for item in items
    ]
    return "\n".join([*make.menu(), *lines]), make.host(), count + rng.randint(0, 60)


def _keyword_spam(make: Maker) -> tuple[str, str, int]:
    rng = make.rng
    themes = make.half(tuple(COMMERCE[make.language]))
    theme = rng.choice(themes)
    others = [word for each in themes for word in each.split()]
    phrases = [" ".join(rng.sample([*theme.split(), *rng.sample(others, 2)], 3)) for _ in range(rng.randint(40, 120))]
    phrases = [f"{each} {theme}" if rng.random() < 0.4 else each for each in phrases]
    return rng.choice([", ", " ", " | ", "\n"]).join(phrases), theme, rng.randint(0, 100)


def _prose(make: Maker, least: int) -> str:
    """Sentences in the page's language, each with its own numbers, names and order."""
    there = [*SENTENCES[make.language], *FILLERS[make.language]]
    return " ".join(make.filled(each) for each in make.rng.sample(there, min(least, len(there))))


def _mojibake(make: Maker) -> tuple[str, str, int]:
    """UTF-8 read as Windows-1252 or Latin-1, once or twice; typographic marks where a language has no accents."""
    text = _prose(make, 14)
    if make.language == "en":
        text = text.replace("'", "’").replace(", ", " – ", 2).replace("the ", "“the” ", 1)
    wrong = make.rng.choice(["cp1252", "latin-1"])
    for _ in range(make.rng.choice([1, 1, 2])):
        text = "".join(_misread(character, wrong) for character in text)
    return text, make.host(), make.rng.randint(0, 40)


def _misread(character: str, codec: str) -> str:
    return "".join(bytes([each]).decode(codec, "replace") for each in character.encode())


def _salad(make: Maker) -> tuple[str, str, int]:
    """Words of real prose in random order, as text that is made to be indexed has them."""
    words = (
        " ".join([*SENTENCES[make.language], *FILLERS[make.language]])
        .format(host="x", path="y", number=4, year=2001)
        .lower()
        .split()
    )
    picked = make.rng.choices(words, k=make.rng.randint(250, 700))
    at = 0
    sentences: list[str] = []
    while at < len(picked):
        size = make.rng.randint(6, 18)
        sentences.append(" ".join(picked[at : at + size]).capitalize().rstrip(".,") + ".")
        at += size
    return make.rng.choice([" ", "\n"]).join(sentences), make.host(), make.rng.randint(0, 40)


def _lorem(make: Maker) -> tuple[str, str, int]:
    rng = make.rng
    words = LATIN.split()
    sentences = [" ".join(rng.sample(words, rng.randint(6, 14))).capitalize() + "." for _ in range(rng.randint(4, 30))]
    if rng.random() < 0.5:
        sentences[0] = "Lorem ipsum dolor sit amet, consectetur adipiscing elit."
    return "\n".join([*make.menu(), " ".join(sentences), *make.fillers(2)]), make.host(), rng.randint(0, 40)


FAULTS: dict[str, Callable[[Maker], tuple[str, str, int]]] = {
    "soft 404": _not_found,
    "parked domain": _parked,
    "calendar": _calendar,
    "listing": _listing,
    "login wall": _login,
    "keyword spam": _keyword_spam,
    "mojibake": _mojibake,
    "word salad": _salad,
    "notice only": _notice,
    "lorem ipsum": _lorem,
}


def bad_page(fault: str, seed: int, *, held_out: bool) -> BadPage:
    """A page with one of FAULTS; the same for the same arguments."""
    make = Maker(fault, seed, held_out)
    text, title, links = FAULTS[fault](make)
    return BadPage(fault, make.language, text, title, links)
