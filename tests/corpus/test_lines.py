"""Repeated lines: counted exactly whatever the order, taken out wherever they stand, and nothing else with them."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.corpus.lines import LineCounts, LineSketch, drop_repeated_lines, normalised, unit_hashes, units

LINES = st.sampled_from(["Home", "About us", "Privacy", "a story begins", "", "  ", "é", "菜单", "...", "\ud800"])
TEXTS = st.lists(st.lists(LINES, max_size=8).map("\n".join), max_size=12)
UNITS = st.sampled_from(["line", "paragraph"])


def counted(texts: list[str], unit: str = "line", sketch: LineSketch | None = None, most: int = 0) -> LineCounts:
    counts = LineCounts(unit, sketch, most)
    counts.add(texts)
    return counts


def by_hand(texts: list[str]) -> Counter[str]:
    """In how many documents each line occurs."""
    return Counter(line for text in texts for line in {normalised(line) for line in text.split("\n")} if line)


@given(TEXTS, UNITS)
def test_units_are_the_whole_text(texts: list[str], unit: str) -> None:
    for text in texts:
        assert "".join(text[start:stop] for start, stop in units(text, unit)) == text


@given(TEXTS, st.integers(0, 4))
def test_lines_of_more_than_so_many_documents_go_and_no_others(texts: list[str], most: int) -> None:
    expected = by_hand(texts)
    for text, trimmed in zip(texts, drop_repeated_lines(texts, counted(texts), most), strict=True):
        left = [line for line in re.split(r"\n+", text) if expected[normalised(line)] <= most]
        assert [line for line in re.split(r"\n+", trimmed.text) if line] == [line for line in left if line]


@given(TEXTS, st.integers(0, 3), UNITS)
def test_what_was_removed_and_what_is_left_are_the_text(texts: list[str], most: int, unit: str) -> None:
    for text, trimmed in zip(texts, drop_repeated_lines(texts, counted(texts, unit), most), strict=True):
        rebuilt, place = "", 0
        for start, stop in trimmed.removed:
            rebuilt += text[place:start]
            place = stop
        assert rebuilt + text[place:] == trimmed.text


@given(TEXTS, st.integers(0, 3), st.integers(1, 8), st.randoms(use_true_random=False))
def test_neither_order_nor_workers_nor_the_sketch_change_anything(
    texts: list[str], most: int, slots: int, random: object
) -> None:
    whole = drop_repeated_lines(texts, counted(texts), most)
    shuffled = list(texts)
    random.shuffle(shuffled)
    sketch, other = LineSketch(slots), LineSketch(slots)
    sketch.add(shuffled[::2])
    other.add(shuffled[1::2])
    sketch.merge(other)
    counts = counted(shuffled[1::2], sketch=sketch, most=most)
    counts.merge(counted(shuffled[::2], sketch=sketch, most=most))
    assert drop_repeated_lines(texts, counts, most) == whole


def test_with_a_sketch_memory_is_for_repeated_lines_alone() -> None:
    texts = [f"menu\nstory {'x' * number}" for number in range(1000)]
    sketch = LineSketch(1 << 16)
    sketch.add(texts)
    counts = counted(texts, sketch=sketch, most=20)
    assert len(counts) == 1
    assert counts.of(unit_hashes("menu\nstory x")).tolist() == [1000, 0]


def test_a_sketch_that_is_full_still_lets_every_repeated_line_through() -> None:
    texts = ["menu"] * 700
    sketch = LineSketch(4)
    for text in texts:
        sketch.add([text])
    assert counted(texts, sketch=sketch, most=699).of(unit_hashes("menu")).tolist() == [700]


@pytest.mark.parametrize(
    ("a", "b"),
    [("© 2019 Café, Inc.", "© 2024 cafe inc"), ("Read  more…", "read more"), ("１２ Uhr", "34 uhr")],
)
def test_lines_are_one_without_case_accents_marks_and_digits(a: str, b: str) -> None:
    assert normalised(a) == normalised(b) != ""


def test_vowel_signs_are_letters() -> None:
    assert normalised("की") != normalised("क")


def test_a_document_that_repeats_its_own_line_is_one_document() -> None:
    counts = counted(["la\n" * 50])
    assert counts.of(unit_hashes("la")).tolist() == [1]


def test_a_paragraph_goes_as_a_whole_and_its_lines_alone_do_not() -> None:
    notice = "All rights reserved.\nNo part may be copied."
    texts = [f"One.\n\n{notice}\n\nTwo.", f"{notice}\n \nThree.", "All rights reserved.\nFour."]
    trimmed = drop_repeated_lines(texts, counted(texts, "paragraph"), 1)
    assert [each.text for each in trimmed] == ["One.\n\nTwo.", "Three.", "All rights reserved.\nFour."]
