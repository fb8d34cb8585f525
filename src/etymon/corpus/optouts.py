"""Wishes not to be used for training, as pages and servers express them."""

from __future__ import annotations

import re
from collections.abc import Iterable

NO_AI = frozenset(("noai", "noml"))
"""Directives of robots metas and X-Robots-Tag against use for AI (DeviantArt 2022, taken up by others). `noindex` is a
wish of another kind, about search, and `noimageai` is about pictures: neither drops a text."""
RESERVED = re.compile(r"^\s*1\s*$")
"""TDMRep (W3C community group report, 2024): tdm-reservation 1 reserves the rights of text and data mining."""
USAGE = re.compile(r"(?:^|[,;\s])(?:train-ai|ai-train|train-genai|tdm|bots)\s*=\s*n\b", re.IGNORECASE)
"""Content-Usage (IETF AI Preferences working group): a category of use with the preference n."""


def opted_out(facts: Iterable[tuple[str, str]], robots: str = "") -> str:
    """The wish that a page, or the server that gave it, expresses against being trained on; "" for none.

    `facts` are HTTP headers (lower case); `robots` is what the page's own metas say, joined by commas."""
    said = dict(facts)
    for where, directives in (("X-Robots-Tag", said.get("x-robots-tag", "")), ("robots meta", robots)):
        if found := NO_AI & _words(directives):
            return f"{min(found)} ({where})"
    if RESERVED.match(said.get("tdm-reservation", "")):
        return "tdm-reservation (header)"
    if "tdm-reservation=1" in {word.strip() for word in robots.split(",")}:
        return "tdm-reservation (meta)"
    return "content-usage (header)" if USAGE.search(said.get("content-usage", "")) else ""


def _words(directives: str) -> set[str]:
    """The directives in a header; one may be headed by the agent that it is for ("otherbot: noai")."""
    return {word.rpartition(":")[2].strip().lower() for word in directives.split(",")}
