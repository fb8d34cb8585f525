"""How much memory counting may take, and what follows: all at once, or in parts of so many tokens."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from etymon.errors import EtymonError
from etymon.models.ngram_columns import IN_MEMORY, Columns, OnDisk
from etymon.models.ngram_settings import NgramSettings
from etymon.recipe import format_bytes

if TYPE_CHECKING:
    from etymon.storage import Steps

PER_ROW = 128
"""Bytes that a token or n-gram takes while its part is worked on: about ten numbers of eight bytes, and what numpy
makes in between."""

BESIDES = 16 << 20
"""Bytes for the blocks that files are written in, and for what does not grow with the text."""

PER_WORD = 256
"""Bytes for each token of the vocabulary: its row among the unigrams, which are in memory always."""


@contextmanager
def columns_for(settings: NgramSettings, vocabulary: int, tokens: int, steps: Steps | None) -> Generator[Columns]:
    """Where to make the tables of a text of so many tokens: in memory, or in files among `steps`; without those, in
    files that are gone when the process is."""
    memory = settings.memory or machine_memory() // 2
    if whole(settings.order, vocabulary, tokens) <= memory:
        yield IN_MEMORY
        return
    least = BESIDES + (PER_ROW + PER_WORD) * vocabulary  # a context is never torn, and any token may follow it
    if memory < least:
        raise EtymonError(
            f"memory={format_bytes(memory)} is too little to count this text",
            where="models.ngram.memory",
            why=f"one part with a vocabulary of {vocabulary:,} takes {least:,} bytes",
            help=f"give at least {-(-least // 10**6)}MB, or choose a smaller tokenizer.vocabulary",
        )
    piece = (memory - BESIDES - PER_WORD * vocabulary) // PER_ROW
    if steps is not None:
        yield OnDisk(steps, piece)
        return
    from etymon.storage import Steps

    with TemporaryDirectory(prefix="etymon-ngram-") as folder:  # the maps of its files outlive their names
        yield OnDisk(Steps(Path(folder) / "steps"), piece)


def whole(order: int, vocabulary: int, tokens: int) -> int:
    """Bytes that counting all at once takes at most: no n-gram twice."""
    return tokens * (40 * order + 80) + PER_WORD * vocabulary + BESIDES


def machine_memory() -> int:
    """Bytes of memory that this process may use: the machine's, or less where it runs in a container."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            machine = min(machine, int(Path(limit).read_text(encoding="ascii")))
        except (OSError, ValueError):  # no such limit, or it says "max"
            continue
    return machine
