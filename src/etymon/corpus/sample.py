"""Samples of bounded size: documents of a corpus, or of what was read for it, chosen by a hash of their ids."""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from etymon.corpus.arrow import RecordBatch, pa
from etymon.corpus.corpus import Corpus
from etymon.corpus.lookup import rows_by_id
from etymon.corpus.readings import rows_of
from etymon.corpus.schema import Document
from etymon.storage import Artifact, Store

MOST_GROUPS = 64
"""Groups of rows of documents.parquet that a sample is taken from; a larger corpus is not read whole."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One document of a sample: what the figures of balance look at."""

    id: str
    text: str
    language: str
    domain: str
    genre: str


class Smallest:
    """Of the documents that are added, those with the smallest hashes, up to `size` bytes of each key of `quotas` (""
    where there are none): a draw that depends on nothing but the ids."""

    def __init__(self, size: int, quotas: Mapping[str, int] | None = None) -> None:
        self._size, self._quotas = size, quotas
        self._held: dict[str, list[tuple[int, int, Piece]]] = {}
        self._bytes: dict[str, int] = {}
        self.added = 0

    def add(self, piece: Piece) -> None:
        """Count a document in; it is held while it is among the smallest."""
        self.added += 1
        key = "" if self._quotas is None else piece.domain
        quota = self._size if self._quotas is None else self._quotas.get(key, 0)
        size = len(piece.text.encode("utf-8", "surrogatepass"))
        if not quota or not size:
            return
        held = self._held.setdefault(key, [])
        heapq.heappush(held, (-_rank(piece.id), size, piece))
        self._bytes[key] = self._bytes.get(key, 0) + size
        while len(held) > 1 and self._bytes[key] - held[0][1] >= quota:
            self._bytes[key] -= heapq.heappop(held)[1]

    def taken(self) -> list[Piece]:
        """The sample, by hash."""
        every = [each for held in self._held.values() for each in held]
        return [piece for _, _, piece in sorted(every, key=lambda each: -each[0])]

    def bytes_of(self, key: str) -> int:
        """How much of a domain there is."""
        return self._bytes.get(key, 0)


def _rank(id: str) -> int:
    return int.from_bytes(hashlib.blake2b(id.encode(), digest_size=8).digest(), "big")


def kept_sample(corpus: Corpus, size: int) -> list[Piece]:
    """About `size` bytes of what was kept."""
    chosen = Smallest(size)
    for document in corpus.scattered(MOST_GROUPS):
        chosen.add(piece_of(document))
    return chosen.taken()


def mixed_sample(corpus: Corpus, shares: Mapping[str, float], size: int) -> list[Piece]:
    """Text to learn from with these shares of domains, up to `size` bytes and no document twice: where a domain has too
    little, there is less of all."""
    while True:
        quotas = {domain: max(round(share * size), 1) for domain, share in shares.items()}
        chosen = Smallest(size, quotas)
        for document in corpus.scattered(MOST_GROUPS):
            if document.split == "train":
                chosen.add(piece_of(document))
        there = min(chosen.bytes_of(domain) / quota for domain, quota in quotas.items())
        if there >= 0.99 or not there:
            return chosen.taken()
        size = int(size * there)


def read_sample(batches: Iterable[RecordBatch], size: int) -> list[Piece]:
    """About `size` bytes of everything that was read; `batches` have the columns of RECORDS, faults are passed over."""
    chosen = Smallest(size)
    for batch in batches:
        columns = [batch.column(name).to_pylist() for name in COLUMNS]
        for fault, *values in zip(*columns, strict=True):
            if fault is None:
                chosen.add(Piece(*values))
    return chosen.taken()


COLUMNS = ["fault", "id", "text", "language", "domain", "genre"]


def readings_of(store: Store, corpus: Corpus) -> Iterator[RecordBatch] | None:
    """The prepared batches that a corpus was judged from, of at most 64 of its readings; None where they are not all in
    this store (small text is read without them, and `gc` removes them)."""
    alike: dict[str, list[Artifact]] = {}
    for reading in store.artifacts("reading"):
        alike.setdefault(json.dumps(reading.recipe["preparing"], sort_keys=True), []).append(reading)
    wanted = int(corpus.artifact.statistics["documents"]["in"])
    for group in alike.values():
        found = [reading for reading in group if _is_of(reading, corpus)]
        if found and sum(int(reading.statistics["rows"]) for reading in found) == wanted:
            chosen = sorted(found, key=lambda reading: _rank(reading.id))[:MOST_GROUPS]
            return (batch for reading in chosen for batch in rows_of(reading))
    return None


def _is_of(reading: Artifact, corpus: Corpus) -> bool:
    """Whether the first document of a reading is one of the corpus's."""
    first = next((batch for batch in rows_of(reading) if batch.num_rows), None)
    return first is None or bool(rows_by_id(corpus.artifact, str(first.column("id").to_pylist()[0]), 1))


def piece_of(document: Document) -> Piece:
    """What is looked at of a kept document."""
    return Piece(document.id, document.text, document.language, document.domain, document.genre)


def shares_read(corpus: Corpus) -> dict[str, Any]:
    """Documents and bytes of all that was read and of what was kept, and their shares of bytes by domain, genre and
    language, from every decision."""
    sides: dict[str, dict[str, Any]] = {}
    keys = ("domain", "genre", "language")
    for outcome, domain, genre, language, documents, size in _grouped(corpus):
        for side in ("read", "kept") if outcome == "kept" else ("read",):
            told = sides.setdefault(side, {"documents": 0, "bytes": 0} | {f"{key}s": {} for key in keys})
            told["documents"] += documents
            told["bytes"] += size
            for key, name in zip(keys, (domain, genre, language), strict=True):
                told[f"{key}s"][name] = told[f"{key}s"].get(name, 0) + size
    for told in sides.values():
        for key in keys:
            sizes: dict[str, int] = told[f"{key}s"]
            whole = sum(sizes.values()) or 1
            told[f"{key}s"] = {name: sizes[name] / whole for name in sorted(sizes, key=lambda each: -sizes[each])}
    return sides


def _grouped(corpus: Corpus) -> Iterator[tuple[str, str, str, str, int, int]]:
    """Outcome, domain, genre, language, documents, bytes; what could not be read has no text and is not counted."""
    columns = ["outcome", "domain", "genre", "language"]
    for batch in corpus.decision_batches([*columns, "bytes"]):
        table = pa.Table.from_batches([batch]).group_by(columns).aggregate([("bytes", "count"), ("bytes", "sum")])
        for row in table.to_pylist():
            if row["outcome"] != "quarantined":
                names = (row["outcome"], row["domain"] or "", row["genre"] or "unknown", row["language"] or "")
                yield (*names, int(row["bytes_count"]), int(row["bytes_sum"] or 0))
