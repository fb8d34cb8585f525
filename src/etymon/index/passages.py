"""The longest passages of a text that occur word for word in the training documents."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from etymon.index.grams import GramFilter

SEPARATOR = b"\xff"
"""Between documents: a byte that no UTF-8 text holds, so that no passage reaches over the end of a document."""


@dataclass(frozen=True, slots=True)
class Passage:
    """`text[start:end]` of the question (characters) occurs in `document_id` from byte `document_offset` on."""

    start: int
    end: int
    text: str
    document_id: str
    document_offset: int


class PassageIndex:
    """Documents as one buffer that is searched directly, in about two bytes of memory for each byte of text (while the
    first question is being answered, up to 128 MiB more)."""

    def __init__(self, texts: Sequence[bytes], ids: Sequence[str]) -> None:
        """`texts` are UTF-8, `ids` name them in the same order."""
        if len(texts) != len(ids):
            raise ValueError(f"{len(texts)} texts and {len(ids)} ids")
        self._ids = list(ids)
        self._starts: list[int] = []
        position = 0
        for text in texts:
            self._starts.append(position)
            position += len(text) + len(SEPARATOR)
        self._buffer = SEPARATOR.join(texts)
        self._filters: dict[int, GramFilter] = {}

    def longest_passages(self, text: str, *, minimum_bytes: int = 12) -> list[Passage]:
        """A greedy cover of `text` from left to right: at each place the longest passage that some document holds, if
        it has at least `minimum_bytes` UTF-8 bytes; then on from its end. The first document that holds it is named."""
        if minimum_bytes < 1:
            raise ValueError("minimum_bytes must be at least 1")
        question = _Question(text)
        possible = self._filter(minimum_bytes).possible(question.data)
        passages: list[Passage] = []
        start = 0
        while start < len(text):
            found = self._longest(question, start, minimum_bytes) if possible[question.offsets[start]] else None
            if found:
                passages.append(found)
            start = found.end if found else start + 1
        return passages

    def _filter(self, length: int) -> GramFilter:
        """Which runs of `length` bytes the documents hold, found once per length."""
        if length not in self._filters:
            self._filters[length] = GramFilter(self._buffer, length)
        return self._filters[length]

    def _longest(self, question: _Question, start: int, minimum_bytes: int) -> Passage | None:
        """The longest passage from character `start` on, in one sweep over the buffer.

        Where a passage was found and grown as far as it goes, a longer one can only lie after it."""
        first = question.offsets[start]
        wanted = bisect_right(question.offsets, first + minimum_bytes - 1)  # the character its least end falls on
        end, place = start, 0
        where = -1
        while wanted < len(question.offsets):
            place = self._buffer.find(question.data[first : question.offsets[wanted]], place)
            if place < 0:
                break
            end, where = question.grown(self._buffer, start, wanted, place), place
            wanted, place = end + 1, place + 1
        return self._passage(question.text, start, end, where) if where >= 0 else None

    def _passage(self, text: str, start: int, end: int, where: int) -> Passage:
        document = bisect_right(self._starts, where) - 1
        return Passage(start, end, text[start:end], self._ids[document], where - self._starts[document])


class _Question:
    """A text with its UTF-8 bytes and where each of its characters begins there (one more for the end)."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.data = text.encode("utf-8", "surrogatepass")
        self.offsets = [0]
        for character in text:
            self.offsets.append(self.offsets[-1] + len(character.encode("utf-8", "surrogatepass")))

    def grown(self, buffer: bytes, start: int, end: int, place: int) -> int:
        """The last character up to which the text from `start` on is what `buffer` holds at `place`; at least `end`."""
        first = self.offsets[start]
        low, high = end, len(self.text)  # text[start:low] is there; binary search for the largest such end
        while low < high:
            middle = (low + high + 1) // 2
            if buffer.startswith(self.data[first : self.offsets[middle]], place):
                low = middle
            else:
                high = middle - 1
        return low
