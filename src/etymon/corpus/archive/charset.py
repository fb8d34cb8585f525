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
TABLES = """
cp866 cp874 cp932 cp949 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 iso8859-2 iso8859-3
iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-10 iso8859-13 iso8859-14 iso8859-15 iso8859-16 koi8-r koi8-u
mac-roman mac-cyrillic gb18030 big5 big5hkscs euc_jp iso2022_jp
"""
READ = frozenset(TABLES.split())
"""What a page may declare. Python knows more names, and under some of them no table but a program that raises or
unescapes ("idna", "unicode_escape")."""
ESCAPING = "iso2022_jp"
WIDE = {"utf-16": "utf-16-le", "utf-16-le": "utf-16-le", "utf-16-be": "utf-16-be"}


def decoded(body: bytes, content_type: str = "") -> str:
    """The text of a body; bytes that its encoding does not know become U+FFFD.

    What is valid UTF-8 beyond ASCII is that, whatever the page says: by chance it never happens. Only ISO-2022-JP,
    which writes Japanese in ASCII bytes with escapes between, is valid UTF-8 and something else."""
    for mark, name in BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    declared = _declared(body, content_type)
    if b"\0" not in body and not (declared == ESCAPING and b"\x1b" in body):
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return body.decode(declared or _guessed(body), "replace")


def _declared(body: bytes, content_type: str) -> str:
    if found := _HEADER.search(content_type):
        name = _codec(found[1])
        if name in WIDE and b"\0" in body[:HEAD]:
            return WIDE[name]
        if name in READ:
            return name
    if found := _META.search(body[:HEAD]):
        name = _codec((found[1] or found[2]).decode("ascii"))
        if name in READ:
            return name
    return ""


def _codec(label: str) -> str:
    """Python's name of what browsers read under a label; "" where there is none."""
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return ""
    return READ_AS.get(name, name)


def _guessed(body: bytes) -> str:
    try:
        from resiliparse.parse.encoding import detect_encoding
    except ImportError:  # without it no page is taken apart either, and each is told
        return "cp1252"

    name = detect_encoding(body[: 64 << 10]) or "cp1252"
    name = _codec(name)
    return name if name in READ or name == "utf-8" else "cp1252"
