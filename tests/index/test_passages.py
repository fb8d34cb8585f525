"""The longest passages of a text that stand in the training documents."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.index import Passage, PassageIndex

SMALL = st.text(alphabet="ab é\n", max_size=40)  # so few letters that passages are shared, one of them two bytes long


def brute_force(text: str, documents: list[str], minimum: int) -> list[Passage]:
    """The same cover by trying every end at every start in every document."""
    passages: list[Passage] = []
    start = 0
    while start < len(text):
        ends = [
            end
            for end in range(start + 1, len(text) + 1)
            if len(text[start:end].encode()) >= minimum and any(text[start:end] in each for each in documents)
        ]
        if not ends:
            start += 1
            continue
        piece = text[start : ends[-1]]
        number = next(i for i, each in enumerate(documents) if piece in each)
        offset = documents[number].encode().find(piece.encode())
        passages.append(Passage(start, ends[-1], piece, str(number), offset))
        start = ends[-1]
    return passages


def index_of(documents: list[str]) -> PassageIndex:
    return PassageIndex([each.encode() for each in documents], [str(i) for i in range(len(documents))])


@given(SMALL, st.lists(SMALL, max_size=5), st.integers(1, 12))
def test_the_cover_is_the_one_found_by_trying_everything(text: str, documents: list[str], minimum: int) -> None:
    assert index_of(documents).longest_passages(text, minimum_bytes=minimum) == brute_force(text, documents, minimum)


@given(st.text(min_size=1, max_size=60), st.text(max_size=60), st.text(max_size=20))
def test_any_quotation_is_found_with_its_place(quoted: str, before: str, after: str) -> None:
    index = index_of(["something else", before + quoted + after])
    found = index.longest_passages(quoted, minimum_bytes=1)
    assert "".join(each.text for each in found) == quoted
    for each in found:
        document = ["something else", before + quoted + after][int(each.document_id)].encode()
        assert document[each.document_offset :].startswith(each.text.encode())
        assert quoted[each.start : each.end] == each.text


def test_a_passage_does_not_reach_over_the_end_of_a_document() -> None:
    found = index_of(["one two three", " four five six"]).longest_passages("one two three four five six")
    assert [each.text for each in found] == ["one two three", " four five six"]


def test_what_is_shorter_than_the_minimum_is_no_passage() -> None:
    index = index_of(["a rose is a rose"])
    assert index.longest_passages("a rose is red", minimum_bytes=11) == []
    assert [each.text for each in index.longest_passages("a rose is red", minimum_bytes=10)] == ["a rose is "]


def test_offsets_count_characters_of_the_question_and_bytes_of_the_document() -> None:
    (found,) = index_of(["äöü und weiter"]).longest_passages("xü und wei", minimum_bytes=8)
    assert (found.start, found.end, found.document_offset) == (1, 10, 4)


def test_the_first_document_that_holds_a_passage_is_named() -> None:
    (found,) = index_of(["nothing", "the same words", "the same words"]).longest_passages("the same words")
    assert found.document_id == "1"


def test_nothing_is_found_in_no_documents_and_nothing_in_no_text() -> None:
    assert index_of([]).longest_passages("anything at all") == []
    assert index_of(["anything at all"]).longest_passages("") == []


def test_wrong_use_is_told() -> None:
    with pytest.raises(ValueError, match="2 texts and 1 ids"):
        PassageIndex([b"a", b"b"], ["1"])
    with pytest.raises(ValueError, match="at least 1"):
        index_of(["a"]).longest_passages("a", minimum_bytes=0)


def test_twelve_megabytes_answer_within_two_seconds() -> None:
    documents = [f"{n} is not {n * 7}, said the {n % 13}th of them in passing.\n".encode() * 200 for n in range(1300)]
    assert sum(len(each) for each in documents) > 10_000_000
    index = PassageIndex(documents, [str(n) for n in range(len(documents))])
    question = "777 is not 5439, said the 10th of them in passing. But nobody had asked, and none of it was true. " * 4
    begin = time.process_time()
    found = index.longest_passages(question)
    assert time.process_time() - begin < 2.0
    assert found[0].document_id == "777"
