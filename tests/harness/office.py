"""Office files for tests: PDF, DOCX and EPUB written from text, each by the few rules that its format has."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
LOCKED = (
    b"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4"
    b" /O (12345678901234567890123456789012) /U (12345678901234567890123456789012) >> /ID [(one)(one)]"
)
"""What the trailer of a PDF says that needs a password; the digest of none fits."""


def pdf(pages: Sequence[Sequence[str]], *, catalog: str = "", trailer: bytes = b"") -> bytes:
    """A PDF with a line of text for each string."""
    places = [f"{4 + 2 * number} 0 R" for number in range(len(pages))]
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {catalog} >>".encode(),
        f"<< /Type /Pages /Kids [{' '.join(places)}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, lines in enumerate(pages):
        drawn = b"BT /F1 12 Tf 72 720 Td 14 TL " + b" ".join(b"(%s) Tj T*" % _escaped(line) for line in lines) + b" ET"
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >>"
            b" /Contents %d 0 R >>" % (5 + 2 * number)
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn))
    data = b"%PDF-1.4\n"
    table = b"0000000000 65535 f \n"
    for number, each in enumerate(objects, 1):
        table += b"%010d 00000 n \n" % len(data)
        data += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    size = len(objects) + 1
    end = b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, len(data))
    return data + b"xref\n0 %d\n%s" % (size, table) + end


def _escaped(line: str) -> bytes:
    return line.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def packed(parts: Mapping[str, str | bytes]) -> bytes:
    """A zip file of these parts, the same bytes each time."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(zipfile.ZipInfo(name, (2026, 1, 2, 3, 4, 6)), content, zipfile.ZIP_DEFLATED)
    return held.getvalue()


def paragraph(text: str) -> str:
    """A paragraph of DOCX in two runs, as editors leave them."""
    half = len(text) // 2
    runs = "".join(f'<w:r><w:t xml:space="preserve">{escape(part)}</w:t></w:r>' for part in (text[:half], text[half:]))
    return f'<w:p><w:pPr><w:tabs><w:tab w:val="left"/></w:tabs></w:pPr>{runs}</w:p>'


def docx(body: str, *, notes: str = "", about: str = "", **parts: str) -> bytes:
    """A DOCX with this content between `w:body` and its end, notes, and facts about itself."""
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    files = {"[Content_Types].xml": f"{head}<Types/>"}
    files["word/document.xml"] = f'{head}<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'
    if notes:
        files["word/footnotes.xml"] = f'{head}<w:footnotes xmlns:w="{WORD}">{notes}</w:footnotes>'
    if about:
        files["docProps/core.xml"] = (
            f'{head}<cp:coreProperties xmlns:cp="http://example.org/cp" xmlns:dc="http://purl.org/dc/elements/1.1/">'
            f"{about}</cp:coreProperties>"
        )
    return packed({**files, **parts})


def chapter(body: str) -> str:
    """A page of an EPUB; its empty title is closed at once, as XHTML allows."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n'
        f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>{body}</body></html>'
    )


def epub(chapters: Mapping[str, str | bytes], *, about: str = "", parts: Mapping[str, str | bytes] = {}) -> bytes:
    """An EPUB with these chapters (name -> XHTML) in order, a table of contents before them, and other parts."""
    items = "".join(
        f'<item id="c{n}" href="text/{name}" media-type="application/xhtml+xml"/>' for n, name in enumerate(chapters)
    )
    order = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    listed = (
        '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
        f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">{about}</metadata><manifest>'
        f'<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>{items}</manifest>'
        f'<spine><itemref idref="nav"/>{order}</spine></package>'
    )
    container = '<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
    return packed(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "OEBPS/book.opf": listed,
            "OEBPS/nav.xhtml": chapter("<nav>Table of contents</nav>"),
            **{f"OEBPS/text/{name}": content for name, content in chapters.items()},
            **parts,
        }
    )
