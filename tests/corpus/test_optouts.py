"""Wishes against training are heard in every form that is published; wishes about other things drop nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.corpus.extract import extract
from etymon.corpus.optouts import opted_out

WISHES = [
    ("x-robots-tag", "noai"),
    ("x-robots-tag", "noindex, noai, noimageai"),
    ("x-robots-tag", "NoAI"),
    ("x-robots-tag", "otherbot: noindex, somebot: noai"),
    ("x-robots-tag", "unavailable_after: 25 Jun 2030 15:00:00 PST, noai"),
    ("x-robots-tag", "noml"),
    ("tdm-reservation", "1"),
    ("tdm-reservation", " 1 "),
    ("tdm-reservation", "0, 1"),
    ("content-usage", "train-ai=n"),
    ("content-usage", "search=y, train-ai=n"),
    ("content-usage", "train-ai=n;exclude=x"),
    ("content-signal", "search=yes, ai-train=no"),
    ("content-signal", "ai-train = NO"),
]
NO_WISHES = [
    ("x-robots-tag", "noindex, nofollow"),
    ("x-robots-tag", "none"),
    ("x-robots-tag", "noimageai"),
    ("x-robots-tag", "noarchive, nosnippet"),
    ("x-robots-tag", "max-snippet:-1"),
    ("tdm-reservation", "0"),
    ("tdm-reservation", "10"),
    ("content-usage", "train-ai=y"),
    ("content-usage", "search=n"),
    ("content-usage", "no-train-ai=n"),
    ("content-signal", "search=no, ai-input=no, ai-train=yes"),
    ("content-language", "noai"),
]


@pytest.mark.parametrize(("name", "value"), WISHES)
def test_a_header_is_heard(name: str, value: str) -> None:
    assert opted_out([(name, value)])
    assert opted_out([("last-modified", "today"), (name, value)])


@pytest.mark.parametrize(("name", "value"), NO_WISHES)
def test_a_wish_about_something_else_drops_nothing(name: str, value: str) -> None:
    assert opted_out([(name, value)]) == ""


def test_a_header_that_is_given_twice_is_heard_both_times() -> None:
    assert opted_out([("x-robots-tag", "noai"), ("x-robots-tag", "noindex")]) == "noai (X-Robots-Tag)"
    assert opted_out([("x-robots-tag", "noindex"), ("x-robots-tag", "noai")]) == "noai (X-Robots-Tag)"


@pytest.mark.parametrize(
    ("meta", "wish"),
    [
        ('<meta name="robots" content="noindex, NOAI">', "noai (robots meta)"),
        ("<META NAME=ROBOTS CONTENT=noai>", "noai (robots meta)"),
        ('<meta name="tdm-reservation" content="1">', "tdm-reservation (meta)"),
        ('<meta content="noai, noimageai" name="robots">', "noai (robots meta)"),
        ('<meta name="robots" content="noindex,nofollow,none,noimageai">', ""),
        ('<meta name="tdm-reservation" content="0">', ""),
        ('<meta name="description" content="noai">', ""),
    ],
)
def test_a_page_says_it_in_its_head(meta: str, wish: str) -> None:
    page = extract(f"<html><head>{meta}<title>x</title></head><body><p>Some text.</p></body></html>", "", "resiliparse")
    assert opted_out((), page.robots) == wish


@pytest.mark.parametrize(
    "head",
    [
        '<script>var a = "<body>";</script><meta name="robots" content="noai">',
        '<!-- <body> --><meta name="robots" content="noai">',
        '<meta name="robots" content="no&#97;i">',
        '<meta name="robot&#115;" content=noai>',
        '</head><body><meta name="robots" content="noai">',
    ],
)
def test_a_wish_is_heard_behind_a_body_that_is_none_and_through_entities(head: str) -> None:
    page = extract(f"<html><head>{head}</head><body><p>Some text.</p></body></html>", "", "learned")
    assert opted_out((), page.robots) == "noai (robots meta)"


@given(st.lists(st.tuples(st.sampled_from(["x-robots-tag", "content-usage", "tdm-reservation"]), st.text())), st.text())
def test_whatever_a_server_says_has_an_answer(facts: list[tuple[str, str]], robots: str) -> None:
    assert isinstance(opted_out(facts, robots), str)
