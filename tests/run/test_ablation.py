"""`ablate`: a harmful recipe is named, the same recipe twice is not, and nobody is asked what it was trained on."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.corpus import CorpusSettings, build
from etymon.errors import EtymonError
from etymon.run.ablation import (
    NO_DIFFERENCE,
    SAME,
    TOO_LITTLE_IN_COMMON,
    Comparison,
    ablate,
    judge,
    smallest_difference,
)
from etymon.run.byte_models import END_OF_TEXT, SmallModel, bits_of, byte_stream, learn
from etymon.run.fair_text import BOTH, EITHER, ONE, TRUSTED, fair_text, is_copy, is_held_out, passages, sample
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
    assert "A is better" in first.verdict and "trusted text" in first.verdict
    there = {each.view: each for each in first.comparisons}
    back = {each.view: each for each in second.comparisons}
    assert there[TRUSTED].mean == pytest.approx(-back[TRUSTED].mean)


def test_two_recipes_that_keep_the_same_train_nothing(store: Store, pages: str):
    other = CorpusSettings(near_duplicates="default")  # of which there are none
    found = ablate(store, CorpusSettings(), other, [pages], models=NGRAM, seeds=2)
    assert (found.better, found.verdict, found.comparisons, found.smallest) == ("", SAME, (), None)
    assert found.sides[0].corpus != found.sides[1].corpus
    assert store.artifacts("trial") == []


def test_a_recipe_that_drops_by_lot_makes_no_difference_and_the_smallest_that_would_show_is_told(
    store: Store, tmp_path: Path
):
    draw = random.Random(5)
    texts = [f"{sentences(draw)} {draw.choice(['lorem ipsum', 'dolor amet'])}" for _ in range(400)]
    path = tmp_path / "by-lot.toml"
    path.write_text(KEEPS_NOISE.replace("mean_word_length", "lorem_ipsum").replace('"<"', '">"').replace("= 6", "= 0"))
    page = write(tmp_path / "marked.jsonl", texts)
    found = ablate(store, CorpusSettings(), CorpusSettings(recipe=str(path)), [page], models=NGRAM, seeds=3)
    both = next(each for each in found.comparisons if each.view == BOTH)
    assert found.sides[1].documents < 0.7 * found.sides[0].documents
    assert found.better == "" and abs(both.mean) < 0.05
    assert found.smallest is not None and 0 < found.smallest < 0.3
    assert f"{found.smallest:.4f}" in found.verdict or NO_DIFFERENCE not in found.verdict


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


class Stop(BaseException):
    """As a kill would be, in the middle of the work."""


def test_a_stopped_ablation_goes_on_with_the_models_it_has(
    store: Store, tmp_path: Path, pages: str, harmful: CorpusSettings, monkeypatch: pytest.MonkeyPatch
):
    trained: list[str] = []

    def counted(*arguments: Any, **named: Any) -> Any:
        if len(trained) == 3:
            raise Stop
        trained.append(named["series"])
        return learn(*arguments, **named)

    monkeypatch.setattr("etymon.run.trials.learn", counted)
    with pytest.raises(Stop):
        ablate(store, CorpusSettings(), harmful, [pages], models=NGRAM, seeds=2)
    before = [*trained]
    trained.clear()
    found = ablate(store, CorpusSettings(), harmful, [pages], models=NGRAM, seeds=2)
    assert len(before) == 3 and len(trained) == 1 and trained[0] not in before
    monkeypatch.undo()
    straight = ablate(Store.at(tmp_path / "other"), CorpusSettings(), harmful, [pages], models=NGRAM, seeds=2)
    assert found.as_json() == straight.as_json()


def test_more_seeds_train_only_what_is_new(store: Store, pages: str, harmful: CorpusSettings):
    ablate(store, CorpusSettings(), harmful, [pages], models=NGRAM, seeds=1)
    first = {each.id for each in store.artifacts("trial")}
    ablate(store, CorpusSettings(), harmful, [pages], models=NGRAM, seeds=2)
    assert len(first) == 2 and first < {each.id for each in store.artifacts("trial")}
    assert len(store.artifacts("trial")) == 4


def test_nothing_is_said_of_the_time_before_one_model_of_each_kind_is_trained(
    store: Store, pages: str, harmful: CorpusSettings
):
    told: list[tuple[float, float | None]] = []

    def progress(done: float, total: float | None = None, note: str = "") -> None:
        if "seed" in note:
            told.append((done, total))

    kinds = [NGRAM[0], SmallModel(family="gpt", steps=1)]
    ablate(store, CorpusSettings(), harmful, [pages], models=kinds, seeds=2, budget=30_000, progress=progress)
    assert [total is None for _, total in told] == [True] * 3 + [False] * 5
    assert all(0 < done < total for done, total in told if total is not None)


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
    fair = fair_text(lenient, strict, None, 10**6)
    asked = {gram for view in fair.views.values() for text in view for gram in passages(text)}
    assert fair.left_out[0] > 10
    assert all(pool and not any(is_copy(text, asked) for text in pool) for pool in fair.pools)
    assert fair.views[ONE] and not set(fair.views[ONE]) & set(fair.views[BOTH])
    assert set(fair.views[EITHER]) == {*fair.views[BOTH], *fair.views[ONE]}


def test_a_recipe_that_leaves_too_little_is_refused(
    store: Store, pages: str, harmful: CorpusSettings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("etymon.run.ablation.LEAST_BUDGET", 120_000)
    with pytest.raises(EtymonError, match="Recipe B leaves"):
        ablate(store, CorpusSettings(), harmful, [pages], models=NGRAM)
    assert store.runs() == []


def test_a_recipe_that_keeps_nothing_is_named(store: Store, tmp_path: Path, pages: str):
    path = tmp_path / "nothing.toml"
    path.write_text(KEEPS_NOISE.replace("= 6", "= 20"))
    with pytest.raises(EtymonError) as told:
        ablate(store, CorpusSettings(), CorpusSettings(recipe=str(path)), [pages], models=NGRAM)
    assert told.value.where.startswith(f"recipe B ({path})") and "bytes of text" in told.value.what


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
    assert judge([unsure])[0] == "" and judge([unsure])[1].startswith(NO_DIFFERENCE)
    assert "one under 0.2000 bits per byte would not have shown" in judge([unsure])[1]
    assert judge([ROW, worse])[0] == ""
    assert judge([unsure, replace(ROW, view=EITHER)])[0] == ""
    assert judge([ROW, replace(ROW, view=EITHER)])[0] == "A"
    assert judge([ROW, worse, replace(worse, view=TRUSTED)])[0] == "B"
    assert judge([replace(ROW, view=ONE)]) == ("", TOO_LITTLE_IN_COMMON)
    assert judge([replace(ROW, view=EITHER)]) == ("", TOO_LITTLE_IN_COMMON)
    assert "A by 0.1000 (ngram)" in judge([ROW])[1]
    assert judge([ROW, replace(ROW, family="gpt", low=0.1, high=0.2)])[0] == ""


def test_the_smallest_difference_has_to_show_on_every_view_that_decides_by_one_family():
    wide = replace(ROW, low=-0.5, high=0.3)
    assert ROW.smallest == pytest.approx(0.1)
    assert smallest_difference([ROW, wide]) == pytest.approx(0.1)
    assert smallest_difference([ROW, replace(wide, view=EITHER)]) == pytest.approx(0.4)
    assert smallest_difference([ROW, replace(wide, view=ONE)]) == pytest.approx(0.1)
    assert smallest_difference([ROW, replace(wide, view=TRUSTED)]) == pytest.approx(0.4)
