"""One training step on the CPU beside plain eager torch (the GPT-2 of nanoGPT's layout), in turns: speed and memory.

    python benchmarks/step.py [--rounds N] [--threads 2 1] [--vocabulary 4096 50304]

Both train the same shape (6 layers, 384 wide, rows of 256) on the same random tokens in fp32 without dropout, with
AdamW and clipping. The peer is what one writes first: all logits at once, `F.cross_entropy`, torch's default AdamW and
glibc's default allocator. Each contender is a process of its own that stays, and they take turns, so that both meet
the same load; a step counts in wall time, and in CPU time beside it for machines that are busy.
Goals on 2 threads: at least 1.0 times as fast at 4,096 and 1.75 at 50,304, with at most 0.8 of the peak memory.
Writes benchmarks/results/step.json.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

RESULTS = Path(__file__).parent / "results" / "step.json"
LAYERS, WIDTH, HEADS, LENGTH = 6, 384, 6, 256
ROWS = {4096: 8, 50304: 4}
CONTENDERS = ("peer", "etymon")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="turns of each contender")
    parser.add_argument("--steps", type=int, default=2, help="steps in a turn")
    parser.add_argument("--threads", type=int, nargs="+", default=[2, 1])
    parser.add_argument("--vocabulary", type=int, nargs="+", default=[4096, 50304], choices=sorted(ROWS))
    parser.add_argument("--worker", choices=CONTENDERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.worker, arguments.vocabulary[0], arguments.threads[0], arguments.steps)
        return
    rows = [
        compare(vocabulary, threads, arguments.rounds, arguments.steps)
        for vocabulary in arguments.vocabulary
        for threads in arguments.threads
    ]
    import torch

    machine = {
        "processors": os.cpu_count(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "load of the last minute": round(os.getloadavg()[0], 2),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(
        json.dumps({"machine": machine, "shape": [LAYERS, WIDTH, LENGTH], "steps": rows}, indent=1) + "\n"
    )
    print(table(rows))


def compare(vocabulary: int, threads: int, rounds: int, steps: int) -> dict[str, Any]:
    """Both contenders in turns at one vocabulary and number of threads."""
    workers = {name: Worker(name, vocabulary, threads, steps) for name in CONTENDERS}
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
    for worker in workers.values():
        worker.turn()  # warms up
    for number in range(rounds):
        for name in CONTENDERS if number % 2 else reversed(CONTENDERS):
            turns[name].append(workers[name].turn())
    peaks = {name: worker.end() for name, worker in workers.items()}
    tokens = ROWS[vocabulary] * LENGTH * steps
    medians = {
        name: {clock: tokens / statistics.median(turn[clock] for turn in own) for clock in ("wall", "cpu")}
        for name, own in turns.items()
    }
    ratios = {
        clock: statistics.median(
            peer[clock] / ours[clock] for peer, ours in zip(turns["peer"], turns["etymon"], strict=True)
        )
        for clock in ("wall", "cpu")
    }
    return {
        "vocabulary": vocabulary,
        "rows": ROWS[vocabulary],
        "threads": threads,
        "rounds": rounds,
        "tokens per second": {name: round(speed["wall"], 1) for name, speed in medians.items()},
        "tokens per CPU second": {name: round(speed["cpu"], 1) for name, speed in medians.items()},
        "times as fast": round(ratios["wall"], 3),
        "times as fast by CPU time": round(ratios["cpu"], 3),
        "peak memory, MB": peaks,
        "share of memory": round(peaks["etymon"] / peaks["peer"], 3),
        "loss after the last step": {name: own[-1]["loss"] for name, own in turns.items()},
    }


def table(rows: list[dict[str, Any]]) -> str:
    """The rows for people."""
    lines = ["vocabulary threads   peer tok/s   ours tok/s   x wall   x CPU   memory"]
    for row in rows:
        speeds = row["tokens per second"]
        lines.append(
            f"{row['vocabulary']:>10} {row['threads']:>7} {speeds['peer']:>12.0f} {speeds['etymon']:>12.0f}"
            f" {row['times as fast']:>8.2f} {row['times as fast by CPU time']:>7.2f}"
            f" {row['share of memory']:>8.2f}"
        )
    return "\n".join(lines)


class Worker:
    """A contender in a process of its own that trains when it is its turn."""

    def __init__(self, name: str, vocabulary: int, threads: int, steps: int) -> None:
        command = [sys.executable, __file__, "--worker", name, "--steps", str(steps)]
        command += ["--vocabulary", str(vocabulary), "--threads", str(threads)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _ask(self, word: str) -> Any:
        to, back = cast(IO[str], self._process.stdin), cast(IO[str], self._process.stdout)
        to.write(word + "\n")
        to.flush()
        return json.loads(back.readline())

    def turn(self) -> dict[str, float]:
        """Train for a turn: seconds of wall and CPU time, and the last loss."""
        return self._ask("turn")

    def end(self) -> int:
        """End the process; its peak memory in MB."""
        peak = self._ask("end")
        self._process.wait()
        return peak


def work(name: str, vocabulary: int, threads: int, steps: int) -> None:
    """What a worker's process does: turns as asked for, then its peak memory."""
    import torch

    torch.set_num_threads(threads)
    step = {"peer": peer_step, "etymon": our_step}[name](vocabulary)
    done = 0
    for line in sys.stdin:
        if line.strip() == "end":
            kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            print(round(kilobytes / 1000 if sys.platform == "linux" else kilobytes / 1e6), flush=True)
            return
        wall, cpu, loss = time.perf_counter(), time.process_time(), math.nan
        for _ in range(steps):
            loss = step(done)
            done += 1
        turn = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "loss": loss}
        print(json.dumps(turn), flush=True)


