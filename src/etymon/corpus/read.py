"""Sources to rows: every record through its reader and, where it is a page, its extractor; every fault is a row."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from etymon.corpus.arrow import pa
from etymon.corpus.domains import domain_of
from etymon.corpus.extract import MissingExtractor, Page, extract
from etymon.corpus.found import Broken, Fault, Found, Reading, Skipped
from etymon.corpus.genre import UNKNOWN
from etymon.corpus.markup import check_markup
from etymon.corpus.readers import reader_of, slice_reader_of
from etymon.corpus.sections import sections
from etymon.corpus.slices import Part, Slice
from etymon.corpus.sources import Source
from etymon.corpus.streams import COMPRESSION_ERRORS, printable

ID_DIGITS = 20
CUT_BY_READERS = frozenset(("text", "code", "unknown"))
"""Formats whose readers cut for themselves, with true byte offsets."""
UNCUT = frozenset(("web archive",))
"""Formats that are never cut: rules judge a crawled page as a whole."""
MOST_TEXT = 1_100_000
"""Characters of text that a crawled page may have: 100,000 words of ten letters and a space. Gopher's rules, and all
that took them over, keep no page with more words or longer ones, and measuring such a text costs seconds."""
At = Callable[[int], None]
Skip = Mapping[int, str]
"""Steps that are not to be taken, each with what ended those who took it ("cpu time", "memory", "crash: SIGSEGV")."""
NOTHING: Skip = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Row:
    """One record on its way to becoming a document: the file it is from, what was found there and, of a page, what its
    markup tells besides the text. `step` is what is left out where the record stops whoever works on it."""

    source: Source
    found: Found | Fault | Skipped
    page: Page | None = None
    step: int = 0

    @property
    def text(self) -> str:
        """Its text; "" where there is none."""
        return printable(self.found.text) if isinstance(self.found, Found) else ""

    @property
    def fault(self) -> str | None:
        """Why it could not be read; None where it could."""
        return self.found.kind if isinstance(self.found, Fault) else None

    @property
    def skipped(self) -> str | None:
        """What it is instead of a page; None where it is text."""
        return self.found.kind if isinstance(self.found, Skipped) else None

    @property
    def url(self) -> str:
        """The page's address; of what has none the name of its file."""
        return printable(self.found.url) or self.source.name

    @property
    def size(self) -> int:
        """Bytes of its text, or of the record that gave none."""
        return len(self.text.encode()) if isinstance(self.found, Found) else self.found.size

    def record(self) -> dict[str, Any]:
        """The row by the columns of RECORDS."""
        found, url = self.found, self.url
        named = found if isinstance(found, Found) else Found("", found.offset, url=url)
        said = self.text or self.fault or self.skipped or ""
        return {
            "id": document_id(url, self.source.name, found.offset, named.part, said),
            "url": url,
            "text": self.text,
            "language": printable(named.language) or (self.page.language if self.page else "") or "unknown",
            "domain": printable(domain_of(self.source, named)),
            "genre": printable(named.genre) or UNKNOWN,
            "source_file": self.source.name,
            "source_offset": found.offset,
            "bytes": self.size,
            "fault": self.fault,
            "detail": "" if isinstance(found, Found) else printable(found.detail),
        }


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


def found_in_part(part: Part, reading: Reading) -> Iterator[Found | Fault | Skipped]:
    """Everything that a part of a file holds. What breaks the reading becomes its last fault; nothing at all becomes
    one, too."""
    source = part.source
    if source.fault:
        yield source.fault
        return
    count = reached = 0
    try:
        for each in _reader(part)(source, reading):
            count += 1
            yield each
            reached = each.offset
    except READER_ERRORS as error:
        fault = _fault_of(error, source)
        if count:  # how much of the file is lost is not known then
            fault = Fault(fault.kind, reached, 0, f"{fault.detail}; the {count} documents before it were read")
        yield fault
        return
    if not count and (part.start, part.stop) == (0, source.size):
        yield Fault("empty", 0, source.size, "no document in it")


def _reader(part: Part) -> Callable[[Source, Reading], Iterator[Found | Fault | Skipped]]:
    if (part.start, part.stop) == (0, part.source.size):
        return reader_of(part.source.format)
    read_slice = slice_reader_of(part.source.format)
    return lambda source, reading: read_slice(source, part.start, part.stop)


def _cut(found: Found | Fault | Skipped, source: Source, reading: Reading) -> Iterator[Found | Fault | Skipped]:
    """A record of a format whose reader does not cut, in parts of at most `reading.record_bytes`."""
    limit = reading.record_bytes
    if (
        limit is None
        or not isinstance(found, Found)
        or source.format in CUT_BY_READERS | UNCUT
        or len(found.text) <= limit // 4
    ):
        yield found
        return
    part = 0
    for text in sections([found.text], limit):
        yield replace(found, text=text, part=part)
        part += len(text.encode("utf-8", "surrogatepass"))


def rows(
    slice: Slice, reading: Reading, extractor: str, *, skip: Skip = NOTHING, at: At = lambda number: None
) -> Iterator[Row]:
    """The rows of a slice in order.

    `at` is called before each step that untrusted bytes could break: 2 n before the n-th record of the slice is read,
    2 n + 1 before its page is taken apart, which stands for all that is done to it later, too. A step in `skip` is not
    taken: its record, or what is left of its file, becomes a fault."""
    number = 0
    for part in slice:
        source = part.source
        records = found_in_part(part, reading)
        while True:
            if 2 * number in skip:
                yield Row(
                    source,
                    Fault(
                        "reading ended the worker", part.start, part.stop - part.start, f"{BROKEN}: {skip[2 * number]}"
                    ),
                )
                number += 1
                break
            at(2 * number)
            found = next(records, None)
            if found is None:
                number += 1  # looking for one more was a step of this part: the next must not be blamed on it
                break
            page, step = None, 2 * number + 1
            if isinstance(found, Found) and found.html:
                found, page = _extracted(found, extractor, step, skip, at)
            elif isinstance(found, Found) and step in skip:
                found = _stopped(found, len(printable(found.text).encode()), skip[step])
            if source.format in UNCUT:
                found = _bounded(found)
            for piece in _cut(found, source, reading):
                yield Row(source, piece, page, step)
            number += 1


STOPPED = "working on it ended the worker each time it was tried"
BROKEN = "a record in it ended every worker that read it, and the rest of this part of the file was left"


def _stopped(found: Found, size: int, reason: str) -> Fault:
    return Fault("page stops its worker", found.offset, size, f"{STOPPED}: {reason}", found.url)


def _bounded(found: Found | Fault | Skipped) -> Found | Fault | Skipped:
    """A crawled page, or the fault of one with too much text."""
    if not isinstance(found, Found) or len(found.text) <= MOST_TEXT:
        return found
    size = len(printable(found.text).encode())
    return Fault("page out of bounds", found.offset, size, f"text over {MOST_TEXT:,} characters", found.url)


def _extracted(found: Found, extractor: str, step: int, skip: Skip, at: At) -> tuple[Found | Fault, Page | None]:
    """A page with its text, or the fault that kept it from having one."""
    size = len(found.html.encode("utf-8", "surrogatepass"))
    if cap := check_markup(found.html):
        return Fault("page out of bounds", found.offset, size, cap, found.url), None
    if step in skip:
        return _stopped(found, size, skip[step]), None
    at(step)
    try:
        page = extract(found.html, found.url, extractor)
    except MissingExtractor as error:
        return Fault("no HTML reader", found.offset, size, f"{error.what}: {error.help}", found.url), None
    return replace(found, text=page.text, html=""), page
