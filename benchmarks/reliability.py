"""Checkpoints beside torch.save, torch's DCP and safetensors: flipped bits, kills while saving, a full disk; and costs.

    python benchmarks/reliability.py [--flips N] [--kills N] [--only PART …]

Every format saves the same tensors to the same kind of disk, is damaged in the same way, and is asked what it has.
Needs nothing but etymon and torch; the full disk needs root. Writes benchmarks/results/reliability.json.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import platform
import random
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import safetensors.torch
import torch
import torch.distributed.checkpoint as dcp
from torch import Tensor
from torch.distributed.checkpoint import FileSystemReader, FileSystemWriter

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "training"))

RESULTS = Path(__file__).parent / "results" / "reliability.json"
Tensors = dict[str, Tensor]
SHAPES = {"embed.weight": (128, 128), "blocks.0.weight": (128, 128), "norm.weight": (128,)}  # 130 KB
LOADS_MAY_TAKE = 6 << 30  # bytes of address space: a damaged length must not take the machine down


@dataclass(frozen=True)
class Format:
    """One way to keep tensors: `save` overwrites what is in the folder with a later step; `load` gives the latest."""

    name: str
    save: Callable[[Path, Tensors, int], None]
    load: Callable[[Path], Tensors | None]


def save_torch(folder: Path, tensors: Tensors, step: int) -> None:
    torch.save(tensors, folder / "checkpoint.pt")


def load_torch(folder: Path) -> Tensors:
    return torch.load(folder / "checkpoint.pt", weights_only=True)


def save_safetensors(folder: Path, tensors: Tensors, step: int) -> None:
    safetensors.torch.save_file(tensors, folder / "checkpoint.safetensors")


def load_safetensors(folder: Path) -> Tensors:
    return safetensors.torch.load_file(folder / "checkpoint.safetensors")


def save_dcp(folder: Path, tensors: Tensors, step: int) -> None:
    writer = FileSystemWriter(folder, single_file_per_rank=False)  # several files, as several ranks write them
    with quiet():
        dcp.save(tensors, storage_writer=writer, no_dist=True)


def load_dcp(folder: Path) -> Tensors:
    found = {name: torch.zeros(shape) for name, shape in SHAPES.items()}
    with quiet():
        dcp.load(found, storage_reader=FileSystemReader(folder), no_dist=True)
    return found


def save_etymon(folder: Path, tensors: Tensors, step: int) -> None:
    checkpoints_in(folder).save(step, {"model.safetensors": safetensors.torch.save(tensors)}, {})


def load_etymon(folder: Path) -> Tensors | None:
    found = checkpoints_in(folder).latest()
    return None if found is None else safetensors.torch.load(found.read("model.safetensors"))


def checkpoints_in(folder: Path) -> Any:
    from etymon.storage import Store

    return Store.at(folder).run("run").checkpoints("gpt")


@contextmanager
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


FORMATS = [
    Format("etymon", save_etymon, load_etymon),
    Format("torch.save", save_torch, load_torch),
    Format("torch DCP", save_dcp, load_dcp),
    Format("safetensors", save_safetensors, load_safetensors),
]


def tensors_of(step: int) -> Tensors:
    """Every number is the step, so that a mix of two steps shows."""
    return {name: torch.full(shape, float(step)) for name, shape in SHAPES.items()}


def main() -> None:
    parts = {"flips": flips, "kills": kills, "full disk": full_disk, "reading": reading, "saving": saving}
    parts |= {"restart": restart}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flips", type=int, default=1000, help="flipped bits for each format")
    parser.add_argument("--kills", type=int, default=70, help="kills for each format")
    parser.add_argument("--only", nargs="*", default=list(parts), choices=list(parts), metavar="PART")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    result = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    result["date"] = datetime.date.today().isoformat()
    result["machine"] = {"python": platform.python_version(), "torch": torch.__version__, "processors": os.cpu_count()}
    for part in arguments.only:
        result[part] = parts[part](arguments)
        print(f"{part}: {json.dumps(result[part], indent=1)}", flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")


@contextmanager
def scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="etymon-reliability-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def flips(arguments: argparse.Namespace) -> dict[str, dict[str, int]]:
    """One bit of one saved file is flipped, and the checkpoint loaded: how often that was told, or not."""
    found = {}
    for each in FORMATS:
        with scratch() as folder:
            each.save(folder, tensors_of(1), 1)
            # What a lock or a journal holds is no checkpoint.
            files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "store.json"]
            chance = random.Random(0)
            places = [(path, position) for path in files for position in range(path.stat().st_size)]
            tried = [chance.choice(places) for _ in range(arguments.flips)]
            found[each.name] = dict(Counter(flipped(each, folder, path, at, chance) for path, at in tried))
    return found


def flipped(each: Format, folder: Path, path: Path, position: int, chance: random.Random) -> str:
    """What became of one flipped bit; the bit is put back."""
    data = path.read_bytes()
    changed = bytearray(data)
    changed[position] ^= 1 << chance.randrange(8)
    path.write_bytes(changed)
    outcome = in_child(lambda: loaded(each, folder))
    path.write_bytes(data)
    return outcome


def loaded(each: Format, folder: Path) -> str:
    resource.setrlimit(resource.RLIMIT_AS, (LOADS_MAY_TAKE, LOADS_MAY_TAKE))
    try:
        tensors = each.load(folder)
    except BaseException:  # DCP's own error is none of Exception's
        return "told"
    if tensors is None:
        return "told"
    return "harmless" if same(tensors, tensors_of(1)) else "silently wrong"


def same(one: Tensors, other: Tensors) -> bool:
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and torch.equal(one[name], other[name]) for name in one
    )


def in_child(work: Callable[[], str]) -> str:
    """What the work says, done in a forked child; "process ended" where it took the process with it."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        try:
            os.write(write, work().encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said or "process ended"


def kills(arguments: argparse.Namespace) -> dict[str, dict[str, int]]:
    """A process saves step after step and is killed at any moment: is the last step that it told of still there?"""
    found = {}
    for each in FORMATS:
        chance = random.Random(1)
        found[each.name] = dict(Counter(killed(each, chance.uniform(0.0, 0.05)) for _ in range(arguments.kills)))
    return found


def killed(each: Format, delay: float) -> str:
    with scratch() as folder:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            for step in range(1, 10**9):
                each.save(folder, tensors_of(step), step)
                os.write(write, b"%d\n" % step)
        os.close(write)
        with os.fdopen(read) as told:
            first = told.readline()
            time.sleep(delay)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            acknowledged = int((first + told.read()).split()[-1])
        return in_child(lambda: state_after(each, folder, acknowledged))


def state_after(each: Format, folder: Path, acknowledged: int) -> str:
    try:
        tensors = each.load(folder)
    except BaseException:
        return "destroyed"
    if tensors is None:
        return "destroyed"
    values = {float(value) for tensor in tensors.values() for value in tensor.unique()}
    if len(values) > 1:
        return "silent mix of steps"
    return "whole" if values <= {acknowledged, acknowledged + 1} else "older than told"


FILL = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from reliability import FORMATS, state_after, tensors_of
folder = Path(sys.argv[1])
each = next(one for one in FORMATS if one.name == sys.argv[2])
each.save(folder, tensors_of(1), 1)
with open(folder / "filling", "wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(4096))
    except OSError:
        pass
larger = {name: tensor.repeat(4, *[1] * (tensor.ndim - 1)) for name, tensor in tensors_of(2).items()}
try:
    each.save(folder, larger, 2)
    print("no fault")
except BaseException as error:
    (folder / "filling").unlink()
    print(state_after(each, folder, 1) + ", told as " + type(error).__name__)
"""


def full_disk(arguments: argparse.Namespace) -> dict[str, str]:
    """The disk runs full while a good checkpoint is followed by a larger one: what became of the good one."""
    found = {}
    for each in FORMATS:
        with scratch() as folder:
            mount = 'mount -t tmpfs -o size=2m tmpfs "$1" && exec "$2" -c "$3" "$1" "$4" "$5"'
            words = ["unshare", "-m", "sh", "-c", mount, "sh", str(folder), sys.executable, FILL, each.name]
            done = subprocess.run([*words, str(Path(__file__).parent)], capture_output=True, text=True, check=False)
            found[each.name] = done.stdout.strip() or f"not measured: {done.stderr.strip()[-200:]}"
    return found


def reading(arguments: argparse.Namespace) -> dict[str, Any]:
    """Reading an artifact's file of 256 MiB with every block compared, and with nothing compared, in turns."""
    from etymon.storage import Store

    size, runs = 256 << 20, 7
    with scratch() as folder:
        with Store.at(folder).create("model", {}, {}, stage_version=1) as draft:
            block = np.random.default_rng(0).bytes(1 << 20)
            draft.write("weights", (block for _ in range(size >> 20)))
            artifact = draft.seal()
        path = artifact.path / "weights"
        times: dict[str, list[float]] = {"plain": [], "verified": []}
        for _ in range(runs + 1):
            times["plain"].append(seconds(path.read_bytes))
            times["verified"].append(seconds(lambda: artifact.read("weights")))
    pairs = list(zip(times["plain"][1:], times["verified"][1:], strict=True))
    ratios = [plain / verified for plain, verified in pairs]
    speeds = {name: size / statistics.median(took[1:]) / 2**30 for name, took in times.items()}
    return {"bytes": size, "GiB per second": speeds, "verified by plain": spread(ratios)}


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def spread(values: list[float]) -> dict[str, float | int]:
    return {"median": statistics.median(values), "low": min(values), "high": max(values), "n": len(values)}


def saving(arguments: argparse.Namespace) -> dict[str, Any]:
    """What hashing and reading back cost of a training's time: per checkpoint, at one checkpoint a minute."""
    from etymon.models import family
    from etymon.storage import Checkpoint, Store, blocks
    from etymon.training import TrainingSettings, seeded
    from etymon.training.checkpoint import training_files
    from etymon.training.optimizer import AdamW

    kind, settings = family("gpt"), TrainingSettings()
    with seeded(0, "weights"):
        network = kind.build(kind.settings(width=320, layers=8, heads=5, context=256), 4096)
    optimizer = AdamW(network, settings)
    spent: list[float] = []  # one entry for each outermost call below

    def timed(work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*values: Any, **options: Any) -> Any:
            outermost, begin = not inside, time.perf_counter()
            inside.append(1)
            try:
                return work(*values, **options)
            finally:
                inside.pop()
                if outermost:
                    spent.append(time.perf_counter() - begin)

        return call

    class Sha256:
        """hashlib's, timed."""

        def __init__(self) -> None:
            made = hashlib.sha256()
            self.update, self.hexdigest = timed(made.update), timed(made.hexdigest)

    inside: list[int] = []
    whole, shares = list[float](), list[float]()
    with scratch() as folder:
        checkpoints = Store.at(folder).run("run").checkpoints("gpt")
        with (
            mock.patch.object(blocks, "hash_block", timed(blocks.hash_block)),
            mock.patch.object(blocks, "hashlib", SimpleNamespace(sha256=Sha256)),
            mock.patch.object(Checkpoint, "check_part", timed(Checkpoint.check_part)),
        ):
            for step in range(1, 8):
                spent.clear()
                whole.append(seconds(lambda s=step: checkpoints.save(s, training_files(network, optimizer, None), {})))
                shares.append(sum(spent) / settings.checkpoint_seconds)
        saved = checkpoints.latest()
    return {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "bytes": sum(saved.files.values()),
        "a checkpoint every, seconds": float(settings.checkpoint_seconds),
        "hash and verify, share of training time": spread(shares[1:]),
        "whole save, seconds": spread(whole[1:]),
    }


def restart(arguments: argparse.Namespace) -> dict[str, Any]:
    """From the call of `train` to the end of its first step, at step 10^9 of a run with long metrics."""
    from small_training import network_of, run_training, stop_after

    from etymon.errors import Interrupted
    from etymon.storage import Store

    billion, rows, times, loads = 10**9, 300_000, list[float](), list[float]()
    with scratch() as folder:
        run = Store.at(folder).run("run")
        go_on = {"steps": billion + 1000, "network": network_of()}
        with suppress(Interrupted):
            run_training(run, **go_on, stop_requested=stop_after(3))
        early = run.checkpoints("x").latest()
        for step in range(4, 4 + rows):
            run.metrics.append({"series": "x", "step": step, "loss": 1.0, "seconds": 1.0, "tokens": step})
        about = early.about | {"metrics": run.metrics.mark().to_json()}
        run.checkpoints("x").save(billion, {name: early.read(name) for name in early.files}, about)
        for _ in range(7):
            again = Store.at(folder).run("run")
            loads.append(seconds(again.checkpoints("x").latest))
            begin, ends = time.perf_counter(), list[float]()
            with suppress(Interrupted):
                run_training(
                    again,
                    **go_on,
                    stop_requested=stop_after(1),
                    progress=lambda *_, ends=ends: ends.append(time.perf_counter()),
                )
            times.append(ends[0] - begin)
        size = (run.path / "metrics.jsonl").stat().st_size
    return {
        "step": billion,
        "rows of metrics": rows,
        "bytes of metrics": size,
        "seconds to the end of the first step": spread(times),
        "of which loading": spread(loads),
    }


if __name__ == "__main__":
    main()
