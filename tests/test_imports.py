"""The house has one direction of flow: a room imports from rooms above it, and only what their `__init__` gives."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "etymon"
ROOMS = [
    "storage",
    "recipe",
    "statistics",
    "index",
    "corpus",
    "tokens",
    "models",
    "objectives",
    "generation",
    "evaluation",
    "training",
    "scaling",
    "finetuning",
    "explain",
    "behaviour",
    "report",
    "run",
    "web",
    "cli",
]
FREE = {"etymon", "etymon.errors", "etymon.progress"}


def imported_modules(source: str) -> list[str]:
    """Every `etymon…` module that this source imports, also inside functions."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.append(node.module)
    return [name for name in found if name.split(".")[0] == "etymon"]


def wrong_imports(room: str, source: str) -> list[str]:
    """The imports of a file in `room` that go against the flow, or past the front door of another room."""
    wrong: list[str] = []
    for name in imported_modules(source):
        parts = name.split(".")
        if name in FREE or parts[1] == room:
            continue
        if parts[1] not in ROOMS or ROOMS.index(parts[1]) > ROOMS.index(room) or len(parts) > 2:
            wrong.append(name)
    return wrong


FILES = sorted(path for path in SOURCE.rglob("*.py") if path.parent != SOURCE)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_room_imports_only_from_the_rooms_above_it(path: Path) -> None:
    room = path.relative_to(SOURCE).parts[0]
    assert room in ROOMS
    assert wrong_imports(room, path.read_text()) == []


def test_the_check_finds_planted_wrong_imports() -> None:
    assert wrong_imports("corpus", "from etymon.tokens import Batch") == ["etymon.tokens"]
    assert wrong_imports("tokens", "def f():\n    from etymon.corpus.read import read") == ["etymon.corpus.read"]
    assert wrong_imports("tokens", "from etymon.corpus import Corpus\nimport numpy") == []


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # any import of torch now fails
import etymon.storage, etymon.recipe, etymon.statistics, etymon.index, etymon.corpus, etymon.tokens, etymon.models
import etymon.generation, etymon.evaluation, etymon.report, etymon.run, etymon.cli
from etymon.models import family
assert family("ngram").learns == "counts"
"""


def test_everything_up_to_the_n_gram_works_where_torch_is_not_installed() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, etymon.cli.parser as p; p.make_parser().format_help(); print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"torch", "numpy", "pyarrow", "rich", "tokenizers", "typer", "pydantic"}
