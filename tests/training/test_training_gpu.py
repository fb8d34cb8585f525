"""On a GPU: the same curve as on the CPU, and the same bits after a stop."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from small_training import digest, losses, network_of, run_training, settings, stop_after

from etymon.errors import Interrupted
from etymon.storage import Run

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device"),
]
KINDS = ["lstm", "gpt"]


@pytest.mark.parametrize("name", KINDS)
def test_the_curve_in_fp32_is_that_of_the_cpu(new_run: Callable[[str], Run], name: str) -> None:
    for device in ("cpu", "cuda"):
        run_training(new_run(device), network_of(name), device=device, settings=settings(precision="fp32"))
    assert losses(new_run("cuda")) == pytest.approx(losses(new_run("cpu")), rel=1e-3)


@pytest.mark.parametrize("name", KINDS)
def test_bf16_learns_the_text(run: Run, name: str) -> None:
    run_training(run, network_of(name), device="cuda", settings=settings(precision="bf16"), steps=60)
    curve = losses(run)
    assert sum(curve[-5:]) < 0.9 * sum(curve[:5])


@pytest.mark.parametrize("name", KINDS)
def test_stopped_and_gone_on_it_ends_with_the_same_bits(new_run: Callable[[str], Run], name: str) -> None:
    straight = network_of(name, dropout=0.2)
    run_training(new_run("straight"), straight, device="cuda")
    with pytest.raises(Interrupted):
        stopped = network_of(name, dropout=0.2)
        run_training(new_run("stopped"), stopped, device="cuda", stop_requested=stop_after(7))
    again = network_of(name, dropout=0.2)
    run_training(new_run("stopped"), again, device="cuda")
    assert digest(again.cpu()) == digest(straight.cpu())
