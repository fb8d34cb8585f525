"""Edits: what published recipes take out of a page, line by line, before they judge it; and measuring in between.

An edit is a pure function of a text. It never drops a document, a rule may after it: "sentences@policy lines" is the
column measured on the text that the edit "policy lines", and all edits before it, have left."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.corpus.measures import Beside, measure
from etymon.corpus.measures.unicode import SCRIPTS, SPACELESS_SCRIPTS, pattern

SPOKEN, LOST = "spoken_words", "lost_words"

Line = Callable[[str], str | None]
"""What becomes of one line; None where it is taken out."""

POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
TERMINAL = (".", "?", "!", '"', "'")
LONGEST_WORD = 1000
ENOUGH_WORDS = re.compile(r"^[^\S\n]*\S+[^\S\n]+\S+[^\S\n]+\S.*", re.MULTILINE)
"""A line of at least three words."""
SPACELESS = re.compile(f"[{pattern(*(SCRIPTS[script] for script in SPACELESS_SCRIPTS))}]")
MOSTLY_SPACED = 0.3
"""Share of scripts without spaces up to which a line counts as one of words between spaces."""
COUNTED = "likes shares comments retweets reposts quotes bookmarks upvotes downvotes downloads views followers"
COUNTER = re.compile(rf"\W*\d[\d,.]*[kmb]?\s+(?:{COUNTED.replace(' ', '|')})\W*")
MANY_NEWLINES = re.compile(r"\n{3,}")
SHORT = 10
"""Words up to which DCLM looks for the phrases of buttons and carts in a line."""


def _long_words(line: str) -> str | None:
    return None if len(line) > LONGEST_WORD and max(map(len, line.split()), default=0) > LONGEST_WORD else line


def _has_long_line(text: str) -> bool:
    return max(map(len, text.split("\n"))) > LONGEST_WORD


def _without_few_words(text: str) -> str:
    return "\n".join(ENOUGH_WORDS.findall(text))


def _without_few_spaced_words(text: str) -> str:
    if text.isascii() or not SPACELESS.search(text):
        return _without_few_words(text)
    return "\n".join(line for line in text.split("\n") if ENOUGH_WORDS.match(line) or _is_spaceless(line))


def _is_spaceless(line: str) -> bool:
    seen = "".join(line.split())
    return len(SPACELESS.findall(seen)) > MOSTLY_SPACED * len(seen)


def _citations(line: str) -> str:
    return CITATION.sub("", line) if "[" in line else line


def _without_terminal(line: str) -> str | None:
    return line if line.endswith(TERMINAL) and not line.endswith("...") else None


def _javascript(line: str) -> str | None:
    return None if "javascript" in line.lower() else line


def _policy(line: str) -> str | None:
    return None if _holds_any(line.lower(), POLICY) else line


def _holds_any(lower: str, phrases: Iterable[str]) -> bool:
    return any(phrase in lower for phrase in phrases)


def _capitals(line: str) -> str | None:
    return None if not line.islower() and sum(map(str.isupper, line)) > len(line) / 2 else line


def _digits(line: str) -> str | None:
    return None if line.isdigit() else line


def _counters(line: str) -> str | None:
    return None if COUNTER.fullmatch(line.lower()) else line


def _single_words(line: str) -> str | None:
    return None if line and len(line.split(None, 1)) < 2 else line


def _phrase(pattern: str) -> Line:
    phrase = re.compile(pattern, re.IGNORECASE)

    def without(line: str) -> str | None:
        if not line or len(line.split()) > SHORT:
            return line
        left = phrase.sub("", line)
        return left if left.strip() else None

    return without


@dataclass(frozen=True, slots=True)
class Edit:
    """`line` edits each line, or `whole` the whole text. C4 strips its lines and knows every line end that Python knows
    (`stripped`); DCLM's lines end in newlines alone, and its texts are stripped after each edit. A text that has none
    of what is taken out, as most, is left alone where `may_hold` can tell."""

    line: Line | None
    source: str
    whole: Callable[[str], str] = str.strip
    stripped: bool = False
    may_hold: Callable[[str], bool] = bool

    def __call__(self, text: str) -> str:
        if self.line is None:
            return self.whole(text)
        if self.stripped and not self.may_hold(text):
            return text
        lines = text.splitlines() if self.stripped else text.split("\n")
        kept = [left for line in lines if (left := self.line(line)) is not None]
        return "\n".join(kept) if self.stripped else "\n".join(kept).strip()


C4 = "Raffel et al. 2020, section 2.2"
TFDS = "the C4 code in TensorFlow Datasets, c4_utils.py"
REFINEDWEB = "Penedo et al. 2023, appendix G.2, as in DCLM's refinedweb.yaml"
EDITS: dict[str, Edit] = {
    "stripped lines": Edit(None, C4, whole=lambda text: "\n".join(map(str.strip, text.splitlines()))),
    "long words": Edit(_long_words, TFDS, stripped=True, may_hold=_has_long_line),
    "few words": Edit(None, C4, whole=_without_few_words),
    "few spaced words": Edit(None, f"{C4}, for lines of scripts with spaces alone", whole=_without_few_spaced_words),
    "citations": Edit(_citations, TFDS, stripped=True, may_hold=lambda text: "[" in text),
    "no terminal mark": Edit(_without_terminal, C4, stripped=True),
    "javascript": Edit(_javascript, C4, stripped=True, may_hold=lambda text: "javascript" in text.lower()),
    "policy lines": Edit(_policy, TFDS, stripped=True, may_hold=lambda text: _holds_any(text.lower(), POLICY)),
    "outer space": Edit(None, "as datatrove leaves a text"),
    "newlines": Edit(None, REFINEDWEB, whole=lambda text: MANY_NEWLINES.sub("\n\n", text)),
    "capitals": Edit(_capitals, REFINEDWEB),
    "digits": Edit(_digits, REFINEDWEB),
    "counters": Edit(_counters, REFINEDWEB),
    "single words": Edit(_single_words, REFINEDWEB),
    "items in cart": Edit(_phrase(r"\s?items in cart"), REFINEDWEB),
    "read more": Edit(_phrase(r"\s?Read more\.\.\.$"), REFINEDWEB),
    "sign-in": Edit(_phrase(r"^Sign-in\s?"), REFINEDWEB),
}


@dataclass(frozen=True, slots=True)
class Edited:
    """A text after all edits, and how many characters each edit took out, edits that took none left out."""

    text: str
    removed: dict[str, int]


def edit(text: str, edits: Iterable[str]) -> Edited:
    """A text after some edits, in their order."""
    removed: dict[str, int] = {}
    for name in edits:
        left = EDITS[name](text)
        if len(left) < len(text):
            removed[name] = len(text) - len(left)
        text = left
    return Edited(text, removed)


@dataclass(frozen=True, slots=True)
class Worked:
    """Texts after all edits, every asked column on the text it was asked of, and what each edit took from each text."""

    texts: list[str]
    columns: dict[str, NDArray[Any]]
    removed: list[dict[str, int]]


def edit_and_measure(
    texts: Sequence[str],
    columns: Collection[str],
    edits: Sequence[str],
    badwords: str = "",
    beside: Beside | None = None,
) -> Worked:
    """Edits texts step by step and measures the asked columns on the way: "words" on the texts as they come, and
    "words@policy lines" after that edit. "lost_words@sign-in|newlines" is the share of words that the edits behind
    "newlines", up to "sign-in", took out. `badwords` is the file of words that the column of this name counts,
    `beside` what is known of the texts' pages."""
    beside = beside or Beside.nothing(len(texts))
    asked = {part for column in columns for part in _parts(column)}
    removed: list[dict[str, int]] = [{} for _ in texts]
    state, states = list(texts), [("", list(texts))]
    for name in edits:
        state = _edited(state, name, removed)
        states.append((name, state))
    after = {name: [column for column in asked if column.partition("@")[2] == name] for name, _ in states}
    values: dict[str, NDArray[Any]] = {}
    group: list[tuple[str, list[str]]] = []
    for name, each in states:
        if after[name]:
            if group and _mostly_differ(group[0][1], each):
                values |= _measure_together(group, after, badwords, beside)
                group = []
            group.append((name, each))
    values |= _measure_together(group, after, badwords, beside)
    return Worked(state, {column: _value(column, values) for column in columns}, removed)


