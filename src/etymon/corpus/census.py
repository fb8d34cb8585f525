"""The first pass over a corpus: the verdict on every document read, and the counts that must add up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from etymon.corpus.arrow import RecordBatch
from etymon.corpus.duplicates import Duplicates, content_key
from etymon.corpus.rules import Rule, decide, measure
from etymon.errors import EtymonError

EXACT_DUPLICATE = "exact duplicate"
KEPT, DROPPED, QUARANTINED = "kept", "dropped", "quarantined"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one document read: outcome, the rule or fault behind it, the id of what it copies."""

    outcome: str
    rule: str = ""
    duplicate_of: str = ""


@dataclass(slots=True)
class Tally:
    """Documents and bytes that went in, stayed, and left by each rule and fault."""

    documents: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    bytes: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    read: int = 0
    bytes_read: int = 0

    def add(self, verdict: Verdict, size: int) -> None:
        """Counts one document of `size` bytes."""
        self.read += 1
        self.bytes_read += size
        self.documents.setdefault(verdict.outcome, Counter())[verdict.rule] += 1
        self.bytes.setdefault(verdict.outcome, Counter())[verdict.rule] += size

    def to_json(self) -> dict[str, Any]:
        """{"documents": …, "bytes": …}, each {"in", "kept", "dropped": {rule: n}, "quarantined": {fault: n}}.

        Raises EtymonError where in is not kept + dropped + quarantined."""
        return {
            "documents": _balanced("documents", self.read, self.documents),
            "bytes": _balanced("bytes", self.bytes_read, self.bytes),
        }


def _balanced(unit: str, read: int, counts: dict[str, Counter[str]]) -> dict[str, Any]:
    kept = counts.get(KEPT, Counter()).total()
    dropped, quarantined = counts.get(DROPPED, Counter[str]()), counts.get(QUARANTINED, Counter[str]())
    if read != kept + dropped.total() + quarantined.total():
        raise EtymonError(
            f"the corpus does not add up: {read} {unit} in, {kept} kept, {dropped.total()} dropped, "
            f"{quarantined.total()} quarantined",
            why="a document was lost or counted twice; this is a fault of Etymon",
        )
    return {"in": read, "kept": kept, "dropped": dict(dropped), "quarantined": dict(quarantined)}


@dataclass(slots=True)
class Census:
    """The verdicts of one pass, in the order of reading; of each kept document its content key and bytes; the tally,
    and the kept documents and bytes of each domain."""

    verdicts: list[Verdict] = field(default_factory=list[Verdict])
    keys: list[bytes] = field(default_factory=list[bytes])
    sizes: list[int] = field(default_factory=list[int])
    tally: Tally = field(default_factory=Tally)
    domain_documents: Counter[str] = field(default_factory=Counter[str])
    domain_bytes: Counter[str] = field(default_factory=Counter[str])

    @property
    def kept_bytes(self) -> int:
        """UTF-8 bytes of all kept documents."""
        return sum(self.sizes)


def judge(batch: RecordBatch, rules: Sequence[Rule], duplicates: Duplicates) -> tuple[list[Verdict], list[bytes]]:
    """The verdict on each document of a batch (schema RECORDS), and its content key (empty where it was not kept)."""
    faults: list[str | None] = batch.column("fault").to_pylist()
    reasons: list[str | None] = decide(measure(batch), rules).to_pylist()
    candidate = [fault is None and reason is None for fault, reason in zip(faults, reasons, strict=True)]
    texts: list[str] = batch.column("text").to_pylist()
    keys = [content_key(text) if wanted else b"" for text, wanted in zip(texts, candidate, strict=True)]
    partners = duplicates.partners(keys, batch.column("id").to_pylist(), candidate)
    verdicts = [_verdict(*each) for each in zip(faults, reasons, partners, strict=True)]
    return verdicts, [key if verdict.outcome == KEPT else b"" for key, verdict in zip(keys, verdicts, strict=True)]


def _verdict(fault: str | None, reason: str | None, partner: str) -> Verdict:
    if fault is not None:
        return Verdict(QUARANTINED, fault)
    if reason is not None:
        return Verdict(DROPPED, reason)
    return Verdict(DROPPED, EXACT_DUPLICATE, partner) if partner else Verdict(KEPT)


def take_census(batches: Iterable[RecordBatch], rules: Sequence[Rule]) -> Census:
    """The verdicts on all batches, in bounded memory: about 150 bytes a document."""
    census, duplicates = Census(), Duplicates()
    for batch in batches:
        verdicts, keys = judge(batch, rules, duplicates)
        census.verdicts += verdicts
        sizes: list[int] = batch.column("bytes").to_pylist()
        domains: list[str] = batch.column("domain").to_pylist()
        for verdict, key, size, domain in zip(verdicts, keys, sizes, domains, strict=True):
            census.tally.add(verdict, size)
            if key:
                census.keys.append(key)
                census.sizes.append(size)
                census.domain_documents[domain] += 1
                census.domain_bytes[domain] += size
    return census


def values_of(batch: RecordBatch) -> Iterator[str]:
    """For each document a JSON object of all that was measured of it, or of the fault's detail."""
    columns = {name: column.to_pylist() for name, column in measure(batch).items()}
    faults, details = batch.column("fault").to_pylist(), batch.column("detail").to_pylist()
    for row, (fault, detail) in enumerate(zip(faults, details, strict=True)):
        values = {name: column[row] for name, column in columns.items()} if fault is None else {"detail": detail}
        yield json.dumps(values, ensure_ascii=False, sort_keys=True)
