"""Figures of balance, counters of phenomena and labels of genre, each on text where the answer is known."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.corpus import balance
from etymon.corpus.balance import figures, sampled_passages
from etymon.corpus.genre import UNKNOWN, genre_of
from etymon.corpus.phenomena import PHENOMENA, count_phenomena


@dataclass(frozen=True)
class Page:
    text: str
    language: str = "en"
    domain: str = "news"
    genre: str = UNKNOWN


LONG = " ".join(f"word{number}" for number in range(2000))


@settings(deadline=None, max_examples=25)  # twelve bootstraps each
@given(st.lists(st.builds(Page, st.text(max_size=200), st.sampled_from("ab"), st.sampled_from("xyz")), max_size=8))
def test_shares_add_up_and_everything_is_json(pages: list[Page]):
    found = json.loads(json.dumps(figures(pages)))
    assert found["documents"] == len(pages) == sum(row["documents"] for row in found["lengths"])
    if found["bytes"]:
        for shares in ("domains", "genres", "languages"):
            assert sum(found[shares].values()) == pytest.approx(1)


def test_shares_are_of_bytes():
    found = figures([Page("x" * 300, domain="a"), Page("x" * 100, domain="b")])
    assert found["domains"] == {"a": 0.75, "b": 0.25}
    assert found["lengths"] == [{"bytes": 64, "documents": 1}, {"bytes": 256, "documents": 1}]


def test_vocabulary_is_counted_among_so_many_words(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(balance, "VOCABULARY_WORDS", 5)
    found = figures([Page("one Two one"), Page("three four five six")])["vocabulary"]
    assert found == {"words": 5, "types": 4, "types_per_word": 0.8, "hapax_share": 0.75}


def test_a_text_read_twice_is_half_new():
    assert figures([Page(LONG)])["novelty"]["new_share"] == 1
    assert figures([Page(LONG), Page(LONG.upper())])["novelty"]["new_share"] == 0.5


def test_the_sample_of_passages_is_about_one_in_thirty_two_and_depends_on_nothing_else():
    words = LONG.split()
    all_at_once = list(sampled_passages(words))
    assert len(all_at_once) == pytest.approx(2000 / balance.SAMPLED, rel=0.5)
    halves = [*sampled_passages(words[:1000]), *sampled_passages(words[1000 - balance.GRAM + 1 :])]
    assert halves == all_at_once


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [
        ("questions", "Why?? Because. Really?", 2),
        ("quotations", 'He said "come in" and «entrez».', 2),
        ("numbers", "In 1984 there were 12,345.67 of a2.", 2),
        ("lists", "- one\n* two\n3. three\nfour", 3),
        ("code", "x = 1\nfor (;;) {\nplain text\n}", 3),
        ("negation", "I don't know nothing, not ever; knots", 3),
        ("past tense", "She walked and was said to have been red.", 3),
        ("passive", "It was quickly taken. They are walking. He is being watched.", 2),
        ("first person", "I saw us in my US house", 3),
        ("second person", "You and yours, youth", 2),
        ("comparison", "more than that", 2),
        ("condition", "if so, unless not", 2),
    ],
)
def test_each_phenomenon_counts_what_it_says(name: str, text: str, count: int):
    assert count_phenomena(text)[name] == count


def test_phenomena_are_reported_per_thousand_words_and_by_document():
    found = figures([Page("Why? " * 10), Page("word " * 90)])["phenomena"]
    assert set(found) == set(PHENOMENA)
    assert found["questions"]["per_1000_words"] == 100 and found["questions"]["documents"] == 0.5
    assert not found["questions"]["english_only"] and found["passive"]["english_only"]


@pytest.mark.parametrize(
    ("url", "genre"),
    [
        ("https://example.org/forum/viewtopic.php", "forum"),
        ("https://shop.example.org/a", "shop"),
        ("https://example.org/wiki/Page", "reference"),
        ("https://example.org/2021/05/a-title", "news"),
        ("https://blog.example.org/x", "blog"),
        ("https://example.org/about", UNKNOWN),
        ("news/file.txt", UNKNOWN),
        ("http://[broken", UNKNOWN),
    ],
)
def test_genre_by_address(url: str, genre: str):
    assert genre_of("A short text.", url) == genre


@pytest.mark.parametrize(
    ("domain", "genre"),
    [("code", "code"), ("docs", "reference"), ("blogs", "blog"), ("my_news", "news"), ("novels", UNKNOWN)],
)
def test_genre_by_domain(domain: str, genre: str):
    assert genre_of("A short text.", "folder/file.txt", domain) == genre


@pytest.mark.parametrize(
    ("sentence", "genre"),
    [
        ("The parties hereby agree pursuant to the terms herein that nothing is owed by them. ", "legal"),
        ("The hypothesis of Smith et al. was tested as before [12] on many more people. ", "academic"),
        ("def run(x):\n    return x + 1;\nimport os\n", "code"),
        ('"I will not go," said the miller, and asked she for a lamp again. ', "fiction"),
        ("The river ran past the mill and the town was quiet all day long. ", UNKNOWN),
    ],
)
def test_genre_by_words(sentence: str, genre: str):
    assert genre_of(sentence * 20) == genre
    assert genre_of(sentence) == UNKNOWN
