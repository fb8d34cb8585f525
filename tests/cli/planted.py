"""Mistakes planted on purpose: the command line, the exit code, and the words that the one message must have."""

from __future__ import annotations

import gzip
import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from command_line import Said, paragraphs

Plant = Callable[[Path], object]


@dataclass(frozen=True)
class Mistake:
    """`line` is what follows `etymon`; {text} is a sound folder, {here} an empty one in which `plant` puts files.

    `says` are words of the message, in its order.
    """

    name: str
    line: str
    says: tuple[str, ...]
    code: int = 1
    plant: Plant = lambda here: None

    def words(self, **places: object) -> list[str]:
        """The command line as the shell gives it."""
        return shlex.split(self.line.format(**places))

    def check(self, said: Said, **places: object) -> None:
        """One message, whole and in words; nothing else on standard error."""
        assert said.code == self.code, said
        check_message(said, [word.format(**places) for word in self.says])


def check_message(said: Said, says: list[str]) -> None:
    """Exactly one message, with where, why or help, and all of `says` in their order."""
    lines = said.err.strip().splitlines()
    assert [line for line in lines if not line.startswith("  ")] == lines[:1], said.err
    assert lines[0].startswith("error: "), said.err
    assert "Traceback" not in said.err and "bug in etymon" not in said.err
    labels = [line.split(":")[0].strip() for line in lines[1:]]
    assert all(labels.count(label) == 1 for label in ("where", "why", "help") if label in labels), said.err
    assert len(lines) > 1, "neither where nor why nor help"
    position = 0
    for word in says:
        assert word in said.err[position:], f"{word!r} is missing in {said.err[position:]!r}"
        position += said.err[position:].index(word) + len(word)


RUN = "run {text} --name tiny --budget 60s families=ngram "
NET = "run {text} --name tiny --budget 60s families=gpt "


def writes(name: str, content: bytes | str) -> Plant:
    """Plants one file."""

    def plant(here: Path) -> None:
        (here / name).write_bytes(content.encode() if isinstance(content, str) else content)

    return plant


