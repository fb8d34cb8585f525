"""Which files are read: the name, format and compression of a file, and the digest of its bytes."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import xxhash

from etymon.corpus.found import Fault
from etymon.corpus.streams import CHUNK, CODECS, UNDECODED, Opener, printable
from etymon.errors import EtymonError

CODE = """
.py .pyi .js .mjs .cjs .jsx .ts .tsx .c .h .cc .cpp .cxx .hh .hpp .cu .rs .go .java .kt .scala .cs .swift .m .rb .php
.pl .pm .lua .r .jl .hs .ml .mli .clj .ex .exs .erl .lisp .el .scm .f .f90 .sh .bash .zsh .fish .ps1 .sql .toml .yaml
.yml .json .xml .css .scss .ini .cfg .cmake .mk .tex .bib .proto .vue .svelte .zig .nim
"""
FORMATS: dict[str, tuple[str, ...]] = {
    "text": (".txt", ".md", ".rst", ".text", ".markdown"),
    "html": (".html", ".htm", ".xhtml"),
    "jsonl": (".jsonl", ".ndjson"),
    "table": (".csv", ".tsv"),
    "parquet": (".parquet",),
    "notebook": (".ipynb",),
    "pdf": (".pdf",),
    "docx": (".docx",),
    "epub": (".epub",),
    "code": tuple(CODE.split()),
    "archive": (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".7z", ".rar"),
    "web archive": (".warc", ".arc", ".wet", ".wat"),
}
BY_SUFFIX = {suffix: name for name, suffixes in FORMATS.items() for suffix in suffixes}


@dataclass(frozen=True, slots=True)
class Source:
    """One file to read: where it lies, its name relative to the path that was given (posix), its format and its
    compression suffix. `fault` is set where it cannot even be opened."""

    path: Path
    name: str
    format: str
    codec: str = ""
    size: int = 0
    fault: Fault | None = None

    @property
    def open(self) -> Opener:
        """Opens the file's bytes, decompressed."""
        return lambda: CODECS[self.codec](self.path)


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A file or folder that was not read on purpose, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Sources:
    """All files of one reading, in order, and everything passed over."""

    files: list[Source]
    passed_over: list[PassedOver]


def readable_name(name: str) -> str:
    """A file name as valid Unicode with forward slashes; bytes that are not UTF-8 as %FF, so that names of which only
    these differ stay two."""
    escaped = UNDECODED.sub(lambda found: f"%{ord(found[0]) - 0xDC00:02X}", name)
    return printable(escaped).replace(os.sep, "/")


def format_of(name: str) -> tuple[str, str]:
    """(format, compression suffix) by a file's name; format "unknown" where the suffix says nothing."""
    stem, suffix = os.path.splitext(name.lower())
    codec = suffix if suffix in CODECS and suffix else ""
    if codec and stem.endswith(".tar"):
        return "archive", ""
    return BY_SUFFIX.get(os.path.splitext(stem)[1] if codec else suffix, "unknown"), codec


def source_at(path: Path, name: str, format_name: str = "") -> Source:
    """The file at `path` under `name`; its format is told by its own name unless given."""
    kind, codec = format_of(path.name)
    source = Source(path, name, format_name or kind, codec)
    try:
        status = path.stat()
    except OSError as error:
        return replace(source, fault=Fault("unreadable", 0, 0, error.strerror or str(error)))
    if not stat.S_ISREG(status.st_mode):
        return replace(source, fault=Fault("not a regular file", 0, 0, "a pipe, socket or device"))
    return replace(source, size=status.st_size)


def digest_of(source: Source) -> str:
    """XXH3 of a file's bytes as they lie on disk (128 bits, hex); the fault's kind where it cannot be read."""
    if source.fault:
        return source.fault.kind
    hasher = xxhash.xxh3_128()
    try:
        with source.path.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                hasher.update(chunk)
    except OSError as error:
        return f"unreadable: {error.strerror}"
    return hasher.hexdigest()


def stamp(source: Source) -> tuple[int, ...]:
    """What another file of the same name, or new bytes in it, would change; compared, never read as a time."""
    try:
        state = source.path.stat()
    except OSError:
        return ()
    return state.st_ino, state.st_size, state.st_mtime_ns


def check_unchanged(sources: Iterable[Source], before: Mapping[str, Sequence[int]]) -> None:
    """Raises EtymonError where a file is not what it was when its digest was taken."""
    for source in sources:
        if list(stamp(source)) != list(before[source.name]):
            raise EtymonError(
                "a file changed while it was being read", where=str(source.path), help="run the same command again"
            )
