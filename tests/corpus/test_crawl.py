"""From a crawl with known truth to a corpus: every page gets the fate it deserves, and every fate is explained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from etymon.corpus import Corpus, CorpusSettings, Working, build, read_share
from etymon.storage import Store
from harness.planted_crawl import COOKIES, EMAIL, FOOTER, ITEM, Planted, write_planted_crawl

SETTINGS = CorpusSettings(recipe="web")


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Planted]]:
    folder = tmp_path_factory.mktemp("crawl")
    return folder / "warc", write_planted_crawl(folder / "warc")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> CorpusSettings:
    path = tmp_path_factory.mktemp("items") / "items.jsonl"
    path.write_text(json.dumps({"id": "boats", "text": ITEM}) + "\n")
    return CorpusSettings(contamination=str(path))


@pytest.fixture(scope="module")
def corpus(
    tmp_path_factory: pytest.TempPathFactory, truth: tuple[Path, list[Planted]], settings: CorpusSettings
) -> Corpus:
    return Corpus.open(build(Store.at(tmp_path_factory.mktemp("store") / "s"), [str(truth[0])], settings))


def test_every_page_gets_its_fate(corpus: Corpus, truth: tuple[Path, list[Planted]]) -> None:
    told = {each.url: (each.outcome, each.rule) for each in corpus.decisions()}
    assert told == {each.page.url: (each.outcome, each.rule) for each in truth[1]}
    statistics = corpus.artifact.statistics
    assert statistics["other_records"] == {"warcinfo": 3}
    assert statistics["documents"]["in"] == len(truth[1])


def test_no_boilerplate_of_the_template_is_kept(corpus: Corpus) -> None:
    for document in corpus.documents():
        assert COOKIES not in document.text
        assert FOOTER not in document.text
        assert "Newsletter" not in document.text


def test_a_copy_names_what_it_copies_and_how_alike_they_are(corpus: Corpus) -> None:
    exact, near = corpus.why("https://copy.example.org/a"), corpus.why("https://near.example.org/a")
    assert (exact.duplicate_of, exact.values["similarity"]) == (corpus.why("https://docs.example.org/1").id, 1.0)
    assert near.duplicate_of == corpus.why("https://docs.example.org/0").id
    assert 0.7 <= near.values["similarity"] < 1.0


def test_a_test_item_is_shown_where_it_was_found(corpus: Corpus) -> None:
    (span,) = corpus.why("https://test.example.org/a").values["test_items"]
    assert (span["item"], span["text"], span["share"]) == ("boats", ITEM, 1.0)


def test_an_explanation_has_every_rule_with_margin_and_what_would_have_kept_the_page(corpus: Corpus) -> None:
    spam = corpus.explain("https://spam.example.org/a")
    by_rule = {check.rule: check for check in spam.checks}
    assert len(by_rule) == len(corpus.artifact.recipe["rules"])
    lines = by_rule["repeated lines"]
    assert lines.drops
    assert lines.margin == pytest.approx(lines.value - 0.30)
    assert any(each.startswith("repeated lines: threshold 0.3 moved to") for each in spam.kept_if)
    kept = corpus.explain("https://docs.example.org/7")
    assert not any(check.drops for check in kept.checks)
    assert kept.kept_if == ()
    assert all(check.margin <= 0 for check in kept.checks)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_number_of_workers_changes_no_byte(
    tmp_path: Path, corpus: Corpus, truth: tuple[Path, list[Planted]], settings: CorpusSettings, workers: int
) -> None:
    made = build(Store.at(tmp_path / "s"), [str(truth[0])], settings, working=Working(workers=workers))
    assert (made.id, made.content_hash) == (corpus.artifact.id, corpus.artifact.content_hash)


def test_machines_that_share_a_store_read_a_share_each_and_the_build_joins_them(
    tmp_path: Path,
    corpus: Corpus,
    truth: tuple[Path, list[Planted]],
    settings: CorpusSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store.at(tmp_path / "s")
    monkeypatch.setattr("etymon.corpus.slices.SLICE_BYTES", 1)  # a slice for each file, or more
    ranks = [Working(rank=rank, world=2) for rank in range(2)]
    shares = [read_share(store, [str(truth[0])], settings, working=rank) for rank in ranks]
    readings = {each.id for each in store.artifacts("reading")}
    assert all(made >= 1 and total == len(readings) for made, total in shares)
    assert sum(made for made, _ in shares) == len(readings) >= 3
    joined = build(store, [str(truth[0])], settings, working=ranks[1])
    assert {each.id for each in store.artifacts("reading")} == readings
    assert (joined.id, joined.statistics["documents"]) == (corpus.artifact.id, corpus.artifact.statistics["documents"])
    decided = [(each.id, each.outcome, each.rule) for each in Corpus.open(joined).decisions()]
    assert decided == [(each.id, each.outcome, each.rule) for each in corpus.decisions()]


def test_changing_a_threshold_reads_nothing_anew(
    tmp_path: Path, truth: tuple[Path, list[Planted]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.at(tmp_path / "s")
    build(store, [str(truth[0])], SETTINGS)
    readings = {each.id for each in store.artifacts("reading")}
    build(store, [str(truth[0])], CorpusSettings(recipe="web", language_score=0.2))
    assert {each.id for each in store.artifacts("reading")} == readings


def test_an_address_of_somebody_is_masked(tmp_path: Path) -> None:
    from harness.crawl import Crawled, write_warc
    from harness.planted_crawl import paragraphs, prose, site

    texts = list(prose())[:6]
    texts[2] += f"\n\nWrite to {EMAIL} about all of this, and you will surely get an answer within a week or two."
    folder = tmp_path / "w"
    folder.mkdir()
    write_warc(folder / "a.warc.gz", [Crawled(f"https://a.org/{n}", site(paragraphs(t))) for n, t in enumerate(texts)])
    made = Corpus.open(build(Store.at(tmp_path / "s"), [str(folder)]))
    text = next(each.text for each in made.documents() if each.url == "https://a.org/2")
    assert EMAIL not in text
    assert "Write to <email> about all of this" in text
    assert made.why("https://a.org/2").values["masked"] == {"email": 1}
