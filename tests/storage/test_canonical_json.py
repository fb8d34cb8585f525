"""Canonical JSON: one spelling per value, nothing that JSON cannot hold, and a digest that finds every change."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.errors import EtymonError
from etymon.storage import artifact_id, canonical
from etymon.storage.canonical import seal, unseal

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))
OBJECTS = st.dictionaries(TEXT, VALUES, max_size=5)


@given(VALUES)
def test_reading_back_gives_the_value_and_the_same_spelling(value: object) -> None:
    spelled = canonical(value)
    assert json.loads(spelled) == value
    assert canonical(json.loads(spelled)) == spelled


@given(OBJECTS, st.randoms())
def test_the_order_of_keys_does_not_matter(value: dict[str, object], random: object) -> None:
    keys = list(value)
    random.shuffle(keys)  # type: ignore[attr-defined]
    assert canonical({key: value[key] for key in keys}) == canonical(value)


@given(OBJECTS, OBJECTS)
@settings(max_examples=50)
def test_ids_are_equal_exactly_where_the_work_is_spelled_equal(
    one: dict[str, object], other: dict[str, object]
) -> None:
    same = canonical(one) == canonical(other)
    assert (artifact_id("corpus", one, {}, 1) == artifact_id("corpus", other, {}, 1)) == same


def test_every_part_of_the_work_changes_the_id() -> None:
    ids = {
        artifact_id("corpus", {"a": 1}, {"text": "0" * 64}, 1),
        artifact_id("shards", {"a": 1}, {"text": "0" * 64}, 1),
        artifact_id("corpus", {"a": 2}, {"text": "0" * 64}, 1),
        artifact_id("corpus", {"a": 1.0}, {"text": "0" * 64}, 1),
        artifact_id("corpus", {"a": True}, {"text": "0" * 64}, 1),
        artifact_id("corpus", {"a": 1}, {"text": "1" * 64}, 1),
        artifact_id("corpus", {"a": 1}, {"book": "0" * 64}, 1),
        artifact_id("corpus", {"a": 1}, {"text": "0" * 64}, 2),
    }
    assert len(ids) == 8
    assert all(len(id) == 64 for id in ids)


def test_an_id_is_the_same_for_ever() -> None:
    work = {"rate": 1e-05, "name": "é", "layers": [1, 2], "deep": {"b": None, "a": True}}
    spelled = b'{"deep":{"a":true,"b":null},"layers":[1,2],"name":"\xc3\xa9","rate":1e-05}'
    assert canonical(work) == spelled
    assert artifact_id("model", work, {}, 1) == "c24f6c0bc658da70a341a08882b8793e2ea23f74eee7269aec40ccabfd0f10ce"


def test_numpy_scalars_and_tuples_count_as_what_they_hold() -> None:
    value = {"a": np.int64(3), "b": np.float64(0.5), "c": np.bool_(True), "d": (1, 2)}
    assert canonical(value) == b'{"a":3,"b":0.5,"c":true,"d":[1,2]}'


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"a": {"b": math.nan}}, "value.a.b"),
        ({"a": [1, math.inf]}, "value.a[1]"),
        ({"a": {3: 4}}, "value.a"),
        ({"a": "\ud800"}, "value.a"),
        ({"a": b"bytes"}, "value.a"),
        ({"a": {1, 2}}, "value.a"),
    ],
)
def test_what_json_cannot_hold_is_refused_with_its_place(value: object, where: str) -> None:
    with pytest.raises(EtymonError) as caught:
        canonical(value)
    assert caught.value.where == where


@given(OBJECTS.filter(bool))
def test_a_sealed_object_is_json_and_reads_back(value: dict[str, object]) -> None:
    value.pop("check", None)
    if value:
        assert unseal(seal(value)) == value
        assert {key: item for key, item in json.loads(seal(value)).items() if key != "check"} == value


def test_any_changed_byte_of_a_sealed_object_is_found() -> None:
    data = seal({"format": 1, "name": "x"})
    for position in range(len(data)):
        for change in (0x01, 0x20, 0x80, 0xFF):
            changed = bytearray(data)
            changed[position] ^= change
            with pytest.raises(ValueError, match="digest"):
                unseal(bytes(changed))
        with pytest.raises(ValueError, match="digest"):
            unseal(data[:position])
