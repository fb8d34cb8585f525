"""Checkpoints of several ranks that meet through torch's gloo: saved by all, or by none when one of them dies."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from etymon.storage import Store

pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")

# One process loads torch and forks the ranks; the store through which they meet is in it, not in one of them.
SCRIPT = """
import json, os, signal, sys
import torch.distributed as dist
from harness.gloo_group import GlooGroup
from harness.groups import ranks
from etymon.storage import Store, commit
from etymon.storage.ranks import rank_file

root, size, victim = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
meeting = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)

def work(own):
    store = dist.TCPStore("127.0.0.1", meeting.port, is_master=False)
    group = GlooGroup(own.rank, size, store, 3)
    checkpoints = Store.at(root).run("demo").checkpoints("gpt")
    files = {"weights": b"%d" % own.rank * 1000}
    checkpoints.save(1, files, {}, group=group)

    def die(operation):
        if own.rank == victim and operation.name == "sync":
            os.kill(os.getpid(), signal.SIGKILL)

    commit.fault = die
    checkpoints.save(2, files, {}, group=group)
    return checkpoints.latest(group=group).read(rank_file(group, "weights")).decode()

print(json.dumps([vars(one) for one in ranks(size, work)]))
"""


def outcomes(root: Path, size: int, victim: int) -> list[dict[str, Any]]:
    tests = str(Path(__file__).parents[1])
    words = [sys.executable, "-c", SCRIPT, str(root), str(size), str(victim)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tests, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("size", [2, pytest.param(4, marks=pytest.mark.ci)])
def test_ranks_over_gloo_save_one_checkpoint(store: Store, size: int) -> None:
    found = outcomes(store.root, size, victim=-1)
    assert [one["gave"] for one in found] == [f"{rank}" * 1000 for rank in range(size)]
    latest = [path.name for path in (store.root / "runs/demo/checkpoints/gpt").iterdir()]
    assert sorted(latest) == ["step-000000001", "step-000000002"]
    assert store.verify() == []


@pytest.mark.ci
@pytest.mark.parametrize(("size", "victim"), [(2, 1), (4, 0), (4, 2)])
def test_a_rank_that_dies_is_named_and_the_earlier_checkpoint_stays(store: Store, size: int, victim: int) -> None:
    found = outcomes(store.root, size, victim)
    living = [one for one in found if not one["signal"]]
    assert len(living) == size - 1
    assert {tuple(one["ranks"]) for one in living} == {(victim,)}
    assert len({one["error"] for one in living}) == 1
    folders = [path.name for path in (store.root / "runs/demo/checkpoints/gpt").iterdir()]
    assert [name for name in folders if name.startswith("step-")] == ["step-000000001"]
