"""Containers: the gzip members, or the one stream, that records lie in; the next one is found again after damage."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from etymon.corpus.streams import CHUNK

MAGIC = b"\x1f\x8b\x08"
HEAD = re.compile(rb"WARC/\d|filedesc:|(https?|dns|ftp|screenshot|metadata|urn)[^ \n]*:[^\n]* \d{8,14} ")
"""How a member begins that holds a record; a chance magic number in compressed bytes inflates to nothing like it."""
PEEK = 512


class Cut(Exception):
    """A container ends in the middle: the file is truncated."""


class Container:
    """One stream of decompressed bytes that may break off with zlib.error, OSError, EOFError or Cut.

    `offset` is where it begins in the file on disk."""

    offset: int

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self._held = b""
        self.position = 0
        """Decompressed bytes given out so far."""

    def _more(self) -> bytes:
        """The next bytes; b"" at the end, once everything was found right."""
        raise NotImplementedError

    def peek(self, count: int) -> bytes:
        """Up to `count` of the bytes to come."""
        while len(self._held) < count and (more := self._more()):
            self._held += more
        return self._held[:count]

    def read(self, count: int) -> bytes:
        """The next `count` bytes, fewer at the end."""
        pieces: list[bytes] = []
        wanted = count
        while wanted:
            held = self._held or self._more()
            if not held:
                break
            pieces.append(held[:wanted])
            self._held = held[wanted:]
            wanted -= len(pieces[-1])
        data = b"".join(pieces)
        self.position += len(data)
        return data

    def skip(self, count: int) -> int:
        """Passes over `count` bytes in bounded memory; how many there were."""
        left = count
        while left and (data := self.read(min(left, CHUNK))):
            left -= len(data)
        return count - left

    def line(self, limit: int) -> bytes:
        """The next line with its end, at most `limit` bytes of it."""
        while (end := self._held.find(b"\n") + 1) == 0 and len(self._held) < limit and (more := self._more()):
            self._held += more
        return self.read(min(end or len(self._held), limit))

    def find(self, mark: bytes) -> bool:
        """Passes over everything before the next `mark`; False where there is none."""
        while (place := self._held.find(mark)) < 0:
            self.position += max(len(self._held) - len(mark), 0)
            self._held = self._held[-len(mark) :]
            if not (more := self._more()):
                self.position += len(self._held)
                self._held = b""
                return False
            self._held += more
        self.read(place)
        return True


class Plain(Container):
    """A file that is not compressed, or one stream of another compression, from `offset` on."""

    def __init__(self, stream: BinaryIO, offset: int) -> None:
        super().__init__(offset)
        self._stream = stream

    def _more(self) -> bytes:
        return self._stream.read(CHUNK)


class Member(Container):
    """One gzip member. After its last byte `end` is where it ends in the file."""

    def __init__(self, file: Raw, offset: int) -> None:
        super().__init__(offset)
        self._file = file
        self._inflate = zlib.decompressobj(31)  # with header and checksum, which it compares
        self._place = offset
        self.end = -1

    def _more(self) -> bytes:
        while self.end < 0:
            data = self._inflate.unconsumed_tail or self._next()
            out = self._inflate.decompress(data, CHUNK)
            if self._inflate.eof:
                self.end = self._place - len(self._inflate.unused_data)
            if out:
                return out
        return b""

    def _next(self) -> bytes:
        data = self._file.at(self._place, CHUNK // 4)
        if not data:
            raise Cut("the file ends in the middle of a record")
        self._place += len(data)
        return data


class Raw:
    """The bytes of a file by place, with one window held."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._start = 0
        self._window = b""

    def at(self, place: int, count: int) -> bytes:
        """Up to `count` bytes from `place` on."""
        if not self._start <= place < self._start + len(self._window):
            self._stream.seek(place)
            self._start, self._window = place, self._stream.read(CHUNK)
        begin = place - self._start
        return self._window[begin : begin + count]

    def next_member(self, place: int) -> int:
        """Where the first member that holds a record begins, at `place` or after it; -1 where there is none."""
        while window := self.at(place, CHUNK):
            found = window.find(MAGIC)
            if found < 0:
                if len(window) < len(MAGIC):
                    return -1
                place += max(len(window) - len(MAGIC) + 1, 1)
            elif self.is_member(place + found):
                return place + found
            else:
                place += found + 1
        return -1

    def is_member(self, place: int) -> bool:
        """Whether a member that begins like a record lies at `place`."""
        if not self.at(place, 4).startswith(MAGIC[:1]):
            return False
        try:
            return HEAD.match(Member(self, place).peek(PEEK)) is not None
        except (zlib.error, Cut):
            return False


def members(stream: BinaryIO, start: int, stop: int) -> Iterator[Member | int]:
    """The gzip members that begin in [start, stop), in order; where there should be one and is none, an int: where.

    Each member must be read, or left, before the next is asked for; one that broke off is passed over to the next that
    holds a record."""
    file = Raw(stream)
    place = start if start == 0 or file.is_member(start) else file.next_member(start)
    while 0 <= place < stop and file.at(place, 1):
        if file.at(place, 2) == MAGIC[:2]:
            member = Member(file, place)
            yield member
            if member.end >= 0:
                place = member.end
                continue
        elif not file.at(place, CHUNK).strip(b"\0"):  # padding of a tape or disk
            place += len(file.at(place, CHUNK))
            continue
        else:
            yield place
        place = file.next_member(place + 1)
