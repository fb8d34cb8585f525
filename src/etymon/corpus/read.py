"""Sources to record batches: every file through its reader, every fault as a row, in bounded memory."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from typing import Any

from etymon.corpus.arrow import RecordBatch, pa
from etymon.corpus.domains import domain_of
from etymon.corpus.found import Broken, Fault, Found, Reading
from etymon.corpus.readers import reader_of
from etymon.corpus.schema import RECORDS
from etymon.corpus.sections import sections
from etymon.corpus.sources import Source
from etymon.corpus.streams import COMPRESSION_ERRORS, printable
from etymon.progress import Progress, silent

BATCH_ROWS = 1024
BATCH_BYTES = 8 << 20
ID_DIGITS = 20
WHOLE_FORMATS = frozenset(("text", "code", "unknown"))  # their readers cut for themselves, with true byte offsets


def document_id(url: str, file: str, offset: int, part: int, text: str) -> str:
    """20 hex digits of SHA-256 over where a document comes from and what it says: the same on every machine."""
    where = json.dumps([url, file, offset, part], ensure_ascii=False)
    return hashlib.sha256(f"{where}\n{text}".encode()).hexdigest()[:ID_DIGITS]


def _fault_of(error: Exception, source: Source) -> Fault:
    """The fault that an exception of a reader stands for."""
    if isinstance(error, Broken):
        return Fault(error.kind, error.offset, source.size, error.detail)
    if isinstance(error, PermissionError | FileNotFoundError):
        return Fault("unreadable", 0, source.size, error.strerror or str(error))
    detail = " ".join(f"{type(error).__name__}: {error}".split())
    if source.codec and isinstance(error, COMPRESSION_ERRORS):
        return Fault("broken compression", 0, source.size, f"{source.codec}: {error}")
    if isinstance(error, OSError) and error.errno:  # without a number it is pyarrow's word for bytes that make no sense
        return Fault("unreadable", 0, source.size, detail)
    return Fault(f"broken {source.format}", 0, source.size, detail)


READER_ERRORS = (Broken, ValueError, csv.Error, RecursionError, pa.ArrowException, *COMPRESSION_ERRORS)


def found_in_source(source: Source, reading: Reading) -> Iterator[Found | Fault]:
    """Everything one source holds. What breaks the reading becomes its last fault; an empty yield becomes one, too."""
    if source.fault:
        yield source.fault
        return
    count = reached = 0
    try:
        for each in reader_of(source.format)(source, reading):
            pieces = [each] if isinstance(each, Fault) else _cut(each, source, reading)
            for piece in pieces:
                count += 1
                yield piece
            reached = each.offset
    except READER_ERRORS as error:
        fault = _fault_of(error, source)
        if count:  # how much of the file is lost is not known then
            fault = Fault(fault.kind, reached, 0, f"{fault.detail}; the {count} documents before it were read")
        yield fault
        return
    if not count:
        yield Fault("empty", 0, source.size, "no document in it")


def _cut(found: Found, source: Source, reading: Reading) -> Iterator[Found]:
    """A record of a format whose reader does not cut, in parts of at most `reading.record_bytes`."""
    limit = reading.record_bytes
    if limit is None or source.format in WHOLE_FORMATS or len(found.text) <= limit // 4:
        yield found
        return
    part = 0
    for text in sections([found.text], limit):
        yield Found(text, found.offset, part, found.url, found.language, found.domain)
        part += len(text.encode("utf-8", "surrogatepass"))


def _row(found: Found | Fault, source: Source) -> dict[str, Any]:
    if isinstance(found, Fault):
        url, text, size, fault, detail = source.name, "", found.size, found.kind, printable(found.detail)
        language, domain, part = "unknown", domain_of(source, Found("", found.offset)), 0
    else:
        url, text = printable(found.url) or source.name, printable(found.text)
        size, fault, detail, part = len(text.encode()), None, "", found.part
        language, domain = printable(found.language) or "unknown", printable(domain_of(source, found))
    return {
        "id": document_id(url, source.name, found.offset, part, text or fault or ""),
        "url": url,
        "text": text,
        "language": language,
        "domain": domain,
        "genre": "unknown",
        "source_file": source.name,
        "source_offset": found.offset,
        "bytes": size,
        "fault": fault,
        "detail": detail,
    }


def read_sources(
    sources: list[Source], reading: Reading, *, progress: Progress = silent, note: str = "reading"
) -> Iterator[RecordBatch]:
    """Record batches (schema RECORDS) of everything the sources hold, in order; progress counts bytes on disk."""
    total = sum(source.size for source in sources)
    rows: list[dict[str, Any]] = []
    held = before = 0
    for source in sources:
        for found in found_in_source(source, reading):
            rows.append(_row(found, source))
            held += len(rows[-1]["text"])
            if len(rows) >= BATCH_ROWS or held >= BATCH_BYTES:
                yield pa.RecordBatch.from_pylist(rows, schema=RECORDS)
                progress(before + min(found.offset, source.size), total, note)
                rows, held = [], 0
        before += source.size
        progress(before, total, note)
    if rows:
        yield pa.RecordBatch.from_pylist(rows, schema=RECORDS)
