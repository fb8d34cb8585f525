"""Containers: the gzip members, or the one stream, that records lie in; the next one is found again after damage."""

from __future__ import annotations

import re
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from math import inf
from typing import BinaryIO

from etymon.corpus.streams import CHUNK

MAGIC = b"\x1f\x8b\x08"
HEAD = re.compile(rb"WARC/\d|filedesc:|(https?|dns|ftp|screenshot|metadata|urn)[^ \n]*:[^\n]* \d{8,14} ")
"""How a member begins that holds a record; a chance magic number in compressed bytes inflates to nothing like it."""
PEEK = 512
HEAD_BYTES = 4096
"""Compressed bytes that surely give the first `PEEK`, or enough of them."""
FED = 32 << 10  # compressed bytes at once; zlib copies what it does not need of them, for every member
STORED_BYTES = 65_535


class Cut(Exception):
    """A container ends in the middle: the file is truncated."""


class Container(ABC):
    """One stream of decompressed bytes that may break off with zlib.error, OSError, EOFError or Cut.

    `offset` is where it begins in the file on disk."""

    offset: int

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self._held = b""
        self._place = 0  # in what is held: bytes before it were given out, and copying what is left costs too much
        self.position = 0
        """Decompressed bytes given out so far."""
        self.record = 0
        """The position at which the record that is now read begins."""

    @abstractmethod
    def _more(self) -> bytes:
        """The next bytes; b"" at the end, once everything was found right."""

    def _hold_more(self) -> bool:
        more = self._more()
        self._held, self._place = self._held[self._place :] + more, 0
        return bool(more)

    def _give(self, count: int) -> bytes:
        data = self._held[self._place : self._place + count]
        self._place += len(data)
        self.position += len(data)
        return data

    def peek(self, count: int) -> bytes:
        """Up to `count` of the bytes to come."""
        while len(self._held) - self._place < count and self._hold_more():
            pass
        return self._held[self._place : self._place + count]

    def read(self, count: int) -> bytes:
        """The next `count` bytes, fewer at the end."""
        pieces = [self._give(count)]
        wanted = count - len(pieces[0])
        while wanted and self._hold_more():
            pieces.append(self._give(wanted))
            wanted -= len(pieces[-1])
        return b"".join(pieces)

    def unread(self, data: bytes) -> None:
        """Puts back what was read last."""
        self._held, self._place = data + self._held[self._place :], 0
        self.position -= len(data)

    def look(self, distance: int, count: int) -> bytes | None:
        """Up to `count` bytes that begin `distance` bytes ahead; None where what lies between must be read first."""
        return None

    def skip(self, count: int, mark: re.Pattern[bytes] | None = None, longest: int = 0) -> int:
        """Passes over `count` bytes in bounded memory, or over those before the next `mark` of at most `longest` bytes
        where it begins earlier; how many there were."""
        left = count
        while left and (data := self.peek(min(left, CHUNK))):
            found = mark.search(data) if mark else None
            if found:
                return count - left + len(self._give(found.start()))
            kept_back = longest if mark and len(data) == CHUNK < left else 0
            left -= len(self._give(len(data) - kept_back))
        return count - left

    def skip_line_ends(self, limit: int) -> None:
        """Passes over line ends, at most `limit` of them."""
        while limit and self.peek(1) in (b"\r", b"\n"):
            self._give(1)
            limit -= 1

    def line(self, limit: int) -> bytes:
        """The next line with its end, at most `limit` bytes of it."""
        while (end := self._held.find(b"\n", self._place) + 1) == 0:
            if len(self._held) - self._place >= limit or not self._hold_more():
                end = len(self._held)
                break
        return self._give(min(end - self._place, limit))

    def find(self, mark: re.Pattern[bytes], longest: int) -> bool:
        """Passes over everything before the next `mark` of at most `longest` bytes; False where there is none."""
        while (found := mark.search(self._held, self._place)) is None:
            self._give(max(len(self._held) - self._place - longest, 0))
            if not self._hold_more():
                self._give(longest)
                return False
        self._give(found.start() - self._place)
        return True


