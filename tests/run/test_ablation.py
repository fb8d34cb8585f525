"""`ablate`: a harmful recipe is named, the same recipe twice is not, and nobody is asked what it was trained on."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.corpus import CorpusSettings, build
from etymon.errors import EtymonError
from etymon.run.ablation import NO_DIFFERENCE, Comparison, ablate, judge
from etymon.run.byte_models import END_OF_TEXT, SmallModel, bits_of, byte_stream, learn
from etymon.run.fair_text import BOTH, EITHER, INPUT, TRUSTED, fair_text, is_copy, is_held_out, passages, sample
from etymon.storage import Store

NGRAM = (SmallModel(family="ngram"),)
SENTENCE = "the river ran past an old mill where the miller kept his grain and counted what the carts had brought"
KEEPS_NOISE = """
[[rule]]
name = "words"
column = "mean_word_length"
op = "<"
threshold = 6
source = "made to do harm"
"""


def sentences(draw: random.Random) -> str:
    return " ".join(f"{' '.join(draw.choices(SENTENCE.split(), k=9)).capitalize()}." for _ in range(8))


def noise(draw: random.Random) -> str:
    return " ".join("".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=9)) for _ in range(50))


def write(path: Path, texts: list[str]) -> str:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return str(path)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Half of them sentences, half of them noise."""
    draw = random.Random(1)
    texts = [sentences(draw) if number % 2 else noise(draw) for number in range(400)]
    return write(tmp_path_factory.mktemp("pages") / "pages.jsonl", texts)


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> str:
    draw = random.Random(2)
    return write(tmp_path_factory.mktemp("wanted") / "wanted.jsonl", [sentences(draw) for _ in range(40)])


@pytest.fixture
def harmful(tmp_path: Path) -> CorpusSettings:
    path = tmp_path / "keeps-noise.toml"
    path.write_text(KEEPS_NOISE)
    return CorpusSettings(recipe=str(path))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.at(tmp_path / "store")


def test_a_harmful_recipe_is_named_on_either_side(store: Store, pages: str, wanted: str, harmful: CorpusSettings):
    asked = {"trusted": [wanted], "models": NGRAM, "seeds": 2}
    first = ablate(store, CorpusSettings(), harmful, [pages], **asked)
    second = ablate(store, harmful, CorpusSettings(), [pages], **asked)
    assert (first.better, second.better) == ("A", "B")
    assert "A is better" in first.in_words() and "trusted text" in first.verdict
    there = {each.view: each for each in first.comparisons}
    back = {each.view: each for each in second.comparisons}
    assert there[TRUSTED].mean == pytest.approx(-back[TRUSTED].mean)


def test_the_same_recipe_twice_makes_no_difference(store: Store, pages: str):
    found = ablate(store, CorpusSettings(), CorpusSettings(), [pages], models=NGRAM, seeds=2)
    assert (found.better, found.verdict) == ("", NO_DIFFERENCE)
    assert {each.mean for each in found.comparisons} == {0.0}


def test_without_trusted_text_two_tastes_are_told_and_no_winner(store: Store, pages: str, harmful: CorpusSettings):
    found = ablate(store, CorpusSettings(), harmful, [pages], models=NGRAM, seeds=2)
    better = {each.view: each.better for each in found.comparisons}
    assert (better[BOTH], better[EITHER]) == ("B", "A")
    assert found.better == "" and "give text like what the models are wanted for" in found.verdict


def test_an_ablation_is_found_again_and_its_run_leaves_nothing(store: Store, pages: str, harmful: CorpusSettings):
    first = ablate(store, CorpusSettings(), harmful, [pages], models=NGRAM, seeds=1)

    def told(done: float, total: float | None = None, note: str = "") -> None:
        assert "training" not in note

    assert ablate(store, CorpusSettings(), harmful, [pages], models=NGRAM, seeds=1, progress=told) == first
    assert store.runs() == []


def test_networks_learn_and_clear_up_after_themselves(store: Store, pages: str, harmful: CorpusSettings):
    found = ablate(
        store, CorpusSettings(), harmful, [pages], models=[SmallModel(family="gpt", steps=2)], seeds=1, budget=30_000
    )
    assert {each.family for each in found.comparisons} == {"gpt"}
    assert all(1 < each.a < 9 and 1 < each.b < 9 for each in found.comparisons)
    assert store.runs() == []


