"""A text is counted and found in the kept documents of a corpus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from etymon.corpus import CorpusSettings, build
from etymon.corpus.occurrences import count_in, find_in
from etymon.errors import EtymonError
from etymon.storage import Artifact, Store

FILLING = "Nothing else in this little text is of any interest to whoever looks for something in it. "


@pytest.fixture
def corpus(store: Store, folder: Callable[[Mapping[str, str]], Path]) -> Artifact:
    files = {"one.txt": f"été: the old mill, the old mill. {FILLING}", "two.txt": f"{FILLING}By the old mill, été."}
    files["zero.txt"] = " ".join(f"Line {number} says nothing." for number in range(100))
    return build(store, [str(folder(files))], CorpusSettings())


def test_a_text_is_counted_in_all_documents(store: Store, corpus: Artifact) -> None:
    assert count_in(store, corpus, "the old mill") == 3
    assert count_in(store, corpus, "The old mill") == 0


def test_a_text_is_found_with_document_offset_and_what_stands_around_it(store: Store, corpus: Artifact) -> None:
    first, second, third = find_in(store, corpus, "the old mill")
    assert [Path(each.url).name for each in (first, second, third)] == ["one.txt", "one.txt", "two.txt"]
    assert (first.offset, first.before) == (len("été: ".encode()), "été: ")
    assert third.before.endswith("something in it. By ")
    assert third.after.startswith(", été.")
    assert find_in(store, corpus, "the old mill", 1) == [first]


def test_the_index_is_built_once(store: Store, corpus: Artifact) -> None:
    told: list[float] = []
    count_in(store, corpus, "mill", progress=lambda done, total=None, note="": told.append(done))
    assert told
    before = len(told)
    count_in(store, corpus, "mill", progress=lambda done, total=None, note="": told.append(done))
    assert len(told) == before
    assert [each.inputs for each in store.artifacts("index")] == [{"corpus": corpus.id}]


@pytest.mark.parametrize("limit", [0, -5])
def test_no_place_at_all_cannot_be_asked_for(store: Store, corpus: Artifact, limit: int) -> None:
    with pytest.raises(EtymonError, match=f"{limit} places were asked for"):
        find_in(store, corpus, "the old mill", limit)


def test_what_is_no_text_is_refused(store: Store, corpus: Artifact) -> None:
    with pytest.raises(EtymonError, match="Nothing was asked"):
        count_in(store, corpus, "")
    with pytest.raises(EtymonError, match="cannot be searched"):
        count_in(store, corpus, "\ud800")
