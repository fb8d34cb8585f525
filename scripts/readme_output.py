#!/usr/bin/env python3
"""Run the demo and put what it prints, and pictures of its report, into the README and docs.

    .venv/bin/python scripts/readme_output.py [--budget 6m]

Needs chromium for the pictures. What is written between the two markers of README.md is the end of the real output.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from etymon.report import render

ROOT = Path(__file__).parents[1]
BEGIN = "<!-- demo output: begin (written by scripts/readme_output.py) -->"
END = "<!-- demo output: end -->"
CHROMIUM = [
    "chromium",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
]


def demo(budget: str, store: Path) -> str:
    """The demo's standard output, from the first finding on."""
    command = [sys.executable, "-m", "etymon", "demo", "--budget", budget, "--store", str(store)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    tail = done.stdout[done.stdout.index("\nOn ") + 1 :]
    return tail.replace(str(store), "etymon-store").replace(" --store etymon-store", "")


def picture(report: Path, target: Path, height: int, anchor: str = "") -> None:
    """A screenshot of the report, 1,100 pixels wide."""
    with tempfile.TemporaryDirectory() as profile:
        command = [
            *CHROMIUM,
            f"--user-data-dir={profile}",
            f"--window-size=1100,{height}",
            f"--screenshot={target}",
            f"{report.resolve().as_uri()}{anchor}",
        ]
        subprocess.run(command, check=True, capture_output=True)


def generations_picture(data: dict[str, Any]) -> None:
    """A page that holds the generations and nothing else, as a picture."""
    names = [{"family": row["family"], "title": row["title"]} for row in data["generations"]["families"]]
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "generations.html"
        page.write_text(render({"title": data["title"], "generations": data["generations"], "curves": names}))
        picture(page, ROOT / "docs" / "pictures" / "generations.png", 1270)


def main() -> None:
    """Rewrite the README's block and the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", default="6m")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        output = demo(options.budget, store)
        readme = ROOT / "README.md"
        before, _, rest = readme.read_text().partition(BEGIN)
        after = rest.partition(END)[2]
        readme.write_text(f"{before}{BEGIN}\n```text\n{output.rstrip()}\n```\n{END}{after}")
        report = store / "runs" / "demo" / "report.html"
        (ROOT / "docs" / "pictures").mkdir(exist_ok=True)
        picture(report, ROOT / "docs" / "pictures" / "report.png", 1250)
        picture(report, ROOT / "docs" / "pictures" / "comparison.png", 700, "#comparison")
        generations_picture(json.loads((report.parent / "report.json").read_text()))


if __name__ == "__main__":
    main()
