"""Each example gives what its head says, at the cost that it says, by the command that it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from etymon.corpus import Corpus
from etymon.recipe import load
from etymon.run.settings import settings_type
from etymon.storage import Artifact, Store
from harness.planted_crawl import ITEM, Planted, write_planted_crawl

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))
CRAWL = next(path for path in EXAMPLES if path.name == "crawl.toml")
TINY_BUDGET = "3e9FLOP"


def head(path: Path) -> dict[str, str]:
    """What an example says of itself before its first setting: how to run it, what it gives and costs."""
    words = path.read_text().split("\n\n")[0]
    return dict(re.findall(r"^#   (Run|Gives|Costs): +(.+)$", words, re.MULTILINE))


def etymon(*words: str, here: Path) -> str:
    """What the command prints, run as a user does."""
    there = {name: value for name, value in os.environ.items() if name != "ETYMON_STORE"}
    command = [sys.executable, "-m", "etymon", *words]
    done = subprocess.run(command, cwd=here, env=there, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_begins_with_what_it_gives_and_costs(path: Path) -> None:
    said = head(path)
    assert set(said) == {"Run", "Gives", "Costs"}
    command = shlex.split(said["Run"])
    assert command[:2] == ["etymon", "run"] and f"examples/{path.name}" in command
    minutes = command[command.index("--budget") + 1].removesuffix("m")
    assert said["Costs"].startswith(f"{minutes} minutes")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_names_only_settings_that_there_are(path: Path) -> None:
    settings = load(settings_type(with_networks=True), files=[path])
    assert {"crawl.toml": settings.corpus.recipe == "web", "pathways.toml": settings.families == ("palm",)}[path.name]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("crawl")


@pytest.fixture(scope="module")
def planted(here: Path) -> list[Planted]:
    (here / "items.jsonl").write_text(json.dumps({"id": "boats", "text": ITEM}) + "\n")
    return write_planted_crawl(here / "crawl")


@pytest.fixture(scope="module")
def store(here: Path, planted: list[Planted]) -> Store:
    """The store in which the command of the example has run, its budget alone made tiny."""
    said = head(CRAWL)
    words = shlex.split(said["Run"])[1:]
    words[words.index("examples/crawl.toml")] = str(CRAWL)
    words[words.index("--budget") + 1] = TINY_BUDGET
    begin = time.monotonic()
    etymon(*words, "--no-open", "corpus.contamination=items.jsonl", here=here)
    assert time.monotonic() - begin < 60 * int(said["Costs"].split()[0])
    return Store.at(here / "etymon-store", create=False)


@pytest.mark.ci
def test_the_example_of_a_crawl_gives_what_it_says(store: Store) -> None:
    said = head(CRAWL)["Gives"].split(", ")
    run = store.run("crawl")
    roles = run.artifacts()
    for each in said:
        assert each in roles, f"{each} is not among {sorted(roles)}"
    models = [store.open(roles[each]) for each in said if store.open(roles[each]).kind == "model"]
    assert len(models) == 2
    assert store.verify() == []


def corpus_of(store: Store) -> Artifact:
    return store.open(store.run("crawl").artifacts()["corpus"])


@pytest.mark.ci
def test_every_page_of_the_crawl_meets_its_fate(store: Store, planted: list[Planted]) -> None:
    told = {each.url: (each.outcome, each.rule) for each in Corpus.open(corpus_of(store)).decisions()}
    assert told == {each.page.url: (each.outcome, each.rule) for each in planted}


@pytest.mark.ci
def test_why_answers_for_a_page_of_each_fate(store: Store, planted: list[Planted], here: Path) -> None:
    of_each = {(each.outcome, each.rule): each.page.url for each in planted}
    assert len(of_each) >= 9
    corpus = Corpus.open(corpus_of(store))
    for (outcome, rule), url in of_each.items():
        assert (corpus.why(url).outcome, corpus.why(url).rule) == (outcome, rule)
    url = next(each.page.url for each in planted if each.rule == "near duplicate")
    answer = json.loads(etymon("why", url, "--corpus", "crawl/corpus", "--json", here=here))
    assert (answer["outcome"], answer["rule"]) == ("dropped", "near duplicate")
    assert answer["kept_if"]
