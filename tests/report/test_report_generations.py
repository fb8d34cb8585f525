"""The findings beside the pictures of the generations: expectation, measurement, interval, and whoever wins."""

from __future__ import annotations

from typing import Any

import pytest

from etymon.report import add_findings

TITLES = {"ngram": "n-gram (modified Kneser-Ney)", "gpt": "GPT-2 (Transformer)", "bert": "BERT (Transformer)"}


def curve(family: str, year: int, *ends: float, work: str = "FLOP", measure: str = "likelihood") -> dict[str, Any]:
    points = [
        {"flops": 10.0**at * 1e9, "bits_per_byte": end, "low": end - 0.1, "high": end + 0.1, "n": 7}
        for at, end in enumerate(ends)
    ]
    return {"family": family, "year": year, "work": work, "measure": measure, "points": points}


def data(gap: dict[str, Any] | None, *network: float, bert: bool = False) -> dict[str, Any]:
    families = [curve("ngram", 1948, 2.0, work="table operations"), curve("gpt", 2019, *network)]
    families += [curve("bert", 2018, 0.9, measure="pseudo-likelihood")] if bert else []
    made: dict[str, Any] = {
        "models": [{"family": family, "title": title} for family, title in TITLES.items()],
        "generations": {"families": families},
        "differences": [{"a": "ngram", "b": "gpt", "n": 32} | gap] if gap else [],
    }
    add_findings(made)
    return made


def test_an_ngram_that_beats_a_network_is_said_to() -> None:
    order, rival = data({"mean": -0.5, "low": -0.6, "high": -0.4}, 3.0, 2.5)["generations"]["findings"]
    assert order == (
        "Expected, given enough compute: each generation needs fewer bits per byte than the one before it (n-gram "
        "1948, GPT-2 2019). Measured at the end of each training, with 95 % intervals: 2.00 (1.90 to 2.10) and 2.50 "
        "(2.40 to 2.60): not in that order at this compute."
    )
    assert rival == (
        "The n-gram, counted once with 1 G table operations, beats the GPT-2 after 10 GFLOP: 0.500 bits per byte "
        "fewer (95 % interval 0.400 to 0.600, 32 held-out documents)."
    )


def test_a_network_that_beats_the_ngram_is_told_with_where_it_passed() -> None:
    order, rival = data({"mean": 0.5, "low": 0.4, "high": 0.6}, 3.0, 1.9, 1.5)["generations"]["findings"]
    assert order.endswith("as expected.")
    assert "is beaten by the GPT-2 after 100 GFLOP: 0.500 bits per byte more (95 % interval 0.400 to 0.600" in rival
    assert rival.endswith("It was passed at or before 10 GFLOP.")


@pytest.mark.parametrize("gap", [{"mean": 0.01, "low": -0.1, "high": 0.2}, {"mean": -0.01, "low": -0.2, "high": 0.1}])
def test_an_interval_that_holds_zero_shows_no_winner(gap: dict[str, Any]) -> None:
    rival = data(gap, 3.0, 2.0)["generations"]["findings"][1]
    assert "no difference is shown" in rival and "beat" not in rival


def test_a_pseudo_likelihood_is_compared_with_nothing() -> None:
    found = data({"mean": -0.5, "low": -0.6, "high": -0.4}, 3.0, 2.5, bert=True)["generations"]["findings"]
    assert len(found) == 3 and "BERT" not in found[0] + found[1]
    assert "The BERT is drawn apart" in found[2] and "pseudo-likelihood" in found[2]


def context_of(*means: float, **more: Any) -> list[str]:
    points = [
        {"context": 2**at, "mean": mean, "more": {"mean": gap, "low": gap - 0.01, "high": gap + 0.01, "n": 9}}
        for at, mean in enumerate(means)
        for gap in (mean - means[-1],)
    ]
    made: dict[str, Any] = {"context": {"families": [{"family": "gpt", "points": points} | more]}}
    add_findings(made)
    return made["context"]["findings"]


