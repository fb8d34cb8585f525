"""Text becomes a corpus, tokens and an n-gram model, and answers questions, where torch cannot be imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.planted_crawl import Planted, write_planted_crawl

NO_TORCH = """
import sys
from importlib.machinery import PathFinder

class WithoutTorch(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] == "torch" else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutTorch
"""
NGRAM = """
import sys
import numpy as np
from etymon.models import NgramSettings, estimate_ngram
from etymon.storage import Store
from etymon.tokens import Batch, build_shards, open_shards

store = Store.at(sys.argv[1], create=False)
(tokenizer,), (corpus,) = store.artifacts("tokenizer"), store.artifacts("corpus")
stream = open_shards(build_shards(store, corpus, tokenizer))["train"]
model = estimate_ngram(NgramSettings(order=3), stream.vocabulary, np.asarray(stream.ids), stream.end_of_text)
ids = np.asarray(stream.ids[:100], np.int64)[None]
nats = model.log_probs(Batch(ids=ids[:, :-1], targets=ids[:, 1:], weights=np.ones_like(ids[:, 1:])))
print(float(nats.mean()))
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a machine without torch, in all its processes."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(NO_TORCH)
    path = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Planted]]:
    folder = tmp_path_factory.mktemp("crawl")
    return folder, write_planted_crawl(folder / "warc")


@pytest.fixture(scope="module")
def built(machine: dict[str, str], crawl: tuple[Path, list[Planted]]) -> tuple[Path, dict[str, Any]]:
    store = crawl[0] / "store"
    words = ["corpus", "build", str(crawl[0] / "warc"), "--store", str(store), "--json"]
    return store, json.loads(python(machine, "-m", "etymon", *words).splitlines()[-1])


def python(machine: dict[str, str], *words: str) -> str:
    done = subprocess.run([sys.executable, *words], env=machine, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_machine_has_no_torch(machine: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, "-c", "import torch"], env=machine, capture_output=True, text=True)
    assert "No module named 'torch'" in done.stderr


def test_a_crawl_becomes_a_corpus(built: tuple[Path, dict[str, Any]], crawl: tuple[Path, list[Planted]]) -> None:
    documents = built[1]["documents"]
    assert documents["in"] == len(crawl[1])
    assert documents["kept"] == sum(each.outcome == "kept" for each in crawl[1])


def test_a_corpus_answers(machine: dict[str, str], built: tuple[Path, dict[str, Any]]) -> None:
    store = ["--store", str(built[0]), "--json"]
    why = json.loads(python(machine, "-m", "etymon", "why", "https://gone.example.org/a", *store))
    assert (why["outcome"], why["rule"]) == ("dropped", "http status 404")
    count = json.loads(python(machine, "-m", "etymon", "corpus", "count", "latest", "the", *store).splitlines()[-1])
    assert count["count"] > 100


def test_a_tokenizer_and_an_ngram_model_are_learned(
    machine: dict[str, str], built: tuple[Path, dict[str, Any]], crawl: tuple[Path, list[Planted]]
) -> None:
    words = ["tokenizer", "train", str(crawl[0] / "warc"), "tokenizer.vocabulary=400", "--store", str(built[0])]
    told = json.loads(python(machine, "-m", "etymon", *words, "--json").splitlines()[-1])
    assert told["statistics"]["vocabulary"] == 400
    nats = float(python(machine, "-c", NGRAM, str(built[0])))
    assert -6 < nats < 0


def test_what_is_installed_beside_torch_does_not_grow() -> None:
    """380 MB when it was measured (benchmarks/results/installed.json); pyarrow and numpy are 247 of them."""
    words = [sys.executable, "-c", "import installed; print(sum(map(installed.size_of, installed.closure('etymon'))))"]
    folder = Path(__file__).parents[1] / "benchmarks"
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 50e6 < int(done.stdout) < 420e6
