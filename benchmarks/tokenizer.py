"""Tokenizer training and encoding beside Hugging Face `tokenizers`: CPU time on one thread, taking turns.

    python benchmarks/tokenizer.py [--text FILE...] [--megabytes N] [--runs N]

Without files the text is the source of Python's standard library. Goals: training at least 8 times and encoding at
least 30 times as fast, with the same merges and the same ids. Writes benchmarks/results/tokenizer.json.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ["RAYON_NUM_THREADS"] = "1"  # read by all three libraries when they first need a thread

import numpy as np

from etymon.tokens import END_OF_TEXT, Tokenizer
from etymon.tokens.encoders import Encoder, ReferenceEncoder, agree, best_encoder
from etymon.tokens.merges import LEAST_PAIRS, LONGEST_TOKEN, learn, learn_with_tokenizers, training_text
from etymon.tokens.vocabulary import BYTES, assemble, parse

RESULTS = Path(__file__).parent / "results" / "tokenizer.json"
VOCABULARIES = (16_384, 4_096)
GOALS = {"training": 8, "encoding": 30}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, nargs="*", default=[], help="files to learn from and to encode")
    parser.add_argument("--megabytes", type=float, default=12, help="how much of the text to take")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    texts = texts_of(arguments.text or standard_library(), int(arguments.megabytes * 1e6))
    size = sum(len(text.encode()) for text in texts)
    result: dict[str, Any] = {
        "date": date.today().isoformat(),
        "versions": {name: version(name) for name in ("tokenizers", "gigabpe", "gigatoken", "numpy")},
        "machine": {"python": platform.python_version(), "processors": os.cpu_count(), "threads used": 1},
        "text": {"documents": len(texts), "bytes": size, "files": [path.name for path in arguments.text]},
        "runs": arguments.runs,
        "training": {},
        "encoding": {},
    }
    made: dict[int, bytes] = {}
    for vocabulary in VOCABULARIES:
        made[vocabulary], result["training"][vocabulary] = training(texts, vocabulary, arguments.runs)
    for vocabulary, data in made.items():
        result["encoding"][vocabulary] = encoding(texts, data, arguments.runs)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))


def standard_library() -> list[Path]:
    """The modules of the standard library, in the order of their names."""
    root = Path(os.__file__).parent
    return [path for path in sorted(root.rglob("*.py")) if "site-packages" not in path.parts]


def texts_of(files: Sequence[Path], limit: int) -> list[str]:
    """Each file as one document, up to `limit` bytes in all."""
    texts: list[str] = []
    for file in files:
        texts.append(file.read_bytes()[: max(0, limit)].decode(errors="replace"))
        limit -= len(texts[-1].encode())
    return [text for text in texts if text]


def training(texts: Sequence[str], vocabulary: int, runs: int) -> tuple[bytes, dict[str, Any]]:
    """Text in memory -> `tokenizer.json`; everything that either way needs is inside the clock."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "text"

        def ours() -> bytes:
            file.write_bytes(b"".join(training_text(texts)))
            return assemble(learn(file, vocabulary - BYTES - 1, threads=1), limit=vocabulary, special=[END_OF_TEXT])

        times, data = in_turns({"etymon": ours, "tokenizers": lambda: plain_training(texts, vocabulary)}, runs)
        reference = learn_with_tokenizers(file, vocabulary - BYTES - 1)
    same = data == assemble(reference, limit=vocabulary, special=[END_OF_TEXT])
    return data, times | {"same merges": same}


def plain_training(texts: Sequence[str], vocabulary: int) -> str:
    """The trainer of `tokenizers` on the documents as they are, with the settings that we use."""
    from tokenizers import Tokenizer as Peer
    from tokenizers import models, pre_tokenizers, trainers

    peer = Peer(models.BPE())
    peer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=LEAST_PAIRS,
        max_token_length=LONGEST_TOKEN,
        show_progress=False,
    )
    peer.train_from_iterator(texts, trainer)
    return peer.to_str()


def encoding(texts: Sequence[str], data: bytes, runs: int) -> dict[str, Any]:
    """All documents to ids, by an encoder that has seen no text yet, and (warm) by one that has seen this one."""
    parts = parse(data)
    warm, reference = best_encoder(parts), ReferenceEncoder(parts)
    warm.encode(texts)
    unused: list[Encoder] = [best_encoder(parts) for _ in range(runs)]
    peer = plain_encoder(data)
    contenders: Mapping[str, Callable[[], Any]] = {
        "etymon": lambda: unused.pop().encode(texts),
        "etymon warm": lambda: warm.encode(texts),
        "tokenizers": lambda: peer.encode_batch_fast(texts),
    }
    times, (ids, _) = in_turns(contenders, runs)
    tokenizer = Tokenizer(data)
    whole = tokenizer.decode_bytes(ids) == "".join(texts).encode()
    size = sum(len(text.encode()) for text in texts)
    return times | {
        "encoder": warm.name,
        "same ids": agree(warm, reference, texts),
        "decodes to the text": whole,
        "bytes per token": round(size / len(ids), 3),
    }


def plain_encoder(data: bytes) -> Any:
    from tokenizers import Tokenizer as Peer

    return Peer.from_str(data.decode())


def in_turns(contenders: Mapping[str, Callable[[], Any]], runs: int) -> tuple[dict[str, Any], Any]:
    """CPU seconds of each, the others between two runs of one, so that a busy machine disturbs all alike.

    Also the last result of the first. No other is kept: with the encodings of a peer alive, its own training took
    half as long again.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    first, kept = next(iter(contenders)), None
    for _ in range(runs):
        for name, work in contenders.items():
            gc.collect()
            begin = time.process_time()
            result = work()
            seconds[name].append(time.process_time() - begin)
            kept = result if name == first else kept
            del result
    peer = np.array(seconds["tokenizers"])
    ratios = {name: spread(peer / np.array(own)) for name, own in seconds.items() if name != "tokenizers"}
    return {"seconds": {name: spread(own) for name, own in seconds.items()}, "ratio": ratios}, kept


def spread(values: Sequence[float] | np.ndarray) -> dict[str, float]:
    numbers = [float(value) for value in values]
    described = {"median": statistics.median(numbers), "min": min(numbers), "max": max(numbers)}
    return {name: round(value, 4) for name, value in described.items()}


def table(result: dict[str, Any]) -> str:
    megabytes = result["text"]["bytes"] / 1e6
    lines = [
        f"{result['text']['documents']} documents, {megabytes:.1f} MB, one thread, {result['runs']} runs, CPU time",
        f"{'':32}{'MB/s':>9}  {'times as fast as tokenizers':>29}",
    ]
    for work, goal in GOALS.items():
        for vocabulary, measured in result[work].items():
            for name, seconds in measured["seconds"].items():
                label = f"{work} {vocabulary:,} {name}"
                line = f"{label:32}{megabytes / seconds['median']:9.1f}"
                if ratio := measured["ratio"].get(name):
                    verdict = "reached" if ratio["median"] >= goal else "missed"
                    spelled = f"{ratio['median']:.1f} ({ratio['min']:.1f}-{ratio['max']:.1f})"
                    line += f"  {spelled:>20}  goal {goal} {verdict}"
                lines.append(line)
    checks = [entry[check] for work in GOALS for entry in result[work].values() for check in entry if "same" in check]
    lines.append(f"same merges and same ids as tokenizers: {'yes' if all(checks) else 'NO'}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
