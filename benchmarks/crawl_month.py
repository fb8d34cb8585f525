"""A month of Common Crawl, planned from rates measured here: core hours, hours, disk and money, assumptions named.

    python benchmarks/crawl_month.py ARCHIVE… [--runs N] [--cores N] [--parts N] [--download MB/s] [--price P]

ARCHIVE is a web archive or a folder of them. Each stage is timed in CPU seconds of this process on all of their pages,
`--runs` times, and told by its median with the least and the most. The month is that of December 2024 (CC-MAIN-2024-51:
2.64 billion pages, 394 TiB uncompressed; blog.commoncrawl.org/blog/december-2024-crawl-archive-now-available), its
compressed size by the ratio of the archives given, or `--warc-tb`. Download is not measured: its rate is an input, as
are prices.
Writes benchmarks/results/crawl_month.json.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from etymon.corpus import CorpusSettings, Working, build, read, read_share
from etymon.storage import Artifact, Store

RESULTS = Path(__file__).parent / "results" / "crawl_month.json"
PAGES, UNCOMPRESSED_TB = 2.64e9, 394 * 1024**4 / 1e12
FILES = 90_000
SETTINGS = CorpusSettings(recipe="web")
HERE = Working(0)  # in this process, whose CPU time is what is told
CENSUS_BYTES = 50 + 31 * 5 * 4
"""Bytes a document while duplicates are looked for: its row, and the signature where near duplicates are."""
STAGES = ("records and main content", "language, measures, masks, signatures", "judging, copies, writing")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archives", nargs="+")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--cores", type=int, default=256, help="cores at work at once")
    parser.add_argument("--parts", type=int, default=100, help="corpora that the month is built as, each by itself")
    parser.add_argument("--download", type=float, default=1000.0, help="MB/s of all machines together; not measured")
    parser.add_argument("--warc-tb", type=float, default=0.0, help="compressed size of the month [by the ratio here]")
    parser.add_argument("--price", type=float, default=0.04, help="of a core hour; an assumption")
    parser.add_argument("--tb-price", type=float, default=23.0, help="of a TB kept for a month; an assumption")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = rates(arguments.archives, arguments.runs, Path(folder))
    plan = planned(measured, arguments)
    machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"machine": machine, "measured": measured, "plan": plan}, indent=1) + "\n")
    print(in_words(measured, plan))


def rates(archives: list[str], runs: int, folder: Path) -> dict[str, Any]:
    """CPU seconds a page of each stage, and the sizes that the plan needs."""
    taken: dict[str, list[float]] = {stage: [] for stage in STAGES}
    corpus: Artifact | None = None
    store = Store.at(folder / "first")
    build(store, archives, SETTINGS, working=HERE)  # models of language and such are loaded once, and not counted
    for run in range(runs):
        store = Store.at(folder / f"store-{run}")
        extracted = cpu(lambda: sum(batch.num_rows for batch in read(archives, SETTINGS)))
        reading = cpu(lambda store=store: read_share(store, archives, SETTINGS, working=HERE))
        joining = cpu(lambda store=store: build(store, archives, SETTINGS, working=HERE))
        for stage, seconds in zip(STAGES, (extracted, max(reading - extracted, 0.0), joining), strict=True):
            taken[stage].append(seconds)
        corpus = store.artifacts("corpus")[0]
    assert corpus is not None
    readings = store.artifacts("reading")
    documents, volume = corpus.statistics["documents"], corpus.statistics["bytes"]
    files = [path for each in archives for path in ([Path(each)] if Path(each).is_file() else Path(each).rglob("*"))]
    files = [path for path in files if path.is_file()]
    return {
        "pages": documents["in"],
        "runs": runs,
        "seconds_a_page": {
            stage: {"median": statistics.median(each), "least": min(each), "most": max(each)}
            for stage, each in (
                (stage, [seconds / documents["in"] for seconds in took]) for stage, took in taken.items()
            )
        },
        "compression": sum(map(uncompressed, files)) / sum(path.stat().st_size for path in files),
        "kept": documents["kept"] / documents["in"],
        "kept_bytes_a_page": volume["kept"] / documents["in"],
        "reading_bytes_a_page": sum(sum(each.files.values()) for each in readings) / documents["in"],
        "corpus_bytes_a_page": sum(corpus.files.values()) / documents["in"],
    }


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of this process and its children."""

    def used() -> float:
        both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(each.ru_utime + each.ru_stime for each in both)

    begin = used()
    work()
    return used() - begin


