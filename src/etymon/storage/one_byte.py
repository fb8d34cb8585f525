"""One wrong byte: found by trying what each byte may have been, against the digest or checksum that the bytes carry."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator

from etymon.storage.canonical import HEAD, digest_in, head_of, unseal
from etymon.storage.records import FIRST_LINK, Torn, decode

FLIPPED = tuple(tuple(byte ^ (1 << bit) for bit in range(8)) for byte in range(256))
"""For each byte what it is with one bit flipped: the likeliest fault, tried first."""
WRITTEN = tuple(range(0x20, 0x100))
"""All bytes that canonical JSON holds."""
MOST_HASHED = 6 << 30
"""Bytes that are hashed at most for one trial, some seconds: objects above 8 kB are tried for flipped bits alone, and
those above 40 kB not at all."""


def mend_sealed(data: bytes) -> bytes | None:
    """The sealed object from which `data` differs in one byte; itself if it is whole; None where there is none."""
    if _is_sealed(data):
        return data
    body = b"{" + data[HEAD:]
    right = head_of(body)
    if len(data) > HEAD and sum(a != b for a, b in zip(right, data[:HEAD], strict=True)) == 1:
        return right + data[HEAD:]
    try:
        digest = digest_in(data)
    except ValueError:
        return None
    for values in (FLIPPED, (WRITTEN,) * 256):
        if len(values[0]) * len(body) ** 2 // 2 <= MOST_HASHED:
            found = _changed_to(digest, body[1:], values)
            if found is not None:
                return data[:HEAD] + found
    return None


def _is_sealed(data: bytes) -> bool:
    try:
        unseal(data)
    except ValueError:
        return False
    return True


def _changed_to(digest: bytes, body: bytes, values: tuple[tuple[int, ...], ...]) -> bytes | None:
    """The body, one byte of it changed to one of its `values`, that has this SHA-256 with a brace before it."""
    before, rest = hashlib.sha256(b"{"), memoryview(body)
    for position, byte in enumerate(body):
        after = rest[position + 1 :]
        for value in values[byte]:
            trial = before.copy()
            trial.update(bytes((value,)))
            trial.update(after)
            if trial.digest() == digest:
                return body[:position] + bytes((value,)) + body[position + 1 :]
        before.update(rest[position : position + 1])
    return None


def mend_records(data: bytes, progress: Callable[[int], None] = lambda line: None) -> tuple[bytes, list[int]] | None:
    """The file of records that `data` was before a byte of one or more of its lines changed, and the numbers of those
    lines (from 1); None where one cannot be found. What follows the last line's end is left as it is."""
    mended: list[int] = []
    start, link, sequence = 0, FIRST_LINK, 0
    while start < len(data):
        end = data.find(b"\n", start) + 1 or len(data)
        try:
            _, link = decode(data[start:end], sequence, link)
        except ValueError as error:
            if isinstance(error, Torn) and end == len(data):
                break
            found = _mend_line(data, start, sequence, link)
            if found is None:
                return None
            data = found
            mended.append(sequence + 1)
            continue
        start, sequence = end, sequence + 1
        progress(sequence)
    return data, mended


def _mend_line(data: bytes, start: int, sequence: int, link: int) -> bytes | None:
    """The data with one byte changed, so that a line begins at `start` and fits, and so does the line after it."""
    first = data.find(b"\n", start) + 1 or len(data)
    second = data.find(b"\n", first) + 1 or len(data)  # the byte that changed may have been, or become, a line's end
    for window_end in dict.fromkeys((first, second)):
        line = bytearray(data[start:window_end])
        for position, value in _changes(line):
            was, line[position] = line[position], value
            if _fits(bytes(line) + data[window_end:second], sequence, link):
                return data[:start] + bytes(line) + data[window_end:]
            line[position] = was
    return None


def _changes(line: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """Each position with each value that may have stood there."""
    for position in range(len(line)):
        here: Iterable[int] = (*WRITTEN, 0x0A)
        yield from ((position, value) for value in here)


def _fits(text: bytes, sequence: int, link: int) -> bool:
    """Whether the text begins with the line of that number, and goes on with the next where it goes on."""
    end = text.find(b"\n") + 1
    try:
        _, link = decode(text[:end], sequence, link)
    except (ValueError, KeyError, TypeError):
        return False
    if end == len(text):
        return True
    following = text.find(b"\n", end) + 1
    try:
        decode(text[end : following or len(text)], sequence + 1, link)
    except Torn:
        return not following  # the torn end of the file
    except (ValueError, KeyError, TypeError):
        return False
    return True
