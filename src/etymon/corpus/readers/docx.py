"""DOCX: the text of a word processor's file, a paragraph a line, cells of a table by tabs; notes come last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from etymon.corpus.found import Broken, Fault, Found, Reading
from etymon.corpus.readers.package import Package, parse, told
from etymon.corpus.sources import Source

BODY, ABOUT = "word/document.xml", "docProps/core.xml"
NOTES = ("word/footnotes.xml", "word/endnotes.xml")
MARKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "softHyphen": ""}
UNSEEN = frozenset(("Fallback", "del", "moveFrom", "instrText", "pPr"))
"""Elements that hold no text of the document: the second form of a picture, what was deleted or moved away, the words
of a field's formula, and the form of a paragraph (with its tab stops)."""


def read(source: Source, reading: Reading) -> Iterator[Found | Fault]:
    """One document per file."""
    with Package(source, "DOCX") as package:
        if BODY not in package:
            raise Broken("wrong format", f"no DOCX: there is no {BODY} in it")
        about = _about(package)
        texts = [_text(package.read(name)) for name in (BODY, *NOTES) if name in package]
        facts = (("title", about.get("title", "")), ("last-modified", about.get("modified", "")))
        text = "\n\n".join(filter(None, texts))
        if not text:
            raise Broken("no text", "there is no word in it")
        yield Found(text, 0, language=about.get("language", "")[:32], facts=facts)


def _about(package: Package) -> dict[str, str]:
    """What the file says about itself; where that is damaged its text is still to be had."""
    with suppress(Broken):
        if ABOUT in package:
            return told(package.read(ABOUT), frozenset(("title", "language", "modified")))
    return {}


class _Text:
    """The text of a part as its elements come by; text boxes, which stand amid the sentence of somebody else, apart."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.boxes: list[str] = []
        self._hidden = self._cells = self._boxed = 0
        self._said = False  # within an element whose characters are text

    def _add(self, piece: str) -> None:
        if not self._hidden:
            (self.boxes if self._boxed else self.pieces).append(piece)

    def _within_line(self) -> bool:
        pieces = self.boxes if self._boxed else self.pieces
        return bool(pieces) and not pieces[-1].endswith("\n")

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        self._hidden += name in UNSEEN
        self._cells += name == "tc"
        self._boxed += name == "txbxContent"
        self._said = name == "t"
        if name in MARKS and (attributes.get("type") != "page" or self._within_line()):
            self._add(MARKS[name])

    def text(self, piece: str) -> None:
        """Characters."""
        if self._said:
            self._add(piece)

    def end(self, name: str) -> None:
        """An element ends."""
        self._said = False
        if name == "p":
            self._add(" " if self._cells and not self._boxed else "\n")
        elif name in ("tc", "tr"):
            self._add("\t" if name == "tc" else "\n")
        self._hidden -= name in UNSEEN
        self._cells -= name == "tc"
        self._boxed -= name == "txbxContent"


def _text(data: bytes) -> str:
    """The text of one part."""
    said = _Text()
    parse(data, start=said.start, end=said.end, text=said.text)
    lines = "".join([*said.pieces, "\n", *said.boxes]).split("\n")
    return "\n".join(map(_tidy, lines)).strip("\n")


def _tidy(line: str) -> str:
    """A line without white space at its end, and before the tabs between cells."""
    return "\t".join(cell.rstrip() for cell in line.split("\t")).rstrip()
