"""Builds an index: documents in shards that fit in memory, each with its suffixes in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.index.suffixes import MOST_BYTES, suffix_array
from etymon.progress import Progress, silent
from etymon.storage import Artifact, Draft, Store

STAGE_VERSION = 1
SHARD_BYTES = 32 << 20
"""Bytes of text sorted at a time; sorting takes about ten times as much memory."""
STEP = 1 << 18

Sequence = bytes | NDArray[np.uint16] | NDArray[np.uint32]


def build(
    store: Store,
    name: str,
    documents: Iterable[tuple[str, Sequence]],
    *,
    inputs: Mapping[str, str],
    unit: str = "bytes",
    shard_bytes: int = SHARD_BYTES,
    recipe: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> Artifact:
    """The artifact of kind "index" over documents (id, text), made now or found in the store.

    `unit` is "bytes" (UTF-8 text), "uint16" or "uint32" (token ids). The unit of the largest value stands between
    documents, so that nothing is found across their ends, and may not occur in them (0xff: in no UTF-8 text it does).
    `inputs` and `recipe` say what the documents are: with the unit they give the artifact its id. The shards do not:
    their size changes no answer. `progress` is told the bytes indexed.

    Files of shard N: N.text (units, most significant byte first), N.suffixes (uint32, little-endian: places in units in
    the order of their suffixes), N.buckets (uint32 [65537]: how many suffixes begin with less than each two bytes),
    N.starts (int64: where its documents begin, in units). ids.text and ids.starts hold the documents' ids.
    """
    width = _width(unit)
    made_by = {**(recipe or {}), "unit": unit}
    found = store.find("index", made_by, inputs, stage_version=STAGE_VERSION)
    if found is not None:
        return found
    with store.create("index", made_by, inputs, stage_version=STAGE_VERSION, name=name) as draft:
        shards = _Shards(draft, width, shard_bytes)
        with draft.writer("ids.text") as ids, draft.writer("ids.starts") as starts:
            for id, sequence in documents:
                encoded = id.encode()
                starts.write(np.int64(ids.tell()).astype("<i8").tobytes())
                ids.write(encoded)
                shards.add(id, as_bytes(sequence, unit))
                progress(shards.size, None, "indexing")
            starts.write(np.int64(ids.tell()).astype("<i8").tobytes())
        shards.flush()
        return draft.seal({"unit": unit, "units": shards.size // width, "shards": shards.documents})


class _Shards:
    """Documents gathered until they fill a shard, then sorted and written."""

    def __init__(self, draft: Draft, width: int, shard_bytes: int) -> None:
        self._draft, self._width, self._most = draft, width, shard_bytes
        self._separator = b"\xff" * width
        self._text = bytearray()
        self._starts: list[int] = []
        self.documents: list[int] = []
        self.size = 0

    def add(self, id: str, text: bytes) -> None:
        if len(text) + self._width > MOST_BYTES:
            raise EtymonError(
                "A document is too long to be indexed.", where=id, why=f"{len(text):,} bytes", help="split it"
            )
        self._check(id, text)
        if self._starts and len(self._text) + len(text) + self._width > min(self._most, MOST_BYTES):
            self.flush()
        self._starts.append(len(self._text) // self._width)
        self._text += text
        self._text += self._separator
        self.size += len(text)

    def _check(self, id: str, text: bytes) -> None:
        place = text.find(self._separator)
        while place >= 0 and place % self._width:
            place = text.find(self._separator, place + 1)
        if place >= 0:
            raise EtymonError(
                "A document holds the unit that stands between documents.",
                where=f"{id}, unit {place // self._width:,}",
                why="bytes must be UTF-8; of token ids the largest of the type is not one",
                help='index token ids of 65,535 and more with unit="uint32"',
            )

    def flush(self) -> None:
        if not self._starts:
            return
        number = len(self.documents)
        suffixes = suffix_array(self._text, self._width)
        self._draft.write(f"{number}.text", self._text)
        self._draft.write(f"{number}.suffixes", suffixes.astype("<u4", copy=False).data.cast("B"))
        self._draft.write(f"{number}.buckets", buckets(self._text, self._width).astype("<u4").tobytes())
        self._draft.write(f"{number}.starts", np.array(self._starts, "<i8").tobytes())
        self.documents.append(len(self._starts))
        self._text, self._starts = bytearray(), []


def buckets(text: bytes | bytearray, width: int) -> NDArray[np.int64]:
    """How many suffixes begin with less than each value of two bytes, and how many there are. [65537]

    The last unit stands between documents, so that a suffix of one byte, if there is one, sorts last."""
    data = np.frombuffer(text, np.uint8)
    first, second = data[::width], data[1::width]
    counts = np.zeros(1 << 16, np.int64)
    for start in range(0, len(second), STEP):  # in steps that stay in the processor's cache
        seconds = second[start : start + STEP]
        pairs = first[start : start + len(seconds)].astype(np.int64) << 8 | seconds
        counts += np.bincount(pairs, minlength=1 << 16)
    if width == 1:  # "0xff" alone sorts before "0xff, 0": it belongs to no pair, but before the last 256 of them
        counts[0xFF00] += 1
    return np.r_[0, np.cumsum(counts)]


def as_bytes(sequence: Sequence, unit: str) -> bytes:
    """Units as they are stored. Raises EtymonError where an id does not fit in the unit."""
    if isinstance(sequence, bytes):
        if unit != "bytes":
            raise EtymonError(f"Bytes are no token ids of {unit}.", help='give an array of ids, or unit="bytes"')
        return sequence
    if unit == "bytes":
        raise EtymonError("Token ids are no bytes.", help='give bytes, or unit="uint16" or "uint32"')
    ids = np.asarray(sequence)
    if ids.size and (int(ids.min()) < 0 or int(ids.max()) > np.iinfo(unit).max):
        raise EtymonError(f"A token id does not fit in {unit}.", why=f"the largest is {int(ids.max()):,}")
    return ids.astype(np.dtype(unit).newbyteorder(">")).tobytes()


def _width(unit: str) -> int:
    if unit not in ("bytes", "uint16", "uint32"):
        raise EtymonError(f"There is no unit {unit}.", help="the units are bytes, uint16 and uint32")
    return 1 if unit == "bytes" else np.dtype(unit).itemsize
