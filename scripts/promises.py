#!/usr/bin/env python3
"""Run the tests behind docs/reliability.md and put what they found into it, beside the figures of other formats.

    .venv/bin/python scripts/promises.py [--draw | FILE …]

A line of the table is a file of tests: what it says of itself, how many cases passed, and what they counted (a test
tells it by `record_property("found", …)`). FILE: run only these again. --draw: run none; only the tables and the
picture, from benchmarks/results/. All of them take about 10 minutes.
"""

from __future__ import annotations

import argparse
import ast
import datetime
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reliability.md"
PICTURE = ROOT / "docs" / "pictures" / "reliability.svg"
FOUND = ROOT / "benchmarks" / "results" / "promises.json"
PEERS = ROOT / "benchmarks" / "results" / "reliability.json"
BEGIN = "<!-- promises: begin (written by scripts/promises.py) -->"
END = "<!-- promises: end -->"
TESTS = [
    "tests/storage/test_power_loss.py",
    "tests/storage/test_mutations.py",
    "tests/storage/test_corruption_sweep.py",
    "tests/storage/test_damage.py",
    "tests/training/test_fallback.py",
    "tests/run/test_kills_of_the_job.py",
    "tests/run/test_signals.py",
    "tests/run/test_clock.py",
    "tests/storage/test_lock.py",
    "tests/storage/test_ranks.py",
    "tests/storage/test_remote.py",
    "tests/storage/test_remote_s3.py",
    "tests/storage/test_disk_faults.py",
    "tests/cli/test_command_faults.py",
    "tests/cli/test_real_faults.py",
    "tests/cli/test_limits.py",
    "tests/training/test_disk_space.py",
    "tests/storage/test_repair.py",
    "tests/run/test_uses.py",
]
GOOD = {"told", "whole", "harmless"}
TONES = {"good": "#2f7d5b", "bad": "#b3402a"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draw", action="store_true", help="run nothing")
    parser.add_argument("files", nargs="*", default=TESTS, choices=TESTS, metavar="FILE")
    given, failed = parser.parse_args(), 0
    if not given.draw:
        before = json.loads(FOUND.read_text())["files"] if FOUND.exists() else {}
        found, failed = run_tests(given.files)
        found["files"] = {path: found["files"].get(path) or before[path] for path in TESTS}
        FOUND.write_text(json.dumps(found, indent=1) + "\n")
    found, peers = json.loads(FOUND.read_text()), json.loads(PEERS.read_text())
    PAGE.write_text(with_tables(PAGE.read_text(), found, peers))
    PICTURE.write_text(picture(peers))
    return failed


def run_tests(paths: list[str]) -> tuple[dict[str, Any], int]:
    """What the tests say of themselves, file by file, and pytest's exit code."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        words = [sys.executable, "-m", "pytest", "-m", "not slow and not release and not gpu and not bench", "-n", "2"]
        done = subprocess.run([*words, f"--junitxml={report}", *paths], cwd=ROOT, check=False)
        cases = list(ElementTree.parse(report).iter("testcase"))
    files = {path: of_file(path, cases) for path in paths}
    return {"date": datetime.date.today().isoformat(), "files": files}, done.returncode


def of_file(path: str, cases: Iterable[ElementTree.Element]) -> dict[str, Any]:
    """The file's own first line, its passed and skipped cases, and what they counted."""
    module = path.removesuffix(".py").replace("/", ".")
    own = [case for case in cases if case.get("classname") == module]
    skipped = sum(case.find("skipped") is not None for case in own)
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in own)
    told = [each.get("value") for case in own for each in case.iter("property") if each.get("name") == "found"]
    docstring = ast.get_docstring(ast.parse((ROOT / path).read_text())) or ""
    passed = len(own) - skipped - failed
    return {"about": docstring.split("\n\n")[0], "passed": passed, "skipped": skipped, "failed": failed, "found": told}


def with_tables(page: str, found: Mapping[str, Any], peers: Mapping[str, Any]) -> str:
    """The page with its tables between the two markers."""
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{tests_table(found)}\n\n{peers_table(peers)}\n\n{costs_table(peers)}\n{END}{after}"


def tests_table(found: Mapping[str, Any]) -> str:
    """One line for each file of tests."""
    lines = [f"Found on {found['date']}:", "", "| tests | cases | what they found |", "|---|---:|---|"]
    for path, each in found["files"].items():
        about = " ".join(each["about"].split())
        said = "; ".join(filter(None, [*each["found"], f"{each['failed']} FAILED" if each["failed"] else ""]))
        lines.append(f"| {about} `{path.removeprefix('tests/')}` | {each['passed']} | {said or 'all as promised'} |")
    return "\n".join(lines)


