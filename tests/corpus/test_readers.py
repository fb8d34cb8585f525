"""One file of each format, sound and broken."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from etymon.corpus.found import Fault, Found, Reading

Reader = Callable[..., list[Found | Fault]]
ARTICLE = "The river rose in the night. " * 12


def texts(found: list[Found | Fault]) -> list[str]:
    return [each.text for each in found if isinstance(each, Found)]


def faults(found: list[Found | Fault]) -> list[tuple[str, str]]:
    return [(each.kind, each.detail) for each in found if isinstance(each, Fault)]


def zstandard(data: bytes) -> bytes:
    return pa.compress(data, codec="zstd", asbytes=True)


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [("", bytes), (".gz", gzip.compress), (".zst", zstandard), (".bz2", bz2.compress), (".xz", lzma.compress)],
)
def test_text_is_read_plain_and_compressed_with_offsets_in_the_unpacked_text(
    found: Reader, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    data = "\n\n".join(f"Paragraph {n} of a longer book, über alles." for n in range(100)).encode()
    sections = found(f"book.txt{suffix}", pack(data), Reading(text_bytes=300))
    assert len(sections) > 10
    for each in sections:
        assert isinstance(each, Found)
        assert data[each.offset :].startswith(each.text.encode())
    assert "".join(texts(sections)).encode() == data


def test_offsets_count_bytes_of_the_file_in_its_own_encoding(found: Reader) -> None:
    text = "Grüße aus Köln. " * 40
    for codec, mark in (("utf-16", 2), ("utf-8-sig", 3), ("cp1252", 0)):
        data = text.encode(codec)
        plain = {"utf-16": "utf-16-le", "utf-8-sig": "utf-8", "cp1252": "cp1252"}[codec]
        sections = [each for each in found("a.txt", data, Reading(text_bytes=200)) if isinstance(each, Found)]
        assert "".join(texts([*sections])) == text
        assert sections[0].offset == mark
        for each in sections:
            assert data[each.offset :].startswith(each.text.encode(plain))


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_truncated_file_keeps_what_came_before_and_names_the_rest(found: Reader, suffix: str) -> None:
    rows = [json.dumps({"text": f"document {n} {n**99}"}) for n in range(6_000)]
    data = "\n".join(rows).encode()
    packed = gzip.compress(data) if suffix == ".gz" else zstandard(data)
    *documents, fault = found(f"a.jsonl{suffix}", packed[: len(packed) * 9 // 10])
    assert 2_000 < len(documents) < 6_000
    assert texts(documents) == [json.loads(row)["text"] for row in rows[: len(documents)]]
    assert isinstance(fault, Fault)
    assert fault.kind == "broken compression"
    assert f"the {len(documents)} documents before it were read" in fault.detail


def test_a_truncated_text_is_not_read_at_all_rather_than_half_in_silence(found: Reader) -> None:
    (fault,) = found("a.txt.gz", gzip.compress(ARTICLE.encode())[:-9])
    assert isinstance(fault, Fault)
    assert fault.kind == "broken compression"


def test_json_lines_give_text_url_language_and_name(found: Reader) -> None:
    rows = [
        {"text": "one", "url": "https://example.org/1", "language": "en"},
        {"content": "two", "id": 7},
        {"Body": "three", "metadata": {"url": "https://example.org/3", "lang": "de"}},
    ]
    one, two, three = found("a.jsonl", "\n".join(map(json.dumps, rows)) + "\n")
    assert isinstance(one, Found) and isinstance(two, Found) and isinstance(three, Found)
    assert (one.text, one.url, one.language, one.offset) == ("one", "https://example.org/1", "en", 0)
    assert (two.text, two.url, two.offset) == ("two", "a.jsonl#7", len(json.dumps(rows[0])) + 1)
    assert (three.text, three.url, three.language) == ("three", "https://example.org/3", "de")


def test_a_bad_json_line_costs_only_itself_and_is_named_by_number(found: Reader) -> None:
    data = '{"text": "good"}\n\n{"text": "cut off\n[1, 2]\n{"title": "no text here"}\n"just a string"\n{"text": 3}\n'
    everything = found("a.ndjson", data)
    assert texts(everything) == ["good", "just a string"]
    assert [(kind, detail.split(":")[0]) for kind, detail in faults(everything)] == [
        ("bad JSON line", "line 3, column 10"),
        ("no text field", "line 4"),
        ("no text field", "line 5"),
        ("no text field", "line 7"),
    ]


def test_a_nested_bomb_of_json_is_a_bad_line(found: Reader) -> None:
    assert faults(found("a.jsonl", "[" * 100_000))[0][0] == "bad JSON line"


def test_the_field_that_holds_the_text_can_be_named(found: Reader) -> None:
    data = json.dumps({"question": "why?", "text": "not this"})
    assert texts(found("a.jsonl", data, Reading(text_field="question"))) == ["why?"]
    table = "question,text\nwhy though?,not this\n"
    assert texts(found("a.csv", table, Reading(text_field="question"))) == ["why though?"]
    assert faults(found("a.csv", table, Reading(text_field="answer")))[0][0] == "no text field"


def test_a_json_file_that_is_json_lines_is_read_as_such(found: Reader) -> None:
    rows = "\n".join(json.dumps({"text": f"page {n}"}) for n in range(3))
    assert texts(found("c4.json", rows)) == ["page 0", "page 1", "page 2"]
    pretty = json.dumps({"text": "settings"}, indent=2)
    assert texts(found("one.json", pretty)) == [pretty]


def test_csv_takes_the_named_column_and_exact_offsets(found: Reader) -> None:
    data = 'id,text,lang\n1,"Hello, ""you""\nthere",en\n2,Second row,de\n'
    first, second = found("a.csv", data)
    assert isinstance(first, Found) and isinstance(second, Found)
    assert (first.text, first.url, first.language) == ('Hello, "you"\nthere', "a.csv#1", "en")
    assert (first.offset, second.offset) == (data.index("1,"), data.index("2,Second"))


def test_csv_without_a_named_column_takes_the_longest_text(found: Reader) -> None:
    data = (
        "sentence;label;code\nthe film was fine;1;9999999999999999999999\nI left early;0;8888888888888888888888888888\n"
    )
    assert texts(found("a.csv", data)) == ["the film was fine", "I left early"]


def test_tsv_without_a_header_loses_no_row_and_quotes_mean_nothing(found: Reader) -> None:
    data = '0\t"an open quote\n1\tthe second row\n'
    assert texts(found("a.tsv", data)) == ['"an open quote', "the second row"]


def test_a_row_of_another_width_is_named_by_line(found: Reader) -> None:
    everything = found("a.csv", "text,label\na good row,1\ntoo,many,fields\nanother good row,0\n")
    assert texts(everything) == ["a good row", "another good row"]
    assert faults(everything) == [("bad table row", "line 3: 3 fields where the first row has 2")]


def test_a_table_of_numbers_has_no_text(found: Reader) -> None:
    (fault,) = found("runs.csv", "n,d,loss\n100,200,3.5\n300,400,3.1\n")
    assert isinstance(fault, Fault)
    assert fault.kind == "no text field"
    assert "n, d, loss" in fault.detail


def parquet(rows: list[dict[str, Any]]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), stream)
    return stream.getvalue()


def test_parquet_gives_one_document_per_row_and_row_numbers(found: Reader) -> None:
    rows = [{"url": f"https://example.org/{n}", "text": f"page {n}", "n": n} for n in range(1200)]
    everything = found("a.parquet", parquet(rows))
    assert texts(everything) == [row["text"] for row in rows]
    assert [each.offset for each in everything] == list(range(1200))
    last = everything[-1]
    assert isinstance(last, Found)
    assert last.url == "https://example.org/1199"


def test_parquet_takes_the_longest_column_and_an_empty_value_is_an_empty_text(found: Reader) -> None:
    rows = [{"label": "x", "passage": "a longer passage"}, {"label": "y", "passage": None}]
    assert texts(found("a.parquet", parquet(rows))) == ["a longer passage", ""]


@pytest.mark.parametrize("data", [b"PAR1 but not really", parquet([{"text": "x" * 999}])[:-30], b""])
def test_broken_parquet_is_a_fault(found: Reader, data: bytes) -> None:
    (fault,) = found("a.parquet", data)
    assert isinstance(fault, Fault)


def test_a_notebook_gives_its_markdown_and_code_without_outputs(found: Reader) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "words"]},
        {"cell_type": "code", "source": "print(1)", "outputs": [{"text": "OUTPUT"}]},
        {"cell_type": "raw", "source": "raw"},
    ]
    assert texts(found("a.ipynb", json.dumps({"cells": cells, "nbformat": 4}))) == ["# Title\nwords\n\nprint(1)"]


@pytest.mark.parametrize("data", ["{}", "[]", "not json", '{"cells": 3}', '{"cells": [1]}'])
def test_a_broken_notebook_is_a_fault(found: Reader, data: str) -> None:
    assert faults(found("a.ipynb", data))[0][0] == "bad notebook"


def test_html_gives_the_main_content(found: Reader) -> None:
    pytest.importorskip("resiliparse")
    head = "<head><title>T</title><style>x{}</style></head>"
    page = f"<html>{head}<body><nav><a href=/>Home</a></nav><main><p>{ARTICLE}</p></main></body></html>"
    (text,) = texts(found("a.html", page))
    assert "The river rose" in text
    assert "Home" not in text and "style" not in text


def test_html_is_decoded_by_its_own_declaration(found: Reader) -> None:
    pytest.importorskip("resiliparse")
    page = f"<html><meta charset=windows-1251><body><p>{'Привет, мир! ' * 20}</p></body></html>"
    assert "Привет" in texts(found("a.htm", page.encode("cp1251")))[0]


def test_html_without_its_library_is_a_fault_that_says_so(found: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "resiliparse.extract.html2text", None)
    assert faults(found("a.html", "<p>hello")) == [
        ("no HTML reader", "resiliparse is not installed: pip install resiliparse")
    ]


def test_source_code_is_one_document_up_to_its_limit(found: Reader) -> None:
    code = "def f():\n    return 1\n\n" * 2000
    assert texts(found("a.py", code)) == [code]
    assert len(texts(found("a.rs", code, Reading(code_bytes=10_000)))) > 3


def test_a_file_without_a_known_suffix_is_read_where_it_is_clearly_text(found: Reader) -> None:
    assert texts(found("README", "Some words.")) == ["Some words."]
    assert texts(found("corpus.train.tokens", "Some words.")) == ["Some words."]
    assert faults(found("photo.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF"))[0][0] == "unknown format"


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.txt", b"", "empty"),
        ("a.txt", b"\x7fELF\x00\x00", "binary"),
        ("a.txt", b"\xef\xbb\xbf", "empty"),
        ("a.jsonl", b"", "empty"),
        ("a.jsonl", b"\n\n", "empty"),
        ("a.csv", b"\n", "empty"),
        ("a.html", b"", "empty"),
        ("a.txt.gz", b"not gzip", "broken compression"),
        ("a.txt.zst", b"not zstandard", "broken compression"),
        ("a.txt.xz", b"not xz", "broken compression"),
        ("a.zip", b"PK\x03\x04", "archive"),
        ("a.tar.gz", b"x", "archive"),
        ("a.warc.gz", b"x", "damaged record"),
    ],
)
def test_what_cannot_be_read_is_one_fault_of_its_kind(found: Reader, name: str, data: bytes, kind: str) -> None:
    assert [each for each, _ in faults(found(name, data))] == [kind]


def test_a_file_that_may_not_be_read_is_a_fault(found: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setitem(__import__("etymon.corpus.streams", fromlist=["CODECS"]).CODECS, "", refuse)
    assert faults(found("a.txt", "text")) == [("unreadable", "Permission denied")]


def test_records_are_cut_only_when_asked_and_remember_their_part(found: Reader) -> None:
    data = json.dumps({"text": ARTICLE})
    assert texts(found("a.jsonl", data)) == [ARTICLE]
    parts = [each for each in found("a.jsonl", data, Reading(record_bytes=100)) if isinstance(each, Found)]
    assert "".join(each.text for each in parts) == ARTICLE
    for each in parts:
        assert ARTICLE[each.part :].startswith(each.text)


def test_every_format_has_a_reader() -> None:
    from etymon.corpus.readers import reader_of
    from etymon.corpus.sources import FORMATS

    for format_name in (*FORMATS, "unknown", "docstrings", "topics"):
        assert callable(reader_of(format_name))


def test_reading_leaves_the_file_alone(found: Reader, tmp_path: Path) -> None:
    found("a.txt", "some words")
    assert (tmp_path / "a.txt").read_text() == "some words"
