"""Lines of JSON appended one by one, each with its number, length and a checksum chained to the line before."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from etymon.storage import commit
from etymon.storage.blocks import Damage, Damaged
from etymon.storage.canonical import JsonObject, canonical

FIRST_LINK = 0
"""What the checksum of the first line is begun from."""


class Torn(ValueError):
    """A line that was being written when the power went: without an end, or with holes of zeros."""


@dataclass(frozen=True)
class Scan:
    """What a file of records holds: the records, their bytes, the last checksum, and the torn bytes after them."""

    records: list[JsonObject]
    size: int
    link: int
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
        self._size = self._link = self._count = 0

    def scan(self) -> Scan:
        """Reads the file and checks every line; changes nothing. Raises Damaged."""
        data = self._read()
        records: list[JsonObject] = []
        size, link = 0, FIRST_LINK
        while size < len(data):
            end = data.find(b"\n", size) + 1 or len(data)
            try:
                record, link = decode(data[size:end], len(records), link)
            except Torn as error:
                if self._synced and end < len(data):
                    raise self._damaged(len(records), f"{error}, though more follows") from error
                break
            except ValueError as error:
                raise self._damaged(len(records), str(error)) from error
            records.append(record)
            size = end
        return Scan(records, size, link, len(data) - size)

    def _read(self) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise commit.told(error, self.path) from error

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
            self._size = -1  # not read yet
            if self._synced:
                commit.sync_folder(self.path.parent)
        return self._file

    def _append(self, opened: commit.OpenFile, record: Mapping[str, Any]) -> int:
        cut = 0 if opened.size() == self._size else self._catch_up(opened)
        line, link = encode(record, self._count, self._link)
        self._size, size = -1, self._size  # until the write has succeeded, what the disk holds is unknown
        opened.write(line)
        if self._synced:
            self._sync(opened)
        self._size, self._link, self._count = size + len(line), link, self._count + 1
        return cut

    def _catch_up(self, opened: commit.OpenFile) -> int:
        """Reads what other processes wrote, and cuts a torn tail; gives the bytes cut."""
        scan = self.scan()
        if scan.torn:
            opened.truncate(scan.size)
            self._sync(opened)
        self._size, self._link, self._count = scan.size, scan.link, len(scan.records)
        return scan.torn

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

    def keep(self, wanted: Callable[[JsonObject], bool]) -> None:
        """Drops the records that are not wanted: all of them or, after a crash, none."""
        named = not self.path.exists()
        while not named:
            opened = self._open()
            with opened.alone():
                named = opened.is_named()
                if named:
                    self._keep(wanted)
            self.close()

    def _keep(self, wanted: Callable[[JsonObject], bool]) -> None:
        scan = self.scan()
        kept = [record for record in scan.records if wanted(record)]
        if len(kept) < len(scan.records) or scan.torn or self._suspect:
            self._replace(kept)
        self._suspect = False

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
