"""ARPA files as users meet them: an n-gram of the store becomes one, and one becomes an n-gram of the store."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from etymon.errors import EtymonError
from etymon.models.files import load, save
from etymon.models.ngram import NgramModel
from etymon.models.ngram_arpa import BEGIN, END, UNKNOWN, read_arpa, write_arpa
from etymon.models.ngram_lines import LineModel
from etymon.recipe import to_json
from etymon.storage import Artifact, Store, hand_out_file, told
from etymon.tokens import ALPHABET, Tokenizer, WordTokenizer, word_tokenizer

ENDINGS = (".arpa", ".arpa.gz")
STAGE_VERSION = 2
LONGEST_LINE = 1 << 16
"""Bytes; eight words of the length of a page fit."""

ESCAPE = "\u241b"
"""Stands before a token that is spelled like a word with a meaning of its own. No byte is spelled so, so that nothing
else begins with it."""

MEANINGS = (BEGIN, END, UNKNOWN, UNKNOWN.upper())


def is_arpa(path: str | Path) -> bool:
    """Whether a file is called as ARPA files are."""
    return str(path).lower().endswith(ENDINGS)


def arpa_names(tokenizer: Tokenizer) -> list[str]:
    """How the tokens of a tokenizer are spelled in an ARPA file, end-of-text as `</s>`.

    Bytes are spelled in the visible alphabet of GPT-2 (a space is Ġ), so that a token is one word and comes back.
    """
    names = list(tokenizer.names())
    if not isinstance(tokenizer, WordTokenizer):
        names = [ESCAPE + name if name in MEANINGS else name for name in names]
    names[tokenizer.end_of_text] = END
    return names


def export_arpa(store: Store, model: Artifact, file: str | Path) -> tuple[Path, int, str]:
    """Write an n-gram model as an ARPA file that is not there yet, compressed if it is called .gz; its path, size in
    bytes, and what it is in words."""
    if model.kind != "model" or model.recipe["family"] != "ngram":
        kind = model.recipe["family"] if model.kind == "model" else model.kind
        raise EtymonError(
            f"{model.label} is no n-gram, and an ARPA file holds nothing else.",
            where=str(model.path),
            why=f"it is a {kind}",
            help="name a new folder, not a file of ARPA" if model.kind == "model" else "`etymon ls --kind model`",
        )
    if "tokenizer" not in model.inputs:
        raise EtymonError("Nobody knows how the tokens of this n-gram are spelled.", where=str(model.path))
    tokenizer = Tokenizer.open(store.open(model.inputs["tokenizer"]))
    ngram, names = cast("NgramModel | LineModel", load(model)), arpa_names(tokenizer)
    if isinstance(ngram, LineModel):
        ngram, names = ngram.lines, [names[token] for token in ngram.fold.kept]
    lines = (line.encode() for line in write_arpa(ngram, names))
    target = Path(os.path.expanduser(file))
    path = hand_out_file(target, compressed(lines) if str(file).lower().endswith(".gz") else lines)
    return path, path.stat().st_size, f"ARPA {ngram.settings.order}-gram"


def compressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same as gzip, without name or time in it: equal models are equal files."""
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


def import_arpa(
    store: Store, file: str | Path, *, name: str = "", tokenizer: Artifact | None = None
) -> tuple[Artifact, Artifact, NgramModel]:
    """Take an ARPA file over: the model, its tokenizer, and the model opened.

    With `tokenizer` the words of the file are its tokens, as `export_arpa` spells them; without, they are words between
    spaces. All of the file is read and checked before anything is written.
    """
    path = Path(os.path.expanduser(file)).absolute()
    names = () if tokenizer is None else arpa_names(Tokenizer.open(tokenizer))
    digest = hashlib.sha256()
    with opened(path) as source:
        model, found = read_arpa(lines_of(source, str(path), digest), str(path), names)
    if tokenizer is None:
        _check_words(found, str(path))
    tokens = word_tokenizer(store, found) if tokenizer is None else tokenizer
    recipe = {
        "family": model.family,
        "settings": to_json(model.settings),
        "vocabulary": model.vocabulary,
        "imported": {"architecture": "ARPA", "file": digest.hexdigest()},
    }
    inputs = {"tokenizer": tokens.id}
    artifact = store.find("model", recipe, inputs, stage_version=STAGE_VERSION)
    if artifact is None:
        label = name or path.name.partition(".")[0]
        with store.create("model", recipe, inputs, stage_version=STAGE_VERSION, name=label) as draft:
            save(draft, model)
            statistics: dict[str, Any] = {
                "parameters": model.counts(1).parameters,
                "marks": [],
                "prompt": "",
                "left_out": "",
            }
            artifact = draft.seal(statistics)
    return artifact, tokens, model


@contextmanager
def opened(path: Path) -> Generator[IO[bytes]]:
    """The file to read from, decompressed where it is called .gz; faults of it are told with its place."""
    try:
        with path.open("rb") as file:
            if path.name.lower().endswith(".gz"):
                with gzip.GzipFile(fileobj=file) as unpacked:
                    yield cast("IO[bytes]", unpacked)
            else:
                yield file
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise EtymonError("This file cannot be decompressed.", where=str(path), why=str(error)) from error
    except OSError as error:
        raise told(error, path) if path.is_file() else _no_file(path) from error


def _no_file(path: Path) -> EtymonError:
    return EtymonError("There is no file here.", where=str(path), help="name an ARPA file: model.arpa or model.arpa.gz")


def lines_of(file: IO[bytes], source: str, digest: Any) -> Iterator[str]:
    """The lines, each within bounds and UTF-8; `digest` is fed with all of them."""
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        where = f"{source}:{number}"
        if len(line) > LONGEST_LINE:
            why = f"it has over {LONGEST_LINE:,} bytes, and no n-gram is so long"
            raise EtymonError("This line is too long.", where=where, why=why)
        digest.update(line)
        try:
            yield line.decode()
        except UnicodeDecodeError as error:
            raise EtymonError("This line is not UTF-8.", where=where, why=str(error)) from error


def _check_words(names: Sequence[str], source: str) -> None:
    """Raise EtymonError for words that are tokens of byte-level BPE: read as words they would never meet a text."""
    if set(ALPHABET) <= set(names):
        raise EtymonError(
            "The words of this file are tokens of a tokenizer.",
            where=source,
            why="all 256 bytes are among them, spelled as byte-level BPE spells them",
            help="name the tokenizer, or a model that has it: --tokenizer MODEL",
        )
