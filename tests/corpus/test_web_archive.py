"""Web archives: every record is told by name, and damage costs only what is damaged."""

from __future__ import annotations

import gzip
import random
import zlib
from collections import Counter
from pathlib import Path

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.corpus.archive.http import dechunked
from etymon.corpus.found import Fault, Found, Reading, Skipped
from etymon.corpus.readers.web_archive import read, read_slice, slices
from etymon.corpus.sources import source_at
from harness.crawl import Crawled, record, write_warc

Each = Found | Fault | Skipped


def page(number: int, words: int = 60) -> Crawled:
    draw = random.Random(number)
    text = " ".join(f"word{draw.randrange(5000)}" for _ in range(words))
    return Crawled(f"https://example.org/{number}", f"<html><body><p>Page {number}. {text}</p></body></html>".encode())


def all_in(path: Path) -> list[Each]:
    return list(read(source_at(path, path.name), Reading()))


def kinds(found: list[Each]) -> Counter[str]:
    return Counter(("page" if each.html else "text") if isinstance(each, Found) else each.kind for each in found)


def one(tmp_path: Path, answer: Crawled) -> Each:
    path = tmp_path / "one.warc.gz"
    write_warc(path, [answer])
    (found,) = all_in(path)
    return found


GOLDEN = {  # what lies in the files of other projects' tests, counted by hand
    "commoncrawl-whirlwind/whirlwind.warc.gz": {"warcinfo": 1, "request": 1, "page": 1, "metadata": 1},
    "commoncrawl-whirlwind/whirlwind.warc.wat.gz": {"warcinfo": 1, "wat": 1},
    "commoncrawl-whirlwind/whirlwind.warc.wet.gz": {"warcinfo": 1, "text": 1},
    "dolma/sample-0001.warc.gz": {"warcinfo": 1, "request": 15, "page": 15, "metadata": 3},
    "resiliparse/block-sized-records.warc": {"unknown": 3},
    "resiliparse/block-sized-records.warc.gz": {"unknown": 3},
    "resiliparse/block-sized-records.warc.lz4": {"unknown": 3},
    "resiliparse/clipped.warc.gz": {"truncated record": 1},
    "resiliparse/clueweb-quirk.warc.gz": {"warcinfo": 1, "page": 29},
    "resiliparse/warcfile.warc": {"warcinfo": 1, "request": 17, "page": 16, "metadata": 16},
    "resiliparse/warcfile.warc.gz": {"warcinfo": 1, "request": 17, "page": 16, "metadata": 16},
    "resiliparse/warcfile.warc.lz4": {"warcinfo": 1, "request": 17, "page": 16, "metadata": 16},
    "warcio/bad.arc": {"damaged record": 2, "empty body": 1},
    "warcio/example-bad-non-chunked.warc.gz": {"warcinfo": 2, "page": 1, "request": 2, "revisit": 1},
    "warcio/example-digest.warc": {"request": 3, "damaged record": 1},
    "warcio/example-iana.org-chunked.warc": {"warcinfo": 1, "page": 1, "request": 1},
    "warcio/example-resource.warc.gz": {"warcinfo": 2, "page": 1},
    "warcio/example-space-in-target-uri.warc.gz": {"warcinfo": 1, "not a page: image/png": 1},
    "warcio/example-space-in-url.arc": {"arcinfo": 1, "truncated record": 1},
    "warcio/example-trunc.warc": {"warcinfo": 2, "damaged record": 1, "request": 1},
    "warcio/example-wget-bad-target-uri.warc.gz": {"warcinfo": 1, "request": 1, "page": 1, "metadata": 3},
    "warcio/example-wrong-chunks.warc.gz": {"truncated record": 1, "damaged record": 1, "request": 1},
    "warcio/example.arc": {"arcinfo": 1, "page": 1},
    "warcio/example.arc.gz": {"arcinfo": 1, "page": 1},
    "warcio/example.warc": {"warcinfo": 2, "page": 1, "request": 2, "revisit": 1},
    "warcio/example.warc.gz": {"warcinfo": 2, "page": 1, "request": 2, "revisit": 1},
    "warcio/post-test.warc.gz": {"not a page: application/json": 3, "request": 3},
}


@pytest.mark.parametrize("name", GOLDEN)
def test_files_of_other_projects_give_what_was_counted_by_hand(public_data: Path, name: str) -> None:
    assert kinds(all_in(public_data / "warc" / name)) == GOLDEN[name]