def _mostly_differ(before: Sequence[str], after: Sequence[str]) -> bool:
    return 2 * sum(map(str.__ne__, before, after)) > len(before)


def _measure_together(
    states: Sequence[tuple[str, Sequence[str]]], after: Mapping[str, Sequence[str]], badwords: str, beside: Beside
) -> dict[str, NDArray[Any]]:
    """The columns asked of several states of the same texts: all are measured on the first state, whose words are then
    split once for all of them, and again on those texts only that are different in their own."""
    values: dict[str, NDArray[Any]] = {}
    if not states:
        return values
    first = states[0][1]
    plain = {column.partition("@")[0] for name, _ in states for column in after[name]}
    found = measure(first, sorted(plain), badwords, beside)
    for name, texts in states:
        other = [place for place, text in enumerate(texts) if text != first[place]]
        own = {column: column.partition("@")[0] for column in after[name]}
        changed = [texts[place] for place in other]
        again = measure(changed, sorted(set(own.values())), badwords, beside.of(other)) if other else {}
        for column, measured in own.items():
            values[column] = found[measured].copy()
            if other:
                values[column][other] = again[measured]
    return values


def _parts(column: str) -> Sequence[str]:
    """The columns that have to be measured for one: itself, or the words before and after."""
    plain, _, after = column.partition("@")
    return [f"{SPOKEN}@{each}".rstrip("@") for each in after.split("|")] if plain == LOST else [column]


def _value(column: str, values: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    if column in values:
        return values[column]
    after, before = (values[part].astype(np.float64) for part in _parts(column))
    return np.divide(before - after, before, out=np.zeros(len(before)), where=before > 0)


def _edited(texts: Sequence[str], name: str, removed: Sequence[dict[str, int]]) -> list[str]:
    after = list(map(EDITS[name], texts))
    for place, (old, new) in enumerate(zip(texts, after, strict=True)):
        if len(new) < len(old):
            removed[place][name] = len(old) - len(new)
    return after