SETTINGS = [
    Mistake("a typo in a setting", RUN + "seeed=1", ("seeed=1", "command line", "did you mean seed?")),
    Mistake("a typo in a table", RUN + "tokenizr.vocabulary=600", ("no table 'tokenizr'", "did you mean tokenizer")),
    Mistake("a setting without its table", RUN + "vocabulary=600", ("vocabulary", "did you mean tokenizer.vocabulary")),
    Mistake("a wrong unit", RUN + "corpus.minimum_bytes='3 parsecs'", ("parsecs", "command line", "a number of bytes")),
    Mistake("a doubtful unit", RUN + "corpus.section_bytes=64k", ("64k", "thousands", "1024s")),
    Mistake("a wrong type", RUN + "seed=abc", ("seed=abc", "command line", "whole number, at least 0")),
    Mistake("a share above its limit", RUN + "corpus.validation=0.9", ("corpus.validation=0.9", "at most 0.3")),
    Mistake("a number below its limit", RUN + "models.ngram.order=0", ("models.ngram.order=0", "at least 1")),
    Mistake("a number of too many digits", RUN + "seed=99999999999999999999", ("64 bits", "command line")),
    Mistake("a choice that is none", RUN + "device=tpu", ("tpu", "one of auto, cuda, mps, cpu")),
    Mistake("a setting twice", RUN + "seed=1 seed=2", ("seed=2", "twice", "seed=1", "command line")),
    Mistake("a vocabulary smaller than the bytes", RUN + "tokenizer.vocabulary=100", ("100", "at least 257")),
    Mistake(
        "a learning rate that is no number", NET + "training.gpt.learning_rate=nan", ("nan", "not a finite number")
    ),
    Mistake("a learning rate below nothing", NET + "training.gpt.learning_rate=-1e-3", ("-1e-3", "at least 0")),
    Mistake("heads that do not divide the width", NET + "models.gpt.heads=3 models.gpt.width=64", ("64", "3 heads")),
    Mistake(
        "a batch that rows do not divide",
        NET + "training.gpt.batch_tokens=1000 training.gpt.length=256",
        ("1000", "rows of 256", "multiple of 256"),
    ),
    Mistake(
        "a setting of a family that is not trained", RUN + "training.gpt.length=64", ("no gpt is trained", "ngram")
    ),
    Mistake("an unknown family", "run {text} --name tiny families=gtp", ("gtp", "installed are", "did you mean gpt?")),
    Mistake("a family twice", "run {text} --name tiny families=ngram,ngram", ("ngram", "twice", "once")),
    Mistake("no family", "run {text} --name tiny families=", ("no family", "families=ngram,gpt")),
    Mistake(
        "a mixture of one", RUN.replace("ngram", "ngram,mixture") + "models.mixture.parts=ngram", ("two parts", "for")
    ),
    Mistake("an infinity-gram alone", RUN.replace("ngram", "infinity"), ("no ngram is trained", "families=ngram,inf")),
    Mistake(
        "a mixture with a model that fills in",
        RUN.replace("ngram", "ngram,bert,mixture") + "models.mixture.parts=ngram,bert",
        ("a bert cannot be part of a mixture", "models.mixture.parts"),
    ),
    Mistake(
        "a share of hidden tokens that leaves none",
        "run {text} --name tiny families=bert objectives.bert.hidden=1.5",
        ("objectives.bert.hidden=1.5", "at most 0.9"),
    ),
    Mistake(
        "whole words and spans",
        "run {text} --name tiny families=bert objectives.bert.whole_words=true objectives.bert.span=3",
        ("Whole words or spans", "span=1"),
    ),
    Mistake(
        "an objective of a family that has none to set",
        "run {text} --name tiny families=gpt objectives.gpt.hidden=0.2",
        ("objectives.gpt", "no table 'gpt'"),
    ),
    Mistake(
        "an objective of a family that is not trained",
        RUN + "objectives.xlnet.span=3",
        ("no xlnet is trained", "families=ngram,xlnet"),
    ),
    Mistake(
        "a special token that is a token of text",
        "run {text} --name tiny families=bert models.bert.mask_id=5 models.bert.begin_id=6 models.bert.end_id=7",
        ("5, 6, 7", "no special token", "leave all three out"),
    ),
    Mistake("a temperature below nothing", RUN + "sampling.temperature=-1", ("temperature=-1", "at least 0")),
    Mistake("a recipe file that is not there", RUN + "--recipe {here}/no.toml", ("cannot be read", "{here}/no.toml")),
    Mistake("a folder as a recipe file", RUN + "--recipe {here}", ("cannot be read", "directory", "{here}")),
    Mistake(
        "a recipe file that is not TOML",
        RUN + "--recipe {here}/a.toml",
        ("never closed", "{here}/a.toml:2"),
        plant=writes("a.toml", "seed = 1\nfamilies = [ngram\n"),
    ),
    Mistake(
        "a recipe file that is not text",
        RUN + "--recipe {here}/a.toml",
        ("not UTF-8", "{here}/a.toml:2", "save the file as UTF-8"),
        plant=writes("a.toml", b"seed = 1\n\xff\n"),
    ),
    Mistake(
        "several mistakes in one recipe file",
        RUN + "--recipe {here}/a.toml",
        (
            "4 mistakes",
            "a.toml:1: seed",
            "a.toml:4: tokenizer.vocabulry",
            "did you mean tokenizer.vocabulary?",
            "a.toml:6: corpus.validation",
            "a.toml:7: corpus.minimum_bytes",
        ),
        plant=writes(
            "a.toml",
            'seed = "one"\nprompt = "The"\n[tokenizer]\nvocabulry = 512\n[corpus]\nvalidation = 0.9\n'
            'minimum_bytes = "3 parsecs"\n',
        ),
    ),
    Mistake("recipes of a run that is not there", "recipe diff tiny tinny", ("tinny", "did you mean tiny?")),
    Mistake("recipes of no file and no run", "recipe diff {here}/a.toml tiny", ("{here}/a.toml", "the runs are: tiny")),
    Mistake("a question about no setting", "recipe explain seeed", ("seeed", "did you mean seed?")),
]
COMMAND_LINE = [
    Mistake("no command", "", ("COMMAND", "etymon --help"), 2),
    Mistake("a typo in a command", "rnu {text}", ("rnu", "did you mean run?"), 2),
    Mistake("a typo in an action", "corpus biuld {text}", ("biuld", "did you mean build?"), 2),
    Mistake("a typo in an option", RUN + "--nmae x", ("--nmae", "did you mean --name?"), 2),
    Mistake("no path at all", "run", ("PATH", "etymon run --help"), 2),
    Mistake("settings but no path", "run families=ngram", ("no text is named", "etymon run my-texts")),
    Mistake("no model to write with", "generate", ("MODEL", "etymon generate --help"), 2),
    Mistake("an option without its value", "run {text} --budget", ("--budget", "etymon run --help"), 2),
    Mistake("a kind that there is not", "ls --kind modell", ("modell", "did you mean model?"), 2),
    Mistake("a prompt without quotes", "generate tiny/ngram The cat sat", ("3 prompts", "quotes")),
    Mistake("a sampling setting with a typo", "generate tiny/ngram temprature=1", ("did you mean temperature?",)),
    Mistake("a cold below zero", "generate tiny/ngram temperature=-1", ("temperature=-1", "at least 0")),
    Mistake("more than all probability", "generate tiny/ngram top_p=2", ("top_p=2", "at most 1")),
    Mistake("a name with a slash", "run {text} --name a/b families=ngram", ("'a/b'", "name of a run", "do not begin")),
    Mistake("a budget of nothing", RUN + "--budget 0s", ("'0s'", "--budget", "more than zero", "90s, 10m, 2h")),
    *(
        Mistake(f"a budget of {budget!r}", f"run {{text}} families=ngram --budget={budget!r}", ("--budget", says))
        for budget, says in [
            ("-5m", "negative"),
            ("5", "unit"),
            ("soon", "90s"),
            ("1e15flops", "FLOPs"),
            ("1e400FLOP", "too large"),
            ("", "90s"),
        ]
    ),
]


