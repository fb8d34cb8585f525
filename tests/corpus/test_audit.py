"""The representation audit: mentions counted as the lists say, by document, and two audits set side by side."""

from __future__ import annotations

import tomllib
from collections import Counter
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.corpus.audit import audit, compare_audits, lists, mentions, parse_lists
from etymon.errors import EtymonError

SMALL = parse_lists(
    """
    [place]
    asia = ["India", "South Korea"]
    africa = ["South Africa", "Africa"]
    [gender]
    female = ["she", "woman"]
    [occupation]
    names = ["nurse"]
    female = ["she", "her"]
    male = ["he", "him"]
    """
)


def counted(text: str) -> dict[str, int]:
    found = mentions(text, SMALL)
    found.pop("words")
    return dict(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("From India to South Africa.", {"place/asia": 1, "place/africa": 1}),
        ("south africa and india, in small letters", {}),
        ("A Woman's work, she said; SHE!", {"gender/female": 3}),
        ("The womanly shed", {}),
        ("South. Africa", {"place/africa": 1}),
    ],
)
def test_terms_are_found_as_whole_words_and_proper_names_as_they_are_written(text: str, expected: dict[str, int]):
    assert counted(text) == expected


def test_pronouns_beside_an_occupation_are_those_of_its_sentence():
    found = counted("The nurse said that he would come. She went home. A nurse knows her trade; he does not.")
    assert found["occupation/nurse/male"] == 2
    assert found["occupation/nurse/female"] == 1


def test_shares_are_per_million_words_with_an_interval_over_documents():
    texts = ["India " + "word " * 99, "word " * 100, "word " * 100]
    found = audit(texts, known=SMALL)["place/asia"]
    assert found.mean == pytest.approx(1_000_000 / 300)
    assert found.n == 3 and found.low < found.mean < found.high


def test_one_document_that_repeats_a_name_gives_a_wide_interval_and_many_a_narrow_one():
    one = audit(["India " * 50 + "word " * 50] + ["word " * 100] * 49, known=SMALL)["place/asia"]
    many = audit(["India " + "word " * 99] * 50, known=SMALL)["place/asia"]
    assert one.mean == pytest.approx(many.mean)
    assert one.low <= 0 < many.low


@given(
    st.lists(st.sampled_from(["India", "she", "South", "Africa", "Korea", "nurse", "he", "other", "."]), max_size=30)
)
def test_no_more_is_mentioned_than_there_are_words(words: list[str]):
    found = mentions(" ".join(words), SMALL)
    total = sum(count for group, count in found.items() if group.startswith(("place", "gender")))
    assert total <= found["words"] == sum(word != "." for word in words)


def test_an_audit_of_no_text_has_no_mean_and_says_why():
    found = audit([], known=SMALL)["place/asia"]
    assert found.n == 0 and "no documents" in found.reason


def test_corpus_and_samples_stand_side_by_side():
    corpus = audit(["India " + "word " * 99] * 30, known=SMALL)
    samples = audit(["word " * 100] * 30, known=SMALL)
    rows = {row.group: row for row in compare_audits(corpus, samples)}
    assert rows["place/asia"].apart and not rows["place/africa"].apart
    assert rows["place/asia"].as_json()["samples"]["mean"] == 0


def test_audits_by_different_lists_are_not_compared():
    with pytest.raises(EtymonError, match="different groups"):
        compare_audits(audit(["a"], known=SMALL), audit(["a"]))


def test_the_lists_that_come_along_are_sound():
    table = tomllib.loads(files("etymon.corpus").joinpath("audit.toml").read_text("utf-8"))
    for category, groups in table.items():
        for group, terms in groups.items():
            assert len(terms) == len(set(terms)), f"{category}/{group} names a term twice"
        if category != "occupation":
            named = Counter(term for terms in groups.values() for term in terms)
            assert max(named.values()) == 1, f"{category} counts {named.most_common(1)} twice"
    assert {len(terms) for terms in table["names"].values()} == {10}
    assert {len(terms) for terms in table["place"].values()} == {10}


def test_every_term_of_the_lists_can_be_found():
    known = lists()
    for words, groups in known.terms.items():
        found = mentions(f"here {' '.join(words)} there", known)
        assert all(found[group] for group in groups), words
