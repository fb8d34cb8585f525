"""SIGKILL at any moment: what was there before is whole, and what was acknowledged is there."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time

import pytest

from etymon.storage import Store

SAVING = """
import sys
from etymon.storage import Store
run = Store.at(sys.argv[1]).run("demo")
with run.lock():
    checkpoints = run.checkpoints("gpt")
    found = checkpoints.latest()
    step = found.step if found else 0
    run.metrics.rewind("gpt", step)
    while True:
        step += 1
        run.metrics.append({"series": "gpt", "step": step, "loss": 1 / step})
        checkpoints.save(step, {"weights": b"%d" % step * 100_000, "state": b"%d" % step}, {"step": step})
        run.journal.append("checkpoint", step=step)
        print(step, flush=True)
"""

SEALING = """
import sys
from etymon.storage import Store
store = Store.at(sys.argv[1])
number = len(store.artifacts())
while True:
    with store.create("model", {"number": number}, {}, stage_version=1) as draft:
        draft.write("weights", (b"%d" % number * 50_000 for _ in range(4)))
        draft.seal()
    print(number, flush=True)
    number += 1
"""


def killed(script: str, store: Store, delay: float) -> list[int]:
    """Runs the script, kills it `delay` seconds after its first acknowledgement; gives the acknowledged numbers."""
    process = subprocess.Popen([sys.executable, "-c", script, str(store.root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    return [int(number) for number in (first + rest).split()]


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_run_goes_on_from_its_last_acknowledged_checkpoint(store: Store, seed: int) -> None:
    delays = random.Random(seed)
    acknowledged: list[int] = []
    for _ in range(2):
        acknowledged += killed(SAVING, store, delays.uniform(0, 0.1))
        run = store.run("demo")
        assert run.holder() is None
        found = run.checkpoints("gpt").latest()
        assert found is not None
        assert found.step - acknowledged[-1] in (0, 1)
        assert found.read("state") == b"%d" % found.step
        assert found.read("weights") == b"%d" % found.step * 100_000
        steps = [row["step"] for row in run.metrics.rows() if row["step"] <= found.step]
        assert steps == list(range(1, found.step + 1))
        assert set(acknowledged) <= {event["step"] for event in run.journal.events()}
        assert store.verify() == []


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_sealing_leaves_whole_artifacts_and_nothing_else_that_shows(store: Store, seed: int) -> None:
    delays = random.Random(seed)
    for _ in range(2):
        acknowledged = killed(SEALING, store, delays.uniform(0, 0.1))[-1]
        made = store.artifacts()
        assert len(made) - acknowledged in (1, 2)
        assert store.verify() == []
        assert [artifact.recipe["number"] for artifact in made] == list(range(len(made)))
        assert made[-1].read("weights") == b"%d" % (len(made) - 1) * 200_000
    store.gc(keep=[artifact.id for artifact in made])
    assert {path.name for path in made[0].path.parent.iterdir()} == {artifact.label for artifact in made}
