"""Networks come back from their artifacts bit for bit, and weights that do not fit are refused."""

from __future__ import annotations

import json
from importlib import metadata

import numpy as np
import pytest

from etymon.errors import EtymonError
from etymon.models import Family, NgramSettings, family, load, save
from etymon.models.family import ENTRY_POINTS
from etymon.storage import Store
from etymon.tokens import Batch

torch = pytest.importorskip("torch", reason="networks need torch")

SMALL = {
    "gpt": {"layers": 1, "width": 64, "heads": 2, "context": 8},
    "lstm": {"layers": 1, "width": 16, "tied": True},
    "rnn": {"width": 16},
}


class Twins(torch.nn.Module):
    """A network in which one matrix has two names."""

    family, vocabulary, context = "twins", 3, None

    def __init__(self, settings, vocabulary):
        super().__init__()
        self.settings = settings
        self.embed = torch.nn.Linear(2, 3, bias=False)
        self.unembed = self.embed


TWINS = Family(
    name="twins",
    title="twins",
    settings=NgramSettings,
    learns="gradients",
    order="shuffle",
    build=Twins,
    preset=lambda parameters, vocabulary: NgramSettings(),
    counts=lambda settings, vocabulary, length: None,
)


def stored(root, name):
    kind = family(name)
    settings = kind.settings(**SMALL[name])
    torch.manual_seed(0)
    network = kind.build(settings, 11)
    with Store.at(root).create("model", {"family": name}, {}, stage_version=1) as draft:
        save(draft, network)
        return network, draft.seal()


@pytest.mark.parametrize("name", SMALL)
def test_a_network_says_exactly_what_it_said_before(tmp_path, name):
    network, artifact = stored(tmp_path, name)
    again = load(artifact)
    rows = np.array([[1, 2, 3, 4]])
    batch = Batch(ids=rows, targets=rows, weights=np.ones_like(rows))
    assert again.log_probs(batch).tobytes() == network.log_probs(batch).tobytes()
    assert again.settings == network.settings and not again.training
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), network.parameters(), strict=True))


def test_loading_leaves_the_callers_random_numbers_alone(tmp_path):
    _, artifact = stored(tmp_path, "lstm")
    torch.manual_seed(5)
    undisturbed = torch.rand(3)
    torch.manual_seed(5)
    load(artifact)
    assert torch.equal(torch.rand(3), undisturbed)


def test_weights_of_another_shape_are_named(tmp_path):
    _, artifact = stored(tmp_path, "lstm")
    config = artifact.read_json("config.json")
    config["settings"]["width"] = 24
    with Store.at(tmp_path).create("model", {"family": "wider"}, {}, stage_version=1) as draft:
        draft.write("config.json", json.dumps(config).encode())
        draft.write("model.safetensors", artifact.read("model.safetensors"))
        wider = draft.seal()
    with pytest.raises(EtymonError, match="do not fit") as told:
        load(wider)
    assert "embed.weight" in str(told.value)


def test_a_matrix_with_two_names_is_stored_once_and_stays_one(tmp_path, monkeypatch):
    point = metadata.EntryPoint(name="twins", value=f"{__name__}:TWINS", group=ENTRY_POINTS)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point])
    twins = Twins(NgramSettings(), 3)
    with Store.at(tmp_path).create("model", {}, {}, stage_version=1) as draft:
        save(draft, twins)
        artifact = draft.seal()
    again = load(artifact)
    assert again.unembed.weight is again.embed.weight
    assert torch.equal(again.embed.weight, twins.embed.weight)
    assert artifact.files["model.safetensors"] < 150
