"""An index of any shards answers what a search through the documents by hand would."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.index import Index, Occurrence, build
from etymon.index.suffixes import sorted_by_doubling, suffix_array
from etymon.storage import Damaged, Store

Ids = NDArray[np.uint16]
TEXT = st.text("abé", max_size=20).map(str.encode)  # so few letters that much repeats
IDS = st.lists(st.sampled_from([0, 1, 255, 256, 65534]), max_size=12).map(lambda ids: np.array(ids, np.uint16))
SHARD = st.sampled_from([1, 30, 1 << 20])
names = count()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store.at(tmp_path_factory.mktemp("store"))


def index_of(store: Store, documents: list[bytes] | list[Ids], unit: str = "bytes", shard_bytes: int = 30) -> Index:
    named = [(f"d{n}", document) for n, document in enumerate(documents)]
    recipe = {"test": next(names)}  # each an index of its own
    return Index.open(build(store, "", named, inputs={}, unit=unit, shard_bytes=shard_bytes, recipe=recipe))


def by_hand(documents: list[list[int]], query: list[int]) -> list[Occurrence]:
    return [
        Occurrence(number, f"d{number}", at)
        for number, document in enumerate(documents)
        for at in range(len(document) - len(query) + 1)
        if document[at : at + len(query)] == query
    ]


def longest_by_hand(documents: list[list[int]], text: list[int]) -> list[int]:
    return [
        max((n for n in range(len(text) - at + 1) if n == 0 or by_hand(documents, text[at : at + n])), default=0)
        for at in range(len(text))
    ]


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXT, max_size=6), TEXT.filter(bool), SHARD, st.integers(1, 5))
def test_count_and_find_are_those_of_a_search_by_hand(
    store: Store, documents: list[bytes], query: bytes, shard_bytes: int, limit: int
) -> None:
    index = index_of(store, documents, shard_bytes=shard_bytes)
    expected = by_hand([list(each) for each in documents], list(query))
    assert index.count(query) == len(expected)
    assert index.find(query, limit) == expected[:limit]


@settings(max_examples=40, deadline=None)
@given(st.lists(IDS, max_size=6), IDS.filter(len), SHARD, st.sampled_from(["uint16", "uint32"]))
def test_token_ids_of_either_width_are_found_at_whole_ids(
    store: Store, documents: list[Ids], query: Ids, shard_bytes: int, unit: str
) -> None:
    index = index_of(store, documents, unit, shard_bytes)
    expected = by_hand([each.tolist() for each in documents], query.tolist())
    assert index.count(query) == len(expected)
    assert index.find(query, 1000) == expected


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXT, max_size=5), st.lists(st.sampled_from([b"ab", b"a", b"\xff", "é".encode()])), SHARD)
def test_the_longest_match_at_each_byte_is_that_of_trying_every_length(
    store: Store, documents: list[bytes], parts: list[bytes], shard_bytes: int
) -> None:
    text = b"".join(parts)
    found = index_of(store, documents, shard_bytes=shard_bytes).longest_match(text)
    assert found.lengths.tolist() == longest_by_hand([list(each) for each in documents], list(text))
    for at, (length, document, offset) in enumerate(zip(found.lengths, found.documents, found.offsets, strict=True)):
        assert (document < 0) == (length == 0)
        if length:
            assert documents[document][offset : offset + length] == text[at : at + length]


def test_a_match_longer_than_the_first_window_is_found_whole(store: Store) -> None:
    document = bytes(range(32, 127)) * 9
    assert index_of(store, [b"0", document]).longest_match(document[5:]).lengths[0] == len(document) - 5


def test_overlapping_occurrences_are_counted(store: Store) -> None:
    assert index_of(store, [b"aaaa", b"aa"]).count(b"aa") == 4


def test_nothing_reaches_over_the_end_of_a_document(store: Store) -> None:
    index = index_of(store, [b"ab", b"cd"], shard_bytes=1000)
    assert index.count(b"bc") == 0
    assert index.count(b"b\xffc") == 0
    assert index.count(b"\xff") == 0


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([b"a", b"ab", b"\x00", b"\xff", b"abcabcabcabcabc"]), max_size=30))
def test_the_suffix_array_is_that_of_sorting_all_suffixes_with_and_without_the_library(parts: list[bytes]) -> None:
    text = b"".join(parts)
    expected = sorted(range(len(text)), key=lambda at: text[at:])
    assert suffix_array(text).tolist() == expected
    if text:
        assert sorted_by_doubling(text).tolist() == expected


def test_a_library_that_is_not_there_changes_no_array(monkeypatch: pytest.MonkeyPatch) -> None:
    text = bytes(np.random.default_rng(0).integers(0, 4, 20_000, np.uint8)) * 2
    with_it = suffix_array(text, 2)
    monkeypatch.setattr("etymon.index.suffixes._LIBRARY", None)
    assert (suffix_array(text, 2) == with_it).all()


def test_the_same_documents_are_indexed_once(store: Store) -> None:
    first = build(store, "", [("a", b"text")], inputs={}, recipe={"once": 1})
    assert build(store, "", iter([]), inputs={}, recipe={"once": 1}) == first


@pytest.mark.parametrize(
    ("documents", "unit", "message"),
    [
        ([("a", b"\xff")], "bytes", "stands between documents"),
        ([("a", np.array([65535], np.uint16))], "uint16", "stands between documents"),
        ([("a", np.array([70000], np.uint32))], "uint16", "does not fit"),
        ([("a", b"text")], "uint16", "no token ids"),
        ([("a", np.array([1], np.uint16))], "bytes", "no bytes"),
        ([], "words", "no unit"),
    ],
)
def test_what_cannot_be_indexed_is_refused(
    store: Store, documents: list[tuple[str, bytes | Ids]], unit: str, message: str
) -> None:
    with pytest.raises(EtymonError, match=message):
        build(store, "", documents, inputs={}, unit=unit, recipe={"refused": next(names)})


def test_an_empty_question_is_refused(store: Store) -> None:
    with pytest.raises(EtymonError, match="Nothing was asked"):
        index_of(store, [b"a"]).count(b"")


def test_a_changed_byte_of_an_index_is_found_before_an_answer_is_given(tmp_path: Path) -> None:
    index = index_of(Store.at(tmp_path), [b"abc" * 100])
    file = index.artifact.path / "0.suffixes"
    data = bytearray(file.read_bytes())
    data[40] ^= 1
    file.write_bytes(data)
    with pytest.raises(Damaged):
        Index.open(index.artifact)
