"""Figures that show whether a corpus is balanced: shares, lengths, vocabulary, novelty, phenomena; as JSON."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from etymon.corpus.phenomena import PHENOMENA, count_phenomena
from etymon.statistics import ratio_result

VOCABULARY_WORDS = 1_000_000
"""Types and hapaxes grow with the text, so they are counted among the first words of it: two corpora are compared at
the same number."""
GRAM = 13
SAMPLED = 32
"""One in so many passages is looked at, chosen by its hash, so that memory is a few bytes for each hundred of text."""
_WORD = re.compile(r"\w+")


class Read(Protocol):
    """What is looked at of a document; `etymon.corpus.Document` has it."""

    @property
    def text(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def domain(self) -> str: ...
    @property
    def genre(self) -> str: ...


@dataclass
class Figures:
    """Sums over documents; `to_json` makes shares of them. Add documents in the order of reading: a passage is new
    where none before it was the same."""

    documents: int = 0
    bytes: int = 0
    words: int = 0
    domains: Counter[str] = field(default_factory=Counter[str])
    genres: Counter[str] = field(default_factory=Counter[str])
    languages: Counter[str] = field(default_factory=Counter[str])
    lengths: Counter[int] = field(default_factory=Counter[int])
    phenomena: Counter[str] = field(default_factory=Counter[str])
    holding: Counter[str] = field(default_factory=Counter[str])
    vocabulary: Counter[str] = field(default_factory=Counter[str])
    by_document: list[tuple[int, dict[str, int]]] = field(default_factory=list[tuple[int, dict[str, int]]])
    counted: int = 0
    passages: int = 0
    new: int = 0
    _seen: set[int] = field(default_factory=set[int])

    def add(self, document: Read) -> None:
        """Count a document in."""
        size = len(document.text.encode("utf-8", "surrogatepass"))
        self.documents += 1
        self.bytes += size
        self.lengths[max(size.bit_length() - 1, 0)] += 1
        for counter, name in (
            (self.domains, document.domain),
            (self.genres, document.genre),
            (self.languages, document.language),
        ):
            counter[name] += size
        words = _WORD.findall(document.text.lower())
        self.words += len(words)
        first = words[: VOCABULARY_WORDS - self.counted]
        self.vocabulary.update(first)
        self.counted += len(first)
        for passage in sampled_passages(words):
            self.passages += 1
            self.new += passage not in self._seen
            self._seen.add(passage)
        counts = count_phenomena(document.text)
        self.by_document.append((len(words), counts))
        self.phenomena.update(counts)
        self.holding.update(name for name, count in counts.items() if count)

    def to_json(self) -> dict[str, Any]:
        """Everything for the report. Shares are of bytes; lengths are documents by the power of two of bytes at or
        below theirs; phenomena are counts per 1,000 words (with interval) and the share of documents that have any."""
        once = sum(1 for count in self.vocabulary.values() if count == 1)
        return {
            "documents": self.documents,
            "bytes": self.bytes,
            "words": self.words,
            "domains": _shares(self.domains),
            "genres": _shares(self.genres),
            "languages": _shares(self.languages),
            "lengths": [{"bytes": 1 << power, "documents": self.lengths[power]} for power in sorted(self.lengths)],
            "vocabulary": {
                "words": self.counted,
                "types": len(self.vocabulary),
                "types_per_word": len(self.vocabulary) / max(self.counted, 1),
                "hapax_share": once / max(len(self.vocabulary), 1),
            },
            "novelty": {"passages": self.passages, "words_each": GRAM, "new_share": self.new / max(self.passages, 1)},
            "phenomena": {
                name: {
                    "per_1000_words": 1000 * self.phenomena[name] / max(self.words, 1),
                    **self._interval(name),
                    "documents": self.holding[name] / max(self.documents, 1),
                    "english_only": each.english,
                    "about": each.about,
                }
                for name, each in PHENOMENA.items()
            },
        }

    def _interval(self, name: str) -> dict[str, Any]:
        """The 95 % interval of a phenomenon's rate over documents."""
        rates, words = [1000 * counts[name] for _, counts in self.by_document], [size for size, _ in self.by_document]
        found = ratio_result(name, "per 1,000 words", rates, words, [str(n) for n in range(len(words))], "").as_json()
        return {"low": max(found["low"] or 0.0, 0.0), "high": found["high"], "n": found["n"]}


def figures(documents: Iterable[Read]) -> dict[str, Any]:
    """The figures of these documents, for the report: one call for a corpus before curation, one for after."""
    found = Figures()
    for document in documents:
        found.add(document)
    return found.to_json()


def sampled_passages(words: list[str]) -> Iterator[int]:
    """64-bit hashes of the runs of 13 words whose hash is a multiple of 32: the same passage is always in or always
    out, so the share of new ones among them is an unbiased measure of that among all."""
    for at in range(len(words) - GRAM + 1):
        run = " ".join(words[at : at + GRAM]).encode("utf-8", "surrogatepass")
        value = int.from_bytes(hashlib.blake2b(run, digest_size=8).digest(), "big")
        if value % SAMPLED == 0:
            yield value


def _shares(sizes: Counter[str]) -> dict[str, float]:
    whole = sum(sizes.values())
    return {name: size / whole for name, size in sizes.most_common()} if whole else {}
