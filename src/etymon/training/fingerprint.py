"""The numeric fingerprint: what the bits of a training depend on beside its recipe, and its lineages."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from etymon import __version__

Numerics = dict[str, str | int]

_ENVIRONMENT = ("ATEN_CPU_CAPABILITY", "CUBLAS_WORKSPACE_CONFIG", "MKL_CBWR", "NVIDIA_TF32_OVERRIDE")


def numerics(device: torch.device, precision: torch.dtype, chunks: int) -> Numerics:
    """Versions, device, threads, kernels, type of numbers, and the `chunks` (micro-batches) a step's gradient is the
    sum of. Two trainings of one recipe with equal fingerprints have equal bits."""
    return {
        "etymon": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "build": hashlib.sha256(torch.__config__.show().encode()).hexdigest()[:12],
        "device": _device(device),
        "threads": torch.get_num_threads(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "kernels": _kernels(device),
        "precision": str(precision).removeprefix("torch."),
        "chunks": chunks,
    }


def _device(device: torch.device) -> str:
    if device.type != "cuda":
        return f"{device.type} {_processor()}"
    return (
        f"cuda {torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"
    )


@cache
def _processor() -> str:
    """The model of the processor: its vendor's libraries choose kernels by it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(errors="replace").splitlines() if cpuinfo.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def _kernels(device: torch.device) -> str:
    """The switches by which torch chooses among kernels."""
    switches = {
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "matmul": torch.get_float32_matmul_precision(),
        "onednn": torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled,
    }
    if device.type == "cuda":
        switches["tf32"] = torch.backends.cuda.matmul.allow_tf32
        switches["benchmark"] = torch.backends.cudnn.benchmark
        switches["flash"] = torch.backends.cuda.flash_sdp_enabled()
    switches |= {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return ", ".join(f"{name} {value}".lower() for name, value in switches.items())


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two fingerprints or plans, in words, one entry a key."""
    return [
        f"{key} was {was.get(key, 'not there')} and is {now.get(key, 'not there')}"
        for key in sorted(was.keys() | now.keys())
        if was.get(key) != now.get(key)
    ]


@dataclass(frozen=True)
class Lineage:
    """A stretch of a training with one fingerprint, from `step` on. With more than one, the bits of the result follow
    from the recipe and all of them."""

    step: int
    numerics: Numerics

    def to_json(self) -> dict[str, Any]:
        return {"step": self.step, "numerics": self.numerics}


def lineages_of(about: Mapping[str, Any]) -> tuple[Lineage, ...]:
    """The lineages that a checkpoint tells of, oldest first."""
    entries: Sequence[Mapping[str, Any]] = about["lineages"]
    return tuple(Lineage(int(entry["step"]), dict(entry["numerics"])) for entry in entries)
