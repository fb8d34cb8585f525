"""CPU seconds of `etymon --help` against bare Python, interleaved.

    python benchmarks/startup.py [--runs 9]

Goal: 0.35 s. Writes benchmarks/results/startup.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
from datetime import date
from pathlib import Path
from statistics import median

COMMANDS = {
    "bare python": [sys.executable, "-c", "pass"],
    "etymon --help": [sys.executable, "-m", "etymon", "--help"],
    "etymon ls": [sys.executable, "-m", "etymon", "ls"],
}


def cpu_seconds(command: list[str]) -> float:
    """User and system seconds of one run, as the operating system counted them."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the table and keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(runs + 1):
        for name, command in COMMANDS.items():
            seconds = cpu_seconds(command)
            if turn:  # the first of each fills the disk cache
                times[name].append(seconds)
    rows = {name: {"median": median(t), "min": min(t), "max": max(t), "n": len(t)} for name, t in times.items()}
    for name, row in rows.items():
        print(f"{name:<42} {row['median']:.3f} s ({row['min']:.3f} to {row['max']:.3f}, n {row['n']})")
    result = {"date": date.today().isoformat(), "python": platform.python_version(), "cpu_seconds": rows}
    place = Path(__file__).parent / "results" / "startup.json"
    place.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
