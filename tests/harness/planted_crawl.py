"""A crawl with known truth: pages of the Python documentation in a site's template, and faults planted among them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from pydoc_data.topics import topics

from harness.crawl import Crawled, write_warc

MENU = ("Home", "Products", "Pricing", "Careers", "Contact", "Newsletter", "Imprint", "Sitemap")
COOKIES = "We value your privacy and use cookies to improve your visit of this site"
FOOTER = "Copyright by the owners of this site, all rights are reserved worldwide"
MARKS = re.compile(r"[^\w\s.,-]|\d+|_")
"""Of plain prose; the documentation's own marks would make it look like a list of symbols."""
ITEM = "the quick river carried seventeen wooden boats past the old mill before anybody in the village had woken up"
EMAIL = "someone.real@mail.example.org"


@dataclass(frozen=True)
class Planted:
    """One answer of the crawl and what has to become of it: an outcome and a rule ("" for kept)."""

    page: Crawled
    outcome: str
    rule: str = ""


def site(body: str, head: str = "") -> bytes:
    """A page around its main content: navigation, a cookie notice, a footer."""
    links = "".join(f'<li><a href="/{name.lower()}">{name}</a></li>' for name in MENU)
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>A page</title>{head}</head><body>"
        f"<header><nav><ul>{links}</ul></nav></header><main><article>{body}</article></main>"
        f'<div class="cookie-banner">{COOKIES}</div><footer>{FOOTER}</footer></body></html>'
    ).encode()


def paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(' '.join(each.split()))}</p>" for each in text.split("\n\n") if each.strip())


def prose() -> Iterator[str]:
    """Different long sections of the language reference that hold sentences more than tables and code."""
    said: set[str] = set()
    for name in sorted(topics):
        whole = "\n\n".join(each for each in topics[name].split("\n\n") if each.strip().endswith((".", ":")))
        plain = [each for each in whole.split("\n\n") if len(each) > 200 and "::" not in each and "|" not in each]
        text = MARKS.sub("", "\n\n".join(plain[:12]))
        if len(plain) >= 4 and said.isdisjoint(plain) and mostly_letters(text):
            said.update(plain)
            yield text


def mostly_letters(text: str) -> bool:
    """Whether almost nine of ten words and marks have a letter."""
    parts = re.findall(r"\w+|[^\w\s]", text)
    return sum(any(map(str.isalpha, part)) for part in parts) > 0.892 * len(parts)


def planted_crawl(count: int = 32) -> list[Planted]:
    """Good pages, and one or more of each fault."""
    texts = list(prose())[:count]
    html = {"Content-Type": "text/html; charset=utf-8"}
    good = [Crawled(f"https://docs.example.org/{n}", site(paragraphs(text)), html) for n, text in enumerate(texts)]
    near = texts[0].replace(" the ", " one ", 2)
    repeated = "<p>buy cheap watches online now best price cheap watches today</p>" * 60
    faults = [
        Planted(Crawled("https://copy.example.org/a", site(paragraphs(texts[1])), html), "dropped", "exact duplicate"),
        Planted(Crawled("https://near.example.org/a", site(paragraphs(near)), html), "dropped", "near duplicate"),
        Planted(
            Crawled("https://wish.example.org/a", good[2].body, {**html, "X-Robots-Tag": "noai"}),
            "dropped",
            "opted out",
        ),
        Planted(
            Crawled("https://wish.example.org/b", site(paragraphs(texts[3]), '<meta name="robots" content="noai">')),
            "dropped",
            "opted out",
        ),
        Planted(
            Crawled("https://wish.example.org/c", good[2].body, {**html, "Content-Signal": "ai-train=no"}),
            "dropped",
            "opted out",
        ),
        Planted(Crawled("https://gone.example.org/a", good[4].body, html, status=404), "dropped", "http status 404"),
        Planted(
            Crawled("https://pics.example.org/a.png", b"\x89PNG\r\n", {"Content-Type": "image/png"}),
            "dropped",
            "not a page: image/png",
        ),
        Planted(Crawled("https://spam.example.org/a", site(repeated), html), "dropped", "keyword spam"),
        Planted(
            Crawled("https://deep.example.org/a", b"<div>" * 20_000 + good[5].body, html),
            "quarantined",
            "page out of bounds",
        ),
        Planted(
            Crawled("https://test.example.org/a", site(paragraphs(texts[6] + "\n\n" + ITEM + ".")), html),
            "dropped",
            "holds test items",
        ),
    ]
    return [*(Planted(page, "kept") for page in good), *faults]


def write_planted_crawl(folder: Path, *, files: int = 3) -> list[Planted]:
    """Writes the crawl as some WARC files, each with a record about itself; the truth about every page."""
    folder.mkdir(parents=True, exist_ok=True)
    planted = planted_crawl()
    size = -(-len(planted) // files)
    for number in range(files):
        about = Crawled("", b"software: a test\r\n", kind="warcinfo")
        pages = [each.page for each in planted[number * size : (number + 1) * size]]
        write_warc(folder / f"part-{number}.warc.gz", [about, *pages])
    return planted
