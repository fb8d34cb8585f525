"""Sentences by which a page gives itself away as holding no text: how much of it they are, by kind."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, cast

_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?]+(?=\w)[^.!?\n]+)*[.!?]*")
"""Up to the next mark with white space or a mark behind it, so that names of hosts stay whole."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class _Kind:
    """A sentence that holds one of `words` is of the kind where it matches `alone`, or both patterns of a pair."""

    name: str
    words: frozenset[str]
    alone: re.Pattern[str] | None
    pairs: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]

    def said_in(self, sentence: str) -> bool:
        if self.alone and self.alone.search(sentence):
            return True
        return any(about.search(sentence) and says.search(sentence) for about, says in self.pairs)


@cache
def _kinds() -> tuple[_Kind, ...]:
    table = tomllib.loads(files("etymon.corpus.measures").joinpath("page_phrases.toml").read_text("utf-8"))
    return tuple(_kind(name, row) for name, row in table.items())


def _kind(name: str, row: dict[str, Any]) -> _Kind:
    pairs = [cast("dict[str, str]", each) for each in row.values() if isinstance(each, dict)]
    return _Kind(
        name,
        frozenset(row["words"].split()),
        re.compile(row["alone"]) if "alone" in row else None,
        tuple((re.compile(each["about"]), re.compile(each["says"])) for each in pairs),
    )


@cache
def _all_words() -> frozenset[str]:
    return frozenset[str]().union(*(kind.words for kind in _kinds()))


def phrases(title: str, text: str) -> dict[str, float]:
    """The share of the characters of title and text, white space at the ends of sentences aside, in sentences of each
    kind of page_phrases.toml."""
    whole = 0
    said = dict.fromkeys((kind.name for kind in _kinds()), 0)
    for sentence in _SENTENCE.findall(f"{title}\n{text}".lower().replace("’", "'")):
        size = len(sentence.strip())
        whole += size
        if _all_words().isdisjoint(words := _WORD.findall(sentence)):
            continue
        for kind in _kinds():
            if not kind.words.isdisjoint(words) and kind.said_in(sentence):
                said[kind.name] += size
    return {name: size / whole if whole else 0.0 for name, size in said.items()}