def our_step(vocabulary: int) -> Callable[[int], float]:
    """A step of `etymon.training`, with the parts that its loop is made of."""
    import torch

    from etymon.models.gpt import GPT, GPTSettings
    from etymon.objectives import NextToken
    from etymon.tokens import Loader
    from etymon.training import TrainingSettings
    from etymon.training.device import keep_memory
    from etymon.training.optimizer import AdamW, clipped_norm
    from etymon.training.step import Gradients

    keep_memory()
    rows = ROWS[vocabulary]
    settings = TrainingSettings(batch_tokens=rows * LENGTH, length=LENGTH)
    network = GPT(GPTSettings(context=LENGTH, layers=LAYERS, width=WIDTH, heads=HEADS), vocabulary)
    loader = Loader(random_stream(vocabulary), length=LENGTH, slots=rows, seed=0, order="shuffle")
    gradients = Gradients(network, NextToken(), loader, rows, torch.float32, seed=0)
    optimizer = AdamW(network, settings)

    def step(number: int) -> float:
        loss = gradients.of(number, None).loss
        clipped_norm(network, settings.clip)
        optimizer.step(settings.learning_rate)
        return loss

    return step


def random_stream(vocabulary: int) -> Any:
    """One document of random tokens: speed does not depend on what they are."""
    import numpy as np

    from etymon.tokens import TokenStream

    ids = np.random.default_rng(0).integers(1, vocabulary, 100_001).astype(np.uint16)
    ids[0] = ids[-1] = 0
    starts, size = np.array([0, len(ids) - 1], np.int64), np.array([len(ids)], np.int64)
    return TokenStream(ids=ids, starts=starts, bytes=size, documents=["random"], vocabulary=vocabulary, end_of_text=0)


def peer_step(vocabulary: int) -> Callable[[int], float]:
    """GPT-2 in plain eager torch, trained as one does who takes every default."""
    import numpy as np
    import torch
    import torch.nn.functional as F
    from torch import Tensor, nn

    class PeerBlock(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm_1, self.norm_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.qkv, self.project = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
            self.up, self.gelu, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH)

        def forward(self, x: Tensor) -> Tensor:
            rows, length, _ = x.shape
            q, k, v = (
                part.view(rows, length, HEADS, WIDTH // HEADS).transpose(1, 2)
                for part in self.qkv(self.norm_1(x)).split(WIDTH, dim=2)
            )
            z = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.project(z.transpose(1, 2).contiguous().view(rows, length, WIDTH))
            return x + self.down(self.gelu(self.up(self.norm_2(x))))

    class Peer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.positions = nn.Embedding(vocabulary, WIDTH), nn.Embedding(LENGTH, WIDTH)
            self.blocks = nn.ModuleList(PeerBlock() for _ in range(LAYERS))
            self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, vocabulary, bias=False)
            self.head.weight = self.tokens.weight
            for parameter in self.parameters():
                if parameter.ndim == 2:
                    nn.init.normal_(parameter, std=0.02)

        def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
            x = self.tokens(ids) + self.positions(torch.arange(ids.shape[1]))
            for block in self.blocks:
                x = block(x)
            logits = self.head(self.norm(x))
            return F.cross_entropy(logits.view(-1, vocabulary), targets.reshape(-1))

    network = Peer()
    parameters = list(network.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": 0.1},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95))
    ids = np.random.default_rng(0).integers(1, vocabulary, 100_001).astype(np.uint16)
    places = np.random.default_rng(1)

    def step(number: int) -> float:
        first = places.integers(0, len(ids) - LENGTH - 1, ROWS[vocabulary])
        x, y = (
            torch.from_numpy(np.stack([ids[i + o : i + o + LENGTH] for i in first]).astype(np.int64)) for o in (0, 1)
        )
        loss = network(x, y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return step


if __name__ == "__main__":
    main()
