"""The passes over a corpus: the first finds how finely to cut and judges everything, the second gives it once more."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence

from etymon.corpus.arrow import RecordBatch
from etymon.corpus.census import QUARANTINED, Census, take_census
from etymon.corpus.found import Reading
from etymon.corpus.read import read_sources
from etymon.corpus.rules import Rule
from etymon.corpus.settings import CorpusSettings
from etymon.corpus.sources import Sources
from etymon.corpus.split import FEW
from etymon.errors import EtymonError
from etymon.progress import Progress

LEAST_BYTES = 1000
"""Below this there is nothing to learn from and nothing to measure on."""
FINE_SECTIONS = 40
"""How many sections a corpus of few documents is cut into, about."""
SMALLEST_SECTION = 128
FAULTS_NAMED = 3
"""How many of the files or records that could not be read an error names."""
HELD_BYTES = 128 << 20
"""Text up to which a corpus is kept in memory between the two passes instead of being read twice."""


class Passes:
    """Reads the same sources more than once; a small corpus is read from the disk only in its first pass."""

    def __init__(self, sources: Sources, rules: Sequence[Rule], progress: Progress) -> None:
        self._sources, self._rules, self._progress = sources.files, rules, progress
        self._held: list[RecordBatch] | None = None
        self._seen = hashlib.sha256()
        self._faults: list[str] = []
        self.reading = Reading()

    def judged(self, settings: CorpusSettings) -> Census:
        """The census under `settings`, cut finer where there would be few documents."""
        census = self._census(settings.reading())
        self._check_enough(census)
        if len(census.keys) < FEW:
            finer = max(SMALLEST_SECTION, census.kept_bytes // FINE_SECTIONS)
            census = self._census(settings.reading(finer))
        if len(census.keys) < 3:
            raise EtymonError(
                f"the text gives {len(census.keys)} different documents; at least 3 are needed to hold some out",
                why=_what_became(census),
                help="give more text, or lower corpus.minimum_bytes",
            )
        return census

    def _census(self, reading: Reading) -> Census:
        self.reading = reading
        return take_census(self._first_pass(), self._rules)

    def _first_pass(self) -> Iterator[RecordBatch]:
        held: list[RecordBatch] | None = []
        size = 0
        self._held, self._seen, self._faults = None, hashlib.sha256(), []
        for batch in read_sources(self._sources, self.reading, progress=self._progress):
            self._seen.update("".join(batch.column("id").to_pylist()).encode())
            size += batch.nbytes
            self._note_faults(batch)
            if held is not None:
                held.append(batch)
            if size > HELD_BYTES:
                held = None
            yield batch
        self._held = held

    def batches(self) -> Iterator[RecordBatch]:
        """The batches of the first pass once more. Raises EtymonError where a file has changed in between."""
        if self._held is not None:
            yield from self._held
            return
        seen = hashlib.sha256()
        for batch in read_sources(self._sources, self.reading, progress=self._progress, note="writing"):
            seen.update("".join(batch.column("id").to_pylist()).encode())
            yield batch
        if seen.digest() != self._seen.digest():
            raise EtymonError("a file changed while it was being read", help="run the same command again")

    def _note_faults(self, batch: RecordBatch) -> None:
        """Keeps the first few faults in words, for an error that has to say where all the text has gone."""
        columns = (batch.column(name).to_pylist() for name in ("source_file", "fault", "detail"))
        told = [f"{file}: {fault} ({detail})" for file, fault, detail in zip(*columns, strict=True) if fault]
        self._faults += told[: FAULTS_NAMED - len(self._faults)]

    def _check_enough(self, census: Census) -> None:
        if census.kept_bytes < LEAST_BYTES:
            raise EtymonError(
                f"there are {census.kept_bytes:,} bytes of text; at least {LEAST_BYTES:,} are needed",
                where="; ".join(self._faults) or ", ".join(each.name for each in self._sources[:3]),
                why=_what_became(census),
                help=_what_helps(census),
            )


def _what_became(census: Census) -> str:
    counts = census.tally.to_json()["documents"]
    gone = [f"{n} {rule}" for kind in ("dropped", "quarantined") for rule, n in counts[kind].items()]
    kept = f"of {counts['in']} documents read, {counts['kept']} were kept"
    return f"{kept}; {', '.join(gone)}" if gone else kept


def _what_helps(census: Census) -> str:
    if census.tally.documents.get(QUARANTINED, Counter[str]())["no text field"]:
        return "say which field or column holds the text with corpus.text_field=NAME"
    return "give more text, or try builtin:docs, which is part of every installation"
