"""`export_model`: a model of the store becomes a folder that programs for Hugging Face's layout open."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from etymon.errors import EtymonError
from etymon.models.exchange.layouts import check_family, layout_of
from etymon.models.exchange.taking import TOKENIZER
from etymon.models.files import CONFIG, WEIGHTS, load
from etymon.models.ngram_exchange import export_arpa, is_arpa
from etymon.storage import Artifact, Store, hand_out
from etymon.tokens import Tokenizer


@dataclass(frozen=True)
class Exported:
    """What lies where."""

    id: str
    architecture: str
    path: Path
    files: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {"id": self.id, "architecture": self.architecture, "path": str(self.path), "files": self.files}


def export_model(store: Store, model: Artifact, folder: str | Path) -> Exported:
    """Write config.json, model.safetensors and, if the model has one, tokenizer.json into a new folder; or an n-gram
    into a new file, if that is called .arpa or .arpa.gz."""
    if is_arpa(folder):
        path, size, title = export_arpa(store, model, folder)
        return Exported(model.id, title, path, {path.name: size})
    from safetensors.torch import save as as_safetensors

    if model.kind != "model":
        help = "`etymon ls --kind model` lists the models"
        raise EtymonError(f"{model.label} is a {model.kind}, not a model.", where=str(model.path), help=help)
    if model.recipe["family"] == "ngram":
        help = "name a file: out.arpa or out.arpa.gz"
        raise EtymonError("An n-gram is handed on as an ARPA file.", where=str(folder), why="not a folder", help=help)
    check_family(str(model.recipe["family"]), str(model.path))
    network: Any = load(model)
    layout = layout_of(network, str(model.path))
    files = {} if "tokenizer" not in model.inputs else _tokenizer(store.open(model.inputs["tokenizer"]))
    end = None if not files else Tokenizer(files[TOKENIZER]).end_of_text
    config = {
        "architectures": [layout.architecture],
        "model_type": layout.model_type,
        "dtype": "float32",
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": None,
    } | layout.write(network.settings, network.vocabulary)
    state = layout.moved(network.state_dict(), network.settings)
    # Parts of one tensor share its memory, which safetensors refuses: each is copied.
    tensors = {
        name: part.clone().contiguous()
        for row in layout.rows(network.settings)
        for name, part in row.apart(state[row.ours]).items()
    }
    files[CONFIG] = (json.dumps(config, indent=2, sort_keys=True) + "\n").encode()
    files[WEIGHTS] = as_safetensors(tensors, metadata={"format": "pt"})
    path = hand_out(os.path.expanduser(folder), files)
    return Exported(model.id, layout.architecture, path, {name: len(data) for name, data in sorted(files.items())})


def _tokenizer(artifact: Artifact) -> dict[str, bytes]:
    """The tokenizer's file, and the one by which transformers knows which class reads it."""
    data = artifact.read(TOKENIZER)
    end = Tokenizer(data).token_bytes(Tokenizer(data).end_of_text).decode()
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": end, "eos_token": end}
    return {TOKENIZER: data, "tokenizer_config.json": (json.dumps(about, indent=2) + "\n").encode()}
