"""The representation audit: how often groups, places, names and varieties of English are spoken of, with intervals."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from etymon.errors import EtymonError
from etymon.statistics import Result, ratio_result

UNIT = "mentions per million words"
MILLION = 1_000_000
OCCUPATION = "occupation"
_WORD = re.compile(r"\w+(?:['’]\w+)*")
_SENTENCE = re.compile(r"[.!?]+\s+|\n+")


@dataclass(frozen=True)
class Lists:
    """What is looked for: the groups (category/group) of each term, a term being a tuple of words; how many words the
    longest term has; the occupations; and the pronouns beside them, by word."""

    terms: Mapping[tuple[str, ...], tuple[str, ...]]
    longest: int
    occupations: frozenset[str]
    pronouns: Mapping[str, str]


@cache
def lists() -> Lists:
    """The lists that come with the package (audit.toml)."""
    return parse_lists(files("etymon.corpus").joinpath("audit.toml").read_text("utf-8"))


def parse_lists(text: str) -> Lists:
    """Lists from TOML: tables of groups of terms, and the table `occupation` with names and two groups of pronouns."""
    table: dict[str, dict[str, list[str]]] = tomllib.loads(text)
    occupation = table.pop(OCCUPATION, {"names": []})
    terms: dict[tuple[str, ...], tuple[str, ...]] = {}
    for category, groups in table.items():
        for group, listed in groups.items():
            for term in listed:
                words = tuple(_WORD.findall(term))
                terms[words] = (*terms.get(words, ()), f"{category}/{group}")
    pronouns = {word: group for group, words in occupation.items() if group != "names" for word in words}
    longest = max((len(term) for term in terms), default=1)
    return Lists(terms, longest, frozenset(occupation["names"]), pronouns)


def audit(
    texts: Iterable[str],
    *,
    known: Lists | None = None,
    protocol: str = "",
    seed: int = 0,
    only_mentioned: bool = False,
) -> dict[str, Result]:
    """Mentions per million words of every group ("gender/female", "place/asia", …) and of every pair of occupation and
    pronoun in one sentence ("occupation/nurse/female"), with 95 % intervals over documents.

    The unit is the document: a single one that says a name a thousand times moves the mean and widens the interval. A
    mention is a word in a list, whatever is said: this measures what is spoken of, not how. English only. Memory is one
    number for each group and document. `only_mentioned` leaves out pairs of occupation and pronoun that never occur.
    """
    known = known or lists()
    words: list[int] = []
    counts: list[Counter[str]] = []
    for text in texts:
        found = mentions(text, known)
        words.append(found.pop("words"))
        counts.append(found)
    groups = {group for groups in known.terms.values() for group in groups}
    pairs = {f"{OCCUPATION}/{name}/{side}" for name in known.occupations for side in known.pronouns.values()}
    groups |= pairs.intersection(set[str]().union(*counts)) if only_mentioned else pairs
    items = [str(number) for number in range(len(words))]
    return {
        group: ratio_result(group, UNIT, [MILLION * each[group] for each in counts], words, items, protocol, seed)
        for group in sorted(groups)
    }


def mentions(text: str, known: Lists) -> Counter[str]:
    """How often each group is mentioned in a text; `words` is how many words it has. Terms do not overlap, and the
    longest at a place is the one that counts."""
    found = Counter[str]()
    for sentence in _SENTENCE.split(text):
        spoken = [word.replace("’", "'").removesuffix("'s") for word in _WORD.findall(sentence)]
        lower = [word.lower() for word in spoken]
        found["words"] += len(spoken)
        at = 0
        while at < len(spoken):
            at += _mention_at(at, spoken, lower, known, found)
        named = known.occupations.intersection(lower)
        if named:
            beside = Counter(known.pronouns[word] for word in lower if word in known.pronouns)
            for name in named:
                found.update({f"{OCCUPATION}/{name}/{side}": times for side, times in beside.items()})
    return found


def _mention_at(at: int, spoken: Sequence[str], lower: Sequence[str], known: Lists, found: Counter[str]) -> int:
    """Count the longest term that begins here; how many words to go on by."""
    for length in range(min(known.longest, len(spoken) - at), 0, -1):
        for words in (spoken, lower):
            groups = known.terms.get(tuple(words[at : at + length]))
            if groups:
                found.update(groups)
                return length
    return 1


@dataclass(frozen=True)
class Beside:
    """One group in a corpus and in what a model wrote. `apart` only where the two intervals do not touch, which is a
    stricter test than one of the difference."""

    group: str
    corpus: Result
    samples: Result

    @property
    def apart(self) -> bool:
        """Whether the shares differ by more than both intervals allow for."""
        return self.corpus.high < self.samples.low or self.samples.high < self.corpus.low

    def as_json(self) -> dict[str, Any]:
        """The row for machines."""
        numbers = {"corpus": self.corpus.as_json(), "samples": self.samples.as_json()}
        return {"group": self.group, "unit": UNIT, **numbers, "apart": self.apart}


def compare_audits(corpus: Mapping[str, Result], samples: Mapping[str, Result]) -> list[Beside]:
    """An audit of a corpus beside one of a model's samples, group by group.

    Raises EtymonError where they were made with different lists."""
    if set(corpus) != set(samples):
        odd = sorted(set(corpus) ^ set(samples))[0]
        raise EtymonError(
            "These two audits counted different groups.", why=f"only one has {odd}", help="make both anew"
        )
    return [Beside(group, corpus[group], samples[group]) for group in sorted(corpus)]
