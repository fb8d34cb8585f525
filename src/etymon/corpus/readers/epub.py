"""EPUB: a document for each chapter of a book, in the order of reading."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from importlib import import_module
from typing import Any
from urllib.parse import unquote

from etymon.corpus.archive import decoded
from etymon.corpus.found import Broken, Fault, Found, Reading
from etymon.corpus.markup import check_markup
from etymon.corpus.optouts import RESERVATION
from etymon.corpus.readers.package import Package, parse, told
from etymon.corpus.sources import Source

CONTAINER, RIGHTS = "META-INF/container.xml", "META-INF/encryption.xml"
TDM = "tdm:reservation"
PAGES = frozenset(("application/xhtml+xml", "text/html", "text/x-oeb1-document"))
FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
"""Ways to scramble a font, which do not touch the text."""
CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
"""Text that XML takes as it stands, and readers of HTML for a comment."""
CLOSED = re.compile(r"<(title|script|style|textarea|iframe|noscript)\b([^<>]*)/>", re.IGNORECASE)
"""In XHTML these may be empty and closed at once; a reader of HTML takes all that follows to be inside of them."""


@dataclass(slots=True)
class Book:
    """What a book's list of contents says: parts by their id, and the ids in the order of reading."""

    pages: dict[str, str] = field(default_factory=dict[str, str])
    order: list[str] = field(default_factory=list[str])
    contents: set[str] = field(default_factory=set[str])
    """Ids of its table of contents."""
    reserved: str = ""
    """What it says of the rights of text and data mining (TDMRep, for EPUB), as in a header."""


def read(source: Source, reading: Reading) -> Iterator[Found | Fault]:
    """The chapters of a book; one that is damaged costs only itself."""
    with Package(source, "EPUB") as package:
        listed = _listed_at(package)
        data = package.read(listed)
        book = _book(data, posixpath.dirname(listed))
        about = told(data, frozenset(("title", "language", "date")))
        locked = _locked(package)
        facts = (("title", about.get("title", "")), ("date", about.get("date", "")), (RESERVATION, book.reserved))
        for id in dict.fromkeys(book.order):
            if id in book.pages and id not in book.contents:
                name = book.pages[id]
                url = f"{source.name}#{name}"
                offset = package.offset(name) if name in package else 0
                try:
                    text = _chapter(package, name, locked)
                except Broken as broken:
                    yield Fault(broken.kind, offset, 0, broken.detail, url)
                    continue
                yield Found(text, offset, url=url, language=about.get("language", "")[:32], facts=facts)


def _listed_at(package: Package) -> str:
    """The name of the part that lists the others."""
    if CONTAINER not in package:
        raise Broken("wrong format", f"no EPUB: there is no {CONTAINER} in it")
    names: list[str] = []

    def start(name: str, attributes: Mapping[str, str]) -> None:
        if name == "rootfile":
            names.append(attributes.get("full-path", ""))

    parse(package.read(CONTAINER), start=start)
    for name in names:
        if name in package:
            return name
    raise Broken("broken epub", f"{CONTAINER} leads to no list of its parts")


def _book(data: bytes, folder: str) -> Book:
    book = Book()
    reserving = False

    def start(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal reserving
        id = attributes.get("id", "")
        if name == "item" and attributes.get("media-type") in PAGES:
            book.pages[id] = posixpath.normpath(posixpath.join(folder, unquote(attributes.get("href", ""))))
            if "nav" in attributes.get("properties", "").split():
                book.contents.add(id)
        elif name == "itemref":
            book.order.append(attributes.get("idref", ""))
        elif name == "meta" and TDM in (attributes.get("property"), attributes.get("name")):
            reserving = True
            book.reserved = attributes.get("content", "")

    def text(piece: str) -> None:
        if reserving:
            book.reserved += piece

    def end(_: str) -> None:
        nonlocal reserving
        reserving = False

    parse(data, start=start, end=end, text=text)
    return book


def _locked(package: Package) -> frozenset[str]:
    """The parts that nobody can read without a key from a shop."""
    if RIGHTS not in package:
        return frozenset()
    names: set[str] = set()
    way = ""

    def start(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal way
        if name == "EncryptionMethod":
            way = attributes.get("Algorithm", "")
        elif name == "CipherReference" and way not in FONTS:
            names.add(unquote(attributes.get("URI", "")))

    parse(package.read(RIGHTS), start=start)
    return frozenset(names)


def _chapter(package: Package, name: str, locked: frozenset[str]) -> str:
    """The text of a chapter, a block a line."""
    if name not in package:
        raise Broken("broken epub", f"{name} is listed, but not in it")
    if name in locked:
        raise Broken("encrypted", f"{name} is locked by the rights management of a shop")
    html = CDATA.sub(lambda found: escape(found[1]), CLOSED.sub(r"<\1\2></\1>", decoded(package.read(name))))
    if cap := check_markup(html):
        raise Broken("page out of bounds", cap)
    return _library().extract_plain_text(html, main_content=False, alt_texts=False, noscript=True)


def _library() -> Any:
    try:
        return import_module("resiliparse.extract.html2text")
    except ImportError as error:
        raise Broken("no HTML reader", "resiliparse is not installed: pip install resiliparse") from error
