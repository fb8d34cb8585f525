"""An HTTP answer as a crawler kept it: status, headers, and the body without its transfer and content encodings."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

MOST_BODY = 16 << 20
MOST_ENCODINGS = 4
GZIP = b"\x1f\x8b\x08"
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_CHUNK = re.compile(rb"\s*([0-9a-fA-F]{1,8})[ \t]*(?:;[^\n]{0,256})?(\r?\n)")
"""The length of a chunk, and an extension; text whose first word happens to be hexadecimal goes on otherwise."""


class Undecodable(Exception):
    """A body is not what its headers say, and no page either."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status (0: none was kept), headers in lower case, and the decoded body."""

    status: int
    headers: dict[str, str]
    body: bytes


def answer_in(data: bytes) -> Answer:
    """The answer in a record's bytes. Raises Undecodable where its body cannot be had."""
    end = _HEAD_END.search(data)
    status = _STATUS.match(data)
    if not status:
        return Answer(0, {}, data)
    head, body = (data[: end.start()], data[end.end() :]) if end else (data, b"")
    headers: dict[str, str] = {}
    for line in head.decode("latin-1").splitlines()[1:]:
        name, colon, value = line.partition(":")
        if colon:
            name = name.strip().lower()
            headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    return Answer(int(status[1]), headers, _decoded(body, headers))


def _decoded(body: bytes, headers: dict[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = dechunked(body)
    names = [each.strip().lower() for each in headers.get("content-encoding", "").split(",")]
    encodings = [name for name in names if name not in ("", "identity", "none", "utf-8")]
    if len(encodings) > MOST_ENCODINGS:
        raise Undecodable(f"{len(encodings)} content encodings")
    for name in reversed(encodings):  # the last one was put on last
        if name not in _DECODERS:
            raise Undecodable(f"unknown content encoding {name[:20]}")
        try:
            body = _DECODERS[name](body)
        except (zlib.error, ValueError) as error:
            if not looks_like_text(body):
                raise Undecodable(f"{name}: {error}") from error
    if len(body) > MOST_BODY:
        raise Undecodable(f"over {MOST_BODY >> 20} MiB")
    return body


def looks_like_text(body: bytes) -> bool:
    """Whether a body is plain in truth: crawlers often decode it and keep the header that says it is not."""
    head = body[:512]
    return b"\0" not in head and (b"<" in head or head.isascii())


def dechunked(body: bytes) -> bytes:
    """A body without chunk lengths; one that has none (many archives say "chunked" of what is not) as it is; of one
    that breaks off what there is."""
    if not _begins_with_a_chunk(body):
        return body
    pieces: list[bytes] = []
    place = 0
    while (found := _CHUNK.match(body, place)) and (size := int(found[1], 16)):
        place = found.end() + size
        pieces.append(body[found.end() : place])
    return b"".join(pieces)


def _begins_with_a_chunk(body: bytes) -> bool:
    """Whether what the first line gives as a length fits: a line end follows that many bytes, or nothing follows the
    last chunk. A body that is cut within its first chunk is known by the whole line end that servers write."""
    found = _CHUNK.match(body)
    if found is None:
        return False
    rest = body[found.end() + int(found[1], 16) :]
    if int(found[1], 16) == 0:
        return not rest.strip()
    return rest.startswith((b"\r", b"\n")) if rest else found[2] == b"\r\n"


def _inflated(body: bytes, bits: int) -> bytes:
    """Inflated within bounds; of one that breaks off what there is, of several gzip members all."""
    inflate = zlib.decompressobj(bits)
    out = inflate.decompress(body, MOST_BODY + 1)
    if not out and body and not inflate.eof:
        raise zlib.error("nothing comes out")
    while inflate.unused_data.startswith(GZIP) and len(out) <= MOST_BODY:
        inflate, rest = zlib.decompressobj(bits), inflate.unused_data
        try:
            out += inflate.decompress(rest, MOST_BODY + 1 - len(out))
        except zlib.error:
            break
    return out


def _gunzipped(body: bytes) -> bytes:
    return _inflated(body, 31)


def _deflated(body: bytes) -> bytes:
    try:
        return _inflated(body, 15)
    except zlib.error:  # many servers leave the zlib header out
        return _inflated(body, -15)


def _unbrotlied(body: bytes) -> bytes:
    brotli: Any = import_module("brotli")
    try:
        return bytes(brotli.Decompressor().process(body, output_buffer_limit=MOST_BODY + 1))
    except brotli.error as error:
        raise ValueError(str(error) or "no brotli stream") from error


def _unzstd(body: bytes) -> bytes:
    from etymon.corpus.arrow import pa

    try:
        with pa.CompressedInputStream(pa.BufferReader(body), "zstd") as stream:
            return stream.read(MOST_BODY + 1)
    except OSError as error:
        raise ValueError(str(error)) from error


_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": _gunzipped,
    "x-gzip": _gunzipped,
    "deflate": _deflated,
    "br": _unbrotlied,
    "zstd": _unzstd,
}
