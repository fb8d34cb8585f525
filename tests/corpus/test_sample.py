"""Samples for the figures of balance: bounded, drawn by hash alone, with the shares that were asked for."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.corpus import (
    Corpus,
    CorpusSettings,
    Piece,
    build,
    kept_sample,
    mixed_sample,
    read_sample,
    readings_of,
    shares_read,
)
from etymon.corpus.sample import Smallest
from etymon.storage import Store

SIZES = st.lists(st.integers(1, 60), min_size=1, max_size=30)


def pieces(sizes: list[int]) -> list[Piece]:
    return [Piece(str(number), "x" * size, "en", "ab"[number % 2], "unknown") for number, size in enumerate(sizes)]


@given(SIZES, st.integers(1, 300), st.randoms())
def test_a_sample_is_the_same_in_any_order_and_just_reaches_its_size(sizes: list[int], size: int, shuffle):
    given_order, other = pieces(sizes), pieces(sizes)
    shuffle.shuffle(other)
    first, second = Smallest(size), Smallest(size)
    for a, b in zip(given_order, other, strict=True):
        first.add(a)
        second.add(b)
    taken = first.taken()
    assert taken == second.taken()
    total = sum(len(piece.text) for piece in taken)
    assert total >= min(size, sum(sizes))
    assert total - len(taken[-1].text) < size


@given(SIZES)
def test_domains_without_a_quota_are_left_out(sizes: list[int]):
    chosen = Smallest(100, {"a": 100})
    for piece in pieces(sizes):
        chosen.add(piece)
    assert {piece.domain for piece in chosen.taken()} == {"a"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    root = tmp_path_factory.mktemp("sample")
    for name, documents in (("large", 200), ("small", 60)):
        (root / "text" / name).mkdir(parents=True)
        rows = [{"text": f"{name} document {n} says {n * n} " * 8} for n in range(documents)] + [{"text": "short"}] * 30
        (root / "text" / name / "all.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Corpus.open(build(Store.at(root / "store"), [str(root / "text")], CorpusSettings()))


def test_a_mixed_sample_has_its_shares_and_no_document_twice(corpus: Corpus):
    sample = mixed_sample(corpus, {"large": 0.25, "small": 0.75}, 1 << 20)
    sizes = Counter[str]()
    for piece in sample:
        sizes[piece.domain] += len(piece.text.encode())
    assert sizes["small"] / sizes.total() == pytest.approx(0.75, abs=0.02)
    assert len({piece.id for piece in sample}) == len(sample) > 60
    splits = corpus.splits()
    assert {splits[piece.id] for piece in sample} == {"train"}


def test_shares_of_what_was_read_and_kept_are_those_of_the_statistics(corpus: Corpus):
    sides = shares_read(corpus)
    told = corpus.artifact.statistics
    assert sides["read"]["documents"] == told["documents"]["in"] == 320
    assert sides["kept"]["documents"] == told["documents"]["kept"] == 260
    whole = sum(each["bytes"] for each in told["domains"].values())
    expected = {name: each["bytes"] / whole for name, each in told["domains"].items()}
    assert sides["kept"]["domains"] == pytest.approx(expected)
    assert sum(sides["read"]["genres"].values()) == pytest.approx(1)


def test_a_sample_of_a_small_corpus_is_all_of_it(corpus: Corpus):
    assert {piece.id for piece in kept_sample(corpus, 1 << 30)} == set(corpus.splits())


def test_what_was_read_is_found_in_readings_where_there_are_any(tmp_path: Path, corpus: Corpus):
    text = tmp_path / "pages"
    text.mkdir()
    for number in range(40):
        (text / f"{number}.html").write_text(f"<p>{f'Page {number} tells of page {number + 1}. ' * 20}</p>")
    (text / "empty.html").write_text("<p>no</p>")
    store = Store.at(tmp_path / "store")
    made = Corpus.open(build(store, [str(text)], CorpusSettings()))
    found = readings_of(store, made)
    assert found is not None
    sample = read_sample(found, 1 << 30)
    assert {piece.id for piece in sample} == {decision.id for decision in made.decisions()}
    assert readings_of(store, corpus) is None
