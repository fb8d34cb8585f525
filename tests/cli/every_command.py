"""Every command that the parser knows, each with a line that makes it do its work on a store with a finished run."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from command_line import Said, etymon, paragraphs
from safetensors.numpy import save as as_safetensors

from etymon.cli.parser import make_parser
from etymon.storage.commit import Operation
from etymon.tokens import END_OF_TEXT
from etymon.tokens.vocabulary import assemble
from harness import faults

SMALL = (
    "families=ngram,gpt tokenizer.vocabulary=300 models.ngram.order=3 models.gpt.width=16 models.gpt.layers=1 "
    "models.gpt.heads=2 training.gpt.length=32 training.gpt.batch_tokens=64 training.gpt.snapshots=2 "
    "sampling.max_tokens=8 training.gpt.checkpoint_seconds=0s"
)
BUDGET = "--budget 2e7FLOP --no-open"
EARLIER = f"run {{text}} --name first {BUDGET} {SMALL}"

WRITING = {
    "demo": f"demo {BUDGET} {SMALL}",
    "run": f"run {{new}} --name second {BUDGET} {SMALL}",
    "corpus build": "corpus build {new}",
    "corpus count": "corpus count first/corpus the",
    "corpus find": "corpus find first/corpus the",
    "classifier train": "classifier train {labelled}/new.csv --name quality",
    "mixture fit": "mixture fit first/corpus runs=8 run_bytes=1000B",
    "ablate": "ablate text {pages}/short.toml {pages}/pages.jsonl --models ngram --seeds 1 --budget 20kB",
    "tokenizer train": "tokenizer train {more} tokenizer.vocabulary=280",
    "import": "import {foreign}",
    "gc": "gc",
}
"""Commands that change the store; of each only that."""
FURTHER = {
    "run --from": f"run {{new}} --name third {BUDGET} --from first/gpt sampling.max_tokens=8 training.gpt.length=32 "
    "training.gpt.batch_tokens=64 training.gpt.snapshots=2",
    "import words": "import {foreign}/words.arpa",
    "run again": EARLIER,
    "run resumed": f"run {{more}} --name stopped {BUDGET} {SMALL} seed=5",
}
"""Other ways of commands that change the store."""
READING = {
    "why": "why one.txt --corpus first/corpus",
    "generate": "generate first/gpt The max_tokens=4",
    "trace": "trace first/ngram 'the small model reads a text'",
    "ls": "ls",
    "show": "show first/gpt",
    "lineage": "lineage first/gpt",
    "verify": "verify",
    "doctor": "doctor",
    "corpus report": "corpus report first/corpus",
    "corpus decisions": "corpus decisions first/corpus --text",
    "classifier show": "classifier show latest",
    "tokenizer show": "tokenizer show first/ngram",
    "recipe diff": "recipe diff first first",
}
"""Commands that only look at the store."""
IN_TESTS_OF_THEIR_OWN = {"repair", "rm", "push", "pull", "export"}
"""Commands whose work is damage, removal and copies; the tests of storage, runs and models stop them everywhere."""
WITHOUT_STORE = {"recipe explain": "recipe explain seed", "recipe schema": "recipe schema"}
"""Commands that look at no store at all."""


def commands() -> set[str]:
    """Every command of the parser: "run", "corpus build"."""
    return {" ".join(words) for words in _leaves(make_parser())}


def _leaves(parser: argparse.ArgumentParser) -> Iterator[tuple[str, ...]]:
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield ()
    for action in below:
        for name, each in action.choices.items():
            yield from ((name, *words) for words in _leaves(each))


def words_of(name: str, texts: Path) -> list[str]:
    """The words of a command; `texts` holds the folders that `make_texts` made."""
    template = {**WRITING, **FURTHER, **READING, **WITHOUT_STORE}[name]
    folders = ("text", "more", "new", "labelled", "pages", "foreign")
    places = {folder: shlex.quote(str(texts / folder)) for folder in folders}
    return shlex.split(template.format(**places))


def do(name: str, texts: Path) -> Said:
    """The command in this process, which knows as little of the disk as a new one."""
    faults.as_a_new_process()
    return etymon(*words_of(name, texts))


def make_texts(folder: Path) -> Path:
    """Folders of small texts, of which the store that `fill` makes knows "text" and "more", and not "new" and "pages";
    and labelled texts, of which it knows the old ones."""
    for name, files in (
        ("text", ("one.txt", "two.txt", "notes/notes.md")),
        ("more", ("three.txt", "four.txt")),
        ("new", ("five.txt", "six.txt")),
    ):
        for file in files:
            (folder / name / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / name / file).write_text(paragraphs(15, 1 + sum(file.encode())))
    (folder / "labelled").mkdir()
    for number, file in enumerate(("old.csv", "new.csv")):
        rows = [f"{words} {number} {row},{row % 2}" for row in range(80) for words in [("good", "bad")[row % 2]]]
        (folder / "labelled" / file).write_text("\n".join(["text,label", *rows]))
    make_pages(folder / "pages")
    make_foreign(folder / "foreign")
    return folder


def make_pages(folder: Path) -> None:
    """Pages of one to three paragraphs, and a recipe that drops the longest."""
    folder.mkdir()
    pages = [{"text": paragraphs(1 + seed % 3, seed)} for seed in range(180)]
    (folder / "pages.jsonl").write_text("".join(json.dumps(page) + "\n" for page in pages))
    rule = {"name": "long", "column": "words", "op": ">", "threshold": 100, "source": "made for tests"}
    (folder / "short.toml").write_text("[[rule]]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in rule.items()))


def make_foreign(folder: Path) -> None:
    """A small GPT-2 as other programs keep it, with a tokenizer of bytes; and a 2-gram of words."""
    width, vocabulary = 8, 257
    block = {"ln_1": (width,), "ln_2": (width,)}
    block |= {"attn.c_attn": (width, 3 * width), "attn.c_proj": (width, width)}
    block |= {"mlp.c_fc": (width, 4 * width), "mlp.c_proj": (4 * width, width)}
    shapes = {f"h.0.{name}.weight": shape for name, shape in block.items()} | {"ln_f.weight": (width,)}
    shapes |= {name.replace("weight", "bias"): shape[-1:] for name, shape in shapes.items()}
    shapes |= {"wte.weight": (vocabulary, width), "wpe.weight": (32, width)}
    folder.mkdir()
    draw = np.random.default_rng(0)
    tensors = {f"transformer.{name}": draw.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    (folder / "model.safetensors").write_bytes(as_safetensors(tensors))
    config = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": vocabulary, "n_positions": 32}
    config |= {"n_embd": width, "n_layer": 1, "n_head": 2}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_bytes(assemble([], limit=vocabulary, special=[END_OF_TEXT]))
    grams = "\\data\\\nngram 1=3\nngram 2=1\n\n\\1-grams:\n-0.5\ta\t-0.2\n-99\t<s>\t0\n-0.2\t</s>\n\n"
    (folder / "words.arpa").write_text(f"{grams}\\2-grams:\n-0.1\t<s> a\n\n\\end\\\n")


def fill(store: Path, texts: Path) -> None:
    """A store with a finished run "first", a run "stopped" that ended in the middle of its training, and a corpus and
    tokenizers that no run refers to."""
    said = etymon(*words_of("run again", texts), "--store", store)
    assert said.code == 0, said
    for words in (("corpus", "build", "corpus.section_bytes=1kB"), ("tokenizer", "train", "tokenizer.vocabulary=290")):
        assert etymon(*words, texts / "text", "--store", store).code == 0
    assert etymon("classifier", "train", texts / "labelled" / "old.csv", "--store", store).code == 0
    with faults.dead_from(after_three_checkpoints()):
        etymon(*words_of("run resumed", texts), "--store", store)


def after_three_checkpoints() -> faults.Which:
    """The first change of the disk once a training has put three checkpoints or snapshots in place."""
    saved = 0

    def which(count: int, operation: Operation) -> bool:
        nonlocal saved
        if saved == 3:
            return True
        saved += operation.name == "rename" and operation.path.name.startswith(".draft-step")
        return False

    return which
