"""A folder of text, and a store with a finished run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import digests, etymon, paragraphs
from every_command import fill, make_texts

from etymon.storage import Store


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three small texts."""
    folder = tmp_path_factory.mktemp("words") / "texts"
    folder.mkdir()
    for seed, name in enumerate(("one.txt", "two.txt", "notes.md"), start=1):
        (folder / name).write_text(paragraphs(15, seed))
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, text: Path) -> Path:
    """The folder of a store in which the run "tiny" has trained an n-gram. Whoever changes it takes a copy."""
    root = tmp_path_factory.mktemp("finished") / "store"
    said = etymon("run", text, "--name", "tiny", "--budget", "60s", "--store", root, "families=ngram")
    assert said.code == 0, said.err
    shutil.copytree(root, root.with_name("untouched"))
    return root


@pytest.fixture
def copy(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A copy of the finished store as it was at first, to be changed."""
    root = tmp_path / "store"
    shutil.copytree(finished.with_name("untouched"), root)
    monkeypatch.setenv("ETYMON_STORE", str(root))
    return Store.at(root)


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The texts of the commands that are given a bad disk."""
    return make_texts(tmp_path_factory.mktemp("texts"))


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, texts: Path) -> Path:
    """A store with earlier things in it, to be copied; see `fill`."""
    root = tmp_path_factory.mktemp("filled") / "store"
    fill(root, texts)
    return root


@pytest.fixture
def shared(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The finished store, for commands that must leave all that is in it as it is: that is checked afterwards."""
    monkeypatch.setenv("ETYMON_STORE", str(finished))
    before = digests(finished)
    yield Store.at(finished, create=False)
    after = digests(finished)
    assert {name: after.get(name) for name in before} == before
    assert Store.at(finished).verify() == []
