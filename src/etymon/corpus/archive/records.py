"""The records of a web archive, WARC 0.17 to 1.1 and ARC 1, one by one; a damaged one costs itself alone."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from etymon.corpus.archive.containers import Container, Cut, Member, Plain, Raw, members
from etymon.corpus.found import Fault
from etymon.corpus.sources import Source

RECORD_BYTES = 32 << 20
"""A longer record is passed over: no page that anybody reads is as long."""
CUTTING_BYTES, CUTTING_SHARE = 64 << 20, 8
"""Bytes that are inflated to cut a file, and as many times its size besides; an honest one takes a tenth of that size.
Nobody watches over who cuts: a bomb must not hold it up, and is left to a worker in one piece."""
HEADER_LINES, HEADER_BYTES = 512, 64 << 10
DAMAGED, TRUNCATED, TOO_LARGE = "damaged record", "truncated record", "record too large"
BREAKS = (zlib.error, OSError, EOFError, Cut)
VERSION = re.compile(rb"WARC/\d+\.\d+\s*$")
MOST_LINE_ENDS = 4096
BETWEEN = b"\r\n\r\n"
LENGTH = re.compile(r"\d{1,15}", re.ASCII)
ARC_LINE = re.compile(rb"([a-zA-Z][\w+.-]*:\S?.*) (\S+) (\d{8,14}) (\S+) (?:\S+ \S+ \d+ \S+ )?(\d{1,15})\r?\n$")
"""URL, IP address, date, content type, length; ARC 2 has result, checksum, place and file name before the length."""
MARK = re.compile(
    rb"WARC/[01]\.\d{1,2}\r?\n"
    rb"|(?<=\n)[a-zA-Z][\w+.-]{0,30}:[^\n]{1,2048} [\d.:a-fA-F]{3,45} \d{14} \S{1,256} "
    rb"(?:\S{1,64} \S{1,64} \d{1,15} \S{1,256} )?\d{1,15}\r?\n"
)
MARK_BYTES = 4096
"""How a record of either form begins, and the most bytes of that: by it the next one is found after damage."""
NEXT, NEXT_BYTES = re.compile(rb"[\r\n]*(?:\Z|WARC|[a-zA-Z][\w+.-]{0,30}:\S)"), 48
"""What may follow a record: nothing, or the next one."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record: `kind` is its WARC type ("response", "conversion", …), `fields` its header in lower case, `offset`
    where its gzip member begins in the file on disk plus the decompressed bytes before it there: of all that is not
    compressed record by record, its place in the decompressed file."""

    kind: str
    offset: int
    fields: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def url(self) -> str:
        """The address that it is about."""
        return self.fields.get("warc-target-uri", "").strip().strip("<>")


class _Bad(Exception):
    """A record's own bytes make no sense."""


def records(source: Source, start: int = 0, stop: int | None = None) -> Iterator[Record | Fault]:
    """The records of a file whose containers begin in bytes [start, stop) of it, and a fault for each that is lost."""
    stop = source.size if stop is None else stop
    if source.codec != ".gz":
        with source.open() as stream:
            yield from _of_stream(Plain(stream, 0, seekable=not source.codec), plain=not source.codec)
        return
    with source.path.open("rb") as stream:
        for found in members(stream, start, stop):
            if isinstance(found, int):
                yield Fault(DAMAGED, found, 0, "no record begins where the one before it ended")
            else:
                yield from _of_member(found)


def cuts(source: Source, size: int) -> list[tuple[int, int]]:
    """The file in stretches of about `size` bytes that begin with a container: whatever is damaged, reading all
    stretches gives what reading the file gives. One that cannot be opened is left for its reader to tell."""
    if source.codec != ".gz":
        return [(0, source.size)]
    starts = [0]
    with suppress(OSError), source.path.open("rb") as stream:
        file = Raw(stream, allowance=CUTTING_BYTES + CUTTING_SHARE * source.size)
        for place in range(size, source.size, size):
            if place > starts[-1]:
                found = file.next_boundary(place)
                if found < 0:
                    break
                starts.append(found)
    return list(zip(starts, [*starts[1:], source.size], strict=True))


def _of_member(member: Member) -> Iterator[Record | Fault]:
    """The records of one gzip member: mostly one, which is given out only after its checksum was found right."""
    held: Record | Fault | None = None
    end = 0
    try:
        for each in _sequence(member, False):
            if held is not None:
                yield held
            held, end = each, member.position
    except (_Bad, *BREAKS) as error:
        if held is not None and member.position > end + len(BETWEEN):  # it broke off in another record of the stream
            yield held
        kind = TRUNCATED if isinstance(error, Cut) else DAMAGED
        yield Fault(kind, member.offset + member.record, member.position - member.record, str(error))
        return
    if held is not None:
        yield held
    elif member.position == 0:
        yield Fault(DAMAGED, member.offset, 0, "an empty container")


