"""Whether a budget in time is kept: whole runs from an empty store, wall seconds against the budget.

    python benchmarks/budgets.py [2m 10m 30m]

Goal: within 15 % on an idle machine. The load average is kept beside each figure: on a busy machine it says little.
Writes benchmarks/results/budgets.json.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from etymon.recipe import parse_duration


def run(budget: str, store: str) -> dict[str, object]:
    """One run of the demo's text with this budget."""
    command = [sys.executable, "-m", "etymon", "demo", "--budget", budget, "--store", store, "--json"]
    load = os.getloadavg()[0]
    begin = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds = time.monotonic() - begin
    models = json.loads(done.stdout)["models"]
    wanted = parse_duration(budget)
    return {
        "budget": budget,
        "wall_seconds": round(seconds, 1),
        "ratio": round(seconds / wanted, 3),
        "load_before": load,
        "bits_per_byte": {row["family"]: round(row["bits_per_byte"]["mean"], 3) for row in models},
    }


def main() -> None:
    """Each budget in turn."""
    rows: list[dict[str, object]] = []
    for budget in sys.argv[1:] or ["2m", "10m", "30m"]:
        with tempfile.TemporaryDirectory() as store:
            rows.append(run(budget, store))
        print(rows[-1], flush=True)
        result = {"date": date.today().isoformat(), "python": platform.python_version(), "runs": rows}
        place = Path(__file__).parent / "results" / "budgets.json"
        place.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