def test_pages_of_whole_files_are_those_that_an_independent_reader_finds(public_data: Path) -> None:
    from fastwarc import ArchiveIterator, WarcRecordType

    for name in ("dolma/sample-0001.warc.gz", "resiliparse/warcfile.warc.gz", "resiliparse/clueweb-quirk.warc.gz"):
        path = public_data / "warc" / name
        with path.open("rb") as stream:
            theirs = [r.headers["WARC-Target-URI"] for r in ArchiveIterator(stream, WarcRecordType.response)]
        assert [each.url for each in all_in(path) if isinstance(each, Found)] == [u.strip("<>") for u in theirs]


def test_a_page_knows_its_address_its_place_and_what_its_server_said(tmp_path: Path) -> None:
    path = tmp_path / "two.warc.gz"
    headers = {"Content-Type": "text/html", "X-Robots-Tag": "noai", "Last-Modified": "yesterday", "Server": "one"}
    places = write_warc(path, [page(1), Crawled("https://example.org/2", b"<html>two", headers)])
    second = all_in(path)[1]
    assert isinstance(second, Found)
    assert (second.url, second.offset, second.html) == ("https://example.org/2", places[1][0], "<html>two")
    assert dict(second.facts) == {
        "x-robots-tag": "noai",
        "last-modified": "yesterday",
        "date": "2026-01-02T03:04:05Z",
        "status": "200",
    }


def chunked(body: bytes, size: int = 7) -> bytes:
    parts = [body[place : place + size] for place in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


BODY = "<html><body>Größe und Maß, ein Satz nach dem anderen.</body></html>".encode()
ENCODED = {
    "gzip": gzip.compress(BODY),
    "deflate": zlib.compress(BODY),
    "br": brotli.compress(BODY),
}


@pytest.mark.parametrize("encoding", ENCODED)
@pytest.mark.parametrize("in_chunks", [False, True])
def test_encodings_of_transfer_and_content_are_taken_off(tmp_path: Path, encoding: str, in_chunks: bool) -> None:
    headers = {"Content-Type": "text/html", "Content-Encoding": encoding}
    body = ENCODED[encoding]
    if in_chunks:
        headers["Transfer-Encoding"] = "chunked"
        body = chunked(body)
    found = one(tmp_path, Crawled("https://example.org", body, headers))
    assert isinstance(found, Found)
    assert found.html == BODY.decode()


def test_a_deflate_body_without_its_header_and_two_encodings_at_once_are_read(tmp_path: Path) -> None:
    deflate = zlib.compressobj(wbits=-15)
    raw = deflate.compress(BODY) + deflate.flush()
    for body, names in ((raw, "deflate"), (gzip.compress(brotli.compress(BODY)), "br, gzip")):
        found = one(tmp_path, Crawled("https://a.org", body, {"Content-Type": "text/html", "Content-Encoding": names}))
        assert isinstance(found, Found)
        assert found.html == BODY.decode()


@pytest.mark.parametrize("header", ["Content-Encoding", "Transfer-Encoding"])
def test_a_page_whose_headers_promise_an_encoding_that_it_does_not_have_is_read_as_it_is(
    tmp_path: Path, header: str
) -> None:
    value = "gzip" if header == "Content-Encoding" else "chunked"
    found = one(tmp_path, Crawled("https://a.org", BODY, {"Content-Type": "text/html", header: value}))
    assert isinstance(found, Found)
    assert found.html == BODY.decode()


@pytest.mark.parametrize(
    "body",
    [
        b"Dear friends,\nthis page says that it is chunked.\n",
        b"0 results were found.\nBut here is the text.\n",
        b"0\nis where this counting begins\n",
        b"10\nyears went by before anybody asked again\n",
        b"bad\nis what it was\n",
    ],
)
def test_text_that_only_looks_like_chunks_keeps_its_first_words(tmp_path: Path, body: bytes) -> None:
    found = one(
        tmp_path, Crawled("https://a.org", body, {"Content-Type": "text/plain", "Transfer-Encoding": "chunked"})
    )
    assert isinstance(found, Found)
    assert found.text == body.decode()


@settings(deadline=None)
@given(st.binary(max_size=60), st.integers(1, 20), st.sampled_from([b"", b" ", b";a=1"]), st.integers(0, 10))
def test_chunks_come_off_and_of_a_cut_body_everything_is_given(body: bytes, size: int, beside: bytes, cut: int) -> None:
    parts = [body[place : place + size] for place in range(0, len(body), size)]
    whole = b"".join(b"%x%s\r\n%s\r\n" % (len(part), beside, part) for part in parts)
    assert dechunked(whole + b"0\r\n\r\n") == body
    if len(parts) > 1:
        inside = len(whole) - len(b"%x%s\r\n%s\r\n" % (len(parts[-1]), beside, parts[-1])) // 2
        assert body.startswith(dechunked(whole[:inside]))


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    bomb = gzip.compress(b"<html>" + bytes(64 << 20))
    found = one(tmp_path, Crawled("https://a.org", bomb, {"Content-Type": "text/html", "Content-Encoding": "gzip"}))
    assert isinstance(found, Fault)
    assert (found.kind, found.detail) == ("undecodable body", "over 16 MiB")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("Größe".encode("cp1252"), "text/html; charset=iso-8859-1"),
        (b'<meta charset="windows-1252">' + "Größe".encode("cp1252"), "text/html"),
        ("\ufeffGröße".encode("utf-16-le"), "text/html"),
        ("Größe".encode(), "text/html; charset=iso-8859-1"),  # it lies, and valid UTF-8 is never chance
        ("Größe".encode("cp1252"), "text/html; charset=no-such-thing"),
    ],
)
def test_characters_are_found_by_mark_bytes_header_meta_or_looks(
    tmp_path: Path, body: bytes, content_type: str
) -> None:
    found = one(tmp_path, Crawled("https://a.org", body, {"Content-Type": content_type}))
    assert isinstance(found, Found)
    assert found.html.endswith("Größe")


