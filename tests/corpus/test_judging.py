"""Measuring, rules, duplicates and the split."""

from __future__ import annotations

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from etymon.corpus.census import KEEP, Census
from etymon.corpus.duplicates import content_key, normalised
from etymon.corpus.measures import measure
from etymon.corpus.overlap import Overlap
from etymon.corpus.recipes import recipe
from etymon.corpus.rules import Rule, decide, rules_with
from etymon.corpus.split import FEW, positions, split_documents
from etymon.corpus.verdicts import DROPPED, Verdict

TEXTS = st.text(alphabet="ab \n\t", max_size=8)


def test_what_is_measured_are_bytes_characters_and_damage() -> None:
    columns = measure(["naïve", "", "a\ufffd"], ["bytes", "characters", "replaced"])
    assert columns["bytes"].tolist() == [6, 0, 4]
    assert columns["characters"].tolist() == [5, 0, 2]
    assert columns["replaced"].tolist() == [0.0, 0.0, 0.5]


def test_the_first_rule_that_holds_decides() -> None:
    rules = [Rule("short", "bytes", "<", 3, "a test"), Rule("long", "bytes", ">=", 2, "a test")]
    assert decide(measure(["a", "ab", "abc"], ["bytes"]), rules, 3) == ["short", "short", "long"]
    assert decide({}, [], 1) == [None]


def test_a_setting_takes_the_place_of_a_threshold() -> None:
    rules = rules_with({"minimum_bytes": 200}, recipe("text").rules)
    assert [rule.words for rule in rules] == ["bytes < 200", "replaced > 0.01"]


@given(st.text())
def test_normalising_twice_is_normalising_once(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@given(st.text(), st.sampled_from([" ", "\n\n", "\t"]))
def test_white_space_and_composition_make_no_difference(text: str, space: str) -> None:
    assert content_key(f"{text}{space}end ") == content_key(f" {unicodedata.normalize('NFD', text)} end")


def census_of(texts: list[str], dropped: frozenset[int] = frozenset()) -> Census:
    """The census of texts, of which rules have dropped some, after exact copies are dropped."""
    rows = [
        {"bytes": len(text), "key": content_key(text), "id": f"{number:020x}", "domain": "", "language": ""}
        for number, text in enumerate(texts)
    ]
    fields = {"bytes": pa.int64(), "key": pa.binary(16), "id": pa.string(), "domain": pa.string()}
    schema = pa.schema([*fields.items(), ("language", pa.string()), ("skipped", pa.string())])
    verdicts = [Verdict(DROPPED, "a rule") if number in dropped else KEEP for number in range(len(texts))]
    census = Census(Overlap(()))
    census.add(pa.RecordBatch.from_pylist(rows, schema=schema), verdicts)
    census.drop_exact()
    return census


@given(st.lists(TEXTS, max_size=30))
def test_dropping_duplicates_from_what_is_left_drops_nothing(texts: list[str]) -> None:
    kept = [texts[row] for row in census_of(texts).kept()]
    assert [kept[row] for row in census_of(kept).kept()] == kept
    assert {normalised(text) for text in kept} == {normalised(text) for text in texts}
    assert len({normalised(text) for text in kept}) == len(kept)


def test_a_dropped_document_is_nobodys_partner() -> None:
    verdicts = census_of(["x"] * 3, frozenset((0,))).verdicts(0, 3)
    assert [each.outcome for each in verdicts] == ["dropped", "kept", "dropped"]
    assert [each.duplicate_of for each in verdicts] == ["", "", f"{1:020x}"]


def keys_of(numbers: set[int]) -> list[bytes]:
    return [content_key(f"document {number}") for number in sorted(numbers)]


def split_by_key(keys: list[bytes], size: int = 100, limit: int = 10**9) -> dict[bytes, str]:
    splits = split_documents(keys, [size] * len(keys), validation=0.05, test=0.05, limit=limit)
    return dict(zip(keys, splits, strict=True))


@given(st.integers(3, 200))
def test_from_three_documents_on_no_split_is_empty(count: int) -> None:
    splits = split_by_key(keys_of(set(range(count))))
    assert set(splits.values()) == {"train", "validation", "test"}


@given(st.sets(st.integers(0, 5000), min_size=FEW, max_size=300), st.sets(st.integers(0, 5000), max_size=300))
def test_adding_documents_never_moves_an_old_one_out_of_training_or_between_held_out_splits(
    old: set[int], added: set[int]
) -> None:
    before, after = split_by_key(keys_of(old), limit=900), split_by_key(keys_of(old | added), limit=900)
    moves = {(before[key], after[key]) for key in before if before[key] != after[key]}
    assert moves <= {("validation", "train"), ("test", "train")}


@given(st.permutations(list(range(60))))
def test_the_order_of_the_documents_makes_no_difference(order: list[int]) -> None:
    keys = keys_of(set(range(60)))
    assert split_by_key([keys[number] for number in order]) == split_by_key(keys)


def test_a_held_out_split_stays_within_its_limit() -> None:
    splits = list(split_by_key(keys_of(set(range(4000))), size=100, limit=5000).values())
    assert splits.count("validation") == splits.count("test") == 50


def test_without_a_limit_the_shares_are_what_was_asked_for() -> None:
    splits = list(split_by_key(keys_of(set(range(20_000)))).values())
    assert splits.count("validation") == pytest.approx(1000, abs=100)
    assert splits.count("test") == pytest.approx(1000, abs=100)


@given(st.lists(st.binary(min_size=16, max_size=16), unique=True, min_size=1))
def test_positions_are_fractions_in_the_order_of_the_keys(keys: list[bytes]) -> None:
    place = positions(sorted(keys))
    assume(len(place) > 0)
    assert (place >= 0).all() and (place <= 1).all()
    assert (place[1:] >= place[:-1]).all()
