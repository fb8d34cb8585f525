#!/usr/bin/env python3
"""Count every published size of every family on the meta device, and put their picture over time into docs.

    .venv/bin/python scripts/sizes_picture.py [--json]

Seconds, without a weight in memory; `--json` prints the rows instead. Needs chromium for the picture.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from readme_output import ROOT, picture

from etymon.report import render
from etymon.run.generations import published_sizes

TARGET = ROOT / "docs" / "pictures" / "sizes.png"


def main() -> None:
    """A page that holds the sizes and nothing else, as a picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    rows = published_sizes()
    if parser.parse_args().json:
        print(json.dumps(rows, indent=1, default=str))
        return
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "sizes.html"
        page.write_text(render({"title": "Published sizes over time", "sizes": rows}))
        picture(page, TARGET, 780)


if __name__ == "__main__":
    main()
