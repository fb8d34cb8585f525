"""The passes over a corpus: the first measures and judges every document by itself, later ones give them once more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from etymon.corpus.arrow import RecordBatch
from etymon.corpus.census import Census
from etymon.corpus.found import Reading
from etymon.corpus.judge import Judging
from etymon.corpus.prepare import Preparing, prepared
from etymon.corpus.read import UNCUT
from etymon.corpus.readings import Inputs, Working, make_readings, rows_of
from etymon.corpus.settings import CorpusSettings
from etymon.corpus.slices import slices
from etymon.corpus.sources import Source
from etymon.corpus.split import FEW
from etymon.corpus.verdicts import QUARANTINED
from etymon.errors import EtymonError
from etymon.progress import Progress
from etymon.storage import Artifact, Store

LEAST_BYTES = 1000
"""Below this there is nothing to learn from and nothing to measure on."""
FINE_SECTIONS = 40
"""How many sections a corpus of few documents is cut into, about."""
SMALLEST_SECTION = 128
FAULTS_NAMED = 3
"""How many of the files or records that could not be read an error names."""
HERE_BYTES = 32 << 20
"""Bytes of sources up to which they are read in this process and kept in memory between the passes."""
UNTRUSTED = frozenset(("html", "web archive", "pdf", "docx", "epub"))
"""Formats that are parsed in workers however few they are: whoever wrote the page could have meant harm."""


class Passes:
    """Gives the same documents more than once: small text from memory, everything else from readings on the disk."""

    def __init__(
        self,
        store: Store,
        inputs: Inputs,
        preparing: Preparing,
        judging: Judging,
        working: Working,
        progress: Progress,
    ) -> None:
        self._store, self._inputs = store, inputs
        self._judging, self._working, self._progress = judging, working, progress
        self._held: list[RecordBatch] = []
        self._readings: list[Artifact] = []
        self.preparing = preparing

    def judged(self, settings: CorpusSettings) -> Census:
        """The census under `settings`, cut finer where there would be few documents."""
        census = self._census(settings.reading())
        self._check_enough(census)
        if len(census.kept()) < FEW and any(source.format not in UNCUT for source in self._inputs.files):
            finer = max(SMALLEST_SECTION, census.kept_bytes // FINE_SECTIONS)
            census = self._census(settings.reading(finer))
        if (kept := len(census.kept())) < 3:
            raise EtymonError(
                f"the text gives {kept} different documents; at least 3 are needed to hold some out",
                why=_what_became(census),
                help="give more text, or lower corpus.minimum_bytes",
            )
        return census

    def _census(self, reading: Reading) -> Census:
        self.preparing = replace(self.preparing, reading=reading)
        self._held, self._readings = [], []
        if reads_here(self._inputs.files):
            self._held = list(self._read_here())
        else:
            self._readings = make_readings(self._store, self._inputs, self.preparing, self._working, self._progress)
        return self._judging.census(self.batches)

    def _read_here(self) -> Iterator[RecordBatch]:
        total = sum(source.size for source in self._inputs.files)
        done = 0
        for slice in slices(self._inputs.files):
            yield from prepared(slice, self.preparing)
            done += sum(part.stop - part.start for part in slice)
            self._progress(done, total, "reading")

    def batches(self) -> Iterator[RecordBatch]:
        """The prepared batches of the last census, in the order of reading."""
        yield from self._held
        for reading in self._readings:
            yield from rows_of(reading)

    @property
    def other_records(self) -> dict[str, int]:
        """Records of archives that are about the crawl itself, by kind."""
        total: Counter[str] = Counter()
        for reading in self._readings:
            total.update(reading.statistics["other_records"])
        return dict(sorted(total.items()))

    def _faults(self) -> Iterator[str]:
        """What could not be read, in words, for an error that has to say where all the text has gone."""
        for batch in self.batches():
            columns = (batch.column(name).to_pylist() for name in ("source_file", "fault", "detail"))
            yield from (f"{file}: {fault} ({detail})" for file, fault, detail in zip(*columns, strict=True) if fault)

    def _check_enough(self, census: Census) -> None:
        if census.kept_bytes < LEAST_BYTES:
            files = ", ".join(each.name for each in self._inputs.files[:3])
            raise EtymonError(
                f"there are {census.kept_bytes:,} bytes of text; at least {LEAST_BYTES:,} are needed",
                where="; ".join(islice(self._faults(), FAULTS_NAMED)) or files,
                why=_what_became(census),
                help=_what_helps(census),
            )


def reads_here(sources: Sequence[Source]) -> bool:
    """Whether sources are few and trusted enough to be read in this process."""
    small = sum(source.size for source in sources) <= HERE_BYTES
    return small and not any(source.format in UNTRUSTED or _may_swell(source) for source in sources)


def _may_swell(source: Source) -> bool:
    """Whether a compressed file may hold far more than it weighs: gzip makes a byte of 1,000 at best, others of any
    number."""
    return bool(source.codec) and (source.codec != ".gz" or source.size > HERE_BYTES // 1000)


def _what_became(census: Census) -> str:
    counts = census.tally().to_json()["documents"]
    gone = [f"{n} {rule}" for kind in ("dropped", "quarantined") for rule, n in counts[kind].items()]
    kept = f"of {counts['in']} documents read, {counts['kept']} were kept"
    return f"{kept}; {', '.join(gone)}" if gone else kept


def _what_helps(census: Census) -> str:
    if census.tally().documents.get(QUARANTINED, Counter[str]())["no text field"]:
        return "say which field or column holds the text with corpus.text_field=NAME"
    return "give more text, or try builtin:docs, which is part of every installation"