@pytest.mark.parametrize("where", ["header", "meta"])
def test_japanese_in_escapes_is_read_and_other_escapes_are_left_alone(tmp_path: Path, where: str) -> None:
    html = '<meta charset="iso-2022-jp"><p>日本語のページです。' if where == "meta" else "<p>日本語のページです。"
    kind = "text/html; charset=ISO-2022-JP" if where == "header" else "text/html"
    found = one(tmp_path, Crawled("https://a.org", html.encode("iso2022_jp"), {"Content-Type": kind}))
    assert isinstance(found, Found)
    assert found.html == html
    coloured = "<p>\x1b[1mGröße\x1b[0m".encode()
    found = one(tmp_path, Crawled("https://a.org", coloured, {"Content-Type": "text/html; charset=utf-8"}))
    assert isinstance(found, Found)
    assert found.html == coloured.decode()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Crawled("https://a.org", b"gone", status=404), "http status 404"),
        (Crawled("https://a.org", b"", {"Content-Type": "text/html"}), "empty body"),
        (Crawled("https://a.org/x.png", b"\x89PNG", {"Content-Type": "image/png"}), "not a page: image/png"),
        (Crawled("https://a.org", b"", kind="revisit"), "revisit"),
        (Crawled("dns:a.org", b"x"), "dns"),
    ],
)
def test_what_is_no_page_is_told_by_name(tmp_path: Path, answer: Crawled, kind: str) -> None:
    found = one(tmp_path, answer)
    assert isinstance(found, Skipped)
    assert found.kind == kind


def test_a_record_too_large_is_passed_over_and_the_next_one_read(tmp_path: Path) -> None:
    path = tmp_path / "large.warc.gz"
    write_warc(path, [page(1), Crawled("https://a.org", bytes(33 << 20)), page(2)])
    assert kinds(all_in(path)) == {"page": 2, "record too large": 1}


