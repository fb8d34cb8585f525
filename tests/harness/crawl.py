"""Web archives for tests: pages as a crawler keeps them, and places in the file to damage."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Crawled:
    """One answer of a server: address, body, HTTP headers and status; `kind` is the type of its WARC record."""

    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "text/html; charset=utf-8"})
    status: int = 200
    kind: str = "response"


def record(page: Crawled, number: int = 0) -> bytes:
    """The WARC record of a page."""
    head = "".join(f"{name}: {value}\r\n" for name, value in page.headers.items())
    content = page.body
    if page.kind == "response":
        content = f"HTTP/1.1 {page.status} SAID\r\n{head}\r\n".encode() + page.body
    digest = base64.b32encode(hashlib.sha1(content).digest()).decode()
    kinds = {"response": "application/http; msgtype=response", "conversion": "text/plain"}
    fields = {
        "WARC-Type": page.kind,
        "WARC-Record-ID": f"<urn:uuid:00000000-0000-4000-8000-{number:012}>",
        "WARC-Date": "2026-01-02T03:04:05Z",
        "WARC-Target-URI": page.url,
        "WARC-Block-Digest": f"sha1:{digest}",
        "Content-Type": kinds.get(page.kind, "application/octet-stream"),
        "Content-Length": str(len(content)),
    }
    header = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"WARC/1.0\r\n{header}\r\n".encode() + content + b"\r\n\r\n"


def write_warc(path: Path, pages: Iterable[Crawled], *, gzipped: bool = True) -> list[tuple[int, int]]:
    """Writes a web archive, each record a gzip member of its own; where each record begins and ends in the file."""
    places: list[tuple[int, int]] = []
    with path.open("wb") as file:
        for number, page in enumerate(pages):
            data = record(page, number)
            begin = file.tell()
            file.write(gzip.compress(data, 6, mtime=0) if gzipped else data)
            places.append((begin, file.tell()))
    return places
