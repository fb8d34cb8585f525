"""`import_model`: a folder in the layout of Hugging Face becomes a model of the store. Nothing in it is trusted."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from etymon.errors import EtymonError
from etymon.models.exchange.fitting import check_entries, check_numbers, empty_network, their_names, wanted_shapes
from etymon.models.exchange.given import MOST_BYTES, Given, plain_json
from etymon.models.exchange.layout import Layout
from etymon.models.exchange.layouts import layout_named
from etymon.models.exchange.weights import ForeignWeights, opened, whole
from etymon.models.family import family
from etymon.models.files import CONFIG, WEIGHTS, save
from etymon.models.ngram_exchange import import_arpa, is_arpa
from etymon.recipe import from_json, identity
from etymon.storage import Artifact, Store, told
from etymon.tokens import adopt_tokenizer, foreign_tokenizer

if TYPE_CHECKING:
    from torch import Tensor

TOKENIZER = "tokenizer.json"
STAGE_VERSION = 1
MOST_TOKENIZER = 1 << 26
MOST_WEIGHTS = 1 << 40
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


@dataclass(frozen=True)
class Imported:
    """The model; `tokenizer` is None where none came along that can be used, and `without` says why."""

    model: Artifact
    architecture: str
    parameters: int
    vocabulary: int
    tokenizer: Artifact | None
    without: str

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "id": self.model.id,
            "family": self.model.recipe["family"],
            "architecture": self.architecture,
            "parameters": self.parameters,
            "vocabulary": self.vocabulary,
            "tokenizer": None if self.tokenizer is None else self.tokenizer.id,
            "without_tokenizer": self.without,
        }


def import_model(store: Store, folder: str | Path, *, name: str = "", tokenizer: Artifact | None = None) -> Imported:
    """Take a model over: read and check all of it, then put it into the store. A file called .arpa or .arpa.gz is an
    n-gram, of the tokens of `tokenizer` or else of words; a folder is in the layout of Hugging Face.

    Raises EtymonError for what is damaged, hostile, or would be computed otherwise here; then nothing is written."""
    path = Path(os.path.expanduser(folder)).absolute()
    if is_arpa(path):
        model, tokens, ngram = import_arpa(store, path, name=name, tokenizer=tokenizer)
        title = f"{ngram.settings.order}-gram of an ARPA file"
        return Imported(model, title, int(model.statistics["parameters"]), ngram.vocabulary, tokens, "")
    if tokenizer is not None:
        help = "leave --tokenizer out: it is for ARPA files, and a folder has its own"
        raise EtymonError("A tokenizer is named for a model that brings its own.", where=str(path), help=help)
    _check_folder(path)
    where = str(path / CONFIG)
    config = whole(path / CONFIG, MOST_BYTES)
    content = plain_json(config, where)
    layout = layout_named(content, where)
    tokens = _tokenizer_file(path)
    given = Given(content, where)
    plain, vocabulary = layout.read(given, _special(tokens, str(path / TOKENIZER)))
    given.finish()
    kind = family(layout.family)
    settings = from_json(kind.settings, plain)
    network, digest = _network(path / WEIGHTS, layout, settings, vocabulary)
    without = _unusable(tokens, vocabulary)
    tokenizer = adopt_tokenizer(store, tokens) if tokens is not None and not without else None
    recipe = {
        "family": layout.family,
        "settings": identity(settings),
        "vocabulary": vocabulary,
        "imported": {
            "architecture": layout.architecture,
            "config": hashlib.sha256(config).hexdigest(),
            "weights": digest,
        },
    }
    inputs = {} if tokenizer is None else {"tokenizer": tokenizer.id}
    model = store.find("model", recipe, inputs, stage_version=STAGE_VERSION)
    parameters = sum(tensor.numel() for tensor in network.state_dict().values())
    if model is None:
        with store.create("model", recipe, inputs, stage_version=STAGE_VERSION, name=name or path.name) as draft:
            save(draft, network)
            model = draft.seal({"parameters": parameters, "marks": [], "prompt": "", "left_out": ""})
    return Imported(model, layout.architecture, parameters, vocabulary, tokenizer, without)


def _check_folder(path: Path) -> None:
    """A folder with weights that can be read without running anything."""
    try:
        names = {entry.name for entry in path.iterdir()}
    except (FileNotFoundError, NotADirectoryError) as error:
        help = "name a folder with config.json and model.safetensors"
        raise EtymonError("There is no folder here.", where=str(path), help=help) from error
    except OSError as error:
        raise told(error, path) from error
    if WEIGHTS in names:
        return
    if f"{WEIGHTS}.index.json" in names:
        why = f"{WEIGHTS}.index.json tells of several files, and one is read"
        help = "save it as one file (max_shard_size of transformers' save_pretrained)"
        raise EtymonError("The weights are cut into several files.", where=str(path), why=why, help=help)
    pickles = sorted(name for name in names if name.endswith(PICKLES))
    if pickles:
        why = f"{pickles[0][:60]!r} is a pickle: to open it is to run what is written in it, and Etymon never does"
        help = "ask its maker for model.safetensors, or convert it where nothing can be harmed"
        raise EtymonError("This model has no weights that can be read safely.", where=str(path), why=why, help=help)
    raise EtymonError("This file is missing.", where=str(path / WEIGHTS), help="name a folder that holds it")


def _tokenizer_file(path: Path) -> bytes | None:
    return whole(path / TOKENIZER, MOST_TOKENIZER) if (path / TOKENIZER).exists() else None


def _special(tokens: bytes | None, where: str) -> Mapping[str, Any]:
    """The ids of the special tokens that a tokenizer.json names."""
    added: Any = [] if tokens is None else plain_json(tokens, where).get("added_tokens", [])
    if not isinstance(added, list) or not all(isinstance(each, dict) for each in cast("list[Any]", added)):
        raise EtymonError("This is no tokenizer.", where=where, why="its added_tokens are no list of entries")
    return {str(each.get("content")): each.get("id") for each in cast("list[dict[str, Any]]", added)}


def _unusable(tokens: bytes | None, vocabulary: int) -> str:
    """Why a model is taken over without a tokenizer; "" if it need not be."""
    if tokens is None:
        return f"there is no {TOKENIZER} in the folder"
    try:
        found = foreign_tokenizer(tokens).vocabulary
    except EtymonError as error:
        return f"{error.what} {error.why}".strip()
    return "" if found == vocabulary else f"{TOKENIZER} has {found:,} tokens, and the model {vocabulary:,}"


def _network(path: Path, layout: Layout, settings: Any, vocabulary: int) -> tuple[Any, str]:
    """Our network with their weights, and the digest of their file."""
    with opened(path, MOST_WEIGHTS) as (file, size):
        foreign = ForeignWeights(file, size, str(path))
        named = their_names(layout, list(foreign.entries), foreign.where)
        if settings.layers > len(named):
            why = f"config.json tells of {settings.layers:,} layers, and there are {len(named):,} tensors"
            raise EtymonError("Tensors are missing.", where=foreign.where, why=why)
        network = empty_network(family(layout.family).build, settings, vocabulary, foreign.where)
        rows = layout.rows(settings)
        wanted = wanted_shapes(rows, network)
        check_entries(layout, wanted, {new: foreign.entries[old] for new, old in named.items()}, foreign.where)
        found, digest = foreign.read()
    tensors: dict[str, Tensor] = {new: found[old] for new, old in named.items()}
    check_numbers(layout, wanted, tensors, foreign.where)
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    state = {row.ours: row.joined(tensors, shapes[row.ours]) for row in rows}
    network.load_state_dict(state, assign=True)
    return network.eval(), digest