def json_lines(broken: int, count: int = 30) -> str:
    """JSON lines with a broken one after so many good ones."""
    rows = [json.dumps({"text": text}) for text in paragraphs(count, 9).split("\n\n")]
    return "\n".join([*rows[:broken], '{"text": "cut off', *rows[broken:]])


def _cut_gzip(here: Path) -> None:
    (here / "cut.txt.gz").write_bytes(gzip.compress(paragraphs(30, 9).encode())[:-20])


def _odd_files(here: Path) -> None:
    (here / "letter.doc").write_bytes(bytes(range(256)) * 10)
    (here / "page.djvu").write_bytes(b"AT&T\0\0\0" * 100)


def _false_names(here: Path) -> None:
    (here / "letter.docx").write_bytes(bytes(range(256)) * 10)
    (here / "page.pdf").write_bytes(b"%PDF\0\0\0" * 100)


READ = "run {here} --name other --budget 60s families=ngram"
LITTLE = "at least 1,000 are needed"
TEXTS = [
    Mistake("a path that is not there", "run {here}/no families=ngram", ("no file or folder", "{here}/no", "spelling")),
    Mistake("an empty path", "run '' {text} families=ngram", ("empty path", "PATH")),
    Mistake("an embedded text that there is not", "run builtin:nope", ("builtin:nope", "builtin:docs")),
    Mistake("an empty folder", READ, ("is empty", "{here}", "put text files into it")),
    Mistake("a folder of unknown files", READ, (LITTLE, "letter.doc", "page.djvu", "2 unknown"), plant=_odd_files),
    Mistake("files that are not what they are called", READ, (LITTLE, "2 wrong format"), plant=_false_names),
    Mistake("a binary called text", READ, (LITTLE, "a.txt: binary"), plant=writes("a.txt", bytes(range(256)) * 9)),
    Mistake("a file without a byte", READ, (LITTLE, "a.txt: empty"), plant=writes("a.txt", "")),
    Mistake("a compressed file cut short", READ, (LITTLE, "cut.txt.gz: broken compression"), plant=_cut_gzip),
    Mistake(
        "JSON lines that are none",
        READ,
        (LITTLE, "a.jsonl: bad JSON line (line 1,", "3 bad JSON line"),
        plant=writes("a.jsonl", '{"text": "cut\n' * 3),
    ),
    Mistake(
        "JSON lines without text",
        READ,
        (LITTLE, "line 1: no text under text", "fields: words", "corpus.text_field=NAME"),
        plant=writes("a.jsonl", '{"words": "' + "long enough to be text " * 80 + '"}\n'),
    ),
    Mistake("a Parquet file that is none", READ, (LITTLE, "a.parquet"), plant=writes("a.parquet", b"PAR1" * 50)),
    Mistake(
        "a broken Parquet file",
        READ,
        (LITTLE, "a.parquet: broken parquet"),
        plant=writes("a.parquet", b"PAR1" + b"\0" * 100 + b"PAR1"),
    ),
    Mistake(
        "a table without text",
        READ,
        (LITTLE, "a.csv: no text field", "columns: a, b", "corpus.text_field=NAME"),
        plant=writes("a.csv", "a,b\n" + "1,2\n" * 99),
    ),
    Mistake("too little text", READ, (LITTLE, "a.txt", "give more text"), plant=writes("a.txt", "A line of text.\n")),
    Mistake(
        "the same text over and over",
        READ,
        ("different documents; at least 3", "exact duplicate"),
        plant=writes("a.txt", "The same words again and again, and nothing beside them.\n\n" * 99),
    ),
]
ABLATE = "ablate text {here}/a.toml {here}/a.jsonl --models ngram --store {here}/s"
NEVER = '[[rule]]\nname = "never"\ncolumn = "words"\nop = ">="\nthreshold = 0\nsource = "made"\n'


