"""Speed of three networks beside what they are measured against: an LSTM, BERT and PaLM, in turns on one thread.

    python benchmarks/networks.py [--rounds 7] [--quality-steps 400] [--only lstm bert palm]

lstm    FLOPs per CPU second of a whole training step (loss and gradient; 512 wide, 32 rows of 64) as a share of those
        of a square sgemm. Goal .85.
bert    tokens of text that a training step reads in a CPU second, beside `BertForPreTraining` of transformers fed as
        its examples do: each pair padded to the row's length, logits at every position. Same shape, same documents,
        same AdamW, at a vocabulary of 4,096 and at BERT's own of 30,522. Goal 1.4 times.
palm    Against its serial twin with as many heads of keys as of queries: CPU seconds of a training step, and of a token
        behind 512 others with the cache (16 rows); and, by `--quality-steps`, held-out nats per letter of both after as
        many steps on the same batches of tiny Shakespeare.

Ratios are of CPU seconds in the same round. Writes benchmarks/results/networks.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from characters import fresh, learn, letters, random_rows

from etymon.models import as_tensors
from etymon.objectives import Masked, NextToken
from etymon.tokens import Batch, Loader, TokenStream

RESULTS = Path(__file__).parent / "results" / "networks.json"
VOCABULARY = 4096
VOCABULARIES = (VOCABULARY, 30_522)
Turn = Callable[[], Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quality-steps", type=int, default=400)
    parser.add_argument("--only", nargs="+", choices=("lstm", "bert", "palm"), default=["lstm", "bert", "palm"])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results["machine"] = {"torch": torch.__version__, "python": platform.python_version(), "threads": 1}
    if "lstm" in arguments.only:
        results["lstm"] = lstm(arguments.rounds)
    if "bert" in arguments.only:
        results["bert"] = {str(each): bert(arguments.rounds, each) for each in VOCABULARIES}
    if "palm" in arguments.only:
        results["palm"] = palm(arguments.rounds) | {"quality": palm_quality(arguments.quality_steps)}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))


def in_turns(rounds: int, **contenders: Turn) -> dict[str, list[float]]:
    """CPU seconds of each contender in every round, the order turned about from round to round."""
    for turn in contenders.values():
        turn()  # warms up
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name in sorted(contenders, reverse=bool(number % 2)):
            begin = time.process_time()
            contenders[name]()
            seconds[name].append(time.process_time() - begin)
    return seconds


def spread(values: list[float]) -> dict[str, float]:
    """Median and range over rounds."""
    return {"median": round(statistics.median(values), 3), "low": round(min(values), 3), "high": round(max(values), 3)}


def ratios(above: list[float], below: list[float], scale: float = 1.0) -> dict[str, float]:
    """Above over below, round by round."""
    return spread([scale * one / other for one, other in zip(above, below, strict=True)])


def gradient(objective: Any, network: Any, batch: Any) -> None:
    """Loss and gradient of one step."""
    network.zero_grad()
    nats, count, *_ = objective.loss(network, batch)
    (nats / count).backward()


def random_tokens(rows: int, length: int, seed: int = 0) -> Any:
    ids = torch.randint(0, VOCABULARY, (rows, length + 1), generator=torch.Generator().manual_seed(seed))
    return Batch(ids=ids[:, :-1], targets=ids[:, 1:], weights=torch.ones(rows, length))


def lstm(rounds: int) -> dict[str, Any]:
    """The share of sgemm's speed that a step reaches."""
    rows, length, size = 32, 64, 2048
    network = fresh("lstm", VOCABULARY, 0, layers=1, width=512).train()
    batch = random_tokens(rows, length)
    a, b = torch.randn(size, size), torch.randn(size, size)
    seconds = in_turns(rounds, step=lambda: gradient(NextToken(), network, batch), gemm=lambda: a @ b)
    flops = network.counts(length).training_flops_per_token * rows * length
    return {
        "rounds": rounds,
        "GFLOP/s of the step": spread([flops / each / 1e9 for each in seconds["step"]]),
        "GFLOP/s of sgemm": spread([2 * size**3 / each / 1e9 for each in seconds["gemm"]]),
        "share of sgemm": ratios(seconds["gemm"], seconds["step"], flops / (2 * size**3)),
    }


