"""Pages that are no text are named for what they are, and text is left alone."""

from __future__ import annotations

import json
import random
import re
import tarfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from html import unescape
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.corpus.measures.page_faults import COLUMNS, page_faults
from etymon.corpus.recipes import recipe
from etymon.corpus.rules import OPERATIONS, Rule, all_reasons
from harness.bad_pages import FAULTS, bad_page

RULES_OF = {
    "listing": {"price list", "link list"},
    "lorem ipsum": {"filler text"},
    **{fault: {fault} for fault in FAULTS if fault not in ("listing", "lorem ipsum")},
}
PAGES = 150
HELD_OUT_SEEDS = 50_000


@cache
def rules() -> tuple[Rule, ...]:
    return tuple(rule for rule in recipe("web").rules if rule.column in COLUMNS)


def named(texts: Sequence[str], titles: Sequence[str], links: Sequence[int]) -> list[set[str]]:
    """The names of the rules that hold for each page."""
    holds = all_reasons(page_faults(texts, titles, links), rules(), len(texts))
    return [{rule.name for rule, held in zip(rules(), row, strict=True) if held} for row in holds]


def test_every_rule_is_on_a_column_that_is_measured() -> None:
    assert {rule.column for rule in rules()} == set(COLUMNS)
    for rule in rules():
        assert rule.op in OPERATIONS
        assert COLUMNS[rule.column].low < rule.threshold < COLUMNS[rule.column].high
        assert rule.source


@pytest.mark.parametrize("fault", FAULTS)
def test_pages_in_held_out_wordings_are_named(fault: str) -> None:
    pages = [bad_page(fault, HELD_OUT_SEEDS + seed, held_out=True) for seed in range(PAGES)]
    found = named([page.text for page in pages], [page.title for page in pages], [page.links for page in pages])
    recall = sum(bool(each & RULES_OF[fault]) for each in found) / PAGES
    print(f"{fault}: recall {recall:.3f}; named {dict(Counter(name for each in found for name in each))}")
    assert recall >= 0.9


@pytest.mark.parametrize("wrong", ["latin-1", "cp1252", "cp1251"])
def test_text_in_another_alphabet_that_is_misread(wrong: str) -> None:
    text = "В старом доме у реки жил мельник, и каждое утро он открывал окно и слушал, как поёт вода. " * 4
    read = {
        "latin-1": text.encode("cp1251").decode("latin-1"),
        "cp1252": text.encode().decode("cp1252", "replace"),
        "cp1251": text.encode().decode("cp1251", "replace"),
    }
    (found,) = named([read[wrong]], [""], [0])
    assert found & {"mojibake", "Latin for Cyrillic"}
    assert named([text], [""], [0]) == [set()]


def pieces(text: str, rng: random.Random) -> Iterator[str]:
    """Texts as long as pages: paragraphs together, 600 to 8,000 characters."""
    held, goal = "", rng.randint(600, 8000)
    for paragraph in re.split(r"\n\s*\n", text):
        held += paragraph + "\n\n"
        if len(held) >= goal:
            yield held.strip()
            held, goal = "", rng.randint(600, 8000)
    if len(held) > 300:
        yield held.strip()


def false_alarms(texts: Sequence[str], rng: random.Random) -> float:
    """The share of texts that any rule names, under titles and numbers of links by chance."""
    links = [rng.choice([0, rng.randint(0, 40), rng.randint(0, 150)]) for _ in texts]
    found = named(texts, [text[: rng.randint(10, 60)] for text in texts], links)
    alarms = [(each, text[:80]) for each, text in zip(found, texts, strict=True) if each]
    print(f"{len(texts)} texts, {len(alarms)} named: {json.dumps([(sorted(each), text) for each, text in alarms[:5]])}")
    return len(alarms) / len(texts)


def test_documentation_is_left_alone() -> None:
    rng = random.Random(1)
    assert false_alarms([piece for text in topics.values() for piece in pieces(text, rng)], rng) <= 0.005


