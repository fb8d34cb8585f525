"""Judging: from what was measured to a verdict on every document, first by itself, then among its copies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.corpus.arrow import RecordBatch
from etymon.corpus.census import KEEP, Census
from etymon.corpus.near import PRESETS, Words, find_copies, shingles
from etymon.corpus.overlap import Overlap
from etymon.corpus.repeats import Repeats, cut_repeats
from etymon.corpus.rules import Rule, decide
from etymon.corpus.schema import value_name
from etymon.corpus.verdicts import DROPPED, QUARANTINED, Verdict

Batches = Callable[[], Iterable[RecordBatch]]

OPTED_OUT, OTHER_LANGUAGE, UNSURE_LANGUAGE, CONTAMINATED = (
    "opted out",
    "language not asked for",
    "language unsure",
    "holds test items",
)


@dataclass(frozen=True, slots=True)
class Judging:
    """What decides; nothing of it changes what is measured. `near` names the settings for near duplicates ("off"),
    `repeats` what is cut out of the documents that nothing drops."""

    rules: tuple[Rule, ...]
    languages: tuple[str, ...]
    language_score: float
    opt_outs: bool
    near: str
    repeats: Repeats

    def census(self, batches: Batches) -> Census:
        """The verdicts on all documents that `batches` gives, as often as it is called."""
        census = Census(Overlap(self.rules))
        for batch in batches():
            census.add(batch, self.verdicts(batch))
        census.drop_exact()
        if self.near != "off":
            self._drop_near(census, batches)
        cut_repeats(census, batches, self.repeats)
        return census

    def verdicts(self, batch: RecordBatch) -> list[Verdict]:
        """The verdict on each document by itself: faults, then what is no page, wishes, language, then the rules in
        their order; the first that holds decides."""
        measured = {name: batch.column(value_name(name)) for rule in self.rules for name in rule.columns}
        rules = decide(measured, self.rules, batch.num_rows)
        columns = ("fault", "skipped", "opt_out", "language", "language_score", "contamination")
        rows = zip(*(batch.column(name).to_pylist() for name in columns), rules, strict=True)
        return [self._verdict(*row) for row in rows]

    def _verdict(
        self, fault: str | None, skipped: str | None, wish: str, code: str, score: float, items: str, rule: str | None
    ) -> Verdict:
        if fault is not None:
            return Verdict(QUARANTINED, fault)
        reason = skipped or self._foreign(wish, code, score) or rule or (CONTAMINATED if items else "")
        return Verdict(DROPPED, reason) if reason else KEEP

    def _foreign(self, wish: str, code: str, score: float) -> str:
        if wish and self.opt_outs:
            return OPTED_OUT
        if self.languages and code not in self.languages:
            return OTHER_LANGUAGE
        return UNSURE_LANGUAGE if score < self.language_score else ""

    def _drop_near(self, census: Census, batches: Batches) -> None:
        rows = census.kept()
        chosen = np.zeros(len(census), bool)
        chosen[rows] = True
        settings = PRESETS[self.near]

        def signed() -> Iterator[NDArray[np.uint32]]:
            for batch, mine in _chosen(batches(), chosen):
                values = batch.column("signature").to_pylist()
                yield np.frombuffer(b"".join(values[row] for row in mine), np.uint32).reshape(-1, settings.hashes)

        def shingled(wanted: NDArray[np.bool_]) -> Iterator[tuple[int, Words]]:
            marked = np.zeros(len(census), bool)
            marked[rows[wanted]] = True
            numbers = iter(np.flatnonzero(wanted).tolist())
            for batch, mine in _chosen(batches(), marked):
                texts = batch.column("text").to_pylist()
                yield from ((next(numbers), grams) for grams in shingles([texts[row] for row in mine]))

        copies = find_copies(len(rows), signed(), settings, shingled)
        census.drop_near(rows, copies.partners, copies.similarities)


def _chosen(batches: Iterable[RecordBatch], chosen: NDArray[np.bool_]) -> Iterator[tuple[RecordBatch, list[int]]]:
    """Each batch that holds chosen rows, with which of its own these are."""
    begin = 0
    for batch in batches:
        mine: Sequence[Any] = np.flatnonzero(chosen[begin : begin + batch.num_rows]).tolist()
        begin += batch.num_rows
        if mine:
            yield batch, list(mine)
