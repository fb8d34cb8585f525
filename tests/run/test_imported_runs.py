"""Going on from a model that was imported: its weights and its tokenizer, and it learns the new text."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load as from_safetensors
from small_runs import paragraphs, run

from etymon.errors import EtymonError
from etymon.models import export_model, family, import_model, save
from etymon.storage import Artifact, Store
from etymon.tokens import END_OF_TEXT, adopt_tokenizer
from etymon.tokens.vocabulary import assemble

VOCABULARY = 300
BUDGET = "4e8FLOP"


def imported(home: Path, name: str, **shape: object) -> tuple[Store, Artifact]:
    """A model that another program would have written, in a store of its own."""
    merges = [(a, b) for a in "aeiou" for b in "bcdfghjkl"][: VOCABULARY - 257]
    elsewhere = Store.at(home / "elsewhere")
    tokenizer = adopt_tokenizer(elsewhere, assemble(merges, limit=VOCABULARY, special=[END_OF_TEXT]))
    made = family(name)
    torch.manual_seed(0)
    network = made.build(made.settings(**shape), VOCABULARY)
    with elsewhere.create("model", {"family": name}, {"tokenizer": tokenizer.id}, stage_version=1) as draft:
        save(draft, network)
        model = draft.seal()
    export_model(elsewhere, model, home / "folder")
    store = Store.at(home / "store")
    return store, import_model(store, home / "folder").model


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(paragraphs(12, 2))
    return path


@pytest.mark.ci
def test_an_imported_model_learns_the_new_text(text: Path, tmp_path: Path) -> None:
    store, model = imported(tmp_path, "lstm", layers=1, width=32)
    still = run(store, text, "training.lstm.learning_rate=0", name="still", initial=model.id, budget=BUDGET)
    moved = run(store, text, name="moved", initial=model.id, budget=BUDGET)
    before, unmoved, after = (
        from_safetensors(each.read("model.safetensors")) for each in (model, still.models["lstm"], moved.models["lstm"])
    )
    assert all(torch.equal(before[key], unmoved[key]) for key in before)
    assert not torch.equal(before["embed.weight"], after["embed.weight"])
    assert moved.models["lstm"].inputs["tokenizer"] == model.inputs["tokenizer"]
    bits = [outcome.data["models"][0]["bits_per_byte"]["mean"] for outcome in (still, moved)]
    assert bits[1] < 0.95 * bits[0]


def test_an_imported_encoder_is_nothing_to_go_on_from(text: Path, tmp_path: Path) -> None:
    store, model = imported(tmp_path, "bert", layers=1, width=32, context=64, encoder_only=True)
    with pytest.raises(EtymonError, match="This BERT is an encoder alone"):
        run(store, text, name="bert", initial=model.id)
