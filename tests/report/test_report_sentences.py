"""The findings as sentences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.report import summary_sentences

EXAMPLE: dict[str, Any] = json.loads((Path(__file__).parent / "example.json").read_text(encoding="utf-8"))


def model(family: str, mean: float, *, n: int = 214, title: str = "") -> dict[str, Any]:
    result = {"mean": mean, "low": mean - 0.02, "high": mean + 0.02, "n": n}
    return {"family": family, "title": title or family.upper(), "bits_per_byte": result}


THREE = [model("gpt", 1.62), model("lstm", 1.71), model("ngram", 1.80, title="5-gram")]


def test_the_first_sentence_is_the_finding() -> None:
    assert summary_sentences({"models": THREE}) == [
        "On 214 held-out documents the GPT needs 1.62 bits per byte, the LSTM 1.71 and the 5-gram 1.80."
    ]


def test_the_model_that_needs_the_fewest_bits_comes_first_whatever_the_order_of_the_data() -> None:
    assert summary_sentences({"models": THREE[::-1]}) == summary_sentences({"models": THREE})


def test_one_model_is_told_with_its_interval() -> None:
    assert summary_sentences({"models": [model("gpt", 1.62, n=1)]}) == [
        "On 1 held-out document the GPT needs 1.62 bits per byte (95 % interval 1.60 to 1.64)."
    ]


def test_models_that_two_decimals_cannot_tell_apart_are_told_with_three() -> None:
    sentence = summary_sentences({"models": [model("gpt", 1.621), model("lstm", 1.624)]})[0]
    assert "1.621" in sentence
    assert "1.624" in sentence


def test_no_number_of_documents_is_claimed_where_models_were_measured_on_different_ones() -> None:
    sentence = summary_sentences({"models": [model("gpt", 1.62, n=10), model("lstm", 1.7, n=20)]})[0]
    assert sentence.startswith("On held-out text the GPT")


@pytest.mark.parametrize("pair", [("gpt", "lstm", -0.09, -0.1, -0.08), ("lstm", "gpt", 0.09, 0.08, 0.1)])
def test_a_difference_is_told_in_the_same_words_from_either_side(pair: tuple[str, str, float, float, float]) -> None:
    row = dict(zip(("a", "b", "mean", "low", "high"), pair, strict=True))
    sentence = summary_sentences({"models": THREE, "differences": [row]})[1]
    assert sentence == (
        "On the same documents the GPT needs 0.090 bits per byte fewer than the LSTM (95 % interval 0.080 to 0.100)."
    )


def test_an_n_gram_that_beats_every_network_is_told_so_unless_it_was() -> None:
    mixed = [model("mixture", 1.5), model("ngram", 1.52), model("gpt", 1.6), model("lstm", 1.7)]
    for row, kind in zip(mixed, ("operations of its parts", "table operations", "FLOP", "FLOP"), strict=True):
        row["flops_kind"] = kind
    row = {"a": "gpt", "b": "ngram", "mean": 0.08, "low": 0.07, "high": 0.09, "n": 214}
    told = (
        "Counting does better than training here: the NGRAM needs 0.080 bits per byte fewer than the GPT "
        "(95 % interval 0.070 to 0.090)."
    )
    assert told in summary_sentences({"models": mixed, "differences": [row]})
    unclear = row | {"low": -0.01}
    for models, difference in ((mixed[1:], row), (mixed, unclear), ([*mixed[:1], model("gpt", 1.51)], row)):
        said = summary_sentences({"models": models, "differences": [difference]})
        assert not any(sentence.startswith("Counting") for sentence in said)


def test_an_interval_that_holds_zero_shows_no_difference() -> None:
    row = {"a": "gpt", "b": "lstm", "mean": -0.01, "low": -0.03, "high": 0.01, "n": 214}
    assert "no difference is shown" in summary_sentences({"models": THREE, "differences": [row]})[1]


@pytest.mark.parametrize(
    ("floor", "expected"),
    [
        (2.0, "All 3 models do better than the general compressor xz, which needs 2.00."),
        (1.75, "The 5-gram does not reach the general compressor xz, which needs 1.75."),
        (1.65, "The LSTM and the 5-gram do not reach the general compressor xz, which needs 1.65."),
        (1.0, "No model does better than the general compressor xz, which needs 1.00."),
    ],
)
def test_the_models_are_held_against_the_best_compressor(floor: float, expected: str) -> None:
    floors = [{"name": "bz2", "bits_per_byte": 3.0}, {"name": "xz", "bits_per_byte": floor}]
    assert summary_sentences({"models": THREE, "floors": floors})[1] == expected


def test_documents_are_accounted_for() -> None:
    documents = {"in": 7841, "kept": 5910, "dropped": {"short": 1900, "long": 9}, "quarantined": {"encoding": 22}}
    assert summary_sentences({"corpus": {"documents": documents}}) == [
        "Of 7,841 documents read, 5,910 were kept, 1,909 dropped and 22 quarantined."
    ]


def test_what_was_skipped_is_named_with_its_reason_and_a_long_list_is_cut() -> None:
    skips = [{"what": f"part {index}", "why": "no time"} for index in range(5)]
    assert summary_sentences({"skipped": skips}) == [
        "Skipped: part 0 (no time), part 1 (no time), part 2 (no time) and 2 more."
    ]


def test_a_model_without_a_measurement_gives_no_claim() -> None:
    assert summary_sentences({"models": [{"family": "gpt", "bits_per_byte": {"mean": None, "n": 0}}]}) == []


@given(st.lists(st.floats(min_value=0.01, max_value=20), min_size=2, max_size=6))
def test_every_measured_model_is_named_once_in_the_finding(means: list[float]) -> None:
    sentence = summary_sentences({"models": [model(f"m{index}x", mean) for index, mean in enumerate(means)]})[0]
    assert all(sentence.count(f"M{index}X") == 1 for index in range(len(means)))


@pytest.mark.parametrize("name", sorted(EXAMPLE))
def test_any_part_may_be_missing(name: str) -> None:
    sentences = summary_sentences({key: value for key, value in EXAMPLE.items() if key != name})
    assert sentences
    assert all(sentence.endswith(".") for sentence in sentences)


def test_a_remark_in_brackets_is_left_out_of_a_name_unless_names_would_fall_together() -> None:
    named = [model("ngram", 1.8, title="n-gram (modified Kneser-Ney)"), model("gpt", 1.9, title="GPT-2 (Transformer)")]
    assert summary_sentences({"models": named}) == [
        "On 214 held-out documents the n-gram needs 1.80 bits per byte, the GPT-2 1.90."
    ]
    alike = [model("a", 1.8, title="GPT (small)"), model("b", 1.9, title="GPT (large)")]
    assert "GPT (small)" in summary_sentences({"models": alike})[0]
