"""The pictures of the generations: what a run computes for them, and that it is the same when it is started again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import paragraphs, run

from etymon.models import NgramSettings, estimate_ngram, families, family
from etymon.run.generations import by_year, published_sizes, row_of, year_of
from etymon.run.sparsity import unseen_by_document
from etymon.storage import Store
from etymon.tokens import TokenStream

ENOUGH = "8e9FLOP"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Path, dict[str, Any]]:
    """A run whose budget pays for all pictures."""
    folder = tmp_path_factory.mktemp("generations")
    (folder / "text.txt").write_text(paragraphs(70, 3))
    store = Store.at(folder / "store")
    outcome = run(store, folder / "text.txt", "models.ngram.order=4", families="ngram,lstm,gpt", budget=ENOUGH)
    return store, folder / "text.txt", json.loads(json.dumps(outcome.data))


def test_all_generations_are_drawn_on_the_same_documents_the_oldest_first(drawn: Any) -> None:
    _, _, data = drawn
    part = data["generations"]
    assert [row["family"] for row in part["families"]] == ["ngram", "lstm", "gpt"] and part["left_out"] == []
    assert {point["n"] for row in part["families"] for point in row["points"]} == {part["documents"]}
    ngram, *networks = part["families"]
    assert ngram["work"] == "table operations" and len(ngram["points"]) == 1
    models = {row["family"]: row for row in data["models"]}
    for row in part["families"]:
        assert row["points"][-1]["flops"] == models[row["family"]]["flops"]
    for row in networks:
        assert row["work"] == "FLOP" and row["measure"] == "likelihood"
        assert [point["flops"] for point in row["points"]] == sorted(point["flops"] for point in row["points"])
    assert any("95 % interval" in sentence for sentence in part["findings"])


def test_a_mixture_is_left_out_with_where_its_weights_come_from(text: Path, store: Store) -> None:
    words = (
        "tokenizer.vocabulary=300",
        "models.ngram.order=2",
        "sampling.max_tokens=2",
        "models.mixture.parts=gpt,ngram",
    )
    for given, told in (((), "fitted"), (("models.mixture.weights=0.5,0.5",), "were given")):
        data = run(store, text, *words, *given, families="ngram,gpt,mixture", budget="1e8FLOP").data
        [out] = data["generations"]["left_out"]
        assert out["family"] == "mixture" and told in out["why"]
        assert [curve["family"] for curve in data["curves"]] == ["ngram", "gpt"]


def test_counting_for_the_picture_of_sparsity_keeps_to_the_memory_of_the_run(
    text: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("tokenizer.vocabulary=257", "models.ngram.order=2", "sampling.max_tokens=2")
    taken: list[int] = []

    def counted(settings: NgramSettings, *rest: Any) -> Any:
        taken.append(int(settings.memory))
        return estimate_ngram(settings, *rest)

    monkeypatch.setattr("etymon.run.sparsity.estimate_ngram", counted)
    whole = run(store, text, *words, families="ngram", budget=ENOUGH, name="whole").data["sparsity"]
    parts = run(store, text, *words, "models.ngram.memory=17MB", families="ngram", budget=ENOUGH, name="parts")
    assert set(taken) == {0, 17_000_000} and parts.data["sparsity"] == whole
    assert not (store.run("parts").path / ".steps" / "sparsity").exists()


def test_unseen_grams_grow_with_their_length_and_shrink_with_the_text(drawn: Any) -> None:
    part = drawn[2]["sparsity"]
    assert len(part["amounts"]) > 1
    for amount in part["amounts"]:
        shares = [row["mean"] for row in amount["unseen"]]
        assert shares == sorted(shares) and len(shares) == part["order"]
        assert all(row["low"] <= row["mean"] <= row["high"] <= 1 for row in amount["unseen"])
        assert set(amount["bits_per_byte"]) == {each["smoothing"] for each in part["smoothings"]}
    first, last = part["amounts"][0], part["amounts"][-1]
    assert last["tokens"] > first["tokens"]
    for less, more in zip(first["unseen"], last["unseen"], strict=True):
        assert more["mean"] <= less["mean"]


def test_the_ngram_of_the_picture_of_context_is_flat_from_its_order_less_one_on(drawn: Any) -> None:
    part = drawn[2]["context"]
    assert [row["family"] for row in part["families"]] == ["ngram", "lstm", "gpt"]
    (ngram,) = [row for row in part["families"] if "order" in row]
    beyond = [point for point in ngram["points"] if point["context"] >= ngram["order"] - 1]
    assert len(beyond) > 1 and len({point["mean"] for point in beyond}) == 1
    assert all(point["more"]["mean"] == 0 for point in beyond)
    assert any("exactly so" in sentence for sentence in part["findings"])


def test_started_again_a_run_draws_the_same_pictures(drawn: Any) -> None:
    store, text, data = drawn
    again = run(store, text, "models.ngram.order=4", families="ngram,lstm,gpt", budget=ENOUGH)
    for name in ("generations", "sparsity", "context"):
        assert json.loads(json.dumps(again.data[name])) == data[name]


def test_a_budget_that_pays_for_no_picture_names_what_it_left_out(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(paragraphs(40, 4))
    outcome = run(Store.at(tmp_path / "store"), tmp_path / "text.txt", families="ngram,gpt", budget="5e6FLOP")
    assert outcome.data["sparsity"] == {} and outcome.data["context"] == {}
    left_out = {row["what"]: row["why"] for row in outcome.data["skipped"]}
    assert "the budget" in left_out["the picture of sparsity"]
    assert "the budget" in left_out["the picture of effective context"]


def test_every_family_has_a_year_and_they_stand_in_their_order() -> None:
    kinds = [family(name) for name in families()]
    assert [kind.name for kind in kinds if year_of(kind) is None and kind.learns != "parts"] == []
    names = [kind.name for kind in by_year(kinds)]
    assert names.index("ngram") < names.index("lstm") < names.index("gpt1") < names.index("gpt") < names.index("gpt3")
    assert names.index("gpt3") < names.index("palm") < names.index("llama")


@pytest.mark.ci
def test_published_sizes_are_those_of_the_papers_or_say_why_not() -> None:
    rows = {row["name"]: row for row in published_sizes()}
    for name, year, parameters in (("gpt1", 2018, 117e6), ("gpt3-175b", 2020, 175e9), ("palm-540b", 2022, 540.35e9)):
        assert rows[name]["year"] == year and rows[name]["published"] == parameters
    for row in rows.values():
        assert row["difference"] or row["parameters"] == pytest.approx(row["published"], rel=0.03), row["name"]
    assert [row["year"] for row in rows.values()] == sorted(row["year"] for row in rows.values())


def test_unseen_grams_of_planted_documents_are_those_counted_by_hand() -> None:
    end, text = 4, [[0, 1, 3], [0, 1]]
    starts = np.cumsum([0, *(len(document) + 1 for document in text)])
    ids = np.array([end, *(token for document in text for token in (*document, end))], np.uint16)
    stream = TokenStream(
        ids=ids, starts=starts, bytes=np.array([9, 6]), documents=["first", "second"], vocabulary=5, end_of_text=end
    )
    model = estimate_ngram(NgramSettings(order=3, smoothing="witten-bell"), 5, np.array([end, 0, 1, 2, end]), end)
    rows = unseen_by_document(model, stream, [0, 1])
    assert [(row["order"], row["grams"], row["unseen"], row["n"]) for row in rows] == [
        (1, 5, 1, 2),
        (2, 5, 1, 2),
        (3, 3, 1, 2),
    ]
    assert [row["mean"] for row in rows] == pytest.approx([1 / 5, 1 / 5, 1 / 3])


class Planted:
    """What `row_of` reads of a model's artifact."""

    def __init__(self) -> None:
        mark = {"step": 1, "tokens": 64, "flops": 5.0, "bits_per_byte": 3.0, "low": 2.9, "high": 3.1, "n": 4}
        self.statistics = {"tokens": 64, "flops": 5.0, "marks": [mark | {"sample": "left out", "seconds": 1.0}]}

    def read_json(self, _name: str) -> dict[str, Any]:
        return {"settings": {}}


@pytest.mark.parametrize(
    ("name", "year", "measure"),
    [("gpt", 2019, "likelihood"), ("xlnet", 2019, "likelihood"), ("bert", 2018, "pseudo-likelihood")],
)
def test_a_family_of_both_sides_is_marked_as_a_pseudo_likelihood(name: str, year: int, measure: str) -> None:
    planted: Any = Planted()
    row = row_of(family(name), planted, None)
    assert row == {
        "family": name,
        "title": family(name).title,
        "year": year,
        "measure": measure,
        "work": "FLOP",
        "points": [{"step": 1, "tokens": 64, "flops": 5.0, "bits_per_byte": 3.0, "low": 2.9, "high": 3.1, "n": 4}],
    }
