"""The building of a corpus from a crawl with damaged records, as a task for `harness.kills`."""

from __future__ import annotations

import random
from pathlib import Path

from harness.crawl import Crawled, write_warc
from harness.kills import Watch
from harness.planted_crawl import paragraphs, planted_crawl, prose, site

TASK = "harness.crawl_job:job"
IMPORTS = ("etymon.corpus", "harness.crawl_job:warm")
DAMAGED = 0.05
SLICE_BYTES = 12 << 10
"""So that a crawl of a few hundred kilobytes is read in many slices."""


def warm() -> None:
    """What every attempt would load again, loaded once by the server."""
    from etymon.corpus import measures
    from etymon.corpus.near import PRESETS, signatures
    from etymon.corpus.recipes import recipe

    text = "The words of a text that nobody will read, said once. " * 9
    measures.measure([text], recipe("gopher").columns)
    signatures([text], PRESETS["default"])


def write_crawl(folder: Path, pages: int, *, files: int = 4, seed: int = 1) -> tuple[int, int]:
    """Writes a crawl with every planted fault and `pages` more, each twentieth record damaged; how many records there
    are, and how many of them are damaged."""
    draw = random.Random(seed)
    every = [each for text in prose() for each in text.split("\n\n")]
    more = [
        Crawled(f"https://more.example.org/{n}", site(paragraphs("\n\n".join(draw.sample(every, 8)))))
        for n in range(pages)
    ]
    all_pages = [*more, *(each.page for each in planted_crawl(12))]
    draw.shuffle(all_pages)
    folder.mkdir(parents=True)
    damaged = 0
    for number in range(files):
        path = folder / f"part-{number}.warc.gz"
        places = write_warc(path, all_pages[number::files])
        data = bytearray(path.read_bytes())
        for begin, end in draw.sample(places, round(DAMAGED * len(places))):
            data[(begin + end) // 2] ^= 1 << draw.randrange(8)
            damaged += 1
        path.write_bytes(data)
    return len(all_pages), damaged


def job(watch: Watch, *, store: str, crawl: str, workers: int, slice_bytes: int = SLICE_BYTES) -> None:
    """One attempt at building the corpus."""
    from etymon.corpus import CorpusSettings, Working, build, slices
    from etymon.storage import Store, commit

    commit.fault = watch.changes
    slices.SLICE_BYTES = slice_bytes
    watch.enter("build")
    build(Store.at(store), [crawl], CorpusSettings(recipe="web"), working=Working(workers=workers))
