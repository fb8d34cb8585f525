"""Pages that are hard to read: each kind aims at one weakness of parsers, patterns or measures, made by seed.

Those of KINDS are as large as a page comes, so that many break the bounds of `etymon.corpus.markup` and of a crawled
page's text; those of LARGEST lie just within all bounds, and are the dearest pages that are worked on.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable

from harness.crawl import Crawled

HTML = {"Content-Type": "text/html; charset=utf-8"}
WORDS = ("the", "of", "and", "to", "in", "that", "is", "was", "for", "it", "with", "as", "his", "on", "be", "at", "by")
MEGABYTE = 1 << 20


def _prose(draw: random.Random, words: int) -> str:
    return " ".join(draw.choices(WORDS, k=words))


def _page(body: str) -> bytes:
    return f"<!doctype html><html lang=en><head><title>A page</title></head><body>{body}</body></html>".encode()


def _article(text: str) -> bytes:
    """A page whose text survives every extractor: it stands in the main content, in paragraphs."""
    return _page(f"<main><article><p>{text}</p></article></main>")


def deep_nesting(draw: random.Random) -> bytes:
    """Almost as many open elements as are let through, with text at each level."""
    depth = draw.randint(2800, 2950)
    return _page("<div>x" * depth + _prose(draw, 50) + "</div>" * depth)


def too_deep(draw: random.Random) -> bytes:
    return _page("<div><span>" * 100_000 + _prose(draw, 50))


def million_attributes(draw: random.Random) -> bytes:
    return _page("<p " + " ".join(f"a{n}={n}" for n in range(600_000)) + ">" + _prose(draw, 50))


def many_attributes(draw: random.Random) -> bytes:
    """Tags that each have almost as many attributes as are let through."""
    tag = "<i " + " ".join(f"a{n}={n}" for n in range(1900)) + ">x</i>"
    return _article(tag * 100 + _prose(draw, 50))


def endless_line(draw: random.Random) -> bytes:
    """Megabytes of words without a line's end, or of one word."""
    return _article(_prose(draw, 500_000) + " " + "wordwithoutend" * 100_000)


def entity_storm(draw: random.Random) -> bytes:
    return _article("&amp;&#x27;&notin&#0;&#xFFFFFFF;&lt&CounterClockwiseContourIntegral;&;" * 40_000)


def huge_table(draw: random.Random) -> bytes:
    row = "<tr>" + "".join(f"<td>{draw.randint(0, 999)}<td>" for _ in range(50))
    return _page("<table>" + row * 4000 + "</table>" + _prose(draw, 50))


def nested_tables(draw: random.Random) -> bytes:
    return _page("<table><tr><td>x" * 2000 + _prose(draw, 50))


def email_traps(draw: random.Random) -> bytes:
    """Almost addresses, for patterns that go back over what they have read."""
    return _article("a." * 200_000 + "@" + "a-" * 200_000 + "@ " + "a@a." * 200_000 + "@" * 200_000)


def number_traps(draw: random.Random) -> bytes:
    """Almost numbers of phones, cards and accounts, and almost addresses of machines."""
    digits = "".join(draw.choices("0123456789", k=100_000))
    return _article(
        f"{digits} " + "1-" * 100_000 + " 4 " * 100_000 + "1.1." * 100_000 + "GB00 0000 " * 50_000 + "+(1) (" * 50_000
    )


def edit_traps(draw: random.Random) -> bytes:
    """Almost citations, policies, scripts and ellipses, for the edits and rules of recipes."""
    return _article(
        "[" * 200_000 + "[1" * 100_000 + "." * 200_000 + " javascrip" * 50_000 + " cookie polic" * 50_000 + "{" * 1000
    )


def zero_widths(draw: random.Random) -> bytes:
    """Marks that take no room, and accents stacked on one letter."""
    return _article("\u200b\u200d\u2060\ufeff\u00ad\u202e" * 100_000 + "e" + "\u0301\u0327" * 200_000)


def nested_quotes(draw: random.Random) -> bytes:
    """Quotations in quotations, and quotation marks that are never closed."""
    return _page("<blockquote><q>\"'" * 1400 + _prose(draw, 50) + "\"'“‘«" * 200_000)


def one_character(draw: random.Random) -> bytes:
    return _article(draw.choice("a.- \n\u3042") * (2 * MEGABYTE))


def one_letter_words(draw: random.Random) -> bytes:
    """One 2-gram said a million times: the worst case of everything that counts n-grams."""
    return _article("a " * MEGABYTE)


def short_lines(draw: random.Random) -> bytes:
    return _page("<main>" + "<p>a</p>" * 200_000 + "b<br>" * 200_000 + "</main>")