def _recipe_and_text(here: Path) -> None:
    (here / "a.toml").write_text(NEVER)
    (here / "a.jsonl").write_text(json_lines(broken=30))


RECIPES = [
    Mistake("a recipe with a typo", "ablate wbe text {text}", ("no recipe wbe", "did you mean web?")),
    Mistake("a recipe that nothing is like", "ablate text oracle {text}", ("no recipe oracle", "the recipes are")),
    Mistake("a recipe against itself", "ablate web web {text}", ("same recipe: web", "command line", "that differ")),
    Mistake("two recipes and no text", "ablate web text", ("PATH", "etymon ablate --help"), 2),
    Mistake("two recipes and only a setting", "ablate web text corpus.test=0.1", ("no text is named", "PATH")),
    Mistake("a third recipe", "ablate web text {text} corpus.recipe=c4", ("corpus.recipe is set", "A and B")),
    Mistake("a setting that plays no part", "ablate web text {text} seed=1", ("seed is set", "corpus")),
    Mistake("a small model that there is not", "ablate web text {text} --models lstm", ("lstm", "--models", "ngram")),
    Mistake("no seeds", "ablate web text {text} --seeds 0", ("0 seeds", "--seeds", "1 to 100")),
    Mistake("a budget to learn nothing from", "ablate web text {text} --budget 10kB", ("10kB", "--budget", "20,000")),
    Mistake("a budget that is no size", "ablate web text {text} --budget 2h", ("2h", "a number of bytes")),
    Mistake("a recipe that keeps nothing", ABLATE, (LITTLE, "recipe B (", "never"), plant=_recipe_and_text),
    Mistake(
        "too little text for two recipes",
        "ablate text gopher {here}/a.jsonl --models ngram --store {here}/s",
        ("recipe A (text)",),
        plant=writes("a.jsonl", '{"text": "a line"}\n'),
    ),
]


def _foreign(here: Path) -> None:
    (here / "config.json").write_text('{"architectures": ["MambaForCausalLM"]}')
    (here / "model.safetensors").write_bytes(b"")


