"""A crawl with pages of every fault that a crawl is full of: each is dropped by the rule that is named after it."""

from __future__ import annotations

from html import escape

import pytest

from etymon.corpus import Corpus, CorpusSettings, Working, build
from etymon.storage import Store
from harness.bad_pages import FAULTS, BadPage, bad_page
from harness.crawl import Crawled, write_warc
from harness.planted_crawl import paragraphs, prose, site

RULES_OF = {"listing": {"price list", "link list"}, "lorem ipsum": {"filler text"}}
PAGES = 6
GOOD = 16


def page(bad: BadPage) -> bytes:
    """A bad page as markup: its lines as blocks, its links as a menu."""
    links = "".join(f'<a href="/{number}">{number}</a>' for number in range(bad.links))
    body = "".join(f"<p>{escape(line)}</p>" for line in bad.text.split("\n") if line.strip())
    head = f"<head><meta charset=utf-8><title>{escape(bad.title)}</title></head>"
    return f"<!doctype html><html>{head}<body><nav>{links}</nav><main>{body}</main></body></html>".encode()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("crawl")
    good = [Crawled(f"https://docs.example.org/{n}", site(paragraphs(text))) for n, text in enumerate(prose())][:GOOD]
    bad = [
        Crawled(f"https://bad.example.org/{fault.replace(' ', '-')}/{seed}", page(bad_page(fault, seed, held_out=True)))
        for fault in FAULTS
        for seed in range(PAGES)
    ]
    write_warc(folder / "a.warc.gz", [*good[::2], *bad, *good[1::2]])
    store = Store.at(tmp_path_factory.mktemp("store") / "s")
    return Corpus.open(build(store, [str(folder)], CorpusSettings(recipe="web"), working=Working(2)))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_page_is_dropped_by_the_rule_named_after_it(corpus: Corpus, fault: str) -> None:
    told = [corpus.explain(f"https://bad.example.org/{fault.replace(' ', '-')}/{seed}") for seed in range(PAGES)]
    assert {each.decision.outcome for each in told} == {"dropped"}
    print(fault, [each.decision.rule for each in told])
    named = [each for each in told if each.decision.rule in RULES_OF.get(fault, {fault})]
    assert len(named) >= PAGES - 1
    for each in named:
        (check,) = (check for check in each.checks if check.rule == each.decision.rule)
        assert check.drops and check.value >= check.threshold and check.source
        assert any(words.startswith(f"{check.rule}: threshold") for words in each.kept_if)


def test_good_pages_beside_them_are_kept(corpus: Corpus) -> None:
    told = {each.url: (each.outcome, each.rule) for each in corpus.decisions() if "//docs." in each.url}
    assert told == {f"https://docs.example.org/{n}": ("kept", "") for n in range(GOOD)}


def test_the_report_says_what_each_of_these_rules_takes(corpus: Corpus) -> None:
    taken = {row["rule"]: row for row in corpus.artifact.statistics["rules"]}
    for fault in FAULTS:
        assert sum(taken[rule]["holds"] for rule in RULES_OF.get(fault, {fault})) >= PAGES - 1
