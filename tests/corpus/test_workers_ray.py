"""Work on a real local Ray: the same outcomes, and the same corpus, as on the local pool."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import chores
import pytest

from etymon.corpus import Corpus, CorpusSettings, Working, build
from etymon.corpus.workers import Budget, run_tasks
from etymon.errors import EtymonError
from etymon.storage import Store
from harness.crawl import Crawled, write_warc
from harness.planted_crawl import paragraphs, prose, site, write_planted_crawl

BUDGET = Budget(cpu_seconds=2.0, memory_bytes=600 << 20)
OBJECT_STORE = 80 << 20
SETTINGS = CorpusSettings(recipe="web", near_duplicates="default")


@pytest.fixture(scope="module")
def ray() -> Iterator[None]:
    """One local Ray for all tests of this file. Where Ray is missing a test fails under CI and is skipped elsewhere."""
    if find_spec("ray") is None:
        told = "Ray is not installed: pip install ray"
        pytest.fail(told) if os.environ.get("CI") == "true" else pytest.skip(told)
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        where = [str(Path(chores.__file__).parent), *filter(None, sys.path)]  # Ray's workers import what we import
        patch.setenv("PYTHONPATH", os.pathsep.join(where))
        quiet: dict[str, Any] = {"log_to_driver": False, "include_dashboard": False}
        ray.init(address="local", num_cpus=2, object_store_memory=OBJECT_STORE, **quiet)
        yield
        ray.shutdown()


def on(backend: str, tasks: list[Any], workers: int = 2) -> list[Any]:
    return list(run_tasks("chores:digests", tasks, workers=workers, budget=BUDGET, backend=backend))


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A crawl with planted faults, and pages that are near copies of each other across files."""
    folder = tmp_path_factory.mktemp("crawl")
    write_planted_crawl(folder)
    texts = list(prose())[:8]
    for number in range(3):
        pages = [
            Crawled(
                f"https://mirror{number}.org/{n}", site(paragraphs(f"{text}\n\nPrinted as number {number * 7 + n}."))
            )
            for n, text in enumerate(texts)
        ]
        write_warc(folder / f"mirror-{number}.warc.gz", pages)
    return folder


def built(store: Path, crawl: Path, working: Working) -> tuple[str, str, list[tuple[str, str, str]]]:
    """Id and content hash of the crawl's corpus, and what each document was found to be a copy of."""
    corpus = build(Store.at(store), [str(crawl)], SETTINGS, working=working)
    copies = [(each.id, each.rule, each.duplicate_of) for each in Corpus.open(corpus).decisions() if each.duplicate_of]
    return corpus.id, corpus.content_hash, copies


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, crawl: Path) -> Iterator[tuple[str, str, Any]]:
    """What one worker makes of the crawl, cut into slices so small that all workers have something to do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("etymon.corpus.slices.SLICE_BYTES", 20_000)
        store = tmp_path_factory.mktemp("one") / "store"
        made = built(store, crawl, Working(1))
        assert len(Store.at(store).artifacts("reading")) >= 6
        assert len(made[2]) >= 16 and {rule for _, rule, _ in made[2]} >= {"near duplicate"}
        yield made


@pytest.mark.ci
@pytest.mark.parametrize("workers", [2, 7])
def test_local_workers_make_the_same_corpus_and_clusters(
    tmp_path: Path, crawl: Path, alone: tuple[str, str, Any], workers: int
) -> None:
    assert built(tmp_path / "many", crawl, Working(workers)) == alone


@pytest.mark.ci
def test_ray_makes_the_same_corpus_and_clusters(
    ray: None, tmp_path: Path, crawl: Path, alone: tuple[str, str, Any]
) -> None:
    assert built(tmp_path / "ray", crawl, Working(2, "ray")) == alone


@pytest.mark.ci
def test_ray_gives_what_the_local_pool_gives_and_leaves_out_the_same_poison(ray: None) -> None:
    tasks: list[dict[str, Any]] = [{"seed": seed} for seed in range(4)]
    tasks += [{"seed": 7, "harm": {"3": "crash"}}, {"seed": 8, "harm": {"19": "hoard"}}]
    found = on("ray", tasks)
    assert found == on("local", tasks)
    assert [outcome.poisoned for _, outcome in found[4:]] == [{3: "crash: SIGSEGV"}, {19: "memory"}]
    with pytest.raises(EtymonError, match="fault of Etymon"):
        on("ray", [{"seed": 1, "harm": {"0": "fail"}}])


@pytest.mark.ci
def test_a_killed_ray_worker_costs_its_task_alone(ray: None, tmp_path: Path) -> None:
    tasks = [{"seed": seed, "harm": {"0": "note"}, "folder": str(tmp_path)} for seed in range(8)]
    tasks[3]["harm"]["5"] = "kill parent once"
    tasks[3]["mark"] = str(tmp_path / "killed")
    assert [outcome.result for _, outcome in on("ray", tasks)] == [
        chores.digests({"seed": task["seed"]}, frozenset(), lambda step: None) for task in tasks
    ]
    attempts = [len(list(tmp_path.glob(f"{seed}-*"))) for seed in range(8)]
    assert (tmp_path / "killed").exists()
    assert attempts == [1, 1, 1, 2, 1, 1, 1, 1]


def test_without_ray_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EtymonError, match="Ray is not installed"):
        on("ray", [{"seed": 1}])
    assert chores.STEPS == 20
