"""One page: its text by the extractor that was asked for, its title, language, and wishes about its use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from importlib import import_module, metadata
from typing import Any

from etymon.corpus.extract.learned import main_content, weights
from etymon.errors import EtymonError

EXTRACTORS = ("resiliparse", "learned", "trafilatura")
HEAD = 1 << 20
"""Characters in which the end of a page's head is looked for, and wishes: a script or comment may name <body first."""
# No pattern may cross a "<": a head full of tags that are never closed is then still read in linear time.
_BODY = re.compile(r"<body\b", re.IGNORECASE)
_TITLE = re.compile(r"<title[^<>]*+>([^<]*+)", re.IGNORECASE)
_LANGUAGE = re.compile(r"<html\s[^<>]*?\blang\s*=\s*[\"']?([a-zA-Z-]{2,12})", re.IGNORECASE)
_META = re.compile(r"<meta\s[^<>]*+>", re.IGNORECASE)
_NAME = re.compile(r"\bname\s*=\s*[\"']?([\w&#;-]+)", re.IGNORECASE)
_CONTENT = re.compile(r"\bcontent\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", re.IGNORECASE)
ROBOTS = frozenset(("robots", "googlebot"))
RESERVATION = "tdm-reservation"


@dataclass(frozen=True, slots=True)
class Page:
    """What a page's markup gives: main content as text (a block a line), title, the language that it declares ("" for
    none), `robots` (what its robots and tdm-reservation metas say, lower case, joined by commas), how many links it has
    and the bytes of its markup."""

    text: str
    title: str
    language: str
    robots: str
    links: int
    markup_bytes: int


def extract(html: str, url: str, extractor: str) -> Page:
    """A page by one of EXTRACTORS. Raises EtymonError where the library of the extractor is missing."""
    body = _BODY.search(html, 0, HEAD)
    head = html[: body.start() if body else HEAD]
    title = _TITLE.search(head)
    language = _LANGUAGE.search(head)
    return Page(
        text=_text(html, url, extractor),
        title=" ".join(unescape(title[1]).split()) if title else "",
        language=language[1].lower().partition("-")[0] if language else "",
        robots=_robots(html[:HEAD]),
        links=html.count("<a ") + html.count("<A "),
        markup_bytes=len(html.encode("utf-8", "surrogatepass")),
    )


def _robots(head: str) -> str:
    """What metas wish, wherever they stand: a wish in a comment or behind the head is heard rather than missed."""
    said: list[str] = []
    for meta in _META.findall(head):
        name, content = _NAME.search(meta), _CONTENT.search(meta)
        if name and content:
            called, value = unescape(name[1]).lower(), unescape(content[1] or content[2] or content[3] or "")
            if called in ROBOTS:
                said.append(value.lower())
            elif called == RESERVATION:
                said.append(f"{RESERVATION}={value.strip()}")
    return ",".join(said)


def _text(html: str, url: str, extractor: str) -> str:
    if extractor == "resiliparse":
        return _library("resiliparse.extract.html2text", extractor).extract_plain_text(html, main_content=True)
    if extractor == "learned":
        return main_content(html)
    if extractor == "trafilatura":
        # As FineWeb calls it (datatrove's Trafilatura extractor): precision, no comments, duplicates within a page out.
        found = _library("trafilatura", extractor).extract(
            html, favor_precision=True, include_comments=False, deduplicate=True
        )
        return found or ""
    raise EtymonError(f"there is no extractor {extractor}", help=f"the extractors are {', '.join(EXTRACTORS)}")


class MissingExtractor(EtymonError):
    """The library that an extractor rests on is not installed."""


def _library(module: str, package: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        line = "pip install trafilatura lxml_html_clean" if package == "trafilatura" else f"pip install {package}"
        raise MissingExtractor(f"{package} is not installed", help=line) from error


def describe(extractor: str) -> str:
    """Name and version of what an extractor rests on; "none" where it is not installed."""
    if extractor == "learned":
        return f"learned {weights().digest}"
    try:
        return f"{extractor} {metadata.version(extractor)}"
    except metadata.PackageNotFoundError:
        return "none"
