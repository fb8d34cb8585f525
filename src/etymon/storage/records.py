"""Lines of JSON appended one by one, each with its number, length and a checksum chained to the line before."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from etymon.storage import commit
from etymon.storage.blocks import Damage, Damaged
from etymon.storage.canonical import JsonObject, canonical

FIRST_LINK = 0
"""What the checksum of the first line is begun from."""

LONGEST_LINE = 1 << 20
"""Bytes. A mark after a longer line does not fit, and the file is read from its start."""


class Torn(ValueError):
    """A line that was being written when the power went: without an end, or with holes of zeros."""


@dataclass(frozen=True)
class Mark:
    """A place between two lines: the bytes and the lines before it, and the checksum of the last of them.

    Whoever keeps the mark of a place that was synced can go on from there without reading what lies before.
    """

    size: int = 0
    count: int = 0
    link: int = FIRST_LINK

    def to_json(self) -> JsonObject:
        return {"size": self.size, "count": self.count, "link": self.link}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Mark:
        return cls(int(value["size"]), int(value["count"]), int(value["link"]))


START = Mark()


@dataclass(frozen=True)
class Scan:
    """What a file of records holds after a mark: the records, the place after them, and the torn bytes after that."""

    records: list[JsonObject]
    end: Mark
    torn: int


def encode(record: Mapping[str, Any], sequence: int, link: int) -> tuple[bytes, int]:
    """The line of a record, and its checksum: CRC-32 of the line's body, begun from the checksum of the line before."""
    body = canonical({"sequence": sequence, "record": record}, non_finite=True)
    check = zlib.crc32(body, link)
    return b'{"check":"%08x","length":%d,' % (check, len(body)) + body[1:] + b"\n", check


def decode(line: bytes, sequence: int, link: int) -> tuple[JsonObject, int]:
    """The record of a line with its end, and its checksum. Raises Torn or ValueError."""
    if not line.endswith(b"\n") or b"\0" in line:
        raise Torn("it was not written to its end")
    head, _, rest = line[:-1].partition(b',"length":')
    length, _, tail = rest.partition(b",")
    body = b"{" + tail
    check = zlib.crc32(body, link)
    if head != b'{"check":"%08x"' % check or length != b"%d" % len(body):
        raise ValueError("its checksum does not fit its text and the line before")
    entry = cast("JsonObject", json.loads(body))
    if entry["sequence"] != sequence:
        raise ValueError(f"it is number {entry['sequence']} where number {sequence} belongs")
    return cast("JsonObject", entry["record"]), check