def test_novels_plays_and_speeches_are_left_alone(public_data: Path) -> None:
    rng = random.Random(2)
    texts = [path.read_text("utf-8") for path in (public_data / "text/austen").iterdir()]
    texts.append((public_data / "text/tinyshakespeare.txt").read_text("utf-8"))
    texts.append((public_data / "text/wikitext2.valid.tokens").read_text("utf-8").replace(" \n", "\n\n"))
    with zipfile.ZipFile(public_data / "text/inaugural.zip") as archive:
        texts += [archive.read(name).decode("utf-8", "replace") for name in archive.namelist() if name.endswith(".txt")]
    assert false_alarms([piece for text in texts for piece in pieces(text, rng)], rng) <= 0.005


@pytest.mark.ci
def test_text_in_480_languages_is_left_alone(public_data: Path) -> None:
    rng = random.Random(3)
    texts: list[str] = []
    with tarfile.open(public_data / "language-id/udhr-html.tar.xz") as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member)
            blocks = re.findall(r"<(?:p|h\d|li)[^>]*>(.*?)</", file.read().decode() if file else "", re.DOTALL)
            texts += pieces("\n\n".join(unescape(re.sub(r"<[^>]+>", " ", each)) for each in blocks), rng)
    assert false_alarms(texts, rng) <= 0.005


@pytest.mark.ci
def test_the_documentation_of_a_debian_is_left_alone() -> None:
    rng = random.Random(4)
    texts: list[str] = []
    for path in sorted(Path("/usr/share/doc").glob("*/[RN]E*")):
        if path.is_file() and path.name.startswith(("README", "NEWS")) and not path.name.endswith(".gz"):
            texts += pieces(path.read_bytes().decode("utf-8", "replace")[:60_000], rng)
    if len(texts) < 200:
        pytest.skip(f"/usr/share/doc holds {len(texts)} texts; 200 are needed")
    assert false_alarms(texts, rng) <= 0.005


def test_an_article_about_a_fault_is_none() -> None:
    story = (
        "The line 404 Page not found has a history of its own. In the early days a server had to say what went wrong "
        "in three digits, and the first of them told whose mistake it was. Designers later drew whales and lost "
        "astronauts for it, and there are collections of the best ones. A good one says where to go from here. "
    )
    others = [
        "He wrote about domains for sale, and about the people who buy them and wait. It made some of them rich. ",
        "To log in you need an account, wrote the manual, and then it went on for a hundred pages about the rest. ",
    ]
    filler = "The town lies on a river, and the road to it goes through a wood where nobody lives any more. " * 6
    assert named([story + filler, others[0] + filler, others[1] + filler], ["", "", ""], [30, 30, 30]) == [set()] * 3


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=400), st.text(max_size=20), st.integers(0, 500)), max_size=4))
def test_any_page_has_a_number_in_range_for_every_column(pages: list[tuple[str, str, int]]) -> None:
    found = page_faults(*([page[at] for page in pages] for at in range(3)))
    assert list(found) == list(COLUMNS)
    for name, values in found.items():
        assert values.shape == (len(pages),)
        assert np.isfinite(values).all()
        assert ((values >= COLUMNS[name].low) & (values <= COLUMNS[name].high)).all()


def test_a_page_without_text_has_none_of_all() -> None:
    found = page_faults(["", " \n "], ["404 page not found", "a title"], [3, 3])
    assert {name for name, values in found.items() if values.any()} == set()


@pytest.mark.parametrize(
    "piece", ["a.", "!", "$1 ", "1 ", "Ã¤", "РђРђ", "a\n", "page ", "no longer ", "the the ", "\n\n"]
)
def test_time_grows_with_length_alone(piece: str) -> None:
    begin = time.process_time()
    page_faults([(piece * 4000)[:3999], piece * (200_000 // len(piece))], ["", ""], [10_000, 10_000])
    assert time.process_time() - begin < 2
