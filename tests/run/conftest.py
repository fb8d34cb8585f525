"""A small text, a store, and one run of three families for all tests that only look at it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from small_runs import Heard, paragraphs, run

from etymon.run import Outcome
from etymon.storage import Store
from harness.whole_job import Undisturbed, make_text
from harness.whole_job import undisturbed as let_alone


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """The machine is shared, and results are compared bit by bit."""
    pytest.importorskip("torch", reason="the runs train networks").set_num_threads(1)


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file of two kilobytes."""
    path = tmp_path_factory.mktemp("text") / "small.txt"
    path.write_text(paragraphs(10, 1))
    return path


@pytest.fixture(scope="session")
def three(tmp_path_factory: pytest.TempPathFactory, text: Path) -> tuple[Store, Outcome, Heard]:
    """The three default families on two kilobytes: the store, what came of it, what was said."""
    store, heard = Store.at(tmp_path_factory.mktemp("three") / "store"), Heard()
    outcome = run(store, text, families="ngram,lstm,gpt", narrator=heard)
    shutil.copytree(store.root, store.root.with_name("alone"))
    return store, outcome, heard


@pytest.fixture(scope="session")
def alone(three: tuple[Store, Outcome, Heard]) -> tuple[Store, Outcome]:
    """A copy of that store in which no test has put anything, and what came of the run; for looking only."""
    return Store.at(three[0].root.with_name("alone")), three[1]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.at(tmp_path / "store")


@pytest.fixture(scope="session")
def job_text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The text of the jobs that are killed, stopped and put out of time."""
    return make_text(tmp_path_factory.mktemp("job") / "text")


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, job_text: Path) -> Undisturbed:
    """The same job left alone: what the others are held against."""
    return let_alone(tmp_path_factory.mktemp("undisturbed") / "store", job_text)
