"""Work for workers that reads damaged office files: each mutation is a step, so that one that hangs is found."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from etymon.corpus.found import Reading
from etymon.corpus.read import rows
from etymon.corpus.slices import Part
from etymon.corpus.sources import source_at
from harness.office import packed


def read_mutated(task: dict[str, Any], skip: Mapping[int, str], at: Callable[[int], None]) -> dict[str, int]:
    """How many rows of each kind (a fault's, or "text") the mutations of a file give; raises what a reader raises."""
    sound = Path(task["sound"]).read_bytes()
    into = Path(task["folder"]) / f"damaged{Path(task['sound']).suffix}"
    told: dict[str, int] = {}
    for seed in range(task["first"], task["last"]):
        if seed in skip:
            continue
        into.write_bytes(mutated(sound, seed, task["parts"]))
        at(seed)
        source = source_at(into, into.name)
        found = list(rows((Part(source, 0, source.size),), Reading(), "resiliparse"))
        assert found, f"mutation {seed} gave neither text nor fault"
        for row in found:
            told[row.fault or "text"] = told.get(row.fault or "text", 0) + 1
    return told


def mutated(data: bytes, seed: int, parts: dict[str, str]) -> bytes:
    """A file with bytes changed, taken out, doubled or cut off; of a zip every second time within one of its parts, so
    that the damage comes to the parser of that part."""
    chosen = random.Random(seed)
    if parts and seed % 2:
        name = chosen.choice(sorted(parts))
        return packed({**parts, name: _damaged(parts[name].encode(), chosen)})
    return _damaged(data, chosen)


def _damaged(data: bytes, chosen: random.Random) -> bytes:
    held = bytearray(data)
    for _ in range(chosen.choice((1, 1, 3, 20))):
        place = chosen.randrange(len(held) or 1)
        length = chosen.choice((1, 4, 64, 2000))
        way = chosen.randrange(5)
        if way == 0:
            held[place : place + 1] = bytes((chosen.randrange(256),))
        elif way == 1:
            del held[place : place + length]
        elif way == 2:
            held[place:place] = held[place : place + length] * chosen.choice((1, 2, 50))
        elif way == 3:
            held[place : place + length] = chosen.randbytes(length)
        else:
            held[place : place + 2] = chosen.choice((b"<", b"&x;", b"9999999", b"]]>", b"<!", b"-1", b"0 0 R", b"<<"))
    return bytes(held[: chosen.randrange(len(held))] if chosen.random() < 0.1 and held else held)
