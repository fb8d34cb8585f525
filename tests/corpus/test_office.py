"""PDF, DOCX and EPUB: their text as it stands, every fault by name, and no file costs more than itself."""

from __future__ import annotations

import gzip
import io
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from etymon.corpus import Corpus, CorpusSettings, build, readings
from etymon.corpus.found import Fault, Found, Reading, Skipped
from etymon.corpus.passes import UNTRUSTED
from etymon.corpus.read import rows
from etymon.corpus.readers import package
from etymon.corpus.slices import Part
from etymon.corpus.sources import FORMATS
from etymon.corpus.walk import find_sources
from etymon.corpus.workers import Budget, run_tasks
from etymon.storage import Store
from harness.office import LOCKED, chapter, docx, epub, packed, paragraph, pdf

Reader = Callable[..., list[Found | Fault | Skipped]]
Folder = Callable[[Mapping[str, str | bytes]], Path]
RIVER = "The quick river carried seventeen wooden boats past the old mill before the village had woken up."
LOCK = (
    '<encryption><EncryptedData><EncryptionMethod Algorithm="{way}"/>'
    '<CipherData><CipherReference URI="OEBPS/text/1.xhtml"/></CipherData></EncryptedData></encryption>'
)


def faults(found: list[Found | Fault | Skipped]) -> list[tuple[str, str]]:
    return [(each.kind, each.detail) for each in found if isinstance(each, Fault)]


def only(found: list[Found | Fault | Skipped]) -> Found:
    (one,) = found
    assert isinstance(one, Found), one
    return one


def chapters(found: list[Found | Fault | Skipped]) -> list[tuple[str, str]]:
    return [(each.url, each.text) for each in found if isinstance(each, Found)]


@pytest.fixture
def pdfium() -> None:
    pytest.importorskip("pypdfium2", reason="pypdfium2 is not installed (the extra office)")


def test_all_three_are_read_by_workers() -> None:
    assert {"pdf", "docx", "epub"} <= UNTRUSTED & FORMATS.keys()


# PDF


@pytest.mark.usefixtures("pdfium")
def test_a_pdf_is_one_document_with_its_pages_in_order_and_its_language(found: Reader) -> None:
    data = pdf([["First (page) of a report,", "in two lines."], ["Über alles."]], catalog="/Lang (de-AT)")
    each = only(found("a.pdf", data))
    assert each.text == "First (page) of a report,\nin two lines.\n\nÜber alles."
    assert (each.language, each.offset) == ("de", 0)
    assert only(found("b.pdf.gz", gzip.compress(data))).text == each.text


@pytest.mark.usefixtures("pdfium")
def test_a_word_that_a_line_of_a_pdf_breaks_is_joined(found: Reader) -> None:
    each = only(found("a.pdf", pdf([["The quick river carried seven-", "teen wooden boats past the mill."]])))
    assert each.text == "The quick river carried seventeen wooden boats past the mill."


@pytest.mark.usefixtures("pdfium")
def test_a_pdf_that_gives_no_text_says_why(found: Reader) -> None:
    sound = pdf([[RIVER]])
    assert faults(found("a.pdf", pdf([[RIVER]], trailer=LOCKED))) == [
        ("encrypted", "it is locked with a password; save it without one")
    ]
    assert faults(found("b.pdf", pdf([[], []]))) == [
        ("no text", "2 pages without a letter: scanned ones need text recognition first")
    ]
    assert faults(found("c.pdf", "just words")) == [("wrong format", "no PDF: it begins with b'just wor'")]
    assert faults(found("d.pdf", packed({"a.txt": "hello"})))[0][0] == "wrong format"
    assert faults(found("e.pdf", sound[:40]))[0][0] == "broken pdf"
    assert faults(found("f.pdf", b""))[0][0] == "empty"


@pytest.mark.usefixtures("pdfium")
def test_a_page_that_is_not_there_is_told_beside_the_others(found: Reader) -> None:
    data = pdf([[RIVER], ["Second page."]]).replace(b"/Kids [4 0 R 6 0 R]", b"/Kids [4 0 R 9 0 R]")
    first, *rest = found("a.pdf", data)
    assert isinstance(first, Found) and first.text == RIVER
    assert [kind for kind, _ in faults(rest)] == (["broken pdf"] if rest else [])


