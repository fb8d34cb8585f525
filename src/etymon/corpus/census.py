"""The verdicts on all documents: each by itself as it is measured, then duplicates among what is left."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from etymon.corpus.arrow import RecordBatch
from etymon.corpus.cuts import Cuts
from etymon.corpus.overlap import Overlap
from etymon.corpus.verdicts import DROPPED, EXACT_DUPLICATE, KEPT, NEAR_DUPLICATE, QUARANTINED, Tally, Verdict

KEEP = Verdict(KEPT)
GROUPED = ("domain", "language")
EXACT, NEAR = (DROPPED, EXACT_DUPLICATE), (DROPPED, NEAR_DUPLICATE)


class Census:
    """About 50 bytes a document besides near-duplicate signatures; rows are numbered in the order of reading.

    `cuts` are what was taken out of texts, in the order in which it was, and `told` is how that went."""

    def __init__(self, overlap: Overlap) -> None:
        self.overlap = overlap
        self._reasons: list[tuple[str, str]] = [(KEPT, "")]
        self._numbers: dict[tuple[str, str], int] = {(KEPT, ""): 0}
        self._codes, self._sizes = array("i"), array("q")
        self._keys, self._ids = bytearray(), bytearray()
        self._groups = {name: _Groups() for name in GROUPED}
        self._partners: dict[int, tuple[int, float]] = {}
        self.cuts: list[Cuts] = []
        self.told: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._codes)

    def add(self, batch: RecordBatch, verdicts: Sequence[Verdict]) -> None:
        """Takes the verdicts that each document of a prepared batch got by itself."""
        readable = np.array([verdict.outcome != QUARANTINED for verdict in verdicts], bool)
        readable &= np.array([each is None for each in batch.column("skipped").to_pylist()], bool)
        self.overlap.add(batch, readable)
        self._codes.extend(self._code(verdict.outcome, verdict.rule) for verdict in verdicts)
        self._sizes.extend(batch.column("bytes").to_pylist())
        self._keys += b"".join(batch.column("key").to_pylist())
        self._ids += bytes.fromhex("".join(batch.column("id").to_pylist()))
        for name, groups in self._groups.items():
            groups.add(batch.column(name).to_pylist())

    def _code(self, outcome: str, rule: str) -> int:
        number = self._numbers.setdefault((outcome, rule), len(self._reasons))
        if number == len(self._reasons):
            self._reasons.append((outcome, rule))
        return number

    def kept(self) -> NDArray[np.int64]:
        """The rows that nothing has dropped so far. [K]"""
        return np.flatnonzero(np.frombuffer(self._codes, np.int32) == 0)

    def kept_among(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Whether nothing has dropped the rows [start, stop) so far."""
        return np.frombuffer(self._codes, np.int32)[start:stop] == 0

    def key_words(self, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
        """The content keys of some rows as two big-endian words each. [n, 2]"""
        return np.frombuffer(self._keys, ">u8").reshape(-1, 2)[rows].astype(np.uint64)

    def keys(self, rows: NDArray[np.int64]) -> list[bytes]:
        """The content keys of some rows."""
        return [bytes(self._keys[16 * row : 16 * row + 16]) for row in rows.tolist()]

    def drop_exact(self) -> None:
        """Of documents that say the same, all but the first one read are dropped."""
        rows = self.kept()
        words = self.key_words(rows)
        order = np.lexsort((words[:, 1], words[:, 0]))  # stable: the first one read comes first in its group
        same = np.zeros(len(rows), bool)
        same[1:] = (words[order][1:] == words[order][:-1]).all(axis=1)
        group_start = np.maximum.accumulate(np.where(same, 0, np.arange(len(rows))))
        for place in np.flatnonzero(same):
            self._drop(EXACT, int(rows[order[place]]), int(rows[order[group_start[place]]]), 1.0)

    def drop_near(
        self, rows: NDArray[np.int64], partners: NDArray[np.int64], similarities: NDArray[np.float64]
    ) -> None:
        """Drops each of `rows` whose partner (an index into `rows`) is another than itself."""
        for place in np.flatnonzero(partners != np.arange(len(rows))):
            self._drop(NEAR, int(rows[place]), int(rows[partners[place]]), float(similarities[place]))

    def drop(self, row: int, rule: str) -> None:
        """Drops a document for what it is among the others."""
        self._codes[row] = self._code(DROPPED, rule)

    def text(self, row: int, text: str) -> str:
        """What cuts have left of a document's text."""
        for cuts in self.cuts:
            text = cuts.left(row, text)
        return text

    def set_key(self, row: int, key: bytes) -> None:
        """Gives a document another content key, as it says something else than before."""
        self._keys[16 * row : 16 * row + 16] = key

    def _drop(self, reason: tuple[str, str], row: int, partner: int, similarity: float) -> None:
        self._codes[row] = self._code(*reason)
        self._partners[row] = (partner, similarity)

    def verdicts(self, start: int, stop: int) -> list[Verdict]:
        """The verdicts on rows [start, stop)."""
        return [self._verdict(row) for row in range(start, stop)]

    def _verdict(self, row: int) -> Verdict:
        outcome, rule = self._reasons[self._codes[row]]
        if outcome == KEPT:
            return KEEP
        partner, similarity = self._partners.get(row, (-1, 0.0))
        return Verdict(
            outcome, rule, self._ids[10 * partner : 10 * partner + 10].hex() if partner >= 0 else "", similarity
        )

    @property
    def kept_bytes(self) -> int:
        """UTF-8 bytes of all that nothing has dropped so far."""
        return int(self.sizes(self.kept()).sum())

    def sizes(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """UTF-8 bytes of some rows' texts, of what cuts have left of them. [n]"""
        sizes = np.frombuffer(self._sizes, np.int64)[rows]
        for cuts in self.cuts:
            sizes = sizes - cuts.lost(len(self))[rows]
        return sizes

    def tally(self) -> Tally:
        """The counts by outcome and rule."""
        tally = Tally()
        codes, sizes = np.frombuffer(self._codes, np.int32), np.frombuffer(self._sizes, np.int64)
        for number, reason in enumerate(self._reasons):
            chosen = codes == number
            if count := int(chosen.sum()):
                tally.add(Verdict(*reason), int(sizes[chosen].sum()), count)
        tally.cut = Counter({cuts.name: int(cuts.lost(len(self))[self.kept()].sum()) for cuts in self.cuts})
        return tally

    def kept_by(self, name: str) -> dict[str, tuple[int, int]]:
        """Documents and bytes kept of each "domain" or "language"."""
        rows, groups = self.kept(), self._groups[name]
        codes = np.frombuffer(groups.codes, np.int32)[rows]
        counts = np.bincount(codes, minlength=len(groups.numbers))
        volumes = np.zeros(len(groups.numbers), np.int64)
        np.add.at(volumes, codes, self.sizes(rows))
        return {each: (int(counts[n]), int(volumes[n])) for each, n in groups.numbers.items() if counts[n]}


class _Groups:
    """The group of every document, as a number."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.codes = array("i")

    def add(self, names: Iterable[str]) -> None:
        self.codes.extend(self.numbers.setdefault(name, len(self.numbers)) for name in names)
