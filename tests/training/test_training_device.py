"""Device, precision, memory and randomness: chosen in one place, refused in words, and no trace left behind."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from etymon.errors import EtymonError
from etymon.training import choose_device, seeded
from etymon.training.device import autocast, choose_precision, within_memory
from etymon.training.fingerprint import numerics
from etymon.training.randomness import seed_of

CPU = torch.device("cpu")


@pytest.mark.parametrize(("cuda", "mps", "chosen"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_the_best_device_there_is_is_chosen(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, chosen: str
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: cuda)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: mps)
    assert choose_device("auto").type == chosen
    assert choose_device("cpu") == CPU


def test_a_device_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(EtymonError, match="no device tpu") as refused:
        choose_device("tpu")
    assert "cpu" in refused.value.why


@pytest.mark.parametrize("native", [True, False])
def test_bf16_is_only_where_it_is_native(monkeypatch: pytest.MonkeyPatch, native: bool) -> None:
    monkeypatch.setattr("etymon.training.device._has_bf16", lambda device: native)
    assert choose_precision("auto", CPU) == torch.float32
    assert choose_precision("fp32", CPU) == torch.float32
    assert choose_precision("auto", torch.device("cuda")) == (torch.bfloat16 if native else torch.float32)
    if native:
        assert choose_precision("bf16", CPU) == torch.bfloat16
    else:
        with pytest.raises(EtymonError, match="bf16") as refused:
            choose_precision("bf16", CPU)
        assert refused.value.help == "precision=fp32"


def test_autocast_is_on_for_bf16_alone() -> None:
    a = torch.ones(2, 2)
    with autocast(CPU, torch.bfloat16):
        assert (a @ a).dtype == torch.bfloat16
    with autocast(CPU, torch.float32):
        assert (a @ a).dtype == torch.float32


def test_numerics_name_what_bits_depend_on() -> None:
    named = numerics(CPU, torch.float32, 3)
    assert named["torch"] == torch.__version__
    assert named["threads"] == torch.get_num_threads()
    assert named["precision"] == "float32"


@pytest.mark.skipif(sys.platform != "linux", reason="the allocator is glibc's")
def test_memory_that_is_freed_is_kept_instead_of_mapped_anew() -> None:
    script = """
import resource, torch
from etymon.training.device import keep_memory
torch.set_num_threads(1)
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        torch.ones(2**24)  # 64 MiB: larger than what glibc learns to keep by itself
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
first = faults()
told = keep_memory()
faults()
print(told, first, faults())
"""
    told, before, after = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    if told == "False":
        pytest.skip("this libc is not glibc")
    assert int(before) > 100
    assert int(after) < int(before) / 20


def test_seeds_depend_on_every_part_of_the_place_and_on_nothing_else() -> None:
    assert seed_of(1, 2, "dropout") == seed_of(1, 2, "dropout")
    places = [(1, 2, "a"), (1, 2, "b"), (1, 3, "a"), (2, 2, "a"), (12, "a"), (1, 2, 3), (1, 23)]
    assert len({seed_of(*place) for place in places}) == len(places)
    assert all(0 <= seed_of(*place) < 2**63 for place in places)


def test_seeded_draws_alike_and_leaves_torchs_state_alone() -> None:
    before = torch.get_rng_state()
    drawn = []
    for _ in range(2):
        with seeded(3, "weights"):
            drawn.append(torch.rand(4))
    assert torch.equal(*drawn)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_step_too_large_for_the_memory_is_told_and_every_other_error_passes() -> None:
    with pytest.raises(EtymonError, match="512 tokens needs more memory") as told, within_memory(512):
        torch.empty(1 << 50)
    assert "micro_batch=1" in told.value.help and "allocate memory" in told.value.why
    with pytest.raises(RuntimeError, match="something else"), within_memory(512):
        raise RuntimeError("something else")
