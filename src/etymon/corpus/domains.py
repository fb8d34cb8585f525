"""The rule table that names a document's domain."""

from __future__ import annotations

from urllib.parse import urlsplit

from etymon.corpus.builtin import PYTHON
from etymon.corpus.found import Found
from etymon.corpus.sources import Source


def domain_of(source: Source, found: Found) -> str:
    """In order: the record's own domain; "docs" or "code" for the embedded text; "code" for source code; the top folder
    below the path that was given; the host of the record's url; "text"."""
    if found.domain:
        return found.domain
    if source.name.startswith(PYTHON):
        return source.name.removeprefix(PYTHON).partition("/")[0]
    if source.format == "code":
        return "code"
    folder, below, _ = source.name.partition("/")
    return folder if below else _host(found.url) or "text"


def _host(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        return ""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # an url that is none names no host
        return ""
    return host.removeprefix("www.")
