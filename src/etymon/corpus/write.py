"""The two tables of a corpus artifact and its statistics."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, cast

from etymon.corpus.arrow import RecordBatch, Schema, pa, pq
from etymon.corpus.census import Census
from etymon.corpus.found import Reading
from etymon.corpus.lookup import Lookup
from etymon.corpus.repeats import shortened
from etymon.corpus.schema import DECISIONS, DOCUMENTS, SPLITS, value_name
from etymon.corpus.sources import Sources
from etymon.corpus.verdicts import KEPT, Verdict
from etymon.errors import EtymonError
from etymon.storage import Draft, JsonObject

DOCUMENTS_FILE, DECISIONS_FILE = "documents.parquet", "decisions.parquet"
DOMAINS_SHOWN = 50
OTHER_DOMAINS = "(other)"


GROUP_ROWS = 1 << 14
"""Rows of decisions.parquet that are read to answer about one of them."""


class _Table:
    """A Parquet file being written, with nothing in it that differs from run to run, in groups of many rows."""

    def __init__(self, stream: Any, schema: Schema, rows: int) -> None:
        self._writer = pq.ParquetWriter(pa.PythonFile(cast(BinaryIO, stream), mode="w"), schema, compression="zstd")
        self._rows, self._held, self._count = rows, list[RecordBatch](), 0

    def add(self, batch: RecordBatch) -> None:
        """Takes a batch."""
        self._held.append(batch)
        self._count += batch.num_rows
        if self._count >= self._rows:
            self._flush()

    def _flush(self) -> None:
        if self._held:
            self._writer.write_table(pa.Table.from_batches(self._held), row_group_size=self._count)
            self._held, self._count = [], 0

    def __enter__(self) -> _Table:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        with self._writer:  # closed while its file still is open, whatever happened
            if kind is None:
                self._flush()


def write_tables(
    draft: Draft, batches: Iterator[RecordBatch], census: Census, splits: list[str], columns: Sequence[str]
) -> None:
    """Writes documents.parquet, decisions.parquet and what finds a row of it, in the order of reading.

    `splits` has one entry per kept document, `columns` are the measures. Raises EtymonError where not every document
    got its row."""
    read = kept = 0
    lookup = Lookup()
    with (
        draft.writer(DOCUMENTS_FILE) as documents_file,
        draft.writer(DECISIONS_FILE) as decisions_file,
        _Table(documents_file, DOCUMENTS, 1) as documents,
        _Table(decisions_file, DECISIONS, GROUP_ROWS) as decisions,
    ):
        for batch in batches:
            batch = shortened(batch, read, census)
            verdicts = census.verdicts(read, read + batch.num_rows)
            rows = [row for row, verdict in enumerate(verdicts) if verdict.outcome == KEPT]
            decisions.add(_decisions(batch, verdicts, columns))
            lookup.add(batch)
            if rows:
                documents.add(_documents(batch, rows, splits[kept : kept + len(rows)]))
            read, kept = read + len(verdicts), kept + len(rows)
    if read != len(census) or kept != len(splits):
        raise EtymonError(
            f"the corpus does not add up: {read} of {len(census)} documents decided, {kept} of {len(splits)} written",
            why="a document was lost or counted twice; this is a fault of Etymon",
        )
    lookup.write(draft)


def _documents(batch: RecordBatch, rows: list[int], splits: list[str]) -> RecordBatch:
    kept = batch.take(pa.array(rows))
    columns = [pa.array(splits) if name == "split" else kept.column(name) for name in DOCUMENTS.names]
    return pa.RecordBatch.from_arrays(columns, schema=DOCUMENTS)


def _decisions(batch: RecordBatch, verdicts: list[Verdict], columns: Sequence[str]) -> RecordBatch:
    decided = {
        "outcome": [verdict.outcome for verdict in verdicts],
        "rule": [verdict.rule for verdict in verdicts],
        "values": list(_values(batch, verdicts, columns)),
        "duplicate_of": [verdict.duplicate_of for verdict in verdicts],
    }
    arrays = [pa.array(decided[n], pa.string()) if n in decided else batch.column(n) for n in DECISIONS.names]
    return pa.RecordBatch.from_arrays(arrays, schema=DECISIONS)


def _values(batch: RecordBatch, verdicts: list[Verdict], columns: Sequence[str]) -> Iterator[str]:
    """For each document a JSON object of all that was measured of it, or of the fault's detail."""
    told = ("fault", "detail", "opt_out", "language_score", "mixed", "removed", "masked", "contamination")
    facts = zip(*(batch.column(name).to_pylist() for name in told), strict=True)
    numbers = zip(*(batch.column(value_name(name)).to_pylist() for name in columns), strict=True)
    for verdict, measured, (fault, detail, wish, score, mixed, removed, masked, items) in zip(
        verdicts, numbers, facts, strict=True
    ):
        values: dict[str, Any] = {"detail": detail} if detail else {}
        if fault is None:
            values |= {name: _plain(number) for name, number in zip(columns, measured, strict=True)}
            values |= {"language_score": round(score, 4)} if score else {}
            values |= {"opt_out": wish} if wish else {}
            values |= {"mixed_languages": True} if mixed else {}
            values |= {"removed_characters": json.loads(removed)} if removed else {}
            values |= {"masked": json.loads(masked)} if masked else {}
            values |= {"test_items": json.loads(items)} if items else {}
        if verdict.duplicate_of:
            values["similarity"] = round(verdict.similarity, 4)
        yield json.dumps(values, ensure_ascii=False, sort_keys=True)


def _plain(number: float) -> int | float:
    return int(number) if number.is_integer() else number


def _largest(counted: Mapping[str, tuple[int, int]]) -> JsonObject:
    """Documents and bytes of each group, most bytes first; beyond the first fifty they are one."""
    largest = sorted(counted, key=lambda domain: (-counted[domain][1], domain))
    shown = {d: {"documents": counted[d][0], "bytes": counted[d][1]} for d in largest[:DOMAINS_SHOWN]}
    if rest := largest[DOMAINS_SHOWN:]:
        documents, volume = (sum(counted[domain][part] for domain in rest) for part in (0, 1))
        shown[OTHER_DOMAINS] = {"documents": documents, "bytes": volume}
    return shown


def statistics_of(
    census: Census, splits: list[str], sources: Sources, reading: Reading, other_records: Mapping[str, int]
) -> JsonObject:
    """The funnel, what each rule takes, domains, languages, splits, what was passed over on purpose, the records of
    archives that are no documents, and how finely the text was cut."""
    documents, volume = Counter(splits), Counter[str]()
    for split, size in zip(splits, census.sizes(census.kept()).tolist(), strict=True):
        volume[split] += size
    return {
        **census.tally().to_json(),
        "domains": _largest(census.kept_by("domain")),
        "languages": _largest(census.kept_by("language")),
        "rules": census.overlap.to_json(),
        "other_records": other_records,
        "repeats": census.told,
        "splits": {split: {"documents": documents[split], "bytes": volume[split]} for split in SPLITS},
        "passed_over": [{"path": each.path, "reason": each.reason} for each in sources.passed_over],
        "section_bytes": reading.text_bytes,
    }
