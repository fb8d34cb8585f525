"""Pages that are hard to read cost themselves at most: every document is accounted for, and no worker is held up."""

from __future__ import annotations

import json
import resource
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from etymon.corpus import Corpus, CorpusSettings, Working, build
from etymon.corpus.build import judging_of, preparing_of, recipe_for
from etymon.corpus.markup import MOST_DEPTH, MOST_TAGS
from etymon.corpus.prepare import prepared
from etymon.corpus.read import MOST_TEXT
from etymon.corpus.readings import BUDGET
from etymon.corpus.slices import slices
from etymon.corpus.walk import find_sources
from etymon.storage import Store
from harness.crawl import Crawled, write_warc
from harness.hard_pages import KINDS, LARGEST, hard_page
from harness.planted_crawl import planted_crawl, site

CLEAN = [each.page for each in planted_crawl(8)[:6]]
SETTINGS = CorpusSettings(recipe="web", extractor="learned")
MOST_OF_BUDGET = 0.5
"""Of the CPU time that a page may take, a hard one takes this part at most, also on a busy machine."""


def built(folder: Path, kinds: list[str]) -> tuple[Corpus, float]:
    """The corpus of some clean pages with hard ones among them, and the CPU seconds that its workers took."""
    folder.mkdir()
    pages = list(CLEAN)
    for place, kind in enumerate(kinds):
        pages.insert(1 + place % len(CLEAN), hard_page(kind))
    write_warc(folder / "crawl.warc.gz", pages)
    begun = resource.getrusage(resource.RUSAGE_CHILDREN)
    made = build(Store.at(folder / "store"), [str(folder / "crawl.warc.gz")], SETTINGS, working=Working(workers=1))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Corpus.open(made), used.ru_utime + used.ru_stime - begun.ru_utime - begun.ru_stime


def fates(corpus: Corpus) -> dict[str, tuple[str, str]]:
    return {each.url: (each.outcome, each.rule) for each in corpus.decisions()}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> tuple[Corpus, float]:
    corpus, _ = built(
        tmp_path_factory.mktemp("warm") / "c", []
    )  # once more: the first run pays for what is loaded late
    return built(tmp_path_factory.mktemp("clean") / "c", []) if corpus else (corpus, 0.0)


@pytest.mark.ci
@pytest.mark.parametrize("kind", [*KINDS, *LARGEST])
def test_a_hard_page_is_accounted_for_within_its_budget(tmp_path: Path, clean: tuple[Corpus, float], kind: str) -> None:
    corpus, seconds = built(tmp_path / "c", [kind])
    url = hard_page(kind).url
    told = fates(corpus)
    assert {each: fate for each, fate in told.items() if each != url} == fates(clean[0])
    counts = corpus.artifact.statistics["documents"]
    assert counts["in"] == len(CLEAN) + 1
    assert counts["kept"] + sum(counts["dropped"].values()) + sum(counts["quarantined"].values()) == counts["in"]
    assert told[url] != ("quarantined", "page stops its worker")
    assert seconds - clean[1] < MOST_OF_BUDGET * BUDGET.cpu_seconds


def documents(path: Path, skip: Mapping[int, str] = MappingProxyType({})) -> tuple[list[dict[str, Any]], int]:
    """The documents of a file as a worker prepares them, and the last step that it began."""
    sources = find_sources([str(path)])
    chosen = recipe_for(SETTINGS, sources)
    how = preparing_of(SETTINGS, chosen, sources, judging_of(SETTINGS, chosen), ())
    steps: list[int] = []
    (slice,) = slices(sources.files)
    found = [row for batch in prepared(slice, how, skip=skip, at=steps.append) for row in batch.to_pylist()]
    return found, steps[-1]


@pytest.mark.parametrize("name", ["a.warc.gz", "a.jsonl"])
def test_a_batch_that_takes_too_long_costs_its_heaviest_document_alone(tmp_path: Path, name: str) -> None:
    heavy, path = 3, tmp_path / name
    if name.endswith(".jsonl"):
        texts = [
            f"This is text number {n}, and there is not much to it. " * (40 if n == heavy else 2) for n in range(7)
        ]
        path.write_text("\n".join(json.dumps({"text": text}) for text in texts))
    else:
        page = Crawled(
            "https://heavy.example.org", site("<p>A word, and another one that nobody has read yet.</p>" * 900)
        )
        write_warc(path, [*CLEAN[:heavy], page, *CLEAN[heavy:]])
    before, step = documents(path)
    assert step == 2 * heavy + 1
    after, _ = documents(path, {step: "cpu time"})
    assert [row["fault"] for row in after] == [None] * heavy + ["page stops its worker"] + [None] * (len(before) - 4)
    assert after[heavy]["detail"].endswith("each time it was tried: cpu time")
    assert [row for n, row in enumerate(after) if n != heavy] == [row for n, row in enumerate(before) if n != heavy]


def test_a_crawled_page_may_have_so_much_text_and_so_many_tags_and_no_more(tmp_path: Path) -> None:
    def fate(name: str, body: str) -> str | None:
        write_warc(tmp_path / f"{name}.warc.gz", [Crawled("https://a.example.org", f"<p>{body}</p>".encode())])
        (found,), _ = documents(tmp_path / f"{name}.warc.gz")
        return found["fault"] and f"{found['fault']}: {found['detail']}"

    over = "page out of bounds: "
    assert fate("text", "a" * MOST_TEXT) is None
    assert fate("more text", "a" * (MOST_TEXT + 1)) == f"{over}text over 1,100,000 characters"
    assert fate("tags", "<b>a" * (MOST_DEPTH - 1) + "<br>" * (MOST_TAGS - MOST_DEPTH - 1)) is None
    assert fate("more tags", "<br>" * (MOST_TAGS - 1)) == f"{over}over 200,000 tags"


def test_a_book_that_somebody_keeps_as_a_page_may_be_longer_than_a_crawled_one(tmp_path: Path) -> None:
    (tmp_path / "book.html").write_text("<p>" + "One more sentence of a long book. " * (MOST_TEXT // 30) + "</p>")
    found, _ = documents(tmp_path / "book.html")
    assert not any(each["fault"] for each in found)
    assert sum(len(each["text"]) for each in found) > MOST_TEXT


@pytest.mark.ci
@pytest.mark.timeout(900)
def test_hard_pages_of_all_kinds_together_lose_no_document(tmp_path: Path, clean: tuple[Corpus, float]) -> None:
    corpus, _ = built(tmp_path / "c", [*KINDS, *LARGEST])
    told = fates(corpus)
    assert len(told) == corpus.artifact.statistics["documents"]["in"] == len(CLEAN) + len(KINDS) + len(LARGEST)
    assert {url: fate for url, fate in told.items() if "hard." not in url} == fates(clean[0])