def bert(rounds: int, vocabulary: int) -> dict[str, Any]:
    """Our step beside that of transformers, by tokens of text."""
    rows, length, width, layers, heads = 16, 128, 384, 6, 6
    stream = documents(vocabulary)
    loader = Loader(stream, length=length - 3, slots=rows, seed=0, order="shuffle")
    special = (vocabulary, vocabulary + 1, vocabulary + 2)
    objective = Masked(special=special, vocabulary=vocabulary, seed=0)
    ours = fresh("bert", vocabulary, 0, layers=layers, width=width, heads=heads, context=length).train()
    theirs = hugging_bert(width, layers, heads, length, vocabulary).train()
    adams = {name: torch.optim.AdamW(each.parameters(), 1e-4) for name, each in (("ours", ours), ("theirs", theirs))}
    read = {"ours": [0, 0], "theirs": [0, 0]}  # tokens of text, steps

    def our_step() -> None:
        batch = objective.batch(loader, read["ours"][1])
        read["ours"][0] += text_tokens(batch, stream.end_of_text)
        read["ours"][1] += 1
        gradient(objective, ours, as_tensors(batch, torch.device("cpu")))
        adams["ours"].step()

    def their_step() -> None:
        number = read["theirs"][1]
        batch = hugging_rows(stream, rows, length, number)
        read["theirs"][0] += int(batch["attention_mask"].sum()) - 3 * rows
        read["theirs"][1] += 1
        theirs.zero_grad()
        theirs(**batch).loss.backward()
        adams["theirs"].step()

    seconds = in_turns(rounds, ours=our_step, theirs=their_step)
    tokens = {name: count / steps for name, (count, steps) in read.items()}
    return {
        "rounds": rounds,
        "tokens of text in a step": {name: round(each) for name, each in tokens.items()},
        "times as fast by step": ratios(seconds["theirs"], seconds["ours"]),
        "times as fast by token of text": ratios(seconds["theirs"], seconds["ours"], tokens["ours"] / tokens["theirs"]),
    }


def documents(vocabulary: int) -> TokenStream:
    """Documents of random tokens, as long as those of a crawl: lengths by a log-normal around 400 tokens."""
    draw = np.random.default_rng(0)
    lengths = np.clip(draw.lognormal(6.0, 1.0, 400).astype(int), 40, 5000)
    pieces = [draw.integers(1, vocabulary, length) for length in lengths]
    ids = np.concatenate([[0], *(np.append(piece, 0) for piece in pieces)]).astype(np.uint16)
    starts = np.concatenate([[0], np.cumsum(lengths + 1)])
    names = [str(number) for number in range(len(lengths))]
    return TokenStream(
        ids=ids, starts=starts, bytes=lengths.astype(np.int64), documents=names, vocabulary=vocabulary, end_of_text=0
    )


def text_tokens(batch: Batch[Any], end_of_text: int) -> int:
    """Tokens of a step that are text: neither padding nor special."""
    return int((np.asarray(batch.documents) == 0).sum()) - 3 * len(batch.ids)


