"""BERT and XLNet in the main job: trained, stopped, killed, repaired and measured like the others, and named apart."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from small_runs import Heard, run

from etymon.errors import EtymonError
from etymon.run import Outcome, Silent, repair_store, write_on
from etymon.run.measuring import LIKELIHOOD, PSEUDO
from etymon.storage import Store
from harness.kills import Killer, Target
from harness.whole_job import IMPORTS, TASK

pytestmark = pytest.mark.ci

REPOSITORY = Path(__file__).parents[2]
BOTH = ("bert", "xlnet")
SMALL = (
    "tokenizer.vocabulary=400",
    "sampling.max_tokens=8",
    *(f"models.{name}.{key}" for name in BOTH for key in ("width=16", "layers=1", "heads=2")),
    *(f"training.{name}.{key}" for name in BOTH for key in ("batch_tokens=256", "length=64", "snapshots=3")),
)


@pytest.fixture(scope="module")
def prose(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of this project, English prose."""
    folder = tmp_path_factory.mktemp("prose") / "pages"
    folder.mkdir()
    for name in ("models.md", "ngram.md", "exchange.md", "corpus.md"):
        shutil.copy(REPOSITORY / "docs" / name, folder)
    shutil.copy(REPOSITORY / "README.md", folder)
    return folder


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory, prose: Path) -> tuple[Store, Outcome, Heard]:
    """An n-gram, a BERT and an XLNet of that prose."""
    store, heard = Store.at(tmp_path_factory.mktemp("zoo") / "store"), Heard()
    return store, run(store, prose, *SMALL, families="ngram,bert,xlnet", budget="2e9FLOP", narrator=heard), heard


Zoo = tuple[Store, Outcome, Heard]


def test_they_are_trained_and_measured_on_the_same_documents(zoo: Zoo) -> None:
    store, outcome, _ = zoo
    assert tuple(outcome.models) == ("ngram", *BOTH)
    measured = {each.name: each.read_json("result.json") for each in store.artifacts("measurement")}
    assert len({json.dumps([each["items"], each["weights"]]) for each in measured.values()}) == 1
    assert all(row["bits_per_byte"]["mean"] > 0 for row in outcome.data["models"])
    curve = [mark["bits_per_byte"] for mark in outcome.models["bert"].statistics["marks"]]
    assert curve[-1] < curve[0]
    assert outcome.models["bert"].recipe["objective"] == {
        "hidden": 0.15,
        "packed": True,
        "pairs": True,
        "span": 1,
        "whole_words": False,
    }
    assert outcome.models["xlnet"].recipe["objective"] == {"predicted": 1 / 6, "span": 5}
    assert store.verify() == []


def test_a_pseudo_likelihood_is_named_so_everywhere(zoo: Zoo) -> None:
    store, outcome, _ = zoo
    wanted = {"ngram": LIKELIHOOD, "bert": PSEUDO, "xlnet": LIKELIHOOD}
    assert {row["family"]: row["measure"] for row in outcome.data["models"]} == wanted
    assert {row["family"]: row["measure"] for row in outcome.as_json()["models"]} == wanted
    for name, measure in wanted.items():
        (artifact,) = (each for each in store.artifacts("measurement") if each.name.endswith(f"/{name}"))
        assert artifact.statistics["measure"] == measure
        assert (PSEUDO in artifact.read_json("result.json")["protocol"]) == (measure == PSEUDO)
        assert {mark["measure"] for mark in outcome.models[name].statistics["marks"]} == {measure}
    details = next(each for each in store.artifacts("measurement") if each.name.endswith("/bert"))
    assert 0 < details.read_json("result.json")["details"]["tokens"] < details.read_json("result.json")["details"]["of"]


def test_a_pseudo_likelihood_is_in_no_ranking_and_no_comparison(zoo: Zoo) -> None:
    _, outcome, _ = zoo
    data = outcome.data
    assert [row["family"] for row in data["models"] if row["best"]] != ["bert"]
    assert {frozenset((row["a"], row["b"])) for row in data["differences"]} == {frozenset(("ngram", "xlnet"))}
    ranked = [sentence for sentence in data["summary"] if "BERT" in sentence]
    assert ranked == []
    assert data["sources"]["family"] != "bert"


def test_a_bert_shows_what_it_fills_in_and_writes_nothing_on(zoo: Zoo) -> None:
    store, outcome, _ = zoo
    marks = outcome.models["bert"].statistics["marks"]
    assert all("[" in mark["sample"] and "]" in mark["sample"] for mark in marks)
    assert outcome.models["bert"].statistics["prompt"].startswith("Hidden one at a time")
    with pytest.raises(EtymonError, match="is a bert, which cannot continue a text"):
        write_on(store, "small/bert", "The ", ())
    assert write_on(store, "small/xlnet", "The ", ("max_tokens=8",))


def test_another_objective_is_another_model_and_the_same_is_found_again(zoo: Zoo, prose: Path) -> None:
    store, outcome, _ = zoo
    heard = Heard()
    settings = (*SMALL[:2], *(each for each in SMALL[2:] if ".bert." in each))
    budget = "1.3333333333e9FLOP"
    words = run(
        store, prose, *settings, "objectives.bert.whole_words=true", families="bert", budget=budget, narrator=heard
    )
    assert words.models["bert"].id != outcome.models["bert"].id
    assert "measurement/bert" not in heard.reused and "corpus" in heard.reused
    assert "best" in words.data["models"][0] and not words.data["models"][0]["best"]
    assert "sources" not in words.data
    again = Heard()
    run(store, prose, *settings, "objectives.bert.whole_words=true", families="bert", budget=budget, narrator=again)
    assert {"model/bert", "measurement/bert"} <= again.reused


def test_a_lost_model_is_trained_once_more_to_the_same_bits(zoo: Zoo, tmp_path: Path) -> None:
    shutil.copytree(zoo[0].root, tmp_path / "copy")
    store = Store.at(tmp_path / "copy")
    damaged = [each.path / "model.safetensors" for each in store.artifacts("model") if "ngram" not in each.name]
    damaged += [each.path / "result.json" for each in store.artifacts("measurement")]
    before = {path: path.read_bytes() for path in damaged}
    for path in damaged:
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    result = repair_store(store, None, (), Silent(), retrain=True, dry_run=False)
    assert result.left == []
    assert {path: path.read_bytes() for path in damaged} == before


def test_killed_in_training_they_end_in_the_same_bits(zoo: Zoo, prose: Path, tmp_path: Path) -> None:
    often = [f"training.{name}.checkpoint_seconds=0s" for name in BOTH]
    settings = ["families=ngram,bert,xlnet", *SMALL, *often]
    what: dict[str, Any] = {"store": str(tmp_path), "text": str(prose), "settings": settings, "budget": "2e9FLOP"}
    targets = [
        Target("train bert: backward", entry=5),
        Target("train bert: save", operation=20),
        Target("train xlnet: backward", entry=4),
        Target("train xlnet: snapshot", operation=1),
        Target("measure bert", operation=1),
    ]
    with Killer(imports=IMPORTS) as killer:
        assert [killer.attempt(TASK, what, target).killed for target in targets] == [True] * len(targets)
        last = killer.attempt(TASK, what)
    assert (last.signal, last.code) == (0, 0), last.printed
    models = {each.recipe["family"]: each for each in Store.at(tmp_path).artifacts("model")}
    assert {name: each.content_hash for name, each in models.items() if name in BOTH} == {
        name: zoo[1].models[name].content_hash for name in BOTH
    }
