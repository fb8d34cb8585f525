"""Slices: the sources cut into shares of about equal size, each read by itself, in an order that never changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from etymon.corpus.found import Fault
from etymon.corpus.readers import cutter_of
from etymon.corpus.sources import Source

SLICE_BYTES = 8 << 20
"""Bytes on disk of one slice: what a killed worker, or a killed machine, has to read again at most."""
SLICE_FILES = 1000


@dataclass(frozen=True, slots=True)
class Part:
    """The records of a file that begin in bytes [start, stop) of it; the whole file where it cannot be cut."""

    source: Source
    start: int
    stop: int

    def to_json(self) -> dict[str, Any]:
        """The part as one can send it to another process."""
        return asdict(self) | {"source": asdict(self.source) | {"path": str(self.source.path)}}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Part:
        """The part that `to_json` gave."""
        source: dict[str, Any] = dict(value["source"])
        fault = Fault(**source["fault"]) if source["fault"] else None
        source |= {"path": Path(source["path"]), "fault": fault}
        return cls(Source(**source), int(value["start"]), int(value["stop"]))


Slice = tuple[Part, ...]


def parts(source: Source, size: int) -> Iterator[Part]:
    """A source in parts of about `size` bytes, where its format can be cut."""
    cutter = cutter_of(source.format)
    if cutter is None or source.fault or source.size <= size:
        yield Part(source, 0, source.size)
        return
    for start, stop in cutter(source, size):
        yield Part(source, start, stop)


def slices(sources: Iterable[Source]) -> Iterator[Slice]:
    """All sources in slices: a large file gives several, small files share one. The same files give the same
    slices, by names and sizes alone save for web archives in gzip members, whose bytes say where they may be cut."""
    held: list[Part] = []
    volume = 0
    for source in sources:
        for part in parts(source, SLICE_BYTES):
            if held and (volume + part.stop - part.start > SLICE_BYTES or len(held) >= SLICE_FILES):
                yield tuple(held)
                held, volume = [], 0
            held.append(part)
            volume += part.stop - part.start
    if held:
        yield tuple(held)