def uncompressed(path: Path) -> int:
    """Bytes of an archive as it is inside; what is damaged or no gzip counts as it lies."""
    try:
        with gzip.open(path) as file:
            return sum(len(piece) for piece in iter(lambda: file.read(1 << 20), b""))
    except (OSError, EOFError):
        return path.stat().st_size


def planned(measured: dict[str, Any], given: argparse.Namespace) -> dict[str, Any]:
    """The month: from the medians, and from the least and most where they differ."""
    seconds = measured["seconds_a_page"]
    hours = {stage: {name: PAGES * value / 3600 for name, value in each.items()} for stage, each in seconds.items()}
    reading = sum(hours[stage]["median"] for stage in STAGES[:2])
    joining = hours[STAGES[2]]["median"]
    compressed = given.warc_tb or UNCOMPRESSED_TB / measured["compression"]
    disk = {
        "archives": compressed,
        "readings": PAGES * measured["reading_bytes_a_page"] / 1e12,
        "corpus": PAGES * measured["corpus_bytes_a_page"] / 1e12,
    }
    wall = {
        "download": compressed * 1e6 / given.download / 3600,
        "reading": reading / given.cores,
        "joining": joining / given.parts * math.ceil(given.parts / given.cores),  # a part has one core for it
    }
    return {
        "core_hours": hours,
        "core_hours_in_all": reading + joining,
        "wall_hours": wall,
        "disk_tb": disk,
        "memory_gb_a_part": PAGES / given.parts * CENSUS_BYTES / 1e9,
        "text_tb": PAGES * measured["kept_bytes_a_page"] / 1e12,
        "money": {
            "cores": (reading + joining) * given.price,
            "disk for a month": (disk["readings"] + disk["corpus"]) * given.tb_price,
        },
        "assumed": {
            name: getattr(given, name) for name in ("cores", "parts", "download", "price", "tb_price", "warc_tb")
        },
    }


def in_words(measured: dict[str, Any], plan: dict[str, Any]) -> str:
    """The plan as a table."""
    assumed = plan["assumed"]
    lines = [
        f"measured on {measured['pages']:,} pages, CPU ms a page, median of {measured['runs']} (least to most)",
        *(
            f"  {stage:<40} {each['median'] * 1e3:8.2f} ({each['least'] * 1e3:.2f} to {each['most'] * 1e3:.2f})"
            for stage, each in measured["seconds_a_page"].items()
        ),
        f"  {measured['kept']:.0%} of pages kept; archives compressed to 1/{measured['compression']:.1f}",
        "",
        f"a month of {PAGES / 1e9:.2f} billion pages in about {FILES:,} files, {UNCOMPRESSED_TB:.0f} TB uncompressed",
        *(f"  {stage:<40} {each['median']:>12,.0f} core hours" for stage, each in plan["core_hours"].items()),
        f"  {'all':<40} {plan['core_hours_in_all']:>12,.0f} core hours",
        *(f"  {'hours: ' + name:<40} {hours:>12,.1f}" for name, hours in plan["wall_hours"].items()),
        *(f"  {'disk: ' + name:<40} {size:>12,.1f} TB" for name, size in plan["disk_tb"].items()),
        f"  {'text kept':<40} {plan['text_tb']:>12,.1f} TB",
        f"  {'memory for the copies of one part':<40} {plan['memory_gb_a_part']:>12,.1f} GB",
        *(f"  {'money: ' + name:<40} {money:>12,.0f}" for name, money in plan["money"].items()),
        "",
        f"assumed, not measured: {assumed['cores']} cores, {assumed['parts']} parts, "
        f"download {assumed['download']:g} MB/s in all, {assumed['price']:g} a core hour, "
        f"{assumed['tb_price']:g} a TB and month",
        "hours of reading hold where downloading keeps up; archives that are read from the bucket need no disk here",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    started = time.monotonic()
    main()
    print(f"({time.monotonic() - started:.0f} s)")
