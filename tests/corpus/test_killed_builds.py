"""A build that is killed again and again gives the same bytes as one that is not, and loses no document on the way."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from etymon.storage import Artifact, Store
from harness.crawl_job import IMPORTS, TASK, write_crawl
from harness.kills import Killer, Target

PAGES = 150
BY_OPERATION, BY_TIME = 0, 1
"""Workers: without any, all changes of the disk are made by the killed process, so that each can be aimed at."""


@dataclass(frozen=True)
class Undisturbed:
    """The build that was left alone: what it made, in how many changes of the disk, and in how many seconds."""

    crawl: Path
    corpus: Artifact
    records: int
    damaged: int
    operations: int
    seconds: float


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    with Killer(imports=IMPORTS) as there:
        yield there


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, killer: Killer) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    records, damaged = write_crawl(folder / "crawl", PAGES)
    ends = [killer.attempt(TASK, given(folder / f"store-{workers}", folder / "crawl", workers)) for workers in (0, 1)]
    assert not any(end.killed for end in ends)
    corpora = [only_corpus(folder / f"store-{workers}") for workers in (0, 1)]
    assert corpora[0].content_hash == corpora[1].content_hash
    assert len(list(Store.at(folder / "store-0").artifacts("reading"))) > 10
    return Undisturbed(folder / "crawl", corpora[0], records, damaged, ends[0].places["build"], ends[1].seconds)


def given(store: Path, crawl: Path, workers: int) -> dict[str, Any]:
    return {"store": str(store), "crawl": str(crawl), "workers": workers}


def only_corpus(store: Path) -> Artifact:
    (corpus,) = Store.at(store).artifacts("corpus")
    return corpus


def a_moment(draw: random.Random, workers: int, job: Undisturbed) -> Target:
    if workers == BY_OPERATION:
        return Target("build", operation=draw.randint(1, job.operations))
    return Target("build", seconds=draw.uniform(0.0, job.seconds))


def kill_until(killer: Killer, folder: Path, job: Undisturbed, workers: int, kills: int, draw: random.Random) -> int:
    """Starts builds again and again until so many were killed, each until it is done; how many were completed."""
    completed = 0
    while kills:
        store = folder / f"store-{completed}"
        while kills and killer.attempt(TASK, given(store, job.crawl, workers), a_moment(draw, workers, job)).killed:
            kills -= 1
        if not kills:
            assert not killer.attempt(TASK, given(store, job.crawl, workers)).killed
        corpus = only_corpus(store)
        assert (corpus.id, corpus.content_hash) == (job.corpus.id, job.corpus.content_hash)
        completed += 1
    return completed


@pytest.mark.ci
def test_every_record_of_the_damaged_crawl_is_accounted_for(undisturbed: Undisturbed) -> None:
    documents = undisturbed.corpus.statistics["documents"]
    dropped, quarantined = (sum(documents[kind].values()) for kind in ("dropped", "quarantined"))
    assert documents["in"] == documents["kept"] + dropped + quarantined == undisturbed.records
    assert quarantined >= undisturbed.damaged > 0.04 * undisturbed.records
    assert documents["kept"] > undisturbed.records / 2


@pytest.mark.parametrize(
    ("workers", "kills"),
    [
        pytest.param(BY_OPERATION, 5, marks=pytest.mark.ci),
        pytest.param(BY_TIME, 5, marks=pytest.mark.ci),
        pytest.param(BY_OPERATION, 50, marks=pytest.mark.slow),
        pytest.param(BY_TIME, 50, marks=pytest.mark.slow),
    ],
)
def test_kills_at_any_moment_change_no_byte(
    tmp_path: Path, killer: Killer, undisturbed: Undisturbed, workers: int, kills: int
) -> None:
    completed = kill_until(killer, tmp_path, undisturbed, workers, kills, random.Random(kills + workers))
    assert completed >= 1
