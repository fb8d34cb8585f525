"""Every command in README and docs runs: the `etymon` ones here, in the order in which a reader meets them.

So that this takes seconds, a budget is replaced by a tiny one in FLOPs; nothing else is changed. The two commands of
`bootstrap.py` are run for real, in a fresh clone, by `tests/test_bootstrap.py` and by `.ci/run`.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from etymon.cli import main
from harness.planted_crawl import write_planted_crawl

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TINY_BUDGET, TINY_TEXT = "3e9FLOP", "20kB"
# Commands that are not ours to run here: installation, the tests themselves, and reading the repository.
ELSEWHERE = re.compile(
    r"^(python3? (bootstrap\.py|-m (pytest|venv))|uv |pip |my-env/bin/pip |git |cd |PYTHONPATH|scripts/|export "
    r"|\.venv/bin/(pip|python -m pytest|ruff|pyright))"
)


def commands(page: Path) -> list[str]:
    """The command lines in the page's ```bash blocks, continuation lines joined."""
    found: list[str] = []
    for block in re.findall(r"```bash\n(.*?)```", page.read_text(), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            command = line.split("  #")[0].strip()
            if command and not command.startswith("#"):
                found.append(command)
    return found


def tiny(words: list[str]) -> list[str]:
    """The same command with a tiny budget; that of an ablation is of text."""
    for place, word in enumerate(words):
        if word == "--budget":
            words = [*words[: place + 1], TINY_TEXT if words[0] == "ablate" else TINY_BUDGET, *words[place + 2 :]]
    if words[0] == "demo" and "--budget" not in words:
        words = [*words, "--budget", TINY_BUDGET]
    return words


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a reader stands: a folder with texts of their own, and no store yet."""
    texts = tmp_path / "my-texts"
    texts.mkdir()
    sentence = "The cat {} sat on the mat {} and looked at the moon {} times.\n\n"
    (texts / "cats.txt").write_text("".join(sentence.format(i, i * i, i % 7) for i in range(200)))
    (texts / "notes.md").write_text(
        "# Notes\n\n" + "".join(f"Note {i}: the moon is {i} cats away.\n\n" for i in range(150))
    )
    more = tmp_path / "new-texts"
    more.mkdir()
    (more / "dogs.txt").write_text("".join(f"A dog barked {i} times at moon number {i % 5}.\n\n" for i in range(200)))
    for name, animal in (("novels", "fox"), ("letters", "hen")):
        (tmp_path / "library" / name).mkdir(parents=True)
        said = "".join(f"The {animal} wrote page {i} by the light of moon {i % 7}.\n\n" for i in range(150))
        (tmp_path / "library" / name / "text.txt").write_text(said)
    write_planted_crawl(tmp_path / "crawl")
    rows = (f"a {'clear' if row % 2 else 'muddled'} text {row},{row % 2}" for row in range(120))
    (tmp_path / "labelled.csv").write_text("\n".join(["text,label", *rows]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ETYMON_STORE", raising=False)
    return tmp_path


def test_every_page_is_looked_at_and_every_command_is_known() -> None:
    unknown = [
        f"{page.name}: {command}"
        for page in PAGES
        for command in commands(page)
        if not command.startswith("etymon ") and not ELSEWHERE.match(command)
    ]
    assert unknown == []
    assert sum(len(commands(page)) for page in PAGES) > 10


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(c.startswith("etymon ") for c in commands(page))], ids=lambda page: page.name
)
def test_the_commands_of_a_page_run_in_the_order_written(
    page: Path, reader: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in commands(page):
        if not command.startswith("etymon "):
            continue
        code = main(tiny(shlex.split(command)[1:]))
        told = capsys.readouterr()
        assert code == 0, f"{page.name}: {command}\n{told.err}"
        assert told.out, f"{page.name}: {command} said nothing"


def test_links_between_pages_lead_somewhere() -> None:
    broken: list[str] = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            if not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert broken == []
