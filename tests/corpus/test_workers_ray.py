"""Tasks on a real local Ray: the same outcomes as on the local pool."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import chores
import pytest

from etymon.corpus.workers import Budget, run_tasks
from etymon.errors import EtymonError

BUDGET = Budget(cpu_seconds=2.0, memory_bytes=600 << 20)


def on(backend: str, tasks: list[Any], workers: int = 2) -> list[Any]:
    return list(run_tasks("chores:digests", tasks, workers=workers, budget=BUDGET, backend=backend))


@pytest.mark.ci
def test_ray_gives_what_the_local_pool_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install ray")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", str(Path(chores.__file__).parent), prepend=os.pathsep)  # Ray's workers import it
    tasks: list[dict[str, Any]] = [{"seed": seed} for seed in range(6)]
    tasks += [{"seed": 7, "harm": {"3": "crash"}}, {"seed": 8, "harm": {"19": "hoard"}}]
    assert on("ray", tasks) == on("local", tasks)
    with pytest.raises(EtymonError, match="fault of Etymon"):
        on("ray", [{"seed": 1, "harm": {"0": "fail"}}])


def test_without_ray_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EtymonError, match="Ray is not installed"):
        on("ray", [{"seed": 1}])
    assert chores.STEPS == 20
