"""The page of promises shows what its files of results hold, and names only what is there."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def promises() -> ModuleType:
    spec = importlib.util.spec_from_file_location("promises", ROOT / "scripts" / "promises.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_and_picture_are_those_of_the_results(promises: ModuleType) -> None:
    found, peers = (json.loads(path.read_text()) for path in (promises.FOUND, promises.PEERS))
    assert promises.with_tables(promises.PAGE.read_text(), found, peers) == promises.PAGE.read_text()
    assert promises.picture(peers) == promises.PICTURE.read_text()


def test_every_file_of_tests_behind_the_page_passed(promises: ModuleType) -> None:
    found = json.loads(promises.FOUND.read_text())["files"]
    assert set(found) == set(promises.TESTS)
    assert [path for path in found if not (ROOT / path).is_file()] == []
    assert [path for path, each in found.items() if each["failed"] or not each["passed"]] == []


def test_the_tools_that_the_page_names_are_there(promises: ModuleType) -> None:
    named = set(re.findall(r"`(\w+\.py)`", promises.PAGE.read_text().partition("## When something")[0]))
    there = {path.name for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")}
    assert named - there == set()
    assert "power_loss.py" in named
