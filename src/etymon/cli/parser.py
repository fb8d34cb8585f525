"""The command line as data: every command, its words, its help, and the function that it calls."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import etymon

Parser = argparse.ArgumentParser
COMMANDS = "etymon.cli.commands"


class _Parser(argparse.ArgumentParser):
    """argparse with our kind of error: one message, a suggestion, no page of usage before it.

    `any_order`: words and options may stand in any order, as in `etymon run texts --budget 2h seed=1`.
    """

    any_order = False

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride] - it has three overloads, all of them this
        self, args: Any = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """What argparse calls for each command on the line. Where words may stand anywhere, none may be left over."""
        if not self.any_order:
            return super().parse_known_args(args, namespace)
        self.any_order = False  # there are two passes, of options and of words, and each calls this method
        try:
            found, left = self.parse_known_intermixed_args(args, namespace)
        finally:
            self.any_order = True
        if left:
            self.error(f"unrecognized arguments: {' '.join(left)}")
        return found, left

    def error(self, message: str) -> NoReturn:
        close = self._suggestion(message)
        hint = f"did you mean {close}? " if close else ""
        print(f"error: {message}\n  help: {hint}`{self.prog} --help` shows what there is", file=sys.stderr)
        raise SystemExit(2)

    def _suggestion(self, message: str) -> str:
        """What may have been meant by "invalid choice: 'rnu' (choose from …)" or "unrecognized arguments: --nmae"."""
        if "unrecognized arguments: " in message:
            wrong = message.partition("unrecognized arguments: ")[2].split()[0].partition("=")[0]
            known = list(self._option_string_actions)
        else:
            wrong, _, choices = message.partition("invalid choice: ")[2].partition(" (choose from ")
            known = [choice.strip(" ')") for choice in choices.split(",")]
        return next(iter(difflib.get_close_matches(wrong.strip("'"), known, n=1)), "")


def make_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = _Parser(prog="etymon", description="Raw text to a language model you understand.")
    parser.add_argument("--version", action="version", version=f"etymon {etymon.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    for name, help, call, words in _TABLE:
        _add(commands, name, help, call, words)
    for group, help, table in _GROUPS:
        sub = commands.add_parser(group, help=help, description=help)
        actions = sub.add_subparsers(title="actions", metavar="ACTION", required=True, parser_class=_Parser)
        for name, text, call, words in table:
            _add(actions, name, text, call, words)
    return parser


def _add(commands: Any, name: str, help: str, call: str, words: Callable[[Parser], None]) -> None:
    parser = commands.add_parser(name, help=help, description=help)
    parser.any_order = True
    words(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output, for machines")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.set_defaults(call=f"{COMMANDS}:{call}")


def _store(parser: Parser) -> None:
    parser.add_argument(
        "--store", metavar="DIR", help="folder of artifacts and runs (else ETYMON_STORE, else ./etymon-store)"
    )


def _settings(parser: Parser) -> None:
    parser.add_argument("--recipe", metavar="FILE", action="append", default=[], help="a TOML file of settings")


def _demo(parser: Parser) -> None:
    parser.add_argument(
        "settings", nargs="*", default=[], metavar="key=value", help="settings, as in `etymon recipe explain`"
    )
    parser.add_argument("--budget", default="6m", help="time (6m, 2h) or arithmetic (1e15FLOP) [%(default)s]")
    parser.add_argument("--name", default="demo", help="name of the run [%(default)s]")
    parser.add_argument("--no-open", action="store_true", help="do not open the report")
    _settings(parser)
    _store(parser)


def _run(parser: Parser) -> None:
    parser.add_argument(
        "words",
        nargs="+",
        metavar="PATH|key=value",
        help="texts and folders of them, addresses of either, or builtin:docs, builtin:code; settings",
    )
    parser.add_argument("--budget", default="10m", help="time (10m, 2h) or arithmetic (1e15FLOP) [%(default)s]")
    parser.add_argument("--name", default="", help="name of the run [from the first path]")
    parser.add_argument("--from", dest="initial", metavar="MODEL", help="go on training this model on the new text")
    parser.add_argument("--no-open", action="store_true", help="do not open the report")
    _settings(parser)
    _store(parser)


def _paths_and_settings(parser: Parser) -> None:
    parser.add_argument("words", nargs="+", metavar="PATH|key=value", help="texts and folders of them; settings")
    _settings(parser)
    _store(parser)


def _corpus_build(parser: Parser) -> None:
    _paths_and_settings(parser)
    parser.add_argument("--workers", type=int, metavar="N", help="processes that read [one for each core]")
    parser.add_argument("--backend", choices=("local", "ray"), default="local", help="where they run [%(default)s]")
    parser.add_argument("--rank", type=int, default=0, metavar="R", help="with --world: read only this share")
    parser.add_argument(
        "--world", type=int, default=1, metavar="N", help="machines that share the store; the last build joins them"
    )


def _classifier_train(parser: Parser) -> None:
    parser.add_argument("files", nargs="*", default=[], metavar="FILE", help="labelled texts: .jsonl, .csv, .tsv")
    parser.add_argument("--good", metavar="CORPUS", help="instead of files: a corpus of what is wanted, and")
    parser.add_argument("--bad", metavar="CORPUS", help="one of what is not")
    parser.add_argument("--name", default="", help="name of the classifier, as in quality or toxicity")
    parser.add_argument("--text-field", default="", metavar="NAME", help="field with the text [text, content, body]")
    parser.add_argument("--label-field", default="label", metavar="NAME", help="field with the label [%(default)s]")
    parser.add_argument(
        "--label",
        dest="labels",
        action="append",
        metavar="VALUE",
        help="the label to be found; give it again for a second one; all others are its opposite [1, true, yes]",
    )
    parser.add_argument(
        "--most", type=int, default=20_000, metavar="N", help="texts of each side that are drawn [%(default)s]"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of what is drawn and held out [%(default)s]")
    _store(parser)


def _ablate(parser: Parser) -> None:
    parser.add_argument("a", metavar="A", help="a recipe by name, or a TOML file of rules")
    parser.add_argument("b", metavar="B", help="the other recipe")
    parser.add_argument(
        "words", nargs="+", metavar="PATH|key=value", help="the text that both judge; corpus settings of both"
    )
    parser.add_argument(
        "--trusted",
        action="append",
        default=[],
        metavar="PATH",
        help="text like what the models are wanted for, which then decides alone",
    )
    parser.add_argument("--budget", default="2MB", help="text that each small model learns from [%(default)s]")
    parser.add_argument("--models", default="", metavar="F,F", help="what is trained: ngram, gpt [both]")
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="trainings of each model [%(default)s]")
    parser.add_argument("--workers", type=int, metavar="N", help="processes that read [one for each core]")
    _store(parser)


def _reference(what: str) -> Callable[[Parser], None]:
    def words(parser: Parser) -> None:
        parser.add_argument(
            "reference", metavar=what, help="a path, an id or its first six letters, RUN/FAMILY, or latest"
        )
        _store(parser)

    return words


def _why(parser: Parser) -> None:
    parser.add_argument("document", metavar="ID|URL", help="a document's id (or its beginning), url or path")
    parser.add_argument("--corpus", default="latest", help="the corpus to ask [the newest]")
    _store(parser)


def _decisions(parser: Parser) -> None:
    _reference("CORPUS")(parser)
    parser.add_argument(
        "--jsonl", action="store_true", help="one JSON line per document read (the default without --json)"
    )
    parser.add_argument("--text", action="store_true", help="with the text of the documents that were kept")


def _passage(parser: Parser) -> None:
    _reference("CORPUS")(parser)
    parser.add_argument("text", help="the passage, exactly as it stands")


def _find(parser: Parser) -> None:
    _passage(parser)
    parser.add_argument("--limit", type=int, default=10, metavar="N", help="places that are shown [%(default)s]")


def _mixture(parser: Parser) -> None:
    _reference("CORPUS")(parser)
    parser.add_argument(
        "words",
        nargs="*",
        default=[],
        metavar="key=value",
        help="target=docs=0.7,code=0.3 runs=24 run_bytes=500kB final_bytes=1GB most_epochs=4 family=gpt steps=400",
    )


def _generate(parser: Parser) -> None:
    parser.add_argument(
        "reference", metavar="MODEL", help="a path, an id or its first six letters, RUN/FAMILY, or latest"
    )
    parser.add_argument(
        "words",
        nargs="*",
        default=[],
        metavar="PROMPT|key=value",
        help="what the model writes on from [nothing]; temperature=0.8 top_p=0.95 max_tokens=200 seed=1",
    )
    _store(parser)


def _trace(parser: Parser) -> None:
    parser.add_argument(
        "reference", metavar="MODEL", help="a path, an id or its first six letters, RUN/FAMILY, or latest"
    )
    parser.add_argument("text", help="the text whose passages are looked for in what the model was trained on")
    _store(parser)


def _ls(parser: Parser) -> None:
    parser.add_argument(
        "--kind",
        choices=(
            *("download", "reading", "corpus", "classifier", "tokenizer", "shards", "model", "measurement", "report"),
            *("mixture", "trial", "ablation"),
        ),
        help="only artifacts of this kind",
    )
    _store(parser)


def _verify(parser: Parser) -> None:
    parser.add_argument("reference", nargs="?", metavar="ARTIFACT", help="one artifact [the whole store]")
    _store(parser)


def _push(parser: Parser) -> None:
    parser.add_argument("reference", metavar="ARTIFACT|RUN", help="an artifact, as for `etymon show`, or a run's name")
    _url(parser)
    parser.add_argument("--alone", action="store_true", help="without what the artifact is made from")
    parser.add_argument("--check", action="store_true", help="read what is there again, and replace what is damaged")
    _store(parser)


def _pull(parser: Parser) -> None:
    parser.add_argument("reference", metavar="ID|RUN", help="an artifact's id, or its first six letters; a run's name")
    _url(parser)
    parser.add_argument("--generation", type=int, metavar="N", help="an earlier state of the run [the newest]")
    _store(parser)


def _url(parser: Parser) -> None:
    parser.add_argument("url", metavar="URL", help="s3://BUCKET/FOLDER, gs://…, az://…, or the path of a folder")


def _gc(parser: Parser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="only say what would go")
    parser.add_argument(
        "--keep", action="append", default=[], metavar="ARTIFACT", help="keep this one and all it is made from"
    )
    _store(parser)


def _lineage(parser: Parser) -> None:
    parser.add_argument(
        "reference",
        nargs="?",
        metavar="ARTIFACT",
        help="a path, an id or its first six letters, RUN/FAMILY, or latest",
    )
    parser.add_argument(
        "--uses",
        metavar="ID|URL|PATH",
        help="a document (id or its beginning, url) or a file or folder of text: what has seen it, and how",
    )
    _store(parser)


def _repair(parser: Parser) -> None:
    parser.add_argument("reference", nargs="?", metavar="ARTIFACT", help="one artifact [all that is damaged]")
    parser.add_argument(
        "--from",
        dest="copies",
        action="append",
        default=[],
        metavar="STORE|FOLDER|TEXT",
        help="another store or a copy of the artifact to take bytes from, or the text that a corpus was read from",
    )
    parser.add_argument("--retrain", action="store_true", help="train networks again where that gives the same bits")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    _store(parser)


def _rm(parser: Parser) -> None:
    parser.add_argument("run", metavar="RUN", help="the name of the run")
    parser.add_argument("--dry-run", action="store_true", help="only say what would go")
    _store(parser)


def _import(parser: Parser) -> None:
    parser.add_argument(
        "folder",
        metavar="FOLDER|FILE.arpa[.gz]",
        help="config.json, model.safetensors and perhaps tokenizer.json; or an n-gram",
    )
    parser.add_argument("--name", default="", help="name of the model [that of the folder or file]")
    parser.add_argument(
        "--tokenizer", default="", metavar="MODEL", help="whose tokens the words of an ARPA file are [they are words]"
    )
    _store(parser)


def _export(parser: Parser) -> None:
    _reference("MODEL")(parser)
    parser.add_argument(
        "folder",
        metavar="FOLDER|FILE.arpa[.gz]",
        help="a new folder for config.json and model.safetensors, or a new file for an n-gram",
    )


def _explain(parser: Parser) -> None:
    parser.add_argument("key", nargs="?", default="", help="a setting or a table of them [all]")


def _diff(parser: Parser) -> None:
    parser.add_argument("first", metavar="A.toml|RUN")
    parser.add_argument("second", metavar="B.toml|RUN")
    _store(parser)


def _nothing(parser: Parser) -> None:
    del parser


_TABLE: list[tuple[str, str, str, Callable[[Parser], None]]] = [
    ("demo", "three language models of text that this computer has, in minutes", "demo", _demo),
    ("run", "text to language models to a report; started again, it goes on", "run", _run),
    ("why", "why a document was kept or dropped", "why", _why),
    ("ablate", "two recipes for one text: which gives the better models, and by how much", "ablate", _ablate),
    ("generate", "let a model write on from a prompt", "generate", _generate),
    ("trace", "find the passages of a text in what a model was trained on", "trace", _trace),
    ("ls", "list the artifacts and runs of a store", "ls", _ls),
    ("show", "show one artifact", "show", _reference("ARTIFACT")),
    (
        "lineage",
        "show what an artifact is made from and what uses it, or what has seen a document",
        "lineage",
        _lineage,
    ),
    ("verify", "read every byte and check it", "verify", _verify),
    ("repair", "put damaged bytes right, from copies or by making them once more", "repair", _repair),
    ("rm", "remove a run: its journal, checkpoints, snapshots and report", "rm", _rm),
    ("push", "copy an artifact or a run, with all it is made from, to a bucket or folder", "push", _push),
    ("pull", "copy an artifact or a run from a bucket or folder, to go on with it here", "pull", _pull),
    ("import", "take over a model in the layout of Hugging Face, or an n-gram as an ARPA file", "import_", _import),
    ("export", "hand a model on in the layout of Hugging Face, or an n-gram as an ARPA file", "export", _export),
    ("gc", "remove what nothing refers to", "gc", _gc),
    ("doctor", "check the installation and the store", "doctor", _store),
]
_GROUPS: list[tuple[str, str, list[tuple[str, str, str, Callable[[Parser], None]]]]] = [
    (
        "corpus",
        "build a corpus, and ask about it",
        [
            ("build", "read text into a corpus", "corpus_build", _corpus_build),
            ("report", "what was kept and dropped, and why", "corpus_report", _reference("CORPUS")),
            ("decisions", "the decision on every document read", "corpus_decisions", _decisions),
            ("count", "how often a passage stands in a corpus", "corpus_count", _passage),
            ("find", "the documents in which a passage stands", "corpus_find", _find),
        ],
    ),
    (
        "classifier",
        "train a classifier of texts that rules can use, and look at it",
        [
            ("train", "train a classifier on labelled texts or two corpora", "classifier_train", _classifier_train),
            ("show", "how good a classifier is, and on what", "classifier_show", _reference("CLASSIFIER")),
        ],
    ),
    (
        "mixture",
        "how much to read of each domain",
        [("fit", "fit the weights of domains by small runs, and check them by fresh ones", "mixture_fit", _mixture)],
    ),
    (
        "tokenizer",
        "train a tokenizer, and look at it",
        [
            ("train", "train a tokenizer on text", "tokenizer_train", _paths_and_settings),
            ("show", "the vocabulary of a tokenizer", "tokenizer_show", _reference("TOKENIZER")),
        ],
    ),
    (
        "recipe",
        "what can be set, and what two recipes differ in",
        [
            ("explain", "what a setting means", "recipe_explain", _explain),
            ("diff", "what two recipes differ in", "recipe_diff", _diff),
            ("schema", "the JSON Schema of a recipe, for editors", "recipe_schema", _nothing),
        ],
    ),
]
