"""Genre by a few cues of address and text; unknown is a value, and the usual one."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

UNKNOWN = "unknown"

# What stands in the path or host of a page's address. In order: the first that is found decides.
URL_CUES = (
    ("forum", re.compile(r"\b(forums?|threads?|topics?|viewtopic|showthread)\b")),
    ("shop", re.compile(r"\b(shop|store|products?|cart|checkout)\b")),
    ("reference", re.compile(r"\b(wiki|encyclopa?edia|dictionary|glossary|docs|documentation|manual)\b")),
    ("news", re.compile(r"\b(news|article|articles)\b|/(19|20)\d\d/\d\d?/")),
    ("blog", re.compile(r"\bblogs?\b")),
)

# What is said, and how often in 1,000 words at least. The words are those that studies of registers name as typical
# (Biber 1988, Variation across speech and writing); the thresholds are ours, set high so that little is claimed.
TEXT_CUES = (
    (
        "legal",
        6.0,
        re.compile(r"\b(hereby|herein|thereof|pursuant to|notwithstanding|shall not|plaintiff|defendant)\b"),
    ),
    ("academic", 4.0, re.compile(r"\b(?:et al|doi|hypothes[ie]s|statistically significant)\b|\[\d+\]")),
    ("code", 20.0, re.compile(r"[{};]\s*$|^\s*(def|class|import|return|public|#include)\b", re.M)),
    (
        "fiction",
        15.0,
        re.compile(r"\b(said|asked|whispered|replied|cried) (he|she|the|[a-z]+)\b|[\"”’'],? (he|she) \w+ed\b"),
    ),
)
LEAST_WORDS = 100
LEAST_CUES = 3
LOOKED_AT = 2000
"""Characters at the beginning of a text, as for its language."""
CODE = "code"


def genre_of(text: str, url: str = "", domain: str = "") -> str:
    """code by the domain of that name; forum, shop, reference, news, blog by the address, or by the domain where that
    is the name of a folder; legal, academic, code, fiction by the words of an English text of at least 100; else
    unknown.

    A label of cues, not a judgement: it was not measured against labelled pages, and a page without cues has none."""
    if domain == CODE:
        return CODE
    place = f"{_place(url)} {domain.lower().replace('_', '-')}"
    for genre, cue in URL_CUES:
        if cue.search(place):
            return genre
    text = text[:LOOKED_AT]
    words = len(text.split())
    if words < LEAST_WORDS:
        return UNKNOWN
    for genre, least, cue in TEXT_CUES:
        found = sum(1 for _ in cue.finditer(text if genre == CODE else text.lower()))
        if found >= max(LEAST_CUES, least * words / 1000):
            return genre
    return UNKNOWN


def _place(url: str) -> str:
    """Host and path of a web address in lower case, dashes being no part of words; "" for anything else."""
    if not url.startswith(("http://", "https://")):
        return ""
    try:
        parts = urlsplit(url.lower())
    except ValueError:
        return ""
    return f"{parts.netloc}{parts.path}".replace("_", "-")
