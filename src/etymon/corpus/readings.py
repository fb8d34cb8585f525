"""Readings: each slice of the sources, read and measured once, as an artifact that a stopped build finds again."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from etymon.corpus.arrow import RecordBatch, pa, pq
from etymon.corpus.prepare import Preparing, prepared
from etymon.corpus.read import Skip
from etymon.corpus.slices import Part, Slice, slices
from etymon.corpus.sources import Source, check_unchanged
from etymon.corpus.workers import Budget, run_tasks, share
from etymon.progress import Progress
from etymon.storage import Artifact, JsonObject, Store

READING_VERSION = 5
ROWS_FILE = "rows.parquet"
BUDGET = Budget(cpu_seconds=20.0, memory_bytes=2 << 30)
"""What one record may cost; pages that break the bounds of `etymon.corpus.markup` never come so far."""


@dataclass(frozen=True, slots=True)
class Working:
    """How the work is done, which changes nothing in what comes out: processes, and on what they run."""

    workers: int = 1
    backend: str = "local"
    rank: int = 0
    world: int = 1

    @classmethod
    def here(cls) -> Working:
        """A process for each core that this one may use."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return cls(cores)


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files that are read; of each, by its name, the digest of its bytes and the stamp it had before that."""

    files: list[Source]
    digests: Mapping[str, str]
    stamps: Mapping[str, Sequence[int]]


def recipe_of_slice(slice: Slice, digests: Mapping[str, str], preparing: Preparing) -> JsonObject:
    """What makes a reading's id: the bytes of its files and what is done to them; no path of this machine."""
    parts = [[part.source.name, part.source.format, digests[part.source.name], part.start, part.stop] for part in slice]
    return {"parts": parts, "preparing": preparing.to_json()}


def read_slice(task: dict[str, Any], skip: Skip, at: Callable[[int], None]) -> str:
    """Makes the reading of one slice, in a worker; returns its id."""
    store = Store.at(task["store"], create=False)
    if found := store.find("reading", task["recipe"], {}, stage_version=READING_VERSION):
        return found.id
    slice = tuple(Part.from_json(part) for part in task["slice"])
    preparing = Preparing.from_json(task["recipe"]["preparing"], task["places"])
    documents, others = 0, Counter[str]()
    with store.create("reading", task["recipe"], {}, stage_version=READING_VERSION) as draft:
        with draft.writer(ROWS_FILE) as file, _table(file, preparing.schema) as table:
            for batch in prepared(slice, preparing, others=others, skip=skip, at=at):
                table.write_batch(batch)
                documents += batch.num_rows
        check_unchanged((part.source for part in slice), task["stamps"])
        return draft.seal({"rows": documents, "other_records": dict(sorted(others.items()))}).id


def _table(stream: Any, schema: Any) -> Any:
    return pq.ParquetWriter(pa.PythonFile(cast(BinaryIO, stream), mode="w"), schema, compression="zstd")


def rows_of(reading: Artifact) -> Iterator[RecordBatch]:
    """The prepared batches of a reading, as they were written."""
    with reading.open(ROWS_FILE) as stream:
        file = pq.ParquetFile(pa.PythonFile(stream, mode="r"), pre_buffer=False)
        for group in range(file.metadata.num_row_groups):
            yield from file.read_row_group(group, use_threads=False).to_batches()


def make_readings(
    store: Store,
    inputs: Inputs,
    preparing: Preparing,
    working: Working,
    progress: Progress,
) -> list[Artifact]:
    """The readings of the slices of one rank in order, those that are missing made by workers."""
    every = list(slices(inputs.files))
    cut = [every[number] for number in share(len(every), working.rank, working.world)]
    tasks = [
        {
            "store": str(store.root),
            "slice": [part.to_json() for part in slice],
            "recipe": recipe_of_slice(slice, inputs.digests, preparing),
            "stamps": {part.source.name: list(inputs.stamps[part.source.name]) for part in slice},
            "places": preparing.places,
        }
        for slice in cut
    ]
    sizes = [sum(part.stop - part.start for part in slice) for slice in cut]
    made: list[Artifact] = []
    done, total = 0, sum(sizes)
    outcomes = run_tasks(
        "etymon.corpus.readings:read_slice",
        tasks,
        workers=working.workers,
        budget=BUDGET,
        backend=working.backend,
        waiting=lambda: progress(done, total, "reading"),
    )
    for (_, outcome), size in zip(outcomes, sizes, strict=True):
        made.append(store.open(str(outcome.result)))
        done += size
        progress(done, total, "reading")
    return made