def test_one_gzip_stream_around_many_records_is_read_up_to_its_break(tmp_path: Path) -> None:
    path = tmp_path / "stream.warc.gz"
    whole = gzip.compress(b"".join(record(page(n), n) for n in range(20)))
    path.write_bytes(whole)
    assert kinds(all_in(path)) == {"page": 20}
    path.write_bytes(whole[: len(whole) // 2])
    found = all_in(path)
    assert isinstance(found[-1], Fault)
    assert [each.url for each in found[:-1] if isinstance(each, Found)] == [page(n).url for n in range(len(found) - 1)]
    assert len(found) > 5


PAGES = 30


def damage_costs_only_itself(tmp_path: Path, count: int, seed: int) -> None:
    """Flips `count` random bits, one at a time: at most the record that it lies in is lost, and told."""
    path, damaged = tmp_path / "whole.warc.gz", tmp_path / "damaged.warc.gz"
    places = write_warc(path, map(page, range(PAGES)))
    whole = path.read_bytes()
    right = all_in(path)
    draw = random.Random(seed)
    for _ in range(count):
        bit = draw.randrange(8 * len(whole))
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        damaged.write_bytes(data)
        found = all_in(damaged)
        struck = next(n for n, (begin, end) in enumerate(places) if begin <= bit // 8 < end)
        left = [each for each in found if isinstance(each, Found)]
        if left != right:
            assert left == right[:struck] + right[struck + 1 :], bit
            assert any(isinstance(each, Fault) for each in found), bit
        else:  # bits without meaning: flags, time and system of a gzip header, and what fills the last deflate byte
            begin, end = places[struck]
            assert bit // 8 in (*range(begin + 3, begin + 10), end - 9), bit


def truncation_costs_only_itself(tmp_path: Path, count: int, seed: int) -> None:
    """Cuts a file at `count` random places: what lies before the cut is whole, the record that is cut is told."""
    path, cut = tmp_path / "whole.warc.gz", tmp_path / "cut.warc.gz"
    places = write_warc(path, map(page, range(PAGES)))
    whole, right = path.read_bytes(), all_in(path)
    draw = random.Random(seed)
    for _ in range(count):
        length = draw.randrange(1, len(whole))
        cut.write_bytes(whole[:length])
        found = all_in(cut)
        before = sum(end <= length for _, end in places)
        assert found[:before] == right[:before]
        at_a_joint = length in {end for _, end in places}
        assert len(found) == before + (0 if at_a_joint else 1), length
        assert at_a_joint or isinstance(found[-1], Fault), length


def test_a_flipped_bit_costs_at_most_the_record_it_lies_in(tmp_path: Path) -> None:
    damage_costs_only_itself(tmp_path, 100, 1)


def test_a_truncated_file_loses_only_the_record_that_is_cut(tmp_path: Path) -> None:
    truncation_costs_only_itself(tmp_path, 60, 1)


@pytest.mark.ci
def test_600_bit_flips_and_300_truncations_lose_only_what_is_damaged(tmp_path: Path) -> None:
    damage_costs_only_itself(tmp_path, 600, 2)
    truncation_costs_only_itself(tmp_path, 300, 2)


@settings(max_examples=30, deadline=None)
@given(st.integers(200, 20_000), st.integers(0, 10**6), st.booleans())
def test_stretches_of_a_file_give_what_the_file_gives(
    tmp_path_factory: pytest.TempPathFactory, size: int, seed: int, damaged: bool
) -> None:
    path = tmp_path_factory.mktemp("cut") / "a.warc.gz"
    write_warc(path, map(page, range(PAGES)))
    if damaged:
        data = bytearray(path.read_bytes())
        data[seed % len(data)] ^= 0x55
        path.write_bytes(data)
    source = source_at(path, path.name)
    assert [x for start, stop in slices(source, size) for x in read_slice(source, start, stop)] == all_in(path)


def fuzz(tmp_path: Path, count: int, seed: int) -> None:
    """Random mutations of random archives: whatever comes out is told, nothing is raised."""
    draw = random.Random(seed)
    seeds = [b"".join(record(page(n), n) for n in range(3)), record(Crawled("https://a.org", chunked(BODY)))]
    for number in range(count):
        data = bytearray(draw.choice(seeds))
        for _ in range(draw.randint(1, 12)):
            place = draw.randrange(len(data))
            data[place : place + draw.choice([0, 1, 4])] = draw.randbytes(draw.choice([0, 1, 5]))
        path = tmp_path / ("f.warc.gz" if number % 2 else "f.warc")
        path.write_bytes(gzip.compress(bytes(data), 1) if number % 2 else bytes(data))
        assert all(isinstance(each, Found | Fault | Skipped) for each in all_in(path))


def test_whatever_bytes_come_nothing_is_raised(tmp_path: Path) -> None:
    fuzz(tmp_path, 300, 1)


@pytest.mark.ci
def test_20_000_mutated_archives_raise_nothing(tmp_path: Path) -> None:
    fuzz(tmp_path, 20_000, 2)
