"""A model of others goes on learning here: imported with its tokenizer, trained on, handed on again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import etymon
from every_command import BUDGET

from etymon.models import export_model, family, save
from etymon.storage import Store
from etymon.tokens import END_OF_TEXT
from etymon.tokens.vocabulary import assemble

torch = pytest.importorskip("torch", reason="networks need torch")

LITTLE = (
    "training.{family}.length=32 training.{family}.batch_tokens=64 training.{family}.snapshots=2 sampling.max_tokens=8"
)


def foreign_llama(folder: Path) -> Path:
    """A small Llama as other programs keep it, with a tokenizer of bytes."""
    kind = family("llama")
    assert kind.build is not None
    torch.manual_seed(0)
    shape = {"context": 32, "layers": 1, "width": 16, "hidden": 24, "heads": 2, "groups": 1, "tied": False}
    network = kind.build(kind.settings(**shape), 257)
    store = Store.at(folder.with_name("others"))
    with store.create("model", {"family": "llama"}, {}, stage_version=1) as draft:
        save(draft, network)
        model = draft.seal()
    export_model(store, model, folder)
    (folder / "tokenizer.json").write_bytes(assemble([], limit=257, special=[END_OF_TEXT]))
    return folder


@pytest.mark.parametrize("name", ["gpt", "llama"])
def test_an_imported_model_goes_on_learning_and_goes_out_again(name: str, texts: Path, tmp_path: Path) -> None:
    folder = texts / "foreign" if name == "gpt" else foreign_llama(tmp_path / "llama")
    store = tmp_path / "store"
    said = etymon("import", folder, "--store", store, "--json")
    assert (said.code, said.err) == (0, "")
    taken = json.loads(said.out)
    assert taken["family"] == name and taken["tokenizer"] and taken["without_tokenizer"] == ""
    words = [*BUDGET.split(), *LITTLE.format(family=name).split()]
    for setting in ("tokenizer.special=<x>", "tokenizer.learn_from=1MB", "tokenizer.vocabulary=300"):
        said = etymon("run", texts / "new", "--from", taken["id"][:12], "--store", store, *words, setting)
        assert said.code == 1 and "goes on from a model where it is" in said.err, said
    said = etymon("run", texts / "new", "--name", "on", "--from", taken["id"][:12], "--store", store, "--json", *words)
    assert said.code == 0, said
    (model,) = json.loads(said.out)["models"]
    assert (model["family"], model["parameters"]) == (name, taken["parameters"]) and model["tokens"] > 0
    assert Store.at(store).open(f"on/{name}").inputs["initial"] == taken["id"]
    said = etymon("export", f"on/{name}", tmp_path / "out", "--store", store)
    assert (said.code, said.err) == (0, "")
    again = json.loads(etymon("import", tmp_path / "out", "--store", store, "--json").out)
    assert again["tokenizer"] == taken["tokenizer"] and again["id"] != taken["id"]
    first, later = (Store.at(store).open(each["id"]) for each in (taken, again))
    assert first.read_json("config.json") == later.read_json("config.json")
    assert first.read("model.safetensors") != later.read("model.safetensors")


def test_a_model_without_a_tokenizer_is_told_before_anything_is_read(texts: Path, tmp_path: Path) -> None:
    folder = foreign_llama(tmp_path / "llama")
    (folder / "tokenizer.json").unlink()
    store = tmp_path / "store"
    taken = json.loads(etymon("import", folder, "--store", store, "--json").out)
    assert taken["tokenizer"] is None
    for words in (("run", texts / "new", "--name", "on", "--from", taken["id"]), ("generate", taken["id"], "A")):
        said = etymon(*words, "--store", store)
        assert said.code == 1 and "came without a tokenizer" in said.err, said
    assert Store.at(store).artifacts("corpus") == []


def test_a_damaged_import_is_mended_by_a_copy_and_else_told(texts: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    taken = json.loads(etymon("import", texts / "foreign", "--store", store, "--json").out)
    etymon("import", texts / "foreign", "--store", tmp_path / "copy")
    file = Store.at(store).open(taken["id"]).path / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    said = etymon("repair", "--store", store)
    assert said.code == 1 and "import it once more" in said.out, said
    assert etymon("repair", "--from", tmp_path / "copy", "--store", store).code == 0
    assert etymon("verify", "--store", store).code == 0
