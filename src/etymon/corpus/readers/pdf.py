"""PDF: the text of all pages as one document, by PDFium (the extra `office`)."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module, metadata
from typing import Any

from etymon.corpus.found import RECORD_LIMIT, Broken, Fault, Found, Reading
from etymon.corpus.sources import Source
from etymon.corpus.streams import read_whole

LIBRARY = "pypdfium2"
HEAD = 1024
"""Bytes in which a PDF must say that it is one; some mailers and printers put words of their own before it."""
MOST_PAGES = 20_000
MOST_LOST_PAGES = 50
"""A file may claim a million pages; after so many that are not there the rest is not asked for."""
WRONG_PASSWORD, UNKNOWN_LOCK = 4, 5
HYPHEN = "\ufffe"
"""How PDFium marks a hyphen at which a word was broken, and has joined it again."""


def described() -> str:
    """Name and version of what reads a PDF; "none" where it is not installed."""
    try:
        return f"{LIBRARY} {metadata.version(LIBRARY)}"
    except metadata.PackageNotFoundError:
        return "none"


def read(source: Source, reading: Reading) -> Iterator[Found | Fault]:
    """One document per file; pages that cannot be read are one fault after it."""
    with source.open() as stream:
        head = stream.read(HEAD)
    if not head:
        raise Broken("empty", "the file holds no bytes")
    if b"%PDF-" not in head:
        raise Broken("wrong format", f"no PDF: it begins with {head[:8]!r}")
    document = _opened(source)
    try:
        pages = len(document)
        if pages > MOST_PAGES:
            raise Broken("record too large", f"{pages:,} pages; at most {MOST_PAGES:,} are read")
        texts, lost = _texts(document, pages)
        text = "\n\n".join(filter(None, texts))
        if lost == pages:
            raise Broken("broken pdf", f"none of its {pages} pages can be read")
        if not text:
            raise Broken("no text", f"{pages} pages without a letter: scanned ones need text recognition first")
        yield Found(text, 0, language=_language(document), facts=_facts(document))
        if lost:
            yield Fault("broken pdf", 0, 0, f"{lost} of {pages} pages cannot be read")
    finally:
        document.close()


def _opened(source: Source) -> Any:
    library = _library()
    try:
        return library.PdfDocument(read_whole(source.open) if source.codec else str(source.path))
    except library.PdfiumError as error:
        code = getattr(error, "err_code", None)
        if code in (WRONG_PASSWORD, UNKNOWN_LOCK):
            raise Broken("encrypted", "it is locked with a password; save it without one") from error
        raise Broken("broken pdf", str(error)) from error


def _library() -> Any:
    try:
        return import_module(LIBRARY)
    except ImportError as error:
        raise Broken("no PDF reader", f"{LIBRARY} is not installed: pip install 'etymon[office]'") from error


def _texts(document: Any, pages: int) -> tuple[list[str], int]:
    """The texts of the pages, and how many pages were lost."""
    library = _library()
    texts: list[str] = []
    lost = size = 0
    for number in range(pages):
        try:
            text = _tidy(_text(document, number))
        except library.PdfiumError:
            lost += 1
            if lost > MOST_LOST_PAGES:
                return texts, lost + pages - number - 1
            continue
        texts.append(text)
        size += len(text)
        if size > RECORD_LIMIT:
            raise Broken("record too large", f"over {RECORD_LIMIT >> 20} MiB of text")
    return texts, lost


def _text(document: Any, number: int) -> str:
    page = document[number]
    try:
        held = page.get_textpage()
        try:
            return held.get_text_range()
        finally:
            held.close()
    finally:
        page.close()


def _tidy(text: str) -> str:
    """A page with words joined that a line's end had broken, and line ends as everywhere else."""
    lines = text.replace(HYPHEN, "").replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def _facts(document: Any) -> tuple[tuple[str, str], ...]:
    said: dict[str, str] = document.get_metadata_dict()
    return (("title", said.get("Title", "")[:1000]), ("date", said.get("ModDate", "")[:100]))


def _language(document: Any) -> str:
    """The language that the file declares for itself; "" for none."""
    raw: Any = import_module(f"{LIBRARY}.raw")
    size = raw.FPDFCatalog_GetLanguage(document, None, 0)  # bytes of UTF-16 with its end
    if not 2 < size <= 64:
        return ""
    buffer = bytearray(size)
    holder = (raw.FPDF_WCHAR * (size // 2)).from_buffer(buffer)
    raw.FPDFCatalog_GetLanguage(document, holder, size)
    return bytes(buffer).decode("utf-16-le", "replace").rstrip("\x00").lower().partition("-")[0][:8]
