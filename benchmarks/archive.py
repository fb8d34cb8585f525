"""Reading web archives: CPU seconds of our reader beside warcio and FastWARC, on the same bytes, in turns.

    python benchmarks/archive.py --pages FOLDER --peer PYTHON [--every N] [--runs N]

FOLDER is `tests` of a checkout of adbar/trafilatura, written as a crawl of gzip members; PYTHON has warcio and
FastWARC. Each gives the body of every answer with its encodings off. Ours does more: it finds the charset and decodes
the page, and goes on behind damage. One process for each, its start not counted. Writes
benchmarks/results/archive.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "archive.json"
READERS = ("ours", "warcio", "FastWARC")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=Path, help="tests of a checkout of adbar/trafilatura")
    parser.add_argument("--peer", help="a Python with warcio and fastwarc")
    parser.add_argument("--every", type=int, default=1, help="take every N-th page")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--read", nargs=2, default=(), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        print(json.dumps(timed(given.read[0], Path(given.read[1]))))
        return
    with tempfile.TemporaryDirectory(prefix="archive-") as folder:
        from pipeline import commit, crawl, pages

        size = crawl(Path(folder) / "warc", list(pages(given.pages))[:: given.every])
        turns = [{name: run(given.peer, name, Path(folder) / "warc") for name in READERS} for _ in range(given.runs)]
    told = {name: {turn[name]["bytes"] for turn in turns} for name in READERS}
    result = {
        "date": date.today().isoformat(),
        "commit": commit(),
        "machine": {"python": platform.python_version(), "processors": os.cpu_count()},
        "crawl": size,
        "bytes of bodies": {name: sorted(sizes) for name, sizes in told.items()},
        "CPU s": {name: spread([turn[name]["CPU s"] for turn in turns]) for name in READERS},
        "markup MB a CPU s": {
            name: spread([size["markup MB"] / turn[name]["CPU s"] for turn in turns]) for name in READERS
        },
        "times as much as ours": {
            name: spread([turn[name]["CPU s"] / turn["ours"]["CPU s"] for turn in turns]) for name in READERS[1:]
        },
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def run(peer: str, name: str, folder: Path) -> dict[str, Any]:
    python = sys.executable if name == "ours" else peer
    command = [python, __file__, "--read", name, str(folder)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def timed(name: str, folder: Path) -> dict[str, Any]:
    read = {"ours": ours, "warcio": warcio, "FastWARC": fastwarc}[name]
    paths = sorted(folder.iterdir())
    next(read(paths[0]))  # what is loaded late is loaded now
    begun = time.process_time()
    size = sum(sum(read(path)) for path in paths)
    return {"bytes": size, "CPU s": time.process_time() - begun}


def ours(path: Path) -> Iterator[int]:
    """Characters of each page: it is decoded here."""
    from etymon.corpus.found import Found, Reading
    from etymon.corpus.readers import reader_of
    from etymon.corpus.sources import source_at

    source = source_at(path, path.name)
    for found in reader_of(source.format)(source, Reading()):
        yield len(found.html) if isinstance(found, Found) else 0


def warcio(path: Path) -> Iterator[int]:
    from warcio.archiveiterator import ArchiveIterator

    with path.open("rb") as file:
        for record in ArchiveIterator(file):
            yield len(record.content_stream().read()) if record.rec_type == "response" else 0


def fastwarc(path: Path) -> Iterator[int]:
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    with path.open("rb") as file:
        for record in ArchiveIterator(file, record_types=WarcRecordType.response, auto_decode="transfer"):
            yield len(record.reader.read())


def spread(values: list[float]) -> dict[str, Any]:
    low, middle, high = (float(f"{each:.4g}") for each in (min(values), statistics.median(values), max(values)))
    return {"median": middle, "range": [low, high], "n": len(values)}


if __name__ == "__main__":
    main()
