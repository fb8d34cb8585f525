"""Where a training runs: the one place that chooses a device, a precision and how memory is given out."""

from __future__ import annotations

import ctypes
import functools
import platform
import sys
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch

from etymon.errors import EtymonError

# mallopt's names for its parameters, from glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
DISABLED = -1


def choose_device(name: str = "auto") -> torch.device:
    """The device of that name; "auto" is the first of cuda, mps and cpu that is there."""
    found = [kind for kind, there in _devices() if there]
    if name == "auto":
        return torch.device(found[0])
    kind = name.partition(":")[0]
    if kind not in found:
        raise EtymonError(
            f"There is no device {name} here",
            why=f"torch {torch.__version__} finds: {', '.join(found)}",
            help="device=auto takes the best that there is",
        )
    return torch.device(name)


def _devices() -> list[tuple[str, bool]]:
    return [("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available()), ("cpu", True)]


def choose_precision(precision: str, device: torch.device) -> torch.dtype:
    """float32 or bfloat16. Raises EtymonError where bfloat16 would be worked out by emulation."""
    native = _has_bf16(device)
    if precision == "auto":
        return torch.bfloat16 if device.type == "cuda" and native else torch.float32
    if precision == "bf16" and not native:
        raise EtymonError(
            f"This {device.type} device has no arithmetic of its own for bf16",
            where="precision",
            why="torch would emulate it, which was 200 times slower than fp32 where we measured it",
            help="precision=fp32",
        )
    return torch.bfloat16 if precision == "bf16" else torch.float32


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # torch has no public question for this; one that is gone means no.
    asks = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return device.type == "cpu" and asks is not None and bool(asks())


def autocast(device: torch.device, precision: torch.dtype) -> AbstractContextManager[Any]:
    """Products in the given precision; weights, sums and the optimizer stay in float32."""
    return torch.autocast(device.type, dtype=precision, enabled=precision != torch.float32)


@contextmanager
def within_memory(tokens: int) -> Generator[None]:
    """Tell in words that a step of so many tokens is too large for the memory; every other error passes."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        short = isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
        if not short:
            raise
        raise EtymonError(
            f"A step of {tokens:,} tokens needs more memory than there is",
            where="batch_tokens and micro_batch",
            why=" ".join(str(error).split()) or "out of memory",
            help="micro_batch=1 holds one row of the step at a time; a smaller batch_tokens or model needs less, too",
        ) from error


@functools.cache
def keep_memory() -> bool:
    """Tell glibc to keep freed memory instead of giving it back to the kernel; whether it was told.

    A step frees and takes the same large tensors again. glibc maps each of them anew: some 300,000 page faults in a
    step at a vocabulary of 50,304, and 1.85 times the time. It holds for the whole process, so it is only done here,
    by a training on the CPU, once.
    """
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(M_MMAP_MAX, 0)) and bool(libc.mallopt(M_TRIM_THRESHOLD, DISABLED))
