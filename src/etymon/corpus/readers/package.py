"""Office packages: zip files whose parts are XML, opened with bounds against bombs, and parsed without entities."""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Mapping
from struct import error as StructError
from typing import BinaryIO
from xml.parsers import expat

from etymon.corpus.found import RECORD_LIMIT, Broken
from etymon.corpus.sources import Source
from etymon.corpus.streams import CHUNK, read_whole

MOST_PARTS = 20_000
MOST_RATIO = 200
"""Unpacked bytes for one packed, of a part over 1 MiB. Deflate reaches 1,032 on zeros, and prose about 3."""
MOST_UNPACKED = 4 * RECORD_LIMIT
"""Unpacked bytes of all parts that are read of one file."""
MOST_DEPTH = 1000
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How an OLE compound file begins: an office file of before 2007, or one locked with a password."""
ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    StructError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
"""What `zipfile` raises over damaged bytes; it has no error of its own for most damage."""


class Package:
    """A zip file by the names of its parts; whatever is wrong with it is a `Broken` with a kind of its own."""

    def __init__(self, source: Source, kind: str) -> None:
        self._stream = io.BytesIO(read_whole(source.open)) if source.codec else source.open()
        self._unpacked = 0
        try:
            self._check_head(kind)
            self._zip = _opened(self._stream)
        except BaseException:
            self._stream.close()
            raise
        self._parts = {part.filename: part for part in self._zip.infolist()}

    def __enter__(self) -> Package:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._stream.close()

    def _check_head(self, kind: str) -> None:
        head = self._stream.read(len(COMPOUND))
        self._stream.seek(0)
        if not head:
            raise Broken("empty", "the file holds no bytes")
        if head == COMPOUND:
            raise Broken("encrypted", f"an old office file, or a {kind} with a password; save it as {kind} without one")
        if not head.startswith(b"PK"):
            raise Broken("wrong format", f"no {kind}: it begins with {head!r}")

    def __contains__(self, name: str) -> bool:
        return name in self._parts

    def offset(self, name: str) -> int:
        """Where a part begins in the file."""
        return self._parts[name].header_offset

    def read(self, name: str) -> bytes:
        """A part's bytes. They are counted as they come: what the file says about their number may be a lie."""
        part = self._parts[name]
        if part.flag_bits & 1:
            raise Broken("encrypted", f"{name} is locked with a password", offset=part.header_offset)
        if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others unpack whole, unbounded
            raise Broken("damaged zip", f"{name} is packed as such files never are", offset=part.header_offset)
        pieces: list[bytes] = []
        size = 0
        try:
            with self._zip.open(part) as stream:
                while piece := stream.read(CHUNK):
                    pieces.append(piece)
                    size += len(piece)
                    self._check(name, size, part)
        except ZIP_ERRORS as error:
            detail = f"{name}: {type(error).__name__}: {error}"
            raise Broken("damaged zip", detail, offset=part.header_offset) from error
        self._unpacked += size
        return b"".join(pieces)

    def _check(self, name: str, size: int, part: zipfile.ZipInfo) -> None:
        if size > CHUNK and size > MOST_RATIO * part.compress_size:
            why = f"over {MOST_RATIO} times its packed bytes"
        elif size > RECORD_LIMIT or self._unpacked + size > MOST_UNPACKED:
            why = f"over {RECORD_LIMIT >> 20} MiB in a part, or {MOST_UNPACKED >> 20} MiB in all"
        else:
            return
        raise Broken("zip bomb", f"{name} unpacks to {why}", offset=part.header_offset)


def _opened(stream: BinaryIO) -> zipfile.ZipFile:
    try:
        opened = zipfile.ZipFile(stream)
    except ZIP_ERRORS as error:
        raise Broken("damaged zip", f"{type(error).__name__}: {error}") from error
    if len(opened.infolist()) > MOST_PARTS:
        raise Broken("zip bomb", f"{len(opened.infolist()):,} parts, over {MOST_PARTS:,}")
    return opened


def _nothing(*_: object) -> None:
    """For what is of no interest."""


def parse(
    data: bytes,
    *,
    start: Callable[[str, Mapping[str, str]], None],
    end: Callable[[str], None] = _nothing,
    text: Callable[[str], None] = _nothing,
) -> None:
    """Tells the elements of an XML part, by names without their namespace, and the text between them.

    An entity that the part declares itself is refused, so that none can multiply or lead to another file; nothing is
    fetched. All is parsed in one call, as tokens in pieces took older parsers quadratic time."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    depth = 0

    def opened(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MOST_DEPTH:
            raise Broken("bad XML", f"over {MOST_DEPTH:,} elements open at once")
        start(local(name), {local(key): value for key, value in attributes.items()})

    def closed(name: str) -> None:
        nonlocal depth
        depth -= 1
        end(local(name))

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = opened, closed, text
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise Broken("bad XML", str(error)) from error
    except (ValueError, LookupError) as error:  # an encoding that it names and Python does not have
        raise Broken("bad XML", f"{type(error).__name__}: {error}") from error


def _refuse(name: str, *_: object) -> None:
    raise Broken("bad XML", f"it declares an entity of its own, {name}")


def local(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition(" ")[2]


def told(data: bytes, names: frozenset[str]) -> dict[str, str]:
    """The texts of the first elements of these names: title, language and the like in a part about the document."""
    found: dict[str, str] = {}
    open_ones: list[str] = []

    def start(name: str, _: Mapping[str, str]) -> None:
        open_ones.append(name)

    def text(piece: str) -> None:
        if open_ones and open_ones[-1] in names and len(found.get(open_ones[-1], "")) < 1000:
            found[open_ones[-1]] = found.get(open_ones[-1], "") + piece

    def end(_: str) -> None:
        open_ones.pop()

    parse(data, start=start, end=end, text=text)
    return {name: " ".join(value.split())[:1000] for name, value in found.items()}
