#!/usr/bin/env python3
"""Train a small network on a mixture of the embedded text, and put a picture of the report's balance into docs.

    .venv/bin/python scripts/balance_picture.py [--budget 2e12FLOP] [--report REPORT.json]

About five minutes of two cores, or seconds with the report.json of a run that is there. Needs chromium.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from readme_output import ROOT, picture

from etymon.report import render

TARGET = ROOT / "docs" / "pictures" / "balance.png"
SETTINGS = ["families=gpt", "mixture.weights=docs=0.7246,code=0.2754", "mixture.most_epochs=4"]


def trained(budget: str, store: Path) -> Path:
    """The report of a run on two domains, mixed otherwise than they are."""
    words = ["run", "builtin:docs", "builtin:code", "--budget", budget, "--name", "mixed", "--no-open", *SETTINGS]
    subprocess.run([sys.executable, "-m", "etymon", *words, "--store", str(store)], check=True)
    return store / "runs" / "mixed" / "report.json"


def main() -> None:
    """A page that holds the balance and nothing else, as a picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", default="2e12FLOP")
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = options.report or trained(options.budget, Path(folder) / "store")
        data = json.loads(report.read_text())
        page = Path(folder) / "balance.html"
        page.write_text(render({"title": "Two domains, read, kept and trained on", "balance": data["balance"]}))
        picture(page, TARGET, 1560)


if __name__ == "__main__":
    main()