class RecordFile:
    """A file of records. `synced`: each append is durable when it returns, so that at most the last line can be torn.

    Where appends are not synced, a loss of power may leave holes anywhere after the last `sync`; all from the first
    hole on is cut. A whole line whose checksum does not fit is damage in either case and never cut silently.
    """

    def __init__(self, path: Path, owner: str, *, synced: bool) -> None:
        self.path = path
        self._owner = owner
        self._synced = synced
        self._file: commit.OpenFile | None = None
        self._suspect = False
        self._end: Mark | None = None  # None: what the disk holds is not known

    def scan(self, since: Mark = START) -> Scan:
        """Reads the file from a mark on (all of it where the mark does not fit) and checks every line; changes nothing.
        Raises Damaged."""
        records: list[JsonObject] = []
        end = since if self.fits(since) else START
        for record, after in self._lines(end):
            records.append(record)
            end = after
        return Scan(records, end, max(self._bytes() - end.size, 0))

    def _lines(self, since: Mark) -> Iterator[tuple[JsonObject, Mark]]:
        """Each whole line's record and the place after it, up to a torn tail."""
        last, total = since, self._bytes()
        for line in self._raw_lines(since.size):
            end = last.size + len(line)
            try:
                record, link = decode(line, last.count, last.link)
            except Torn as error:
                if self._synced and end < total:
                    raise self._damaged(last.count, f"{error}, though more follows") from error
                return
            except ValueError as error:
                raise self._damaged(last.count, str(error)) from error
            last = Mark(end, last.count + 1, link)
            yield record, last

    def _raw_lines(self, start: int) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                yield from file
        except FileNotFoundError:
            return
        except OSError as error:
            raise commit.told(error, self.path) from error

    def _bytes(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise commit.told(error, self.path) from error

    def fits(self, mark: Mark) -> bool:
        """Whether the line before a mark is the one that was there when the mark was taken."""
        if mark == START:
            return True
        if mark.size > self._bytes():
            return False
        start = max(mark.size - LONGEST_LINE, 0)
        with commit.telling(self.path), self.path.open("rb") as file:
            file.seek(start)
            before = file.read(mark.size - start)
        line = before[before.rfind(b"\n", 0, -1) + 1 :]
        # Sorted keys put the number at a line's end.
        wanted = b'{"check":"%08x"' % mark.link, b'"sequence":%d}\n' % (mark.count - 1)
        return line.startswith(wanted[0]) and line.endswith(wanted[1])

    def _damaged(self, good: int, why: str) -> Damaged:
        remedy = f"restore it from a copy, or keep the {good} good lines before (`head -n {good} {self.path}`)"
        return Damaged(Damage(self._owner, self.path.parent, self.path.name, None, f"line {good + 1}: {why}", remedy))

    def append(self, record: Mapping[str, Any]) -> int:
        """Adds a record at the end; gives the bytes of a torn tail that was cut before, 0 where there was none.

        Several processes may append to one file; each waits for the other and goes on from what it finds.
        """
        while True:
            opened = self._open()
            with opened.alone():
                if opened.is_named() and not self._suspect:
                    return self._append(opened, record)
                self._renew(opened)

    def _open(self) -> commit.OpenFile:
        if self._file is None:
            commit.make_folder(self.path.parent)
            self._file = commit.OpenFile.append(self.path)
            self._end = None
            if self._synced:
                commit.sync_folder(self.path.parent)
        return self._file

    def _append(self, opened: commit.OpenFile, record: Mapping[str, Any]) -> int:
        end, cut = self._end, 0
        if end is None or opened.size() != end.size:
            end, cut = self._catch_up(opened, end or START)
        line, link = encode(record, end.count, end.link)
        self._end = None  # until the write has succeeded, what the disk holds is unknown
        opened.write(line)
        if self._synced:
            self._sync(opened)
        self._end = Mark(end.size + len(line), end.count + 1, link)
        return cut

    def _catch_up(self, opened: commit.OpenFile, since: Mark) -> tuple[Mark, int]:
        """Reads what other processes wrote, and cuts a torn tail; gives the place to go on at, and the bytes cut.

        Whoever wrote or cut last may have been killed before its sync; what follows must not last without it.
        """
        scan = self.scan(since)
        if scan.torn:
            opened.truncate(scan.end.size)
        if scan.torn or self._synced or since == START:
            self._sync(opened)
        return scan.end, scan.torn

    def _sync(self, opened: commit.OpenFile) -> None:
        self._suspect = True
        opened.sync()
        self._suspect = False

    def _renew(self, opened: commit.OpenFile) -> None:
        """Leaves a file that was replaced by another process, or replaces one whose sync failed: that is never synced
        again, because a second sync may report success for pages that the first has lost."""
        if self._suspect and opened.is_named():
            self._replace(self.scan().records)
        self._suspect = False
        self.close()

    def sync(self) -> None:
        """Makes durable all that this process has appended so far."""
        if self._file is None:
            return
        if self._suspect:
            with self._file.alone():
                self._renew(self._file)
            return
        commit.sync_folder(self.path.parent)
        self._sync(self._file)

    def mark(self) -> Mark:
        """The place after the last line."""
        return self._end or self.scan().end

    def keep(self, wanted: Callable[[JsonObject], bool], since: Mark = START) -> int:
        """Drops the records that are not wanted: all of them or, after a crash, none. `since`: a place before which all
        are wanted. Gives the bytes of a torn tail that went with them, 0 where there was none."""
        named, torn = not self.path.exists(), 0
        while not named:
            opened = self._open()
            with opened.alone():
                named = opened.is_named()
                if named:
                    torn = self._keep(opened, wanted, since if self.fits(since) else START)
                else:
                    self.close()
        return torn

    def _keep(self, opened: commit.OpenFile, wanted: Callable[[JsonObject], bool], since: Mark) -> int:
        """Cuts the file where all that is not wanted is at its end, and so neither reads nor writes what lies before
        `since`; otherwise writes it anew."""
        cut, place, scattered = None, since, False
        for record, after in self._lines(since):
            if not wanted(record):
                cut = cut or place
            elif cut:
                scattered = True
            place = after
        end, torn = cut or place, opened.size() - place.size
        if scattered or self._suspect:
            self._replace(record for record in self.scan().records if wanted(record))
            self._suspect = False
            self.close()
            return torn
        self._end = None
        if opened.size() > end.size:
            opened.truncate(end.size)
        self._sync(opened)  # also of what another process has cut, and was killed
        self._end = end
        return torn

    def _replace(self, records: Iterable[Mapping[str, Any]]) -> None:
        lines: list[bytes] = []
        link = FIRST_LINK
        for sequence, record in enumerate(records):
            line, link = encode(record, sequence, link)
            lines.append(line)
        commit.replace_file(self.path, b"".join(lines))

    def close(self) -> None:
        """Closes the file; the next append opens it again."""
        if self._file is not None:
            opened, self._file = self._file, None
            opened.close()
