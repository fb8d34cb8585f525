#!/usr/bin/env python3
"""Train every generation on the embedded default and put parts of the report into the pages of docs, one for each.

    .venv/bin/python scripts/model_pictures.py [--budget 6e12FLOP] [--report REPORT.json]

About 10 minutes on two cores; `--report` takes the data of a run that is there already. Needs chromium.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from readme_output import ROOT, picture

from etymon.report import render

FAMILIES = "ngram,rnn,lstm,gru,gpt1,gpt,gpt3,palm,llama,bert,xlnet"
PICTURES = ROOT / "docs" / "pictures"


def main() -> None:
    """A picture a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", default="6e12FLOP")
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = json.loads((options.report or trained(options.budget, Path(folder))).read_text())
    show(data, "ngram", 1150, sparsity=data["sparsity"])
    show(data, "recurrent", 960, context=only(data["context"], "rnn", "lstm", "gru"))
    show(data, "gpt", 960, generations=only(data["generations"], "gpt1", "gpt", "gpt3", "palm", "llama"))
    show(data, "bert", 950, generations=only(data["generations"], "bert"))
    show(data, "xlnet", 940, generations=only(data["generations"], "ngram", "xlnet"))


def trained(budget: str, folder: Path) -> Path:
    """The data of the report of a run of all families."""
    command = [sys.executable, "-m", "etymon", "run", "builtin:docs", "--name", "generations", "--budget", budget]
    command += [f"families={FAMILIES}", "--store", str(folder), "--no-open"]
    subprocess.run(command, check=True)
    return folder / "runs" / "generations" / "report.json"


def only(part: dict[str, Any], *names: str) -> dict[str, Any]:
    """The same part of a report with these families alone, and no finding, for findings speak of all."""
    rows = [row for row in part["families"] if row["family"] in names]
    return {**part, "families": rows, "findings": [], "left_out": []}


def show(data: dict[str, Any], name: str, height: int, **part: Any) -> None:
    """A page that holds this part and nothing else, as a picture."""
    models = [{"family": row["family"], "title": row["title"]} for row in data["models"]]
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "part.html"
        page.write_text(render({"title": data["title"], "curves": models, **part}))
        picture(page, PICTURES / f"{name}.png", height)


if __name__ == "__main__":
    main()
