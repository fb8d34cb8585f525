"""A page's markup cut into blocks of text and the elements that hold them, in one pass over its tags.

A tokenizer and a stack, no full HTML parser: blocks need no exact tree, and every page takes linear time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from html import unescape

from etymon.corpus.extract.names import marks

MOST_BLOCKS = 100_000
"""Text after so many blocks is left out: they take a second and 200 MB. Of 990 real pages (the evaluation pages of
trafilatura) none has over 6,220."""

# What holds no text of the page: dropped before tags are read. Each alternative may end where the page ends, so a
# missing end tag never makes the search begin again.
_UNSEEN = re.compile(
    r"<!--[^-]*+(?:-(?!->)[^-]*+)*+(?:-->)?"
    r"|<(?:svg|math|iframe|object|canvas)\b[^<>]*+(?<=/)>"
    r"|<(script|style|noscript|template|svg|iframe|select|textarea|object|math|audio|video|canvas)\b"
    r"[^<]*+(?:<(?!/\1\b)[^<]*+)*+(?:</\1[^>]*>?)?",
    re.IGNORECASE,
)
# A tag with its attributes, where ">" may stand inside quotes. It always matches; an empty last group tells that its
# end or a closing quote is missing, and then _LOOSE_TAG, for which a tag ends at the next "<" or ">", reads the rest.
_TAG = re.compile(
    r"""<(/?)([a-zA-Z][^\s/>"'<]*+)([^>"']*+(?:"[^"]*+"[^>"']*+|'[^']*+'[^>"']*+)*+)(>?)|<[!?/][^>]*+>?"""
)
_LOOSE_TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/>"'<]*+)([^<>]*+)(>?)|<[!?/][^<>]*+>?""")
_NAMED = re.compile(r"""(?:^|[\s"'])(class|id|role|itemprop|style|aria-hidden)\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""")
_HIDDEN = re.compile(r"\shidden(?:\s|$|=)")
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)

_INLINE_NAMES = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img input ins kbd label mark meta link nobr param q "
    "rp rt ruby s samp small source span strike strong sub sup time tt u var wbr area base col embed track"
)
_INLINE = frozenset(_INLINE_NAMES.split())
_VOID = frozenset(("hr",))
_SCOPES = frozenset(("table", "td", "th", "caption"))
_OF_TABLES = frozenset(("table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption"))
_SIBLINGS = {
    "li": ("li",),
    "dt": ("dt", "dd"),
    "dd": ("dt", "dd"),
    "td": ("td", "th"),
    "th": ("td", "th"),
    "option": ("option",),
}


@dataclass(slots=True)
class Blocks:
    """A page's blocks in reading order, and the elements that hold them in the order of their start tags.

    Of each block: text, number of its innermost element, characters inside links, number of links. Of each element:
    tag, marks that its names carry (see `names`), its parent's number (-1: none), and which blocks are in it: from
    `first` to before `last`. Element 0 is the page."""

    texts: list[str] = field(default_factory=list[str])
    element: list[int] = field(default_factory=list[int])
    linked: list[int] = field(default_factory=list[int])
    links: list[int] = field(default_factory=list[int])
    tags: list[str] = field(default_factory=lambda: ["html"])
    marks: list[int] = field(default_factory=lambda: [0])
    parent: list[int] = field(default_factory=lambda: [-1])
    first: list[int] = field(default_factory=lambda: [0])
    last: list[int] = field(default_factory=lambda: [0])
    title: str = ""


def blocks(html: str) -> Blocks:
    """The blocks of a page, MOST_BLOCKS at most. Linear in the page's length; any text is a page."""
    reader = _Reader()
    reader.read(_UNSEEN.sub(" ", html))
    return reader.page


