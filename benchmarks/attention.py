"""Time and memory of attention by window, forward and backward, side by side with the whole causal kernel.

    python benchmarks/attention.py [--length 4096] [--runs 5]

Every round runs each window once, in turns, on one thread; ratios are of CPU seconds to those of the causal kernel in
the same round. Memory is what one forward and backward add to the peak of a process of its own.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

from etymon.models.attention import attention
from etymon.tokens import Mask

HEADS, SIZE = 8, 64
RESULTS = Path(__file__).parent / "results" / "attention.json"


def one(length: int, mask: Mask, repeats: int = 1) -> float:
    """CPU seconds of a forward and backward."""
    torch.manual_seed(0)
    q, k, v = (torch.randn(1, HEADS, length, SIZE, requires_grad=True) for _ in range(3))
    begin = time.process_time()
    for _ in range(repeats):
        attention(q, k, v, mask=mask).sum().backward()
    return (time.process_time() - begin) / repeats


def peak(length: int, window: int | None) -> float:
    """MiB by which one forward and backward lift the peak of a process of its own (Linux)."""
    command = [sys.executable, str(Path(__file__)), "--length", str(length), "--peak-of", str(window or 0)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def lifted(length: int, window: int | None) -> float:
    """The same within this process, whose peak is begun anew."""
    one(64, Mask())
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    one(length, Mask(window=window))
    return resident("VmHWM") - before


def resident(what: str) -> float:
    """MiB of this process, now (VmRSS) or at most (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--length", type=int, default=4096)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peak-of", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.peak_of is not None:
        print(lifted(asked.length, asked.peak_of or None))
        return
    windows: list[int | None] = [None, 1024, 512, 256, 128, 64]
    for window in windows:
        one(512, Mask(window=window))
    seconds: dict[int | None, list[float]] = {window: [] for window in windows}
    for _ in range(asked.runs):
        for window in windows:
            seconds[window].append(one(asked.length, Mask(window=window)))
    rows = []
    for window in windows:
        ratios = [whole / part for whole, part in zip(seconds[None], seconds[window], strict=True)]
        rows.append(
            {
                "window": window,
                "cpu_seconds": [min(seconds[window]), statistics.median(seconds[window]), max(seconds[window])],
                "times_causal": [min(ratios), statistics.median(ratios), max(ratios)],
                "peak_mib": peak(asked.length, window),
            }
        )
        low, middle, high = rows[-1]["times_causal"]
        print(
            f"window {window or 'whole':>6}: {middle:5.2f}x ({low:.2f} to {high:.2f}), {rows[-1]['peak_mib']:.0f} MiB"
        )
    found = {"length": asked.length, "heads": HEADS, "size": SIZE, "runs": asked.runs, "torch": torch.__version__}
    RESULTS.write_text(json.dumps(found | {"machine": platform.machine(), "windows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