def _of_stream(stream: Container, *, plain: bool) -> Iterator[Record | Fault]:
    """The records of an uncompressed file, or of one compressed stream; after a bad one the next is looked for."""
    while True:
        try:
            yield from _sequence(stream, plain)
            return
        except (_Bad, *BREAKS) as error:
            more = isinstance(error, _Bad | Cut) and stream.find(MARK, MARK_BYTES)
            kind = TRUNCATED if isinstance(error, Cut | EOFError) and not more else DAMAGED
            yield Fault(kind, stream.record, stream.position - stream.record, str(error))
            if not more:
                return


def _sequence(stream: Container, plain: bool) -> Iterator[Record | Fault]:
    """The records of a container, in order."""
    while True:
        stream.skip_line_ends(MOST_LINE_ENDS)
        stream.record = stream.position
        if not stream.peek(1):
            return
        offset = stream.offset + stream.position
        first = stream.line(HEADER_BYTES)
        if VERSION.match(first):
            yield _warc(stream, offset, plain)
        elif arc := ARC_LINE.match(first):
            yield _arc(stream, offset, *arc.groups())
        else:
            raise _Bad(f"it does not begin like a record: {first[:40]!r}")


def _warc(stream: Container, offset: int, plain: bool) -> Record | Fault:
    fields = _fields(stream)
    length = fields.get("content-length", "")
    if not LENGTH.fullmatch(length):
        raise _Bad(f"its content length is {length[:40]!r}")
    body = _body(stream, offset, int(length))
    if isinstance(body, Fault):
        return body
    end = stream.peek(4)
    if end.strip(b"\r\n") and not end.startswith(b"WARC"):
        stream.unread(body)
        raise _Bad("what follows it is no record: its length is wrong")
    if plain and not _digest_is_right(fields.get("warc-block-digest", ""), body):
        return Fault(DAMAGED, offset, len(body), "its digest is another than its header says")
    return Record(fields.get("warc-type", "").lower(), offset, fields, body)


def _fields(stream: Container) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for _ in range(HEADER_LINES):
        line = stream.line(HEADER_BYTES)
        if not line.endswith(b"\n"):
            raise Cut("the file ends in the header of a record")
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if not text:
            return fields
        if text[0] in " \t" and name:  # a folded line goes on with the field before it
            fields[name] += f" {text.strip()}"
        elif ":" in text:
            name = text.partition(":")[0].strip().lower()
            fields[name] = text.partition(":")[2].strip()
    raise _Bad(f"its header has over {HEADER_LINES} lines")


def _body(stream: Container, offset: int, length: int) -> bytes | Fault:
    if length > RECORD_BYTES:
        _pass_over(stream, length)
        return Fault(TOO_LARGE, offset, length, f"{length:,} bytes; at most {RECORD_BYTES:,} are read")
    body = stream.read(length)
    if len(body) < length:
        stream.unread(body)
        raise Cut(f"the record ends after {len(body):,} of {length:,} bytes")
    return body


def _pass_over(stream: Container, length: int) -> None:
    """Leaves out the body of a record that is too large, once it is sure that its length is not just wrong: a record
    begins behind it, or, where one cannot look ahead, none within it."""
    ahead = stream.look(length - 1, 1 + NEXT_BYTES)
    if ahead and not NEXT.match(ahead, 1):
        raise _Bad("what follows it is no record: its length is wrong")
    if ahead != b"":
        mark = MARK if ahead is None and isinstance(stream, Plain) else None
        if stream.skip(length, mark, MARK_BYTES) == length:
            return
        if stream.peek(1):
            raise _Bad("another record begins within it: its length is wrong")
    raise Cut("the file ends in the middle of a record")


def _arc(
    stream: Container, offset: int, url: bytes, ip: bytes, date: bytes, kind: bytes, length: bytes
) -> Record | Fault:
    body = _body(stream, offset, int(length))
    if isinstance(body, Fault):
        return body
    behind = stream.peek(NEXT_BYTES)
    parted = body.endswith(b"\n") or behind[:1] in (b"", b"\r", b"\n")  # else a beginning may lie in the body
    if not (parted and NEXT.match(behind)):
        stream.unread(body)
        raise _Bad("what follows it is no record: its length is wrong")
    fields = {
        "warc-target-uri": url.decode("utf-8", "replace"),
        "warc-date": date.decode(),
        "content-type": kind.decode("latin-1"),
    }
    return Record("arcinfo" if url.startswith(b"filedesc:") else "response", offset, fields, body)


def _digest_is_right(digest: str, body: bytes) -> bool:
    """Whether a block digest fits; one of an unknown form says nothing."""
    name, _, value = digest.partition(":")
    if name.lower() not in ("sha1", "md5", "sha256"):
        return True
    made = hashlib.new(name.lower(), body, usedforsecurity=False)
    return value.lower() in (made.hexdigest(), base64.b32encode(made.digest()).decode().lower(), made.digest().hex())
