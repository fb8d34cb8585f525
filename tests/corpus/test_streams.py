"""Bytes to text: encodings, lines, offsets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.corpus.found import Broken
from etymon.corpus.streams import Encoding, buffered, encoding_of, lines, printable, text_chunks

READABLE = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1)


def decoded(data: bytes) -> str:
    return "".join(text_chunks(buffered(data), encoding_of(buffered(data))))


@given(READABLE, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
def test_text_with_a_declared_encoding_comes_back_as_it_was(text: str, encoding: str) -> None:
    text = text.removeprefix("\ufeff") or "x"
    assert decoded(text.encode(encoding)) == text


def test_western_text_without_a_declaration_is_windows_1252() -> None:
    text = "Der Käse kostet 3 €, sagte die Bäuerin. " * 5
    assert encoding_of(buffered(text.encode("cp1252"))).name == "cp1252"
    assert decoded(text.encode("cp1252")) == text


def test_utf8_with_a_broken_byte_stays_utf8_and_the_byte_is_marked() -> None:
    data = "naïve café, déjà vu ".encode() + b"\xff" + " schön".encode()
    text = decoded(data)
    assert printable(text) == "naïve café, déjà vu \ufffd schön"
    assert encoding_of(buffered(data)).size(text) == len(data)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty"),
        (b"text\x00text", "binary"),
        (bytes(range(1, 32)) * 20, "binary"),
        ("Съешь же ещё этих мягких булок".encode("cp1251"), "unknown encoding"),
        ("abc".encode("utf-16") + b"\x00", "unknown encoding"),
    ],
)
def test_what_is_not_text_is_told_by_kind(data: bytes, kind: str) -> None:
    with pytest.raises(Broken) as caught:
        encoding_of(buffered(data))
    assert caught.value.kind == kind


@given(st.lists(st.text(alphabet="aé\r ", max_size=8), max_size=8), st.sampled_from(["utf-8", "utf-16-le", "cp1252"]))
def test_every_line_has_its_true_offset_and_size(written: list[str], codec: str) -> None:
    data = "\n".join(written).encode(codec)
    for line in lines(buffered(data), Encoding(codec)):
        assert line.text == written[line.number - 1]
        assert data[line.offset : line.offset + line.size].decode(codec).removesuffix("\n") == line.text


def test_the_lines_together_take_every_byte() -> None:
    data = b"\xef\xbb\xbfone\ntwo\n\nthree"
    found = list(lines(buffered(data), Encoding("utf-8", mark=3)))
    assert [line.text for line in found] == ["one", "two", "", "three"]
    assert 3 + sum(line.size for line in found) == len(data)


def test_a_line_beyond_the_limit_is_told_and_the_next_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("etymon.corpus.streams.CHUNK", 4)
    monkeypatch.setattr("etymon.corpus.streams.RECORD_LIMIT", 10)
    found = list(lines(buffered(b"short\n" + b"x" * 30 + b"\nafter"), Encoding("utf-8")))
    assert [line.text for line in found] == ["short", None, "after"]
    assert [line.size for line in found] == [6, 31, 5]