def unclosed_tags(draw: random.Random) -> bytes:
    """Tags, comments and quoted values that never end."""
    return _page('<a href="x' * 50_000 + "<!-- " * 50_000 + "<p><" * 50_000 + "<![CDATA[" * 50_000)


def unclosed_formatting(draw: random.Random) -> bytes:
    """Bold text that is never closed: a parser that follows the standard opens all of it again in every paragraph."""
    bold = "".join(f"<b id={n}>" for n in range(1000))
    return _page(bold + "<p>x" * 20_000)


def crossed_formatting(draw: random.Random) -> bytes:
    """Elements closed in the wrong order, which the standard's adoption agency has to sort out."""
    return _page("<a><div><b><p></a></b></div>" * 20_000 + _prose(draw, 50))


def foster_parents(draw: random.Random) -> bytes:
    """Text in tables where none may stand: each piece moves in front of the table."""
    return _page("<table>" + "x<tr>y<b>z</b>" * 100_000)


def script_soup(draw: random.Random) -> bytes:
    data = "".join(draw.choices("abcdefghij{}[]\"':,", k=100_000))
    soup = f"<script>var a = '{data}</scr' + 'ipt>';<!-- <script> </script><style>{data}</style>"
    image = "<img src='data:image/png;base64," + "QUJD" * 250_000 + "'>"
    return _page(soup * 15 + image * 2 + _prose(draw, 50))


def encoded_bomb(draw: random.Random) -> bytes:
    """A body that its content encoding makes a thousand times as large."""
    return gzip.compress(_page("a" * (100 * MEGABYTE)), 9, mtime=0)


def unspaced_script(draw: random.Random) -> bytes:
    """A writing without spaces between words, and no line's end."""
    return _article("".join(chr(draw.randint(0x4E00, 0x9FA5)) for _ in range(MEGABYTE)))


def no_text_at_all(draw: random.Random) -> bytes:
    """Bytes of every value that say they are a page."""
    return b"<html>" + draw.randbytes(2 * MEGABYTE)


def most_words(draw: random.Random) -> bytes:
    """As many words as characters let through can be."""
    return _article("a " * 549_990)


def most_lines(draw: random.Random) -> bytes:
    """As many elements as are let through, each a line."""
    return _page("<main>" + "<p>a</p>" * 99_900 + "</main>")


def most_cells(draw: random.Random) -> bytes:
    row = "<tr>" + "".join(f"<td>{draw.randint(0, 999)}<td>" for _ in range(49))
    return _page("<table>" + row * 2000 + "</table>" + _prose(draw, 50))


def most_marks(draw: random.Random) -> bytes:
    """Quotation marks in chunks that are just short enough to be split."""
    return _article(" ".join(f"{draw.randint(0, 999)}" + "\"'“‘«" * 19_999 for _ in range(10)))


def most_traps(draw: random.Random) -> bytes:
    """Almost addresses and numbers, in chunks that are just short enough to be split."""
    digits = "".join(draw.choices("0123456789", k=50_000))
    addresses = "a." * 24_000 + "@" + "a-" * 24_000 + "@ " + "a@a." * 24_000 + "@" * 3000 + " "
    numbers = "1-" * 49_000 + " " + "1.1." * 24_000 + " " + " 4 " * 30_000 + "GB00 0000 " * 15_000 + "+(1) (" * 15_000
    return _article(f"{addresses}{digits} {numbers} " + "[1" * 49_000 + " " + ". " * 49_000)


def most_noise(draw: random.Random) -> bytes:
    """Bytes of every value, as many as can be read as text within bounds."""
    return b"<html>" + draw.randbytes(MEGABYTE)


KINDS: dict[str, Callable[[random.Random], bytes]] = {
    make.__name__.replace("_", " "): make
    for make in (
        deep_nesting,
        too_deep,
        million_attributes,
        many_attributes,
        endless_line,
        entity_storm,
        huge_table,
        nested_tables,
        email_traps,
        number_traps,
        edit_traps,
        zero_widths,
        nested_quotes,
        one_character,
        one_letter_words,
        short_lines,
        unclosed_tags,
        unclosed_formatting,
        crossed_formatting,
        foster_parents,
        script_soup,
        encoded_bomb,
        unspaced_script,
        no_text_at_all,
    )
}


LARGEST: dict[str, Callable[[random.Random], bytes]] = {
    make.__name__.replace("_", " "): make
    for make in (most_words, most_lines, most_cells, most_marks, most_traps, most_noise)
}


def hard_page(kind: str, seed: int = 0) -> Crawled:
    """A page of a kind as a crawler kept it."""
    body = (KINDS | LARGEST)[kind](random.Random(f"{kind} {seed}"))
    encoding = {"Content-Encoding": "gzip"} if kind == "encoded bomb" else {}
    return Crawled(f"https://hard.example.org/{kind.replace(' ', '-')}/{seed}", body, {**HTML, **encoding})
