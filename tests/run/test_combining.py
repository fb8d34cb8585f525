"""An infinity-gram and a mixture in a run: rows beside their parts, made once, opened again, repaired, told apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_runs import Heard, run

from etymon.errors import EtymonError
from etymon.models import load
from etymon.run import repair_store, write_on
from etymon.storage import Store

LITTLE = ("tokenizer.vocabulary=300", "models.ngram.order=3", "sampling.max_tokens=8")


def test_a_run_builds_both_from_its_n_gram_and_finds_them_again(text: Path, store: Store) -> None:
    first = run(store, text, *LITTLE, families="mixture,infinity,ngram")
    rows = {row["family"]: row for row in first.data["models"]}
    assert list(rows) == ["ngram", "infinity", "mixture"]
    for key in ("parameters", "tokens", "flops"):
        assert rows["mixture"][key] == rows["infinity"][key] == rows["ngram"][key]  # each part once
    assert rows["mixture"]["title"] == "mixture (ngram, infinity, cache)"
    mixture = first.models["mixture"]
    roles = {role: first.models[role.removeprefix("part/")].id for role in mixture.inputs if role.startswith("part/")}
    assert set(roles) == {"part/ngram", "part/infinity"} and roles.items() <= mixture.inputs.items()
    assert abs(sum(mixture.statistics["weights"]) - 1) < 1e-9
    assert len({each["bits_per_byte"]["n"] for each in rows.values()}) == 1
    heard = Heard()
    again = run(store, text, *LITTLE, families="mixture,infinity,ngram", narrator=heard)
    assert again.models == first.models and {"model/mixture", "model/infinity", "index"} <= heard.reused
    assert isinstance(write_on(store, "small/mixture", "the", ["max_tokens=3"]), str)
    assert isinstance(write_on(store, "small/infinity", "the", ["max_tokens=3"]), str)


def test_no_weight_follows_from_the_test_text(text: Path, store: Store) -> None:
    fitted = run(store, text, *LITTLE, families="ngram,mixture", name="a").models["mixture"]
    given = run(
        store,
        text,
        *LITTLE,
        "models.mixture.parts=ngram,cache",
        "models.mixture.weights=0.75,0.25",
        families="ngram,mixture",
        name="b",
    ).models["mixture"]
    assert given.statistics["weights"] == [0.75, 0.25] != fitted.statistics["weights"]
    validation = {mark["n"] for mark in fitted.statistics["marks"]}
    assert validation and min(each["bits_per_byte"] for each in fitted.statistics["marks"]) <= min(
        each["bits_per_byte"] for each in given.statistics["marks"]
    )


def test_a_damaged_mixture_is_put_together_again(text: Path, store: Store) -> None:
    mixture = run(store, text, *LITTLE, families="ngram,infinity,mixture").models["mixture"]
    (mixture.path / "mixture.json").write_bytes(b"{" + mixture.read("mixture.json")[1:-1] + b" ")
    assert store.verify() != []
    repair_store(store, None, [], Heard(), retrain=False, dry_run=False)
    assert store.verify() == []


@pytest.mark.parametrize(
    ("families", "words", "says"),
    [
        ("infinity", [], "no ngram is trained"),
        ("ngram,mixture", ["models.mixture.parts=ngram,gpt"], "no gpt is trained"),
        ("ngram,mixture", ["models.mixture.parts=ngram"], "at least two parts"),
        ("ngram,mixture", ["models.mixture.parts=ngram,mixture"], "none of them itself"),
        ("ngram,mixture", ["models.mixture.parts=ngram,ngram"], "each once"),
        ("ngram,mixture", ["models.mixture.weights=0.5,0.5"], "must be named"),
        ("ngram,mixture", ["models.mixture.parts=ngram,cache", "models.mixture.weights=0.5,0.4"], "sum to 1"),
        ("ngram,mixture", ["models.mixture.parts=ngram,cache", "models.mixture.weights=1"], "no weights for"),
        ("ngram,infinity", ["models.infinity.bands=5,3"], "do not ascend"),
        ("ngram,gpt,mixture", ["models.mixture.parts=ngram,gpt", "models.mixture.cache_length=3"], "do nothing"),
    ],
)
def test_what_cannot_be_put_together_is_told_before_anything_is_read(
    text: Path, store: Store, families: str, words: list[str], says: str
) -> None:
    with pytest.raises(EtymonError) as told:
        run(store, text, *words, families=families)
    assert says in str(told.value) and store.artifacts() == []


def test_a_run_does_not_go_on_from_what_has_no_counts(text: Path, store: Store) -> None:
    run(store, text, *LITTLE, families="ngram,mixture")
    with pytest.raises(EtymonError, match="put together of others"):
        run(store, text, name="on", initial="small/mixture")


def test_n_grams_of_lines_find_the_tokens_that_end_one(text: Path, store: Store) -> None:
    words = ("tokenizer.vocabulary=257", "models.ngram.order=3")
    lines = run(store, text, *words, "models.ngram.sentences=lines", name="lines").models["ngram"]
    plain = run(store, text, *words, name="plain").models["ngram"]
    assert lines.recipe["settings"]["line_ends"] == [ord("\n")] and "sentences" not in plain.recipe["settings"]
    assert load(lines).vocabulary == load(plain).vocabulary == 257
    again = run(store, text, name="on", initial="lines/ngram").models["ngram"]
    assert again.recipe["settings"] == lines.recipe["settings"]


def test_an_n_gram_of_bytes_looks_further_unless_it_is_told(text: Path, store: Store) -> None:
    alone = run(store, text, "tokenizer.vocabulary=257", name="a").models["ngram"]
    told = run(store, text, "tokenizer.vocabulary=257", "models.ngram.order=2", name="b").models["ngram"]
    assert (alone.recipe["settings"]["order"], told.recipe["settings"]["order"]) == (7, 2)
