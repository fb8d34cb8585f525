"""Fair text for comparing two corpora of one input: what both may learn from, and what both are asked about."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from etymon.corpus import Corpus
from etymon.errors import EtymonError
from etymon.storage import Artifact

GRAM = 13
"""Words of a passage that is taken for the same text (Brown et al. 2020, arXiv 2005.14165, appendix C)."""
COPY_SHARE = 0.5
"""A training document is a copy of held-out text where at least this share of its passages stands there."""
HELD_OUT = 0.1
LEAST_DOCUMENTS = 8

BOTH, EITHER, ONE, TRUSTED = "kept by both", "kept by either", "kept by one alone", "trusted text"
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class FairText:
    """`pools`: the texts that A and that B may be trained on. `views`: by name, the texts on which both are measured.
    `left_out`: how many documents of A and of B were near copies of text that is asked about, and so not trained on.
    `too_few`: views of fewer than 8 documents, which are not asked about, with how many they have."""

    pools: tuple[list[str], list[str]]
    views: Mapping[str, list[str]]
    left_out: tuple[int, int]
    too_few: Mapping[str, int]


def fair_text(a: Artifact, b: Artifact, trusted: Artifact | None, view_bytes: int) -> FairText:
    """Hold out a tenth of the records of the input by a hash of their place, whatever either corpus made of them.

    What is asked about is shown from several sides, for none is fair alone: what both kept favours the stricter, what
    one alone kept the more lenient. No record that is held out is trained on, and neither is a document that says
    mostly the same as one that is asked about: a corpus that keeps copies must not win by knowing the answers. Each
    view holds at most `view_bytes`.
    """
    kept = [_kept(corpus) for corpus in (a, b)]
    held = [[text for place, text in each if is_held_out(place)] for each in kept]
    both = set(held[0]) & set(held[1])
    views = {
        BOTH: [text for text in held[0] if text in both],
        EITHER: [*held[0], *held[1]],
        ONE: [text for text in (*held[0], *held[1]) if text not in both],
    }
    if trusted is not None:
        views[TRUSTED] = list(Corpus.open(trusted).texts())
    views = {name: first_by_hash(texts, "view", view_bytes) for name, texts in views.items()}
    too_few = {name: len(texts) for name, texts in views.items() if len(texts) < LEAST_DOCUMENTS}
    views = {name: texts for name, texts in views.items() if name not in too_few}
    if not views:
        raise EtymonError(
            "There is too little text to compare the two recipes.",
            why=f"fewer than {LEAST_DOCUMENTS} documents can be held out",
            help="give more text",
        )
    asked = {gram for texts in views.values() for text in texts for gram in passages(text)}
    may = [[text for place, text in each if not is_held_out(place)] for each in kept]
    pools = [[text for text in dict.fromkeys(texts) if not is_copy(text, asked)] for texts in may]
    left_out = [len(dict.fromkeys(texts)) - len(pool) for texts, pool in zip(may, pools, strict=True)]
    return FairText((pools[0], pools[1]), views, (left_out[0], left_out[1]), too_few)


def _kept(corpus: Artifact) -> list[tuple[str, str]]:
    """Place and text of every document kept, whatever split it is in: splits follow from what else was kept."""
    documents = Corpus.open(corpus).documents()
    return [(f"{document.source_file}\0{document.source_offset}", document.text) for document in documents]


def is_held_out(place: str) -> bool:
    """Whether the record at a place is held out: a hash decides, so it is the same for every recipe."""
    return int.from_bytes(hashlib.sha256(place.encode("utf-8", "surrogatepass")).digest()[:8], "big") < HELD_OUT * 2**64


def first_by_hash(texts: Iterable[str], salt: str, limit: int) -> list[str]:
    """Different texts in an order that hashes of what they say give, for as long as `limit` bytes are not reached.

    Two collections that share most texts so give two samples that share most texts, which is what makes a comparison
    of small samples sharp.
    """

    def place(text: str) -> bytes:
        return hashlib.sha256(f"{salt}\0{text}".encode("utf-8", "surrogatepass")).digest()

    chosen: list[str] = []
    size = 0
    for text in sorted(set(texts), key=place):
        if size >= limit:
            break
        chosen.append(text)
        size += len(text.encode("utf-8", "surrogatepass"))
    return chosen


def sample(texts: Iterable[str], salt: str, budget: int) -> list[str]:
    """`first_by_hash`, the last one cut so that all together are `budget` bytes, to within one character."""
    chosen = first_by_hash(texts, salt, budget)
    over = sum(len(text.encode("utf-8", "surrogatepass")) for text in chosen) - budget
    if chosen and over > 0:
        last = chosen[-1].encode("utf-8", "surrogatepass")
        chosen[-1] = last[: len(last) - over].decode("utf-8", "ignore")
    return chosen


def passages(text: str) -> set[int]:
    """A 64-bit hash of every run of 13 words, case and punctuation aside; of a shorter text, of all its words."""
    words = _WORD.findall(text.lower())
    runs = (" ".join(words[at : at + GRAM]) for at in range(max(len(words) - GRAM + 1, 1)))
    digests = (hashlib.blake2b(run.encode("utf-8", "surrogatepass"), digest_size=8).digest() for run in runs)
    return {int.from_bytes(digest, "big") for digest in digests}


def is_copy(text: str, asked: set[int]) -> bool:
    """Whether most of what the text says is asked about."""
    own = passages(text)
    return len(own & asked) >= COPY_SHARE * len(own)
