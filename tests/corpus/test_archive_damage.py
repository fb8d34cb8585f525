"""Damage and malice in web archives larger than one window of reading: found again, cut apart, told."""

from __future__ import annotations

import bz2
import gzip
import random
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.corpus.archive.containers import Member
from etymon.corpus.arrow import pa
from etymon.corpus.found import Fault, Found, Reading, Skipped
from etymon.corpus.readers.web_archive import read, read_slice, slices
from etymon.corpus.sources import source_at
from etymon.corpus.streams import CHUNK
from harness.crawl import Crawled, record

Each = Found | Fault | Skipped
IMAGE = {"Content-Type": "image/png"}


def member(page: Crawled, level: int = 6) -> bytes:
    return gzip.compress(record(page), level, mtime=0)


def page(number: int) -> Crawled:
    return Crawled(f"https://example.org/{number}", b"<html>Page %d" % number)


def image(size: int) -> Crawled:
    return Crawled("https://example.org/image", random.Random(size).randbytes(size), IMAGE)


def all_in(path: Path) -> list[Each]:
    return list(read(source_at(path, path.name), Reading()))


def kinds(found: list[Each]) -> Counter[str]:
    return Counter("page" if isinstance(each, Found) else each.kind for each in found)


def in_slices(path: Path, size: int) -> list[Each]:
    source = source_at(path, path.name)
    return [each for start, stop in slices(source, size) for each in read_slice(source, start, stop)]


@pytest.mark.parametrize("struck", [20, 100, CHUNK - 1, CHUNK + 1, 2 * CHUNK])
def test_the_next_record_is_found_again_however_long_the_damaged_one_is(tmp_path: Path, struck: int) -> None:
    path = tmp_path / "a.warc.gz"
    data = bytearray(member(image(3 * CHUNK)) + b"".join(member(page(n)) for n in range(5)))
    data[struck] ^= 0xFF
    path.write_bytes(data)
    assert kinds(all_in(path)) == {"damaged record": 1, "page": 5}


@pytest.mark.parametrize("before", [0, 1, 2, 3, 17])
def test_a_member_may_begin_anywhere_in_a_window(tmp_path: Path, before: int) -> None:
    path = tmp_path / "a.warc.gz"
    wanted, size = CHUNK - before, CHUNK - before
    while len(first := member(image(size), 0)) != wanted:
        size += wanted - len(first)
    path.write_bytes(first + b"".join(member(page(n)) for n in range(5)))
    assert kinds(all_in(path)) == {"not a page: image/png": 1, "page": 5}


