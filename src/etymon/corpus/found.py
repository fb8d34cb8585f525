"""What a reader finds in a file: a piece of text, or a fault in words."""

from __future__ import annotations

from dataclasses import dataclass

RECORD_LIMIT = 64 << 20  # bytes of the largest single record (line, page, notebook) that is held in memory


@dataclass(frozen=True, slots=True)
class Found:
    """One piece of text. `offset` is where its record begins in the file: bytes (after decompression and including a
    byte order mark), or the row number for Parquet. `part` is where the piece begins inside a record that was cut
    (UTF-8 bytes). Empty fields are filled in from the file's name.

    A page comes with its markup in `html` and an empty `text`, which extraction fills in later. `facts` are what the
    container says about a page, as (name, value): "x-robots-tag", "tdm-reservation", "content-language",
    "last-modified" from its HTTP headers, "date" of its capture, "status" of the answer."""

    text: str
    offset: int
    part: int = 0
    url: str = ""
    language: str = ""
    domain: str = ""
    genre: str = ""
    html: str = ""
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """One record, or the rest of a file, that could not be read: `kind` from a short fixed list, `detail` for people,
    `size` in bytes of what is lost, `url` the address of a page that is lost alone ("": the file's name)."""

    kind: str
    offset: int
    size: int
    detail: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """One record that was read and holds no page by its nature: `kind` from a short fixed list ("request", "revisit",
    "not a page: image/png", …), `size` in bytes of the record."""

    kind: str
    offset: int
    size: int
    url: str = ""
    detail: str = ""


class Broken(Exception):
    """Raised inside a reader when the rest of its file cannot be read; `etymon.corpus.read` turns it into a `Fault`."""

    def __init__(self, kind: str, detail: str, *, offset: int = 0) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind, self.detail, self.offset = kind, detail, offset


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read: the largest section in bytes for running text, for code, and for one record of any other format
    (None: records stay whole), and the name of the field that holds the text ("": look for the usual ones)."""

    text_bytes: int = 16 << 10
    code_bytes: int = 1 << 20
    record_bytes: int | None = None
    text_field: str = ""
