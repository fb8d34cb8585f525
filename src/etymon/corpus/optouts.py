"""Wishes not to be used for training, as pages and servers express them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

NO_AI = frozenset(("noai", "noml"))
"""Directives of robots metas and X-Robots-Tag against use for AI (DeviantArt 2022, taken up by others). `noindex` and
`none` are wishes of another kind, about search, and `noimageai` is about pictures: none of them drops a text."""
USAGE = re.compile(r"(?:^|[,;\s])(?:train-ai|ai-train|train-genai|tdm|bots)\s*=\s*n(?:o)?\b", re.IGNORECASE)
"""A category of use that holds training, with the preference no: Content-Usage (IETF AI Preferences working group,
draft-ietf-aipref-attach and the categories of its vocabulary's drafts), and Content-Signal (Cloudflare 2025,
draft-romm-aipref-contentsignals)."""
USAGE_HEADERS = ("content-usage", "content-signal")
RESERVATION = "tdm-reservation"
"""TDMRep (W3C community group report, 2024): the value 1 reserves the rights of text and data mining."""
ROBOTS = "x-robots-tag"
HEADERS = (ROBOTS, RESERVATION, *USAGE_HEADERS)
"""The HTTP headers in which a server says its wishes."""


def opted_out(facts: Iterable[tuple[str, str]], robots: str = "") -> str:
    """The wish that a page, or the server that gave it, expresses against being trained on; "" for none.

    `facts` are HTTP headers (lower case; one may come twice); `robots` is what the page's own metas say, joined by
    commas. A wish that is told to one crawler by name is heard as well: it would hardly be another for the rest."""
    said: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in facts:
        said[name].append(value)
    for where, directives in (("X-Robots-Tag", ",".join(said[ROBOTS])), ("robots meta", robots)):
        if found := NO_AI & _words(directives):
            return f"{min(found)} ({where})"
    if "1" in _words(",".join(said[RESERVATION])):
        return f"{RESERVATION} (header)"
    if f"{RESERVATION}=1" in _words(robots):
        return f"{RESERVATION} (meta)"
    return next((f"{name} (header)" for name in USAGE_HEADERS if USAGE.search(",".join(said[name]))), "")


def _words(directives: str) -> set[str]:
    """The directives in a header; one may be headed by the agent that it is for ("otherbot: noai")."""
    return {word.rpartition(":")[2].strip().lower() for word in directives.split(",")}