def test_a_large_file_is_cut_all_along_its_length(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(member(image(CHUNK // 4)) + member(page(n)) for n in range(16)))
    assert 4 <= len(slices(source_at(path, path.name), CHUNK)) <= 5
    assert in_slices(path, CHUNK) == all_in(path)


@settings(max_examples=25, deadline=None)
@given(
    size=st.integers(500, 9_000), level=st.sampled_from([0, 6]), pages=st.integers(1, 400), damage=st.integers(0, 999)
)
def test_an_archive_inside_a_record_is_no_place_to_cut(
    tmp_path_factory: pytest.TempPathFactory, size: int, level: int, pages: int, damage: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "a.warc.gz"
    inner = b"".join(member(page(n)) for n in range(pages))
    nested = Crawled("https://example.org/inner.warc.gz", inner, {"Content-Type": "application/gzip"})
    data = bytearray(member(page(0)) + member(nested, level) + b"".join(member(page(n)) for n in range(1, 9)))
    whole_is_sound = damage < 500
    if not whole_is_sound:
        data[damage * 7919 % len(data)] ^= 0x55
    path.write_bytes(data)
    assert in_slices(path, size) == all_in(path)
    if whole_is_sound:
        assert kinds(all_in(path)) == {"page": 9, "not a page: application/gzip": 1}


@pytest.mark.parametrize(
    "label", ["idna", "undefined", "punycode", "unicode_escape", "utf-7", "no-such", "hex", "mbcs"]
)
def test_no_name_of_an_encoding_stops_a_file_or_unescapes_a_page(tmp_path: Path, label: str) -> None:
    path = tmp_path / "a.warc.gz"
    body = b"<html>\\ud800 +AGE- gr\xfc\xdfe"
    odd = Crawled("https://example.org/odd", body, {"Content-Type": f"text/html; charset={label}"})
    in_meta = Crawled("https://example.org/odd", b'<meta charset="%s">' % label.encode() + body)
    path.write_bytes(member(odd) + member(in_meta) + member(page(1)))
    found = all_in(path)
    assert kinds(found) == {"page": 3}
    assert all("\\ud800 +AGE- gr" in each.html for each in found[:2] if isinstance(each, Found))


def test_utf_16_without_a_mark_is_read_as_its_header_says(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    for name in ("utf-16le", "utf-16be"):
        headers = {"Content-Type": f"text/html; charset={name}"}
        path.write_bytes(member(Crawled("https://example.org", "<html>Größe".encode(name), headers)))
        (found,) = all_in(path)
        assert isinstance(found, Found)
        assert found.html == "<html>Größe"


def test_every_gzip_member_of_a_body_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    headers = {"Content-Type": "text/html", "Content-Encoding": "gzip"}
    path.write_bytes(member(Crawled("https://example.org", gzip.compress(b"<html>a") + gzip.compress(b"b"), headers)))
    (found,) = all_in(path)
    assert isinstance(found, Found)
    assert found.html == "<html>ab"


def test_texts_are_valid_unicode_whatever_bytes_a_record_holds(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.wet.gz"
    path.write_bytes(member(Crawled("https://example.org", b"a\xffb", kind="conversion")))
    (found,) = all_in(path)
    assert isinstance(found, Found)
    assert found.text == "a\ufffdb"


@pytest.mark.parametrize("compressed", [True, False])
def test_a_bomb_of_line_ends_is_left_at_once(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / ("a.warc.gz" if compressed else "a.warc")
    bomb = record(page(1)) + b"\n" * (8 << 20)
    path.write_bytes(gzip.compress(bomb) + member(page(2)) if compressed else bomb + record(page(2)))
    begin = time.process_time()
    assert kinds(all_in(path)) == {"page": 2, "damaged record": 1}
    assert time.process_time() - begin < 2


def test_magic_numbers_everywhere_cost_little(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"\x1f\x8b\x08" * 30_000 + member(page(1)))
    begin = time.process_time()
    assert kinds(all_in(path))["page"] == 1
    assert time.process_time() - begin < 2


@pytest.mark.parametrize("version", [b"WARC/1.0", b"WARC/1.1", b"WARC/0.18"])
@pytest.mark.parametrize(
    "length", [b"x1", b"9", b"200", b"99999", b"99999999999", "²".encode(), b"9" * 5000, b"-1", b"40000000"]
)
def test_a_wrong_length_in_a_plain_file_costs_its_own_record(tmp_path: Path, version: bytes, length: bytes) -> None:
    path = tmp_path / "a.warc"
    each = [record(page(n)).replace(b"WARC/1.0", version) for n in range(8)]
    head, _, rest = each[3].partition(b"Content-Length: ")
    each[3] = head + b"Content-Length: " + length + rest[rest.index(b"\r\n") :]
    path.write_bytes(b"".join(each))
    found = all_in(path)
    assert kinds(found) == {"page": 7, "damaged record": 1}
    assert isinstance(found[3], Fault)
    assert found[3].offset == sum(map(len, each[:3]))


def test_a_bomb_does_not_hold_up_whoever_cuts_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, size = tmp_path / "a.warc.gz", 32 << 10
    bomb = gzip.compress(record(Crawled("https://example.org/bomb", bytes(96 << 20))), 1)
    path.write_bytes(b"".join(member(page(n)) for n in range(300)) + bomb + member(page(300)))
    inflated = 0
    read = Member.read

    def counted(one: Member, count: int) -> bytes:
        nonlocal inflated
        data = read(one, count)
        inflated += len(data)
        return data

    monkeypatch.setattr(Member, "read", counted)
    places = slices(source_at(path, path.name), size)
    assert inflated < (64 << 20) + 8 * path.stat().st_size + 2 * CHUNK
    assert (places[0][0], places[-1][1]) == (0, path.stat().st_size)


def test_a_file_that_cannot_be_opened_is_left_for_its_reader_to_tell(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(member(page(1)) * 50)
    source = source_at(path, path.name)
    path.unlink()
    assert slices(source, 1000) == [(0, source.size)]


def arc(number: int, wrong_by: int = 0) -> bytes:
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Page %d, the one: of all\nthese" % number
    url = f"http://example.org/{number} and a space"
    return f"{url} 192.0.2.1 20140216050221 text/html {len(answer) + wrong_by}\n".encode() + answer + b"\n"


ARC_HEAD = b"filedesc://a.arc 0.0.0.0 20140216050221 text/plain 20\n1 0 Somebody's crawl\n\n"


@pytest.mark.parametrize("wrong_by", [-40, -9, -1, 1, 2, 7, 500, 10**11, 10**30])
def test_a_wrong_length_in_a_plain_arc_costs_its_own_record(tmp_path: Path, wrong_by: int) -> None:
    path = tmp_path / "a.arc"
    each = [ARC_HEAD, *(arc(n, wrong_by if n == 3 else 0) for n in range(8))]
    path.write_bytes(b"".join(each))
    found = all_in(path)
    places = [len(b"".join(each[:n])) for n in range(9)]
    if wrong_by == 1:  # the line end that follows every record is in it, and so is all of its text
        assert kinds(found) == {"arcinfo": 1, "page": 8}
    else:
        assert kinds(found) == {"arcinfo": 1, "page": 7, "damaged record": 1}
        assert isinstance(found[4], Fault)
    assert [one.offset for one in found] == places


@pytest.mark.parametrize("length", [99999999999, (33 << 20) + 7])
@pytest.mark.parametrize("suffix", ["", ".zst"])
def test_a_record_too_large_is_told_from_one_whose_length_is_wrong(tmp_path: Path, length: int, suffix: str) -> None:
    path = tmp_path / f"a.warc{suffix}"
    wrong = record(page(2)).partition(b"Content-Length: ")
    each = [
        record(page(0)),
        record(image(33 << 20)),
        record(page(1)),
        wrong[0] + wrong[1] + b"%d" % length + wrong[2][wrong[2].index(b"\r\n") :],
        *(record(page(n)) for n in range(3, 6)),
        record(image(2 * CHUNK)),
    ]
    data = b"".join(each)
    path.write_bytes(pa.compress(data, codec="zstd", asbytes=True) if suffix else data)
    found = all_in(path)
    assert [one.kind if isinstance(one, Fault | Skipped) else one.url[-1] for one in found] == [
        "0",
        "record too large",
        "1",
        "damaged record",
        "3",
        "4",
        "5",
        "not a page: image/png",
    ]
    assert [one.offset for one in found] == [len(b"".join(each[:n])) for n in range(8)]


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".bz2", ".lz4"])
def test_every_record_of_one_compressed_stream_has_a_place_of_its_own(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.warc{suffix}"
    each = [record(page(n % 3)) for n in range(9)]
    compressed = {".gz": gzip.compress, ".bz2": bz2.compress}
    named = {".zst": "zstd", ".lz4": "lz4"}
    data = b"".join(each)
    path.write_bytes(
        compressed[suffix](data) if suffix in compressed else pa.compress(data, codec=named[suffix], asbytes=True)
    )
    assert [one.offset for one in all_in(path)] == [len(b"".join(each[:n])) for n in range(9)]


def test_kinds_come_from_a_short_list_whatever_headers_say(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    odd = [
        Crawled("https://example.org", b"x", kind="z" * 300),
        Crawled("https://example.org", b"x", {"Content-Type": "<script>"}),
        Crawled("javascript:1", b"x"),
    ]
    path.write_bytes(b"".join(map(member, odd)))
    assert kinds(all_in(path)) == {"unknown": 1, "not a page: no media type": 1, "no web address": 1}
