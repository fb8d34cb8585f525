"""Bytes of a file to decoded text: decompression, encoding, chunks and lines, each with exact byte offsets."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from etymon.corpus.arrow import pa
from etymon.corpus.found import RECORD_LIMIT, Broken

CHUNK = 1 << 20
Opener = Callable[[], BinaryIO]


def _open_with_arrow(path: Path, compression: str) -> BinaryIO:
    return cast(BinaryIO, pa.input_stream(str(path), compression=compression))


CODECS: dict[str, Callable[[Path], Any]] = {  # compression suffix: what opens such a file for reading
    "": partial(Path.open, mode="rb"),
    ".gz": gzip.GzipFile,
    ".zst": partial(_open_with_arrow, compression="zstd"),
    ".lz4": partial(_open_with_arrow, compression="lz4"),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}

COMPRESSION_ERRORS = (EOFError, OSError, zlib.error, lzma.LZMAError)

BYTE_ORDER_MARKS = (  # the longer first: the mark of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
TEXT_BYTES = bytes(set(range(32, 256)) | set(b"\t\n\r\f\v\b\x1b"))
HIGH_BYTES = bytes(range(128, 256))
UNDECODED = re.compile("[\udc80-\udcff]")
SURROGATES = re.compile("[\ud800-\udfff]")

MOST_CONTROLS = 0.01  # share of control bytes above which a file is no text
MOST_HIGH_BYTES = 0.25  # share of non-ASCII bytes up to which a file that is not UTF-8 is taken for Western European
MOST_NULS_IN_RECORDS = 0.001  # in line formats a stray NUL costs its line, not the file


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a file's bytes are text: codec name and the length of its byte order mark.

    Bytes that the codec cannot decode are carried through as lone surrogates, so that lengths stay exact; `printable`
    shows them as U+FFFD."""

    name: str
    mark: int = 0

    @property
    def errors(self) -> str:
        """What the codec does with bytes it cannot decode; UTF-16 and UTF-32 are checked whole before they are read."""
        return "strict" if self.name.startswith(("utf-16", "utf-32")) else "surrogateescape"

    def size(self, text: str) -> int:
        """Bytes that `text` takes in the file."""
        return len(text) if self.name == "utf-8" and text.isascii() else len(text.encode(self.name, self.errors))


def printable(text: str) -> str:
    """`text` with lone surrogates (undecodable bytes, broken JSON escapes) as U+FFFD, so that it is valid Unicode."""
    return text if text.isascii() else SURROGATES.sub("\ufffd", text)


def byte_chunks(open_file: Opener) -> Iterator[bytes]:
    """The (decompressed) bytes of a file, at most `CHUNK` at a time."""
    with open_file() as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def read_whole(open_file: Opener) -> bytes:
    """All bytes of a file that must be parsed whole; larger than `RECORD_LIMIT` is a fault."""
    pieces: list[bytes] = []
    size = 0
    for chunk in byte_chunks(open_file):
        pieces.append(chunk)
        size += len(chunk)
        if size > RECORD_LIMIT:
            raise Broken("record too large", f"more than {RECORD_LIMIT >> 20} MiB in a file that is parsed whole")
    if not size:
        raise Broken("empty", "the file holds no bytes")
    return b"".join(pieces)


@dataclass(slots=True)
class _Census:
    """Counts over a file's bytes that decide whether it is text."""

    total: int = 0
    nuls: int = 0
    controls: int = 0
    high: int = 0
    valid: bool = True


def _sound_chunks(open_file: Opener) -> Iterator[bytes]:
    """The chunks before a break in the compressed data, if there is one; whoever reads the text meets it again."""
    chunks = byte_chunks(open_file)
    if first := next(chunks, b""):
        yield first
        with suppress(*COMPRESSION_ERRORS):
            yield from chunks


