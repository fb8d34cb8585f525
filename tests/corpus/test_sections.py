"""Cutting long texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from etymon.corpus.sections import cut, sections

PROSE = st.text(alphabet=st.sampled_from("ab. \n\r\t!é字😀"), max_size=400)


@given(st.one_of(PROSE, st.text(max_size=300)), st.integers(1, 120), st.integers(1, 50))
def test_the_sections_put_together_are_the_text(text: str, limit: int, chunk: int) -> None:
    chunks = [text[start : start + chunk] for start in range(0, len(text), chunk)]
    assert "".join(sections(chunks, limit)) == text


@given(PROSE, st.integers(8, 120), st.integers(1, 50))
def test_no_section_is_empty_or_longer_than_the_limit(text: str, limit: int, chunk: int) -> None:
    chunks = [text[start : start + chunk] for start in range(0, len(text), chunk)]
    sizes = [len(section.encode()) for section in sections(chunks, limit)]
    assert all(0 < size <= limit for size in sizes)


@given(PROSE, st.integers(1, 120), st.integers(1, 50))
def test_where_a_text_is_cut_does_not_depend_on_how_it_arrives(text: str, limit: int, chunk: int) -> None:
    chunks = [text[start : start + chunk] for start in range(0, len(text), chunk)]
    assert list(sections(chunks, limit)) == list(sections([text], limit))


def test_a_text_is_cut_at_the_best_joint_it_has() -> None:
    assert cut("One two.\n\nThree. Four\nfive six seven", 30) == len("One two.\n\n")
    assert cut("One two. Three. Four\nfive six seven", 30) == len("One two. Three. Four\n")
    assert cut("One two. Three. Four five six seven", 30) == len("One two. Three. ")
    assert cut("One two Three Four five six seven eight", 30) == len("One two Three Four five six ")
    assert cut("x" * 100, 30) == 30


def test_a_joint_in_the_first_quarter_does_not_make_a_tiny_section() -> None:
    assert cut("Title\n\n" + "word " * 20, 60) > 50


def test_the_end_of_a_text_is_cut_evenly_instead_of_leaving_a_crumb() -> None:
    sizes = [len(section) for section in sections(["word " * 220], 1000)]
    assert len(sizes) == 2
    assert min(sizes) > 300


def test_a_limit_in_bytes_never_splits_a_character() -> None:
    assert list(sections(["字字字"], 4)) == ["字", "字", "字"]
    assert list(sections(["😀"], 1)) == ["😀"]