REFERENCES = [
    Mistake("an id that there is not", "show 999999", ("'999999'", "there are", "corpus-")),
    Mistake("too few digits of an id", "show abc", ("too short", "6 digits")),
    Mistake("an unknown run", "show tinny/ngram", ("no run 'tinny'", "did you mean tiny?")),
    Mistake("an unknown family of a run", "generate tiny/gram", ("no 'gram'", "did you mean ngram?")),
    Mistake("writing with a corpus", "generate {corpus}", ("is a corpus", "etymon ls --kind model")),
    Mistake("the tokens of a corpus", "tokenizer show {corpus}", ("no tokenizer", "etymon ls --kind tokenizer")),
    Mistake("going on from a tokenizer", RUN + "--from {tokenizer}", ("is a tokenizer", "--from", "--kind model")),
    Mistake("going on from nothing", RUN + "--from nowhere/gpt", ("no run 'nowhere'", "help")),
    Mistake(
        "going on as another family",
        "run {text} --name tiny --from tiny/ngram families=lstm",
        ("families", "lstm", "ngram", "command line", "leave"),
    ),
    Mistake(
        "going on with another vocabulary",
        "run {text} --name tiny --from tiny/ngram tokenizer.vocabulary=300",
        ("tokenizer.vocabulary is 300", "command line", "leave"),
    ),
    Mistake("importing what is not there", "import {here}/no", ("no folder", "{here}/no", "config.json")),
    Mistake(
        "importing a pickle",
        "import {here}",
        ("no weights that can be read safely", "{here}", "pytorch_model.bin", "model.safetensors"),
        plant=writes("pytorch_model.bin", b"PK"),
    ),
    Mistake(
        "importing an unknown architecture",
        "import {here}",
        ("not known: 'MambaForCausalLM'", "config.json: architectures", "GPT2LMHeadModel"),
        plant=_foreign,
    ),
    Mistake("importing to a file", "import {here} --store {here}/a", ("is a file", "{here}/a"), plant=writes("a", b"")),
    Mistake("exporting an n-gram", "export tiny/ngram {here}/out", ("as an ARPA file", "{here}/out", "out.arpa")),
    Mistake("importing an ARPA file that is not there", "import {here}/no.arpa", ("no file", "{here}/no.arpa", "ARPA")),
    Mistake(
        "an ARPA file with a broken line",
        "import {here}/a.arpa",
        ("'one' is no number", "{here}/a.arpa:5"),
        plant=writes("a.arpa", "\\data\\\nngram 1=2\n\n\\1-grams:\none\ta\n"),
    ),
    Mistake(
        "an ARPA file that promises more than it has",
        "import {here}/a.arpa",
        ("ends too early", "{here}/a.arpa:5", "\\end\\"),
        plant=writes("a.arpa", "\\data\\\nngram 1=9999999999\n\n\\1-grams:\n-1\ta\n"),
    ),
    Mistake(
        "an ARPA file of words for a tokenizer",
        "import {here}/a.arpa --tokenizer tiny/ngram",
        ("'\u00e9t\u00e9' is no token", "{here}/a.arpa:5", "another one, or of words"),
        plant=writes("a.arpa", "\\data\\\nngram 1=3\n\n\\1-grams:\n-1\t\u00e9t\u00e9\n"),
    ),
    Mistake(
        "a tokenizer of a corpus", "import {here}/a.arpa --tokenizer {corpus}", ("no tokenizer", "--kind tokenizer")
    ),
    Mistake(
        "a tokenizer for a folder that has its own",
        "import {here} --tokenizer tiny/ngram",
        ("brings its own", "{here}", "leave --tokenizer out"),
    ),
    Mistake("exporting a corpus as an n-gram", "export {corpus} {here}/out.arpa", ("is no n-gram", "it is a corpus")),
    Mistake("exporting a corpus", "export {corpus} {here}/out", ("is a corpus", "etymon ls --kind model")),
    Mistake("exporting to nowhere", "export tiny/ngram", ("FOLDER", "etymon export --help"), 2),
    Mistake("the reason of an unknown document", "why one.tx", ("one.tx", "did you mean one.txt")),
    Mistake("the reason of a file not read", "why {text}/three.txt", ("three.txt", "did you mean")),
    Mistake("keeping what is not there", "gc --keep nothing", ("'nothing'", "there are")),
    Mistake("a store that is not there", "ls --store {here}/no", ("no store", "{here}/no", "etymon run")),
    Mistake(
        "a file as a store",
        "run {text} families=ngram --store {here}/a.txt",
        ("is a file", "{here}/a.txt", "name a folder"),
        plant=writes("a.txt", "text"),
    ),
]