def test_the_length_from_which_nothing_is_gained_is_named() -> None:
    assert context_of(3.0, 2.5, 2.0, 2.0) == [
        "With 1 token in view the gpt needs 1.000 bits per byte more than with 8 tokens (95 % interval 0.990 to "
        "1.010, 9 held-out documents); from 4 tokens on no further gain is shown."
    ]
    assert context_of(3.0, 2.5, 2.0, 1.5)[0].endswith("it uses at least 8 tokens.")


def gaps(*each: tuple[float, float | None, float | None], n: int) -> str:
    points = [
        {"context": 2**at, "mean": 2.0 + gap, "more": {"mean": gap, "low": low, "high": high, "n": n}}
        for at, (gap, low, high) in enumerate(each)
    ]
    made: dict[str, Any] = {"context": {"families": [{"family": "gpt", "points": points}]}}
    add_findings(made)
    return made["context"]["findings"][0]


def test_one_document_shows_neither_a_gain_nor_that_there_is_none() -> None:
    told = gaps((0.8, None, None), (0.3, None, None), (0.0, None, None), n=1)
    assert told.endswith("0.800 bits per byte more than with 4 tokens; one document gives no interval.")


def test_a_context_that_is_shown_to_cost_more_lies_before_the_last_gain() -> None:
    told = gaps((0.8, -0.1, 1.2), (0.3, 0.1, 0.4), (0.1, -0.1, 0.2), (0.0, 0.0, 0.0), n=5)
    assert told.endswith("from 4 tokens on no further gain is shown.")


def test_an_ngram_is_held_to_its_order() -> None:
    assert context_of(3.0, 2.5, 2.0, 2.0, order=5)[0].endswith("Measured from 4 tokens on: exactly so.")
    assert context_of(3.0, 2.5, 2.0, 1.9, order=5)[0].endswith("not so, which is a fault.")


def test_sparsity_is_told_with_its_interval_and_the_smoothing_that_was_expected() -> None:
    def amount(tokens: int, share: float, best: str) -> dict[str, Any]:
        grams = [
            {"order": n, "mean": share * n / 2, "low": share * n / 2, "high": share * n / 2 + 0.01} for n in (1, 2)
        ]
        bits = {name: {"mean": 2.0, "low": 1.9, "high": 2.1} for name in ("katz", "modified-kneser-ney")}
        gap = {"a": best, "b": "witten-bell", "mean": -0.1, "low": -0.2, "high": -0.05, "n": 5}
        return {"tokens": tokens, "unseen": grams, "bits_per_byte": bits, "difference": gap}

    made: dict[str, Any] = {
        "sparsity": {"documents": 5, "amounts": [amount(100, 0.9, "katz"), amount(1000, 0.6, "katz")]}
    }
    add_findings(made)
    never, smoothing, more_text = made["sparsity"]["findings"]
    assert never.startswith(
        "Of the 2-grams in 5 held-out documents, 60.0 % were never seen in 1,000 tokens (95 % interval 60.0 to "
        "61.0 %), after 100 90.0 %; of single tokens, 30.0 %."
    )
    assert smoothing.startswith(
        "Expected (Chen and Goodman 1999): modified Kneser-Ney needs the fewest. Measured: katz"
    )
    assert "0.100 fewer than witten-bell (95 % interval 0.050 to 0.200, 5 held-out documents)" in smoothing
    assert more_text.startswith("From 100 to 1,000 tokens")


def test_smoothings_on_one_document_are_told_to_have_no_interval() -> None:
    gap = {"a": "katz", "b": "witten-bell", "mean": -0.3, "low": None, "high": None, "n": 1}
    amount = {"tokens": 100, "unseen": [], "bits_per_byte": {"katz": {"mean": 2.0}}, "difference": gap}
    made: dict[str, Any] = {"sparsity": {"documents": 1, "amounts": [amount]}}
    add_findings(made)
    assert made["sparsity"]["findings"][0].endswith("fewer than witten-bell (one document gives no interval).")
