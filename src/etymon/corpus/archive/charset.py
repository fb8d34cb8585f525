"""The characters of a page's bytes: by mark, as UTF-8 where they are that, by declaration, else by their looks."""

from __future__ import annotations

import codecs
import re

from etymon.corpus.streams import BYTE_ORDER_MARKS

HEAD = 4096
_HEADER = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_META = re.compile(
    rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w.:-]+)|<\?xml[^>]+encoding\s*=\s*[\"']([\w.:-]+)", re.IGNORECASE
)
READ_AS = {  # what browsers read under these names (WHATWG Encoding Standard)
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "tis-620": "cp874",
}


def decoded(body: bytes, content_type: str = "") -> str:
    """The text of a body; bytes that its encoding does not know become U+FFFD.

    What is valid UTF-8 beyond ASCII is that, whatever the page says: by chance it never happens."""
    for mark, name in BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    if b"\0" not in body:
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return body.decode(_declared(body, content_type) or _guessed(body), "replace")


def _declared(body: bytes, content_type: str) -> str:
    said = [match[1] for match in [_HEADER.search(content_type)] if match]
    if found := _META.search(body[:HEAD]):
        said.append((found[1] or found[2]).decode("ascii"))
    for label in said:
        try:
            name = codecs.lookup(label).name
        except LookupError:
            continue
        if name not in ("utf-8", "utf-16", "utf-16-le", "utf-16-be") and codecs.lookup(name)._is_text_encoding:
            return READ_AS.get(name, name)
    return ""


def _guessed(body: bytes) -> str:
    from resiliparse.parse.encoding import detect_encoding

    name = detect_encoding(body[: 64 << 10]) or "cp1252"
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "cp1252"
