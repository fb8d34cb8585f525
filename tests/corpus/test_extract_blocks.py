"""Markup to blocks: what ends a block, which element holds it, what is link; any markup is read, in linear time."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.corpus.extract.blocks import MOST_BLOCKS, blocks
from etymon.corpus.extract.learned import main_content
from etymon.corpus.extract.names import BIT


def texts(html: str) -> list[str]:
    return blocks(html).texts


def test_elements_end_blocks_and_inline_elements_do_not() -> None:
    assert texts("<div>one <b>two</b> three<p>four</div>five") == ["one two three", "four", "five"]


def test_one_line_break_joins_and_two_part() -> None:
    assert texts("<p>one<br>two<br><br>three<br/> <br/>four") == ["one two", "three", "four"]


def test_preformatted_text_keeps_its_lines() -> None:
    assert texts("<pre>def f():\n    return 1\n</pre>") == ["def f():\n    return 1"]


def test_references_are_decoded_and_spaces_joined() -> None:
    assert texts("<p>caf&eacute; &amp;\n\n &#x4e2d;\t&nbsp;ok") == ["café & 中 ok"]


@pytest.mark.parametrize("name", ["script", "style", "noscript", "template", "svg", "iframe", "textarea"])
def test_what_is_no_text_of_the_page_is_left_out(name: str) -> None:
    assert texts(f"<p>one</p><{name} class='x'>if (a < b) hidden</{name}><p>two<!-- three --></p>") == ["one", "two"]


def test_an_element_that_closes_itself_swallows_nothing() -> None:
    assert texts("<p>one</p><svg width='1'/><p>two</p><svg><text>no</text></svg><p>three") == ["one", "two", "three"]


def test_end_tags_may_be_left_out() -> None:
    page = blocks("<ul><li>a<li>b</ul><table><tr><td>c<td>d<tr><td>e</table><p>f<p>g<dl><dt>h<dd>i</dl>")
    assert page.texts == list("abcdefghi")
    assert [page.tags[element] for element in page.element] == ["li", "li", "td", "td", "td", "p", "p", "dt", "dd"]
    assert page.parent[page.element[2]] == page.parent[page.element[3]] != page.parent[page.element[4]]


def test_a_stray_end_tag_in_a_cell_does_not_end_what_is_around_the_table() -> None:
    page = blocks('<div class="content"><table><tr><td>one</div>two</td></tr></table>three</div>four')
    inside = dict(zip(page.texts, page.element, strict=True))
    assert page.tags[inside["two"]] == "td"
    assert page.tags[inside["three"]] == "div"
    assert page.tags[inside["four"]] == "html"


def test_links_are_counted_in_characters() -> None:
    page = blocks(
        '<p>see <a href="/x">this page</a> now</p><p><a name="here">anchor</a></p><div><a href="/">open</div>after'
    )
    assert page.linked == [9, 0, 4, 0]
    assert page.links == [1, 0, 1, 0]


def test_elements_hold_ranges_of_blocks() -> None:
    page = blocks("<div><p>a<p>b</div><section><h2>c</h2>d</section>")
    held = {tag: page.texts[first:last] for tag, first, last in zip(page.tags, page.first, page.last, strict=True)}
    assert held == {"html": ["a", "b", "c", "d"], "div": ["a", "b"], "p": ["b"], "section": ["c", "d"], "h2": ["c"]}


def test_names_carry_marks() -> None:
    page = blocks('<div id="commentList">x</div><div class="site-footer">y</div><p style="display: none">z</p>')
    marks = [page.marks[element] for element in page.element]
    assert marks[0] & BIT["comment"] and marks[1] & BIT["foot"] and marks[2] & BIT["unseen"]


def test_a_missing_quote_costs_no_text_after_it() -> None:
    assert texts('<p>one</p><a href="x>two</a><p>three</p>') == ["one", "two", "three"]
    assert texts('<p title="a > b">one</p>') == ["one"]


def test_a_page_of_endless_blocks_is_read_to_a_bound() -> None:
    assert len(texts("<p>x" * (MOST_BLOCKS + 10))) == MOST_BLOCKS


LONG = 60_000
HARD = {
    "open tags": "<div>" * LONG,
    "open cells": "<table><td>" * LONG,
    "tags without end": "<a " * LONG,
    "comments without end": "<!-- " * LONG,
    "declarations without end": "<!x " * LONG,
    "scripts without end": "<script>" * LONG,
    "quotes without end": '<a"><a" "' * LONG + "'",
    "one tag of attributes": "<p " + "a=b " * LONG + ">",
    "one tag of named attributes": "<p " + 'class="comment" ' * LONG + ">x",
    "one long name": '<p class="' + "commentpost" * LONG + '">x',
    "end tags": "</div></td>" * LONG,
    "breaks": "<br>" * LONG,
    "links": "<a href=x>y" * LONG,
    "titles": "<title>x" * LONG,
    "references": "&amp;&#0;&lt" * LONG,
    "spaces": "<p" + " " * LONG * 4,
}


@pytest.mark.parametrize("kind", HARD)
def test_hard_markup_takes_linear_time(kind: str) -> None:
    begun = time.process_time()
    blocks(HARD[kind])
    assert time.process_time() - begun < 2


_NAMES = "p /p div /div table tr td /td /table li ul /ul br /a pre /pre title /title script /script"
PIECES = st.sampled_from(
    [f"<{tag}>" for tag in _NAMES.split()]
    + [
        "<a href='x'>",
        "<a ",
        '"',
        "'",
        "<",
        ">",
        "<!--",
        "-->",
        "&amp;",
        "&#x110000;",
        "\x00",
        "\ud800",
        "word ",
        "中文",
        "\n",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=60).map("".join))
def test_any_markup_has_blocks_that_fit_together(html: str) -> None:
    page = blocks(html)
    count, elements = len(page.texts), len(page.tags)
    assert len(page.element) == len(page.linked) == len(page.links) == count
    assert len(page.marks) == len(page.parent) == len(page.first) == len(page.last) == elements
    assert all(0 <= first <= last <= count for first, last in zip(page.first, page.last, strict=True))
    assert all(parent < number for number, parent in enumerate(page.parent))
    for number, (text, element, linked) in enumerate(zip(page.texts, page.element, page.linked, strict=True)):
        assert text.strip() and 0 <= linked <= len(text)
        assert page.first[element] <= number < page.last[element]


@pytest.mark.ci
def test_twenty_thousand_broken_pages_are_read() -> None:
    draw = random.Random(7)
    page = "<html lang=en><head><title>A title</title></head><body>" + "".join(
        f"<div class='post' id=\"p{number}\"><h2>Head</h2><p>Some text &amp; <a href='x'>a link</a>, more.</p></div>"
        for number in range(6)
    )
    for _ in range(20_000):
        broken = list(page)
        for _ in range(draw.randint(1, 12)):
            at = draw.randrange(len(broken))
            broken[at : at + draw.choice((0, 1, 1, 5, 40))] = draw.choice(
                ("", "<", ">", '"', "'", "&", "\x00", "</", "<!--")
            )
        begun = time.process_time()
        main_content("".join(broken))
        assert time.process_time() - begun < 2