def hugging_bert(width: int, layers: int, heads: int, length: int, vocabulary: int) -> Any:
    import transformers

    config = transformers.BertConfig(
        vocab_size=vocabulary + 3, hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads,
        intermediate_size=4 * width, max_position_embeddings=length, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    return transformers.BertForPreTraining(config)


def hugging_rows(stream: TokenStream, rows: int, length: int, number: int) -> dict[str, torch.Tensor]:
    """Pairs as the data set for next sentences of transformers makes them: a document's two halves, cut to the row."""
    draw, vocabulary = np.random.default_rng((1, number)), stream.vocabulary
    ids = np.zeros((rows, length), np.int64)
    seen, kinds = np.zeros_like(ids), np.zeros_like(ids)
    labels = np.full_like(ids, -100)
    for row in range(rows):
        which = int(draw.integers(len(stream.documents)))
        text = stream.ids[stream.starts[which] + 1 : stream.starts[which + 1]].astype(np.int64)
        begin = int(draw.integers(0, max(len(text) - (length - 3), 0) + 1))
        text = text[begin : begin + length - 3]
        cut = len(text) // 2
        pair = np.concatenate([[vocabulary + 1], text[:cut], [vocabulary + 2], text[cut:], [vocabulary + 2]])
        ids[row, : len(pair)], seen[row, : len(pair)], kinds[row, cut + 2 : len(pair)] = pair, 1, 1
        hidden = np.flatnonzero((draw.random(length) < 0.15) & (ids[row] > 0) & (ids[row] < vocabulary))
        labels[row, hidden] = ids[row, hidden]
        ids[row, hidden] = vocabulary
    tensors = {"input_ids": ids, "attention_mask": seen, "token_type_ids": kinds, "labels": labels}
    tensors["next_sentence_label"] = draw.integers(0, 2, rows)
    return {name: torch.from_numpy(each) for name, each in tensors.items()}


def palm_pair(**more: Any) -> dict[str, Any]:
    """PaLM as published, and its serial twin with a head of keys for each head of queries."""
    shape = {"layers": 6, "width": 384, "heads": 6, "head_size": 64, "context": 1024} | more
    return {
        "parallel": fresh("palm", VOCABULARY, 0, **shape),
        "serial": fresh("palm", VOCABULARY, 0, **shape, parallel=False, groups=shape["heads"]),
    }


def palm(rounds: int) -> dict[str, Any]:
    """Training steps and cached tokens of both."""
    pair = palm_pair()
    batch = random_tokens(4, 256)
    training = in_turns(
        rounds,
        parallel=lambda: gradient(NextToken(), pair["parallel"], batch),
        serial=lambda: gradient(NextToken(), pair["serial"], batch),
    )
    prompt, token = random_tokens(16, 512).ids.numpy(), np.ones((16, 1), np.int64)
    states = {name: network.next_log_probs(prompt)[1] for name, network in pair.items()}

    def ask(name: str) -> None:
        for _ in range(5):
            pair[name].next_log_probs(token, states[name])

    asking = in_turns(rounds, parallel=lambda: ask("parallel"), serial=lambda: ask("serial"))
    size = {name: sum(each.numel() * 4 for each in state) / 2**20 for name, state in states.items()}
    parameters = {name: network.counts(256).parameters for name, network in pair.items()}
    flops = {name: network.counts(256).training_flops_per_token for name, network in pair.items()}
    return {
        "rounds": rounds,
        "parameters": parameters,
        "training FLOPs per token": flops,
        "serial over parallel, training step": ratios(training["serial"], training["parallel"]),
        "the same by FLOP": ratios(training["serial"], training["parallel"], flops["parallel"] / flops["serial"]),
        "serial over parallel, token behind 512": ratios(asking["serial"], asking["parallel"]),
        "MiB of cache for 16 rows": size,
    }


def palm_quality(steps: int, seeds: int = 3) -> dict[str, Any]:
    """Held-out nats per letter after as many steps on the same batches."""
    if not steps:
        return {}
    text = letters()
    windows = text.held_out[: 128 * 400].reshape(400, 128)
    asked = Batch(ids=windows[:, :-1], targets=windows[:, 1:], weights=np.ones((400, 127)))
    found: dict[str, list[float]] = {"parallel": [], "serial": []}
    for seed in range(seeds):
        for name, groups in (("parallel", 1), ("serial", 4)):
            shape = {"layers": 4, "width": 128, "heads": 4, "head_size": 32, "context": 128, "groups": groups}
            network = fresh("palm", text.vocabulary, seed, parallel=groups == 1, **shape)
            learn(
                network, random_rows(text.learned, seed=seed, length=128), steps=steps, rate=2e-3, warmup=0.1, final=0.1
            )
            found[name].append(-float(network.log_probs(asked).mean()))
    apart = [one - other for one, other in zip(found["parallel"], found["serial"], strict=True)]
    nats = {name: [round(each, 4) for each in values] for name, values in found.items()}
    return {"steps": steps, "nats per letter": nats, "parallel - serial": spread(apart)}


if __name__ == "__main__":
    main()
