"""Cut a long text into sections at its own joints: blank lines, else line ends, sentence ends, spaces, characters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

JOINTS = (
    re.compile(r"\n[ \t\r]*\n\s*"),  # a blank line
    re.compile(r"\r\n|\n|\r"),  # a line end
    re.compile(r"[.!?…][\"'”’)\]]*\s+|[。！？]"),  # a sentence end
    re.compile(r"\s+"),
)


def _window(text: str, limit: int) -> str:
    """The longest beginning of `text` of at most `limit` UTF-8 bytes, but at least one character."""
    head = text[:limit]
    if head.isascii():
        return head
    return head.encode("utf-8", "surrogatepass")[:limit].decode("utf-8", "ignore") or text[:1]


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def cut(text: str, limit: int) -> int:
    """Characters of the first section of `text`, at most `limit` bytes: the last joint of the best kind in the window.

    A joint counts only after the first quarter of the window, so that sections do not come out tiny."""
    window = _window(text, limit)
    for joint in JOINTS:
        last = 0
        for match in joint.finditer(window, len(window) // 4):
            last = match.end()
        if last:
            return last
    return len(window)


def _finish(text: str, limit: int) -> Iterator[str]:
    """The last sections of a text: a remainder of up to one and a half sections is cut near its middle."""
    while text:
        size = _size(text)
        if size <= limit:
            yield text
            return
        length = cut(text, limit if size >= limit * 3 // 2 else max(1, size * 2 // 3))
        yield text[:length]
        text = text[length:]


def sections(chunks: Iterable[str], limit: int) -> Iterator[str]:
    """The text that `chunks` make up, in sections of at most `limit` UTF-8 bytes (more only if one character is more).

    Concatenated, the sections are the text; where it is cut does not depend on how it came in chunks."""
    held = ""
    for chunk in chunks:
        held += chunk
        start = 0
        while len(held) - start > 2 * limit:
            length = cut(held[start : start + limit], limit)
            yield held[start : start + length]
            start += length
        held = held[start:]
    yield from _finish(held, limit)