def test_nothing_asked_about_is_trained_on_even_where_a_recipe_keeps_copies(store: Store, tmp_path: Path):
    draw = random.Random(3)
    texts = [sentences(draw) for _ in range(150)]
    copies = [f"{text} Printed again." for text in texts]
    page = write(tmp_path / "twice.jsonl", [*texts, *copies])
    lenient = build(store, [page], CorpusSettings(near_duplicates="off"))
    strict = build(store, [page], CorpusSettings(near_duplicates="default"))
    fair = fair_text(lenient, strict, [page], None, 10**6)
    asked = {gram for view in fair.views.values() for text in view for gram in passages(text)}
    assert fair.left_out[0] > 10
    assert all(pool and not any(is_copy(text, asked) for text in pool) for pool in fair.pools)
    assert INPUT in fair.views


def test_a_recipe_that_leaves_too_little_is_refused(
    store: Store, pages: str, harmful: CorpusSettings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("etymon.run.ablation.LEAST_BUDGET", 120_000)
    with pytest.raises(EtymonError, match="Recipe B leaves"):
        ablate(store, CorpusSettings(), harmful, [pages], models=NGRAM)


def test_an_unknown_small_model_is_refused(store: Store):
    with pytest.raises(EtymonError, match="no small model"):
        learn(SmallModel(family="oracle"), byte_stream(["text"]), seed=0, into=store.run("x"), series="x")


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=30), max_size=8))
def test_a_stream_of_bytes_holds_every_text_whole(texts: list[str]):
    stream = byte_stream(texts)
    for text, start, end in zip(texts, stream.starts, stream.starts[1:], strict=False):
        assert bytes(stream.ids[start + 1 : end].astype(np.uint8)) == text.encode()
    assert (stream.ids == END_OF_TEXT).sum() == len(texts) + 1


@given(st.lists(st.text("abcé", min_size=1, max_size=30), min_size=1, max_size=30), st.integers(1, 200))
def test_a_sample_has_the_size_that_was_asked_for(texts: list[str], budget: int):
    size = sum(len(text.encode()) for text in sample(texts, "0", budget))
    there = sum(len(text.encode()) for text in set(texts))
    assert min(budget, there) - 1 <= size <= min(budget, there)


def test_two_collections_that_share_texts_give_samples_that_share_them():
    texts = [f"text number {number}" for number in range(200)]
    whole, half = sample(texts, "7", 1000), sample(texts[:150], "7", 1000)
    assert len(set(whole) & set(half)) > 0.6 * len(whole)


def test_a_tenth_of_all_places_is_held_out():
    assert sum(is_held_out(f"file\0{number}") for number in range(20_000)) == pytest.approx(2000, rel=0.1)


def test_a_text_is_a_copy_by_what_it_says_not_by_its_marks():
    text = "One two three four five, six seven eight nine ten: eleven twelve thirteen fourteen."
    assert is_copy(text.upper().replace(",", ";"), passages(text))
    assert not is_copy(
        "Quite another sentence of many words that share nothing with the first at all here.", passages(text)
    )


def test_bits_are_of_every_document_that_is_asked_about(store: Store):
    stream = byte_stream(["some text", "some other text"])
    bits = bits_of(learn(NGRAM[0], stream, seed=0, into=store.run("x"), series="x"), stream)
    assert set(bits) == set(stream.documents) and all(value > 0 for value in bits.values())


ROW = Comparison(family="ngram", view=BOTH, a=2.0, b=2.1, mean=-0.1, low=-0.2, high=-0.05, n=9, by_seed=(-0.1,))


def test_verdicts():
    unsure = replace(ROW, high=0.1)
    worse = replace(ROW, view=EITHER, mean=0.1, low=0.05, high=0.2)
    assert judge([ROW])[0] == "A"
    assert judge([unsure]) == ("", NO_DIFFERENCE)
    assert judge([ROW, worse])[0] == ""
    assert judge([unsure, replace(ROW, view=EITHER)])[0] == ""
    assert judge([ROW, replace(ROW, view=EITHER)])[0] == "A"
    assert judge([ROW, worse, replace(worse, view=TRUSTED)])[0] == "B"
    assert judge([replace(ROW, view=INPUT)]) == ("", NO_DIFFERENCE)
    assert judge([ROW, replace(ROW, family="gpt", low=0.1, high=0.2)])[0] == ""
