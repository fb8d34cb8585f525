"""No setting does nothing: each one of a run's recipe is read by the code that it is for."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_runs import run

from etymon.recipe import keys, recording_reads
from etymon.run import settings_type
from etymon.storage import Store


@pytest.mark.parametrize("name", ["ngram", "rnn", "lstm", "gru", "gpt", "bert", "xlnet"])
def test_a_run_reads_every_setting_of_its_recipe(name: str, text: Path, store: Store) -> None:
    recipe = settings_type(True, (name,))
    with recording_reads(recipe) as reads:
        run(store, text, families=name)
    of_networks = ["device", "mixture.weights", "mixture.temperature", "mixture.most_epochs"]
    # An n-gram is not trained: it counts. A BERT writes nothing, so nothing is drawn.
    idle = {"ngram": of_networks, "bert": [key for key in keys(recipe) if key.startswith("sampling.")]}
    assert reads.unread == idle.get(name, [])


def test_models_that_are_put_together_read_every_setting(text: Path, store: Store) -> None:
    names = ("ngram", "infinity", "mixture")
    with recording_reads(settings_type(True, names)) as reads:
        run(store, text, families=",".join(names))
    assert not [key for key in reads.unread if key.startswith("models.")]


def test_a_recipe_holds_the_settings_of_the_families_that_are_trained() -> None:
    rooms = {"seed", "families", "prompt", "device", "corpus", "tokenizer", "mixture", "sampling", "models"}
    assert {key.split(".")[0] for key in keys(settings_type(True, ("ngram",)))} == rooms
    recipe = keys(settings_type(True, ("ngram", "gpt")))
    assert {key.split(".")[0] for key in recipe} == rooms | {"training"}
    assert {key.split(".")[1] for key in recipe if key.startswith("models.")} == {"ngram", "gpt"}
    assert {key.split(".")[1] for key in recipe if key.startswith("training.")} == {"gpt"}