def _take_census(open_file: Opener) -> _Census:
    census = _Census()
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    for chunk in _sound_chunks(open_file):
        census.total += len(chunk)
        census.nuls += chunk.count(0)
        census.controls += len(chunk.translate(None, TEXT_BYTES))
        if census.valid:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                census.valid = False
        if not chunk.isascii():
            census.high += len(chunk) - len(chunk.translate(None, HIGH_BYTES))
    if census.valid:
        census.valid = not decoder.getstate()[0]  # bytes of an unfinished character remain
    return census


def _mark_of(open_file: Opener) -> Encoding | None:
    with open_file() as stream:
        head = stream.read(4)
    for mark, name in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return Encoding(name, len(mark))
    return None


def _check_marked(open_file: Opener, encoding: Encoding) -> Encoding:
    """The encoding that a byte order mark declares, if the file keeps to it."""
    try:
        for _ in text_chunks(open_file, encoding):
            pass
    except UnicodeDecodeError as error:
        raise Broken("unknown encoding", f"the byte order mark says {encoding.name}, but: {error.reason}") from error
    return encoding


def _mostly_utf8(open_file: Opener) -> bool:
    """Whether a file with undecodable bytes is UTF-8 with damage rather than another encoding."""
    good = bad = 0
    for text in _decoded(_sound_chunks(open_file), Encoding("utf-8")):
        undecoded = len(UNDECODED.findall(text))
        bad += undecoded
        good += sum(1 for character in text if character > "\x7f") - undecoded
    return good > 4 * bad


def encoding_of(open_file: Opener, *, nuls_allowed: float = 0.0) -> Encoding:
    """The encoding of a text file; raises `Broken` for an empty or binary file.

    In order: a byte order mark (UTF-8, UTF-16, UTF-32); valid UTF-8; UTF-8 with damage, when at least four of five
    non-ASCII characters are sound; Windows-1252, when non-ASCII bytes are few. NUL bytes mean binary.
    """
    marked = _mark_of(open_file)
    if marked and marked.name != "utf-8":
        return _check_marked(open_file, marked)
    census = _take_census(open_file)
    if not census.total:
        raise Broken("empty", "the file holds no bytes")
    if census.nuls > nuls_allowed * census.total:
        raise Broken("binary", f"{census.nuls} NUL bytes")
    if census.controls > MOST_CONTROLS * census.total:
        raise Broken("binary", f"{census.controls} control bytes in {census.total}")
    if marked or census.valid or _mostly_utf8(open_file):
        return marked or Encoding("utf-8")
    if census.high > MOST_HIGH_BYTES * census.total:
        raise Broken("unknown encoding", f"not UTF-8, and {census.high} of {census.total} bytes are not ASCII")
    return Encoding("cp1252")


def _decoded(chunks: Iterator[bytes], encoding: Encoding) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding.name)(encoding.errors)
    skip = encoding.mark
    for chunk in chunks:
        if text := decoder.decode(chunk[skip:]):
            yield text
        skip = 0
    if text := decoder.decode(b"", final=True):
        yield text


def text_chunks(open_file: Opener, encoding: Encoding) -> Iterator[str]:
    """The file's text after its byte order mark, in chunks."""
    return _decoded(byte_chunks(open_file), encoding)


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its line feed, with its offset and size in bytes; `text` is None beyond `RECORD_LIMIT`."""

    number: int
    offset: int
    size: int
    text: str | None


def lines(open_file: Opener, encoding: Encoding) -> Iterator[Line]:
    """The lines of a file, in bounded memory."""
    number, offset, dropped, rest = 0, encoding.mark, 0, ""
    line_feed = encoding.size("\n")
    for chunk in text_chunks(open_file, encoding):
        *complete, rest = (rest + chunk).split("\n")
        for text in complete:
            number += 1
            size = dropped + encoding.size(text) + line_feed
            yield Line(number, offset, size, None if dropped else text)
            offset, dropped = offset + size, 0
        if dropped or len(rest) > RECORD_LIMIT:
            dropped += encoding.size(rest)
            rest = ""
    if rest or dropped:
        yield Line(number + 1, offset, dropped + encoding.size(rest), None if dropped else rest)


def buffered(data: bytes) -> Opener:
    """An opener over bytes in memory."""
    return lambda: io.BytesIO(data)
