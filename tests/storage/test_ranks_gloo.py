"""Checkpoints of several ranks that meet through torch's gloo: saved by all, or by none when one of them dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from etymon.storage import Store

pytestmark = [
    pytest.mark.ci,
    pytest.mark.skipif(find_spec("torch") is None and os.environ.get("CI") != "true", reason="torch is not installed"),
]

# One process loads torch and forks the ranks. They meet through a file: a store that listens in the first process has a
# thread, whose locks a forked rank may inherit held, and then it stands still.
SCRIPT = """
import json, os, signal, sys
import torch.distributed as dist
from harness.gloo_group import GlooGroup
from harness.groups import ranks
from etymon.storage import Store, commit
from etymon.storage.ranks import rank_file

root, size, victim = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

def work(own):
    store = dist.FileStore(f"{root}.meeting", size)
    group = GlooGroup(own.rank, size, store, 10)
    checkpoints = Store.at(root).run("demo").checkpoints("gpt")
    files = {"weights": b"%d" % own.rank * 1000}
    checkpoints.save(1, files, {}, group=group)

    def die(operation):
        if own.rank == victim and operation.name == "sync":
            os.kill(os.getpid(), signal.SIGKILL)

    commit.fault = die
    checkpoints.save(2, files, {}, group=group)
    return checkpoints.latest(group=group).read(rank_file(group, "weights")).decode()

print(json.dumps([vars(one) for one in ranks(size, work, within=150)]))
"""


def outcomes(root: Path, size: int, victim: int) -> list[dict[str, Any]]:
    tests = str(Path(__file__).parents[1])
    words = [sys.executable, "-c", SCRIPT, str(root), str(size), str(victim)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tests, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("size", [2, 4])
def test_ranks_over_gloo_save_one_checkpoint(store: Store, size: int) -> None:
    found = outcomes(store.root, size, victim=-1)
    assert [one["gave"] for one in found] == [f"{rank}" * 1000 for rank in range(size)]
    latest = [path.name for path in (store.root / "runs/demo/checkpoints/gpt").iterdir()]
    assert sorted(latest) == ["step-000000001", "step-000000002"]
    assert store.verify() == []


@pytest.mark.parametrize(("size", "victim"), [(2, 1), (4, 0), (4, 2)])
def test_a_rank_that_dies_is_named_and_the_earlier_checkpoint_stays(store: Store, size: int, victim: int) -> None:
    found = outcomes(store.root, size, victim)
    living = [one for one in found if not one["signal"]]
    assert len(living) == size - 1
    assert {tuple(one["ranks"]) for one in living} == {(victim,)}
    assert len({one["error"] for one in living}) == 1
    folders = [path.name for path in (store.root / "runs/demo/checkpoints/gpt").iterdir()]
    assert [name for name in folders if name.startswith("step-")] == ["step-000000001"]