class Plain(Container):
    """A file that is not compressed, or one stream of another compression, from `offset` on."""

    def __init__(self, stream: BinaryIO, offset: int, *, seekable: bool = False) -> None:
        super().__init__(offset)
        self._stream = stream
        self._seekable = seekable

    def look(self, distance: int, count: int) -> bytes | None:
        """As of every container; a file that is not compressed is looked at where it lies."""
        if not self._seekable:
            return None
        here = self._stream.tell()
        self._stream.seek(here - len(self._held) + self._place + distance)
        ahead = self._stream.read(count)
        self._stream.seek(here)
        return ahead

    def _more(self) -> bytes:
        return self._stream.read(CHUNK)


class Member(Container):
    """One gzip member. After its last byte `end` is where it ends in the file."""

    def __init__(self, file: Raw, offset: int) -> None:
        super().__init__(offset)
        self._file = file
        self._inflate = zlib.decompressobj(31)  # with header and checksum, which it compares
        self._next_place = offset
        self.end = -1

    def _more(self) -> bytes:
        while self.end < 0:
            data = self._inflate.unconsumed_tail or self._next()
            out = self._inflate.decompress(data, CHUNK)
            if self._inflate.eof:
                self.end = self._next_place - len(self._inflate.unused_data)
            if out:
                return out
        return b""

    def _next(self) -> bytes:
        data = self._file.at(self._next_place, FED)
        if not data:
            raise Cut("the file ends in the middle of a record")
        self._next_place += len(data)
        return data


class Raw:
    """The bytes of a file by place, with one window held. `allowance` is how many bytes may be inflated to look for
    boundaries; beyond it none is found."""

    def __init__(self, stream: BinaryIO, allowance: float = inf) -> None:
        self._stream = stream
        self._allowance = allowance
        self._start = 0
        self._window = b""

    def at(self, place: int, count: int) -> bytes:
        """The `count` bytes from `place` on, fewer only at the end of the file."""
        if not self._start <= place <= place + count <= self._start + len(self._window):
            self._stream.seek(place)
            self._start, self._window = place, self._stream.read(max(count, CHUNK))
        begin = place - self._start
        return self._window[begin : begin + count]

    def next_member(self, place: int) -> int:
        """Where the first member that holds a record begins, at `place` or after it; -1 where there is none."""
        while len(window := self.at(place, CHUNK)) >= len(MAGIC):
            found = window.find(MAGIC)
            while found >= 0:
                self._allowance -= HEAD_BYTES
                if self._allowance < 0:
                    return -1
                if self.is_member(place + found):
                    return place + found
                found = window.find(MAGIC, found + 1)
            place += len(window) - len(MAGIC) + 1
        return -1

    def is_member(self, place: int) -> bool:
        """Whether a member that begins like a record lies at `place`."""
        head = self.at(place, HEAD_BYTES)
        try:
            return head.startswith(MAGIC) and HEAD.match(zlib.decompressobj(31).decompress(head, PEEK)) is not None
        except zlib.error:
            return False

    def next_boundary(self, place: int) -> int:
        """Where members surely begin, at `place` or after it; -1 where there is no such place.

        An archive that lies inside a record looks like this one wherever deflate left it as it was; but it does so in
        stored blocks of at most 65,535 bytes (RFC 1951, 3.2.4), and what stands between them breaks it."""
        while (place := self.next_member(place)) >= 0:
            broken = self._break(place, STORED_BYTES)
            if self._allowance < 0:
                break
            if broken < 0:
                return place
            place = max(broken, place + 1)
        return -1

    def _break(self, place: int, count: int) -> int:
        """Where the sound members that follow each other from `place` on end within `count` bytes, before the file
        does; -1 where they go on."""
        begin = place
        while place - begin <= count and self.at(place, 1):
            member = Member(self, place)
            try:
                while data := member.read(CHUNK):
                    self._allowance -= len(data)
                    if self._allowance < 0:
                        return place
            except (zlib.error, Cut):
                return place
            place = member.end
        return -1


def members(stream: BinaryIO, start: int, stop: int) -> Iterator[Member | int]:
    """The gzip members that begin in [start, stop), in order; where there should be one and is none, an int: where.

    Each member must be read, or left, before the next is asked for; one that broke off is passed over to the next that
    holds a record. `start` is 0 or a boundary; from any other place on, the first that looks like a member is taken."""
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
