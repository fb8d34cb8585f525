"""A training that was stopped, pushed and pulled into another store ends there with the bits of one never stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_training import digest, losses, network_of, run_training, stop_after

from etymon.errors import Interrupted
from etymon.storage import Remote, Store


@pytest.mark.parametrize("name", ["gpt", "lstm"])
def test_a_preempted_training_goes_on_on_another_machine(tmp_path: Path, name: str) -> None:
    straight = Store.at(tmp_path / "straight").run("demo")
    network = network_of(name, dropout=0.1)
    run_training(straight, network, steps=24)
    machines = [Store.at(tmp_path / f"machine{number}") for number in range(3)]
    for number, stop in enumerate((7, 6)):
        run = machines[number].run("demo")
        with pytest.raises(Interrupted):
            run_training(run, network_of(name, dropout=0.1), steps=24, stop_requested=stop_after(stop))
        Remote(str(tmp_path / "bucket")).push_run(run)
        Remote(str(tmp_path / "bucket")).pull_run(machines[number + 1], "demo")
    last = network_of(name, dropout=0.1)
    run_training(machines[2].run("demo"), last, steps=24)
    assert digest(last) == digest(network)
    assert losses(machines[2].run("demo")) == losses(straight)
    assert machines[2].verify() == []