class _Reader:
    """State of one pass: the open elements, and the block that is being gathered."""

    __slots__ = ("breaks", "link_depth", "linked", "links", "page", "pieces", "pre", "scopes", "stack")

    def __init__(self) -> None:
        self.page = Blocks()
        self.stack: list[int] = [0]
        self.scopes: list[dict[str, int]] = [{}]  # open elements by tag, since each table cell's beginning
        self.pieces: list[str] = []
        self.linked = self.links = 0
        self.link_depth = 0  # how many elements were open where the open link began; 0: no link is open
        self.breaks = 0
        self.pre = 0

    def read(self, html: str) -> None:
        parts = _TAG.split(html)
        if "" in parts[4::5]:
            parts = _LOOSE_TAG.split(html)
        for text, closing, name, attributes in zip(parts[:-1:5], parts[1::5], parts[2::5], parts[3::5], strict=True):
            if text and (self.pieces or not text.isspace()):
                self.text(text)
            if not name:
                continue
            name = name.lower()
            if name in _INLINE:
                if name == "a":
                    self.link(not closing and "href" in attributes)
            elif name == "br":
                self.line_break()
            elif closing:
                self.close(name)
            elif len(self.page.texts) < MOST_BLOCKS:
                self.open(name, attributes)
            else:
                break
        if parts[-1]:
            self.text(parts[-1])
        while self.stack:
            self.pop()

    def text(self, text: str) -> None:
        if "&" in text:
            text = unescape(text)
        if self.link_depth:
            self.linked += len(text.strip())
        if self.breaks:
            if text.isspace():
                return
            self.breaks = 0
        self.pieces.append(text)

    def link(self, begins: bool) -> None:
        self.links += begins
        self.link_depth = len(self.stack) if begins else 0

    def open(self, name: str, attributes: str) -> None:
        if self.pieces:
            self.flush()
        if name in _VOID:
            return
        self.close_before(name)
        page = self.page
        bits = _marks(name, attributes) if name != "body" else 0  # a body's classes tell of whole sites
        page.parent.append(self.stack[-1])
        self.stack.append(len(page.tags))
        page.tags.append(name)
        page.marks.append(bits)
        page.first.append(len(page.texts))
        page.last.append(0)
        if name in _SCOPES:
            self.scopes.append({})
        scope = self.scopes[-1]
        scope[name] = scope.get(name, 0) + 1
        self.pre += name == "pre"

    def close_before(self, name: str) -> None:
        """Closes what HTML closes by itself where an element begins."""
        top = self.page.tags[self.stack[-1]]
        if top == "p" or top in _SIBLINGS.get(name, ()):
            self.pop()
        elif name == "tr" and top in ("td", "th", "tr"):
            while self.pop() != "tr" and self.page.tags[self.stack[-1]] == "tr":
                pass

    def close(self, name: str) -> None:
        """Closes the innermost open element of that name and what is open in it; none outside the table cell, except
        parts of the cell's own table."""
        if name == "title" and not self.page.texts:
            self.page.title = self.page.title or _spaced("".join(self.pieces))
            self.pieces = []
        if self.pieces:
            self.flush()
        scope = self.scopes[-1]
        if scope.get(name) or (name in _OF_TABLES and "table" not in scope and self.scopes[-2:][0].get(name)):
            while self.pop() != name:
                pass

    def pop(self) -> str:
        if self.pieces:
            self.flush()
        element = self.stack.pop()
        self.page.last[element] = len(self.page.texts)
        name = self.page.tags[element]
        if self.stack:
            self.scopes[-1][name] -= 1
            if name in _SCOPES:
                self.scopes.pop()
        self.pre -= name == "pre"
        if self.link_depth > len(self.stack):
            self.link_depth = 0
        return name

    def line_break(self) -> None:
        self.breaks += 1
        if self.breaks == 2 and not self.pre:
            self.flush()
        else:
            self.pieces.append("\n")

    def flush(self) -> None:
        """Ends the block that is being gathered."""
        self.breaks = 0
        whole = "".join(self.pieces)
        text = whole.strip("\n").rstrip() if self.pre else _spaced(whole)
        page = self.page
        if text and not text.isspace() and len(page.texts) < MOST_BLOCKS:
            page.texts.append(text)
            page.element.append(self.stack[-1])
            page.linked.append(min(self.linked, len(text)))
            page.links.append(self.links)
        self.pieces, self.linked, self.links = [], 0, 0


def _spaced(text: str) -> str:
    return " ".join(text.split())


@lru_cache(maxsize=1 << 14)
def _marks(tag: str, attributes: str) -> int:
    """The marks of an element by its class, id, role and itemprop, and by a style or attribute that hides it."""
    names: list[str] = []
    hidden = "hidden" in attributes and _HIDDEN.search(attributes) is not None
    for key, value in _NAMED.findall(attributes):
        if key == "style":
            hidden = hidden or _HIDING.search(value) is not None
        elif key == "aria-hidden":
            hidden = hidden or "true" in value
        else:
            names.append(value)
    return marks(tag, " ".join(names), hidden)
