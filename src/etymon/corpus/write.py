"""The two tables of a corpus artifact and its statistics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from etymon.corpus.arrow import RecordBatch, Schema, pa, pq
from etymon.corpus.census import KEPT, Census, Verdict, values_of
from etymon.corpus.found import Reading
from etymon.corpus.schema import DECISIONS, DOCUMENTS, SPLITS
from etymon.corpus.sources import Sources
from etymon.errors import EtymonError
from etymon.storage import Draft, JsonObject

DOCUMENTS_FILE, DECISIONS_FILE = "documents.parquet", "decisions.parquet"
DOMAINS_SHOWN = 50
OTHER_DOMAINS = "(other)"


def _table(stream: Any, schema: Schema) -> Any:
    """A Parquet writer into a write-only file, with nothing in it that differs from run to run."""
    return pq.ParquetWriter(pa.PythonFile(cast(BinaryIO, stream), mode="w"), schema, compression="zstd")


def write_tables(draft: Draft, batches: Iterator[RecordBatch], census: Census, splits: list[str]) -> None:
    """Writes documents.parquet and decisions.parquet batch by batch, in the order of reading.

    `splits` has one entry per kept document. Raises EtymonError where not every document got its row."""
    read = kept = 0
    with (
        draft.writer(DOCUMENTS_FILE) as documents_file,
        draft.writer(DECISIONS_FILE) as decisions_file,
        _table(documents_file, DOCUMENTS) as documents,
        _table(decisions_file, DECISIONS) as decisions,
    ):
        for batch in batches:
            verdicts = census.verdicts[read : read + batch.num_rows]
            rows = [row for row, verdict in enumerate(verdicts) if verdict.outcome == KEPT]
            decisions.write_batch(_decisions(batch, verdicts))
            if rows:
                documents.write_batch(_documents(batch, rows, splits[kept : kept + len(rows)]))
            read, kept = read + len(verdicts), kept + len(rows)
    if read != census.tally.read or kept != len(splits):
        raise EtymonError(
            f"the corpus does not add up: {read} of {census.tally.read} documents decided, "
            f"{kept} of {len(splits)} written",
            why="a document was lost or counted twice; this is a fault of Etymon",
        )


def _documents(batch: RecordBatch, rows: list[int], splits: list[str]) -> RecordBatch:
    kept = batch.take(pa.array(rows))
    columns = [pa.array(splits) if name == "split" else kept.column(name) for name in DOCUMENTS.names]
    return pa.RecordBatch.from_arrays(columns, schema=DOCUMENTS)


def _decisions(batch: RecordBatch, verdicts: list[Verdict]) -> RecordBatch:
    decided = {
        "outcome": [verdict.outcome for verdict in verdicts],
        "rule": [verdict.rule for verdict in verdicts],
        "values": list(values_of(batch)),
        "duplicate_of": [verdict.duplicate_of for verdict in verdicts],
    }
    columns = [pa.array(decided[n], pa.string()) if n in decided else batch.column(n) for n in DECISIONS.names]
    return pa.RecordBatch.from_arrays(columns, schema=DECISIONS)


def _domains(census: Census) -> JsonObject:
    """Documents and bytes of each domain, most bytes first; beyond the first fifty they are one."""
    largest = sorted(census.domain_bytes, key=lambda domain: (-census.domain_bytes[domain], domain))
    shown = {
        domain: {"documents": census.domain_documents[domain], "bytes": census.domain_bytes[domain]}
        for domain in largest[:DOMAINS_SHOWN]
    }
    if rest := largest[DOMAINS_SHOWN:]:
        shown[OTHER_DOMAINS] = {
            "documents": sum(census.domain_documents[domain] for domain in rest),
            "bytes": sum(census.domain_bytes[domain] for domain in rest),
        }
    return shown


def statistics_of(census: Census, splits: list[str], sources: Sources, reading: Reading) -> JsonObject:
    """The funnel, domains, splits, what was passed over on purpose, and how finely the text was cut."""
    documents, volume = Counter(splits), Counter[str]()
    for split, size in zip(splits, census.sizes, strict=True):
        volume[split] += size
    return {
        **census.tally.to_json(),
        "domains": _domains(census),
        "splits": {split: {"documents": documents[split], "bytes": volume[split]} for split in SPLITS},
        "passed_over": [{"path": each.path, "reason": each.reason} for each in sources.passed_over],
        "section_bytes": reading.text_bytes,
    }
