"""A page with what it says about itself; and the learned extractor on templates that it was not trained on."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.corpus.extract import EXTRACTORS, describe, extract
from etymon.corpus.extract.blocks import blocks
from etymon.corpus.extract.features import FEATURES, features
from etymon.corpus.extract.learned import scores, weights
from etymon.errors import EtymonError

CONTENT = (
    "The ferry left the harbour at six in the morning, when the fog had not yet lifted from the water.",
    "Nobody on board had slept much, and those who had would not have admitted it to the others.",
    "By noon they could see the lighthouse, and the captain told them that the worst was over.",
    "It was not: the engine stopped twice before evening, and the second time it did not start again.",
    "They were found on the third day by a fishing boat that had lost its own way in the storm.",
)
AROUND = (
    "Ten restaurants by the sea that you should not miss this summer, chosen by our readers.",
    "We use cookies to improve your experience, and by going on you agree to our privacy policy.",
    "I was on that ferry too and it was nothing like that, says a reader who was not there.",
    "All rights reserved. No part of this site may be reproduced without our written permission.",
    "Why the price of bread will rise again in autumn, and what that means for small bakeries.",
)
LINKS = "".join(f'<a href="/{name}">{name}</a> ' for name in ("Home", "News", "Sport", "Culture", "Contact", "About"))

NEWS = f"""<html lang="en"><head><title>Three days adrift - The Daily</title></head><body>
<div class="cookie-consent"><p>{AROUND[1]}</p><button>Accept</button></div>
<header class="site-header"><nav><ul><li>{LINKS}</li></ul></nav></header>
<main><article class="article"><h1>Three days adrift</h1><p class="byline">By Ann Smith, 3 May 2019</p>
<div class="article-body"><p>{CONTENT[0]}</p><p>{CONTENT[1]}</p>
<div class="ad"><span>Advertisement</span></div><p>{CONTENT[2]}</p><p>{CONTENT[3]}</p><p>{CONTENT[4]}</p></div>
<div class="share"><a href="#">Share on Facebook</a><a href="#">Tweet</a></div></article>
<section class="comments"><h3>12 comments</h3><div class="comment"><b>Bob</b><p>{AROUND[2]}</p>
<a href="#">Reply</a></div></section></main>
<aside class="related"><h3>Related stories</h3><ul><li><a href="/a">{AROUND[0]}</a></li>
<li><a href="/b">{AROUND[4]}</a></li></ul></aside>
<footer class="site-footer"><p>{AROUND[3]}</p>{LINKS}</footer></body></html>"""

TABLES = f"""<html><head><title>Adrift</title></head><body bgcolor=white>
<table width="100%"><tr><td colspan=3>{LINKS}</td></tr>
<tr><td width=150 valign=top>{LINKS.replace("</a>", "</a><br>")}<p><a href=/x>{AROUND[0]}</a></td>
<td valign=top><h2>Three days adrift</h2><font size=2>{CONTENT[0]} {CONTENT[1]}<br><br>{CONTENT[2]}<br><br>
{CONTENT[3]}<br><br>{CONTENT[4]}</font></td><td width=120><a href=/y>{AROUND[4]}</a></td></tr>
<tr><td colspan=3 align=center><font size=1>{AROUND[3]}</font></td></tr></table></body></html>"""

SOUP = f"""<html><head><title>Three days adrift</title></head><body>
<div><div><div>{LINKS}</div></div><div>
<div><div><div>Three days adrift</div><div><div>{CONTENT[0]}</div><div>{CONTENT[1]}</div><div>{CONTENT[2]}</div>
<div>{CONTENT[3]}</div><div>{CONTENT[4]}</div></div></div></div><div><div><div><a href="/1">{AROUND[0]}</a></div>
<div><a href="/2">{AROUND[4]}</a></div></div></div></div><div><div>{LINKS}</div>
<div>{AROUND[3]}</div></div></div></body></html>"""

TEMPLATES = {"news": NEWS, "tables": TABLES, "soup": SOUP}


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_sentence_of_the_content_is_kept_and_none_around_it(template: str) -> None:
    text = extract(TEMPLATES[template], "", "learned").text
    assert [sentence for sentence in CONTENT if sentence not in text] == []
    assert [sentence for sentence in AROUND if sentence in text] == []


def test_content_comes_a_block_a_line_with_lists_tables_and_code() -> None:
    html = f"""<article class="content">
    <h2>A heading</h2><p>{CONTENT[0]}</p><ul><li>{CONTENT[1]}</li></ul><p>{CONTENT[2]}</p>
    <table><tr><td>left side</td><td>right side</td></tr><tr><td>second row</td><td>its end</td></tr></table>
    <p>{CONTENT[3]}</p><pre>a = 1\nb = 2</pre><p>{CONTENT[4]}</p></article>"""
    lines = extract(html, "", "learned").text.split("\n")
    assert lines == [
        "A heading", CONTENT[0], f"- {CONTENT[1]}", CONTENT[2], "left side\tright side", "second row\tits end",
        CONTENT[3], "a = 1", "b = 2", CONTENT[4],
    ]  # fmt: skip


def test_a_page_says_its_title_language_and_wishes() -> None:
    html = """<!doctype html><html class=x lang="pt-BR"><head><style>a{}</style><title>Um &amp; dois
    </title><meta name="robots" content="NoIndex, noai"><META content='noimageai' name=GoogleBot>
    <meta name="tdm-reservation" content="1"><meta name="description" content="noindex"></head><body>
    <meta name="robots" content="all"><p>x</p><a href="/">y</a></body></html>"""
    page = extract(html, "", "learned")
    assert (page.title, page.language, page.links) == ("Um & dois", "pt", 1)
    assert page.robots == "noindex, noai,noimageai,tdm-reservation=1,all"
    assert page.markup_bytes == len(html.encode())


def test_wishes_after_a_long_style_are_heard() -> None:
    html = "<html><head><style>" + "a{b:c}" * 30_000 + "</style><meta name=robots content=noai></head><body>x"
    assert extract(html, "", "learned").robots == "noai"


@pytest.mark.parametrize("piece", ["<title ", "<title>", "<html ", "<meta ", "<meta name=", "<html lang lang "])
def test_a_hard_head_takes_linear_time(piece: str) -> None:
    begun = time.process_time()
    extract(piece * 100_000, "", "learned")
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("html", ["", " ", "<p>", "<html><body></body></html>", "\x00", "&", "<script>x</script>"])
def test_a_page_without_text_has_none(html: str) -> None:
    assert extract(html, "", "learned").text.strip("\x00&") == ""


def test_an_unknown_extractor_is_refused() -> None:
    with pytest.raises(EtymonError, match="no extractor"):
        extract("<p>x", "", "readability")


def test_extractors_are_named_with_what_they_rest_on() -> None:
    assert describe("learned") == f"learned {weights().digest}"
    assert all(describe(extractor).split()[0] in (extractor, "none") for extractor in EXTRACTORS)


def test_features_are_finite_and_few() -> None:
    seen = features(blocks(NEWS))
    assert seen.shape[1] == FEATURES == weights().first.shape[0]
    assert np.isfinite(seen).all() and np.abs(seen).max() < 20


def test_blocks_are_scored_as_the_equation_says() -> None:
    given = weights()
    seen = features(blocks(NEWS))
    hidden = [np.maximum(row @ given.first + given.first_bias, 0) for row in seen]
    reach = len(given.near) // 2
    for number, score in enumerate(scores(seen, given)):
        near = given.near_bias.copy()
        for shift in range(-reach, reach + 1):
            if 0 <= number + shift < len(seen):
                near += hidden[number + shift] @ given.near[shift + reach]
        odds = np.concatenate([np.maximum(near, 0), hidden[number]]) @ given.last + given.last_bias
        assert score == pytest.approx(float(odds[0]), rel=1e-3, abs=1e-3)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(sorted(TEMPLATES)))
def test_a_broken_page_is_extracted(seed: int, template: str) -> None:
    draw = random.Random(seed)
    broken = TEMPLATES[template]
    for _ in range(draw.randint(1, 8)):
        at, end = sorted((draw.randrange(len(broken)), draw.randrange(len(broken))))
        broken = draw.choice(
            (broken[:at] + broken[end:], broken[:at] + '"' + broken[at:], broken[:end] + broken[at:], broken[:at])
        )
        broken = broken or "<"
    found = extract(broken, "", "learned").text
    assert isinstance(found, str)