def test_without_its_library_a_pdf_is_a_fault_that_names_the_extra(
    found: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    assert faults(found("a.pdf", pdf([[RIVER]]))) == [
        ("no PDF reader", "pypdfium2 is not installed: pip install 'etymon[office]'")
    ]


# DOCX


def test_a_docx_gives_paragraphs_tables_and_notes(found: Reader) -> None:
    row = "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in ("Boat", "Mill & river"))
    body = f"{paragraph('A title')}{paragraph(RIVER)}<w:tbl><w:tr>{row}</w:tr></w:tbl>{paragraph('The end.')}"
    about = "<dc:title>On boats</dc:title><dc:language>en-GB</dc:language>"
    each = only(found("a.docx", docx(body, notes=f"<w:footnote>{paragraph('A note.')}</w:footnote>", about=about)))
    assert each.text == f"A title\n{RIVER}\nBoat\tMill & river\nThe end.\n\nA note."
    assert (each.language, dict(each.facts)["title"]) == ("en-GB", "On boats")


def test_what_a_docx_does_not_show_is_not_read_and_a_text_box_splits_no_sentence(found: Reader) -> None:
    deleted = "<w:del><w:r><w:t>deleted</w:t></w:r></w:del>"
    field = "<w:r><w:instrText>PAGEREF</w:instrText></w:r>"
    box = f"<w:r><w:txbxContent>{paragraph('In a box.')}</w:txbxContent></w:r>"
    runs = [f"<w:r><w:t xml:space='preserve'>{each}</w:t></w:r>" for each in ("The river ", "rose.")]
    body = (
        f"<w:p>{runs[0]}{deleted}{field}{box}{runs[1]}<w:r><w:tab/><w:t>Twice</w:t><w:br/><w:t>over</w:t></w:r></w:p>"
    )
    assert only(found("a.docx", docx(body))).text == "The river rose.\tTwice\nover\n\nIn a box."


def test_a_page_of_a_docx_ends_a_line(found: Reader) -> None:
    body = '<w:p><w:r><w:t>end of one.</w:t><w:br w:type="page"/><w:t>Next page</w:t></w:r></w:p>'
    assert only(found("a.docx", docx(body))).text == "end of one.\nNext page"


def test_a_docx_that_gives_no_text_says_why(found: Reader) -> None:
    sound = docx(paragraph(RIVER))
    assert faults(found("a.docx", package.COMPOUND + b"rest"))[0][0] == "encrypted"
    assert faults(found("b.docx", "just words")) == [("wrong format", "no DOCX: it begins with b'just wor'")]
    assert faults(found("c.docx", epub({"1.xhtml": chapter(RIVER)})))[0][0] == "wrong format"
    assert faults(found("d.docx", sound[: len(sound) // 2]))[0][0] == "damaged zip"
    assert faults(found("e.docx", docx("")))[0] == ("no text", "there is no word in it")
    assert faults(found("f.docx", docx("<w:p>")))[0][0] == "bad XML"
    assert faults(found("g.docx", b""))[0][0] == "empty"


def test_a_flipped_bit_in_a_part_is_found_by_its_checksum(found: Reader) -> None:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as file:
        file.writestr("word/document.xml", RIVER)
    ((kind, detail),) = faults(found("a.docx", stored.getvalue().replace(b"river", b"rivet")))
    assert (kind, "CRC" in detail) == ("damaged zip", True)


# Bombs


def test_a_bomb_is_not_unpacked(found: Reader) -> None:
    bomb = packed({"word/document.xml": b"<w>" + bytes(50 << 20) + b"</w>"})
    assert len(bomb) < 100_000
    ((kind, detail),) = faults(found("a.docx", bomb))
    assert (kind, "200 times" in detail) == ("zip bomb", True)


def test_a_bomb_that_lies_about_its_size_is_not_unpacked_further_than_it_says(found: Reader) -> None:
    bomb = packed({"word/document.xml": b"<w>" + bytes(50 << 20) + b"</w>"})
    size = (50 << 20) + 7
    ((kind, _),) = faults(found("a.docx", bomb.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))))
    assert kind in ("damaged zip", "bad XML")


@pytest.mark.parametrize("way", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_way_of_packing_without_bounds_is_refused(found: Reader, way: int) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", way) as file:
        file.writestr("word/document.xml", b"<w>" + bytes(8 << 20) + b"</w>")
    ((kind, detail),) = faults(found("a.docx", bomb.getvalue()))
    assert (kind, "never are" in detail) == ("damaged zip", True)


def test_parts_without_number_and_too_much_in_all_are_refused(found: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MOST_PARTS", 3)
    assert faults(found("a.epub", epub({"1.xhtml": chapter(RIVER)})))[0][0] == "zip bomb"
    monkeypatch.setattr(package, "MOST_PARTS", 100)
    monkeypatch.setattr(package, "MOST_UNPACKED", 2_000)
    assert ("zip bomb", True) in [
        (kind, "in all" in detail)
        for kind, detail in faults(found("b.epub", epub({"1.xhtml": chapter("a"), "2.xhtml": chapter(RIVER * 20)})))
    ]


def test_entities_neither_multiply_nor_lead_to_other_files(found: Reader, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a secret")
    bomb = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    for declared in (f'<!ENTITY e0 "ha">{bomb}', f'<!ENTITY e11 SYSTEM "file://{tmp_path}/secret">'):
        body = f"<!DOCTYPE w [{declared}]><w xmlns='x'><p><r><t>&e11;</t></r></p></w>"
        ((kind, detail),) = faults(found("a.docx", packed({"word/document.xml": body})))
        assert (kind, "declares an entity" in detail) == ("bad XML", True)


def test_a_deep_nest_of_elements_is_refused(found: Reader) -> None:
    ((kind, detail),) = faults(found("a.docx", docx("<w:p>" * 5_000 + "</w:p>" * 5_000)))
    assert (kind, "open at once" in detail) == ("bad XML", True)


# EPUB


def test_a_book_is_a_document_for_each_chapter_in_order(found: Reader) -> None:
    pytest.importorskip("resiliparse")
    about = "<dc:title>On boats</dc:title><dc:language>de</dc:language>"
    data = epub(
        {"2.xhtml": chapter(f"<h1>Two</h1><p>{RIVER}</p>"), "1.xhtml": chapter("<p>One&nbsp;more, caf&eacute;</p>")},
        about=about,
    )
    everything = found("book.epub", data)
    assert [url for url, _ in chapters(everything)] == ["book.epub#OEBPS/text/2.xhtml", "book.epub#OEBPS/text/1.xhtml"]
    assert [" ".join(text.split()) for _, text in chapters(everything)] == [f"Two {RIVER}", "One more, café"]
    for each, name in zip(everything, ("2", "1"), strict=True):
        assert isinstance(each, Found)
        assert (each.language, dict(each.facts)["title"]) == ("de", "On boats")
        assert data[each.offset + 30 :].startswith(f"OEBPS/text/{name}.xhtml".encode())


def test_text_that_stands_as_it_is_in_a_book_is_read(found: Reader) -> None:
    pytest.importorskip("resiliparse")
    data = epub({"1.xhtml": chapter("<p>Hi <![CDATA[there & <you>]]></p>")})
    assert [text.strip() for _, text in chapters(found("book.epub", data))] == ["Hi there & <you>"]


def test_a_damaged_chapter_costs_only_itself(found: Reader) -> None:
    pytest.importorskip("resiliparse")
    pages = {f"{n}.xhtml": chapter(f"<p>{RIVER}</p>") for n in range(4)}
    broken = {**pages, "1.xhtml": chapter("<div>" * 20_000), "2.xhtml": bytes(50 << 20)}
    everything = found("a.epub", epub(broken, parts={"META-INF/encryption.xml": LOCK.format(way="aes")}))
    assert len(chapters(everything)) == 2
    assert [kind for kind, _ in faults(everything)] == ["encrypted", "zip bomb"]
    deep = found("b.epub", epub(broken, parts={"META-INF/encryption.xml": LOCK.format(way=FONT)}))
    assert [kind for kind, _ in faults(deep)] == ["page out of bounds", "zip bomb"]


FONT = "http://www.idpf.org/2008/embedding"


def test_a_book_that_is_none_says_why(found: Reader) -> None:
    assert faults(found("a.epub", "just words"))[0][0] == "wrong format"
    assert faults(found("b.epub", docx(paragraph(RIVER))))[0][0] == "wrong format"
    assert faults(found("c.epub", packed({"META-INF/container.xml": "<container/>"})))[0][0] == "broken epub"
    assert faults(found("d.epub", epub({"1.xhtml": RIVER})[:300]))[0][0] == "damaged zip"


def test_a_book_that_reserves_the_rights_of_mining_is_left_out(store: Store, folder: Folder) -> None:
    pytest.importorskip("resiliparse")
    free = {f"{n}.xhtml": chapter(f"<p>{RIVER} Chapter {n} of {n * n}. {RIVER.upper() * 4}</p>") for n in range(9)}
    kept = {f"{n}.xhtml": chapter(f"<p>Reserved {n * 7}. {RIVER * 3}</p>") for n in range(2)}
    reserved = epub(kept, about='<meta property="tdm:reservation">1</meta>')
    made = build(store, [str(folder({"free.epub": epub(free), "reserved.epub": reserved}))])
    wished = {each.source_file for each in Corpus.open(made).decisions() if each.rule == "opted out"}
    assert wished == {"reserved.epub"}
    assert {each.source_file for each in Corpus.open(made).documents()} == {"free.epub"}


# Supervision

HARMFUL = """\
import os
class PdfiumError(Exception): pass
class PdfDocument:
    def __init__(self, path):
        name = os.path.basename(path)
        if name == "hangs.pdf":
            while True: pass
        if name == "bloats.pdf":
            held = [bytearray(1 << 24) for _ in range(10_000)]
        if name == "crashes.pdf":
            os.kill(os.getpid(), 11)
        raise PdfiumError("not one of the three")
"""


def test_a_step_that_is_left_out_costs_one_file(folder: Folder) -> None:
    root = folder({f"{n}.docx": docx(paragraph(f"{RIVER} {n}")) for n in range(3)})
    parts = tuple(Part(each, 0, each.size) for each in find_sources([str(root)]).files)
    steps: list[int] = []
    sound = list(rows(parts, Reading(), "resiliparse", at=steps.append))
    assert len(steps) == len(set(steps)) > len(sound) == 3
    for step in steps:
        left = list(rows(parts, Reading(), "resiliparse", skip={step: "memory"}))
        assert len({row.source.name for row in left if row.fault}) == 1
        assert {row.source.name for row in left} == {row.source.name for row in sound}


@pytest.mark.ci
def test_a_file_that_hangs_bloats_or_crashes_costs_itself_alone(
    store: Store, folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "pypdfium2.py").write_text(HARMFUL)
    monkeypatch.syspath_prepend(str(tmp_path / "library"))
    monkeypatch.setattr(readings, "BUDGET", Budget(cpu_seconds=4.0, memory_bytes=2 << 30))
    harmful = {name: pdf([[RIVER]]) for name in ("bloats.pdf", "crashes.pdf", "hangs.pdf")}
    good = {f"{n}.docx": docx(paragraph(f"{RIVER} Number {n}. {RIVER.upper() * 4}")) for n in range(6)}
    made = Corpus.open(build(store, [str(folder({**harmful, **good}))]))
    assert {each.url: each.rule for each in made.decisions() if each.outcome == "quarantined"} == dict.fromkeys(
        harmful, "reading ended the worker"
    )
    assert {each.source_file for each in made.documents()} == set(good)
    reasons = {"bloats.pdf": "memory", "crashes.pdf": "crash: SIGSEGV", "hangs.pdf": "cpu time"}
    for name, reason in reasons.items():
        assert made.why(name).values["detail"].endswith(f": {reason}")


def test_a_corpus_of_office_files_knows_what_read_them(store: Store, folder: Folder) -> None:
    pytest.importorskip("resiliparse")
    pages = {f"{n}.xhtml": chapter(f"<p>{RIVER} Chapter {n}. {RIVER.upper() * 4}</p>") for n in range(5)}
    made = build(store, [str(folder({"a.epub": epub(pages), "b.pdf": pdf([[RIVER]])}))], CorpusSettings())
    named = str(made.recipe["extractor"])
    assert "resiliparse" in named and ("pypdfium2" in named or named.endswith("none"))
    asked_for = {each.url for each in Corpus.open(made).decisions()}
    assert asked_for == {"b.pdf", *(f"a.epub#OEBPS/text/{n}.xhtml" for n in range(5))}


# Damage

SOUND: dict[str, bytes] = {
    "book.epub": epub({f"{n}.xhtml": chapter(f"<h1>{n}</h1><p>{RIVER}</p>") for n in range(3)}),
    "letter.docx": docx(
        paragraph(RIVER) * 5 + f"<w:tbl><w:tr><w:tc>{paragraph(RIVER)}</w:tc></w:tr></w:tbl>",
        notes=paragraph("A note."),
        about="<dc:title>On boats</dc:title>",
    ),
    "report.pdf": pdf([[RIVER] * 10, [RIVER.upper()] * 10, ["Übrigens (so)."]], catalog="/Lang (de)"),
}


@pytest.mark.parametrize("name", sorted(SOUND))
@pytest.mark.parametrize("count", [300, pytest.param(2_500, marks=pytest.mark.ci)])
def test_a_damaged_file_raises_nothing_and_takes_no_two_seconds(tmp_path: Path, name: str, count: int) -> None:
    if name.endswith(".pdf"):
        pytest.importorskip("pypdfium2")
    (tmp_path / name).write_bytes(SOUND[name])
    parts: dict[str, str] = {}
    if not name.endswith(".pdf"):
        with zipfile.ZipFile(tmp_path / name) as file:
            parts = {part: file.read(part).decode() for part in file.namelist()}
    task = {"sound": str(tmp_path / name), "folder": str(tmp_path), "first": 0, "last": count, "parts": parts}
    budget = Budget(cpu_seconds=2.0, memory_bytes=1 << 30)
    ((_, outcome),) = run_tasks("office_chores:read_mutated", [task], workers=1, budget=budget)
    assert outcome.poisoned == {}
    assert outcome.result["text"] > count // 10
    assert sum(outcome.result.values()) - outcome.result["text"] > count // 10