def peers_table(peers: Mapping[str, Any]) -> str:
    """What became of the same tensors in each format."""
    date, torch = peers["date"], peers["machine"]["torch"]
    lines = [
        f"Beside other formats, by the same harness (`benchmarks/reliability.py`, {date}, torch {torch}):",
        "",
        "| format | a bit flipped | killed while saving | disk full while saving a larger one: the earlier one is |",
        "|---|---|---|---|",
    ]
    for name in peers["flips"]:
        cells = [in_words(peers["flips"][name]), in_words(peers["kills"][name]), peers["full disk"][name]]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def in_words(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda entry: -entry[1])
    return ", ".join(f"{count:,} {outcome}" for outcome, count in ordered)


def costs_table(peers: Mapping[str, Any]) -> str:
    """What it costs."""
    reading, saving, restart = peers["reading"], peers["saving"], peers["restart"]
    read = f"speed of reading {reading['bytes'] >> 20} MiB verified, of that unverified"
    save = f"hashing and reading back checkpoints of {saving['parameters'] / 1e6:.1f} M parameters, one a minute"
    start = (
        f"start to end of the first step at step {restart['step']:,}, {restart['rows of metrics']:,} rows of metrics"
    )
    share, first = saving["hash and verify, share of training time"], restart["seconds to the end of the first step"]
    rows = [
        (read, "at least .8", cell(reading["verified by plain"], ".2f")),
        (f"{save}, as a share of training time", "at most 1 %", cell(share, ".2%")),
        (start, "at most 2 s", f"{cell(first, '.2f')} s"),
    ]
    head = ["| what it costs | goal | found: median (lowest to highest, n) |", "|---|---|---|"]
    return "\n".join([*head, *(f"| {' | '.join(row)} |" for row in rows)])


def cell(spread: Mapping[str, float], form: str) -> str:
    """Median, lowest, highest and n."""
    low, high = format(spread["low"], form), format(spread["high"], form)
    return f"{format(spread['median'], form)} ({low} to {high}, {spread['n']})"


def picture(peers: Mapping[str, Any]) -> str:
    """Bars: of all flips, kills and full disks, the share that ended well, for each format."""
    panels = [
        ("A bit of the checkpoint flips", peers["flips"]),
        ("SIGKILL while saving", peers["kills"]),
        ("The disk runs full", {name: {text.partition(",")[0]: 1} for name, text in peers["full disk"].items()}),
    ]
    drawn, y = list[str](), 30
    for title, outcomes in panels:
        drawn.append(text(20, y, title, weight=600))
        y += 14
        for name, counts in outcomes.items():
            drawn += bar(name, counts, y)
            y += 26
        y += 26
    legend = [square(170, y - 12, "good"), text(190, y, "told, or whole"), square(330, y - 12, "bad")]
    drawn += [*legend, text(350, y, "silently wrong, destroyed, mixed, or the process ended")]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 {y + 20}" font-family="sans-serif" font-size="14">'
    )
    return "\n".join([head, f'<rect width="900" height="{y + 20}" fill="#fffdfa"/>', *drawn, "</svg>"]) + "\n"


def bar(name: str, counts: Mapping[str, int], y: int) -> list[str]:
    """One bar: what ended well from the left, the rest from the right, each part in words beside it."""
    total, width = sum(counts.values()), 360
    good = sum(count for outcome, count in counts.items() if outcome in GOOD)
    split = round(width * good / total)
    parts = [
        text(160, y + 15, name, anchor="end"),
        text(540, y + 15, in_words(counts) if total > 1 else next(iter(counts))),
    ]
    if split:
        parts.append(rectangle(170, y, split, "good"))
    if split < width:
        parts.append(rectangle(170 + split, y, width - split, "bad"))
    return parts


def rectangle(x: int, y: int, width: int, tone: str) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="20" fill="{TONES[tone]}"/>'


def square(x: int, y: int, tone: str) -> str:
    return f'<rect x="{x}" y="{y}" width="14" height="14" fill="{TONES[tone]}"/>'


def text(x: int, y: int, words: str, *, anchor: str = "start", weight: int = 400) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-weight="{weight}" fill="#1f1d1a">{words}</text>'


if __name__ == "__main__":
    sys.exit(main())
