"""What became of a document: outcome, rule, partner; and the counts of all of them, which must add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from etymon.errors import EtymonError

EXACT_DUPLICATE, NEAR_DUPLICATE = "exact duplicate", "near duplicate"
KEPT, DROPPED, QUARANTINED = "kept", "dropped", "quarantined"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one document read: outcome, the rule or fault behind it, the id of what it copies and how alike
    the two are (Jaccard of their word 5-grams; 1 for an exact copy)."""

    outcome: str
    rule: str = ""
    duplicate_of: str = ""
    similarity: float = 0.0


@dataclass(slots=True)
class Tally:
    """Documents and bytes that went in, stayed, and left by each rule and fault; `cut` are bytes that were taken out of
    documents that stayed, by what they were."""

    documents: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    bytes: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    cut: Counter[str] = field(default_factory=Counter[str])
    read: int = 0
    bytes_read: int = 0

    def add(self, verdict: Verdict, size: int, documents: int = 1) -> None:
        """Counts documents that share a verdict, of `size` bytes in all."""
        self.read += documents
        self.bytes_read += size
        self.documents.setdefault(verdict.outcome, Counter())[verdict.rule] += documents
        self.bytes.setdefault(verdict.outcome, Counter())[verdict.rule] += size

    def to_json(self) -> dict[str, Any]:
        """{"documents": …, "bytes": …}, each {"in", "kept", "dropped": {rule: n}, "quarantined": {fault: n}}; where
        something was cut out of texts, bytes have {"cut": {what: n}} besides.

        Raises EtymonError where in is not kept + cut + dropped + quarantined."""
        volume = _balanced("bytes", self.bytes_read, self.bytes)
        if self.cut:
            volume |= {"kept": volume["kept"] - self.cut.total(), "cut": dict(self.cut)}
        return {"documents": _balanced("documents", self.read, self.documents), "bytes": volume}


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
