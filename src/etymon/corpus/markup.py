"""Bounds that a page must keep before any parser sees it: parsers take quadratic time on some pages that break them."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 8 << 20
MOST_DEPTH = 3000
"""Elements open at once. Main-content extraction of 20,000 nested ones takes over 12 s, of 2,000 0.2 s. Of 1,033 real
pages (149 MB, the evaluation pages of trafilatura) one has 1,500 by this count, all others at most 665."""
MOST_ATTRIBUTES = 2000
"""20,000 attributes on one tag take every parser that was tried seconds. The same real pages have at most 395."""
MOST_TAGS = 200_000
"""A table of 400,000 cells costs main-content extraction a second. Of 73,000 real pages (1.2 GB of documentation, of
Debian and Rust) three within the bound of bytes have more, all of them listings of generated code."""
LONG_TAG = re.compile(r"<[a-zA-Z][^<>]{4000,}")

# Elements that hold nothing or are commonly left open and closed by their next sibling, by their first two letters
# ("p" alone as "p>"): they do not nest.
FLAT = (
    "br",
    "hr",
    "im",
    "in",
    "me",
    "li",
    "p>",
    "p ",
    "td",
    "th",
    "tr",
    "op",
    "dt",
    "dd",
    "co",
    "so",
    "wb",
    "ba",
    "pa",
)
_FLAT_CODES = np.array([ord(a) << 8 | ord(b) for a, b in FLAT], np.uint16)


def check_markup(html: str) -> str:
    """The bound that a page breaks, in words; "" where it keeps them all. Linear in the page's length."""
    if len(html) > MOST_BYTES:
        return f"markup over {MOST_BYTES >> 20} MiB"
    if any(tag.group().count("=") > MOST_ATTRIBUTES for tag in LONG_TAG.finditer(html)):
        return f"a tag with over {MOST_ATTRIBUTES:,} attributes"
    tags = html.count("<")
    if tags > MOST_TAGS:
        return f"over {MOST_TAGS:,} tags"
    if tags > MOST_DEPTH and _depth(html) > MOST_DEPTH:
        return f"over {MOST_DEPTH:,} elements open at once"
    return ""


def _depth(html: str) -> int:
    """How many elements are open at once at most, by counting tags."""
    data = np.frombuffer(html.encode("utf-8", "replace") + b"   ", np.uint8)
    places = np.flatnonzero(data[:-3] == ord("<"))
    first, second = data[places + 1], data[places + 2]
    closes = first == ord("/")
    steps = _opens(first, second).astype(np.int64) - (closes & _opens(second, data[places + 3]))
    total = np.cumsum(steps)
    return int((total - np.minimum.accumulate(np.minimum(total, 0))).max(initial=0))


def _opens(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which tags, given by the first two bytes of their names, are of elements that nest."""
    low, next_low = first | 0x20, np.where((second >= 65) & (second <= 90), second | 0x20, second)
    codes = low.astype(np.uint16) << 8 | next_low
    return (low >= ord("a")) & (low <= ord("z")) & ~np.isin(codes, _FLAT_CODES)
