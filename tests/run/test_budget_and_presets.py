"""What a budget buys: how it is read, divided and timed, and what sizes follow from it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.errors import EtymonError
from etymon.models import family
from etymon.run.budget import MEASURING_SHARE, TRAINING_SHARE, Budget, BudgetClock, Costs, Division, divide
from etymon.run.presets import (
    batch_tokens,
    dropout_for,
    families_preset,
    fitting_rows,
    learning_rate,
    most_steps,
    network_preset,
    parameters_for,
    row_length,
    tokenizer_preset,
)

COSTS = Costs(flops_per_byte=5e5, flops_per_second=5e10, seconds_per_sample=0.5)


def test_budgets_are_time_or_arithmetic() -> None:
    assert Budget.parse("10m").seconds == 600
    assert Budget.parse("1e15FLOP").flops == 1e15
    assert Budget.parse("1e15FLOP").seconds is None
    with pytest.raises(EtymonError, match="not an amount"):
        Budget.parse("ten minutes")


@given(
    seconds=st.floats(30, 1e6),
    spent_share=st.floats(0, 0.3),
    families=st.integers(1, 5),
    heldout=st.integers(1_000, 10**7),
    rate=st.floats(1e9, 1e14),
)
def test_a_budget_in_time_is_kept_and_training_gets_its_share(
    seconds: float, spent_share: float, families: int, heldout: int, rate: float
) -> None:
    spent = seconds * spent_share
    costs = Costs(flops_per_byte=5e5, flops_per_second=rate, seconds_per_sample=0.2)
    division = divide(Budget("b", seconds=seconds), spent, families, costs, heldout, heldout)
    assert division.training_seconds is not None
    training = division.training_seconds * families
    measured = (division.marks * division.validation_bytes + division.heldout_bytes) * families
    assert training >= TRAINING_SHARE * seconds - 0.1 * families
    assert 0 < division.heldout_bytes <= heldout
    assert 0 < division.validation_bytes <= heldout
    cheap = rate > 1e11 and seconds > 300
    if cheap:  # where the least that is always measured does not matter, all parts together are the budget
        total = spent + training + measured * 5e5 / rate + division.marks * 0.2 * families
        assert total <= 1.15 * seconds


@given(flops=st.floats(1e9, 1e20), families=st.integers(1, 5))
def test_a_budget_in_flops_is_divided_by_arithmetic_alone(flops: float, families: int) -> None:
    division = divide(Budget("b", flops=flops), 123.4, families, COSTS, 10**6, 10**6)
    other_day = divide(Budget("b", flops=flops), 5.0, families, Costs(5e5, 1e12, 9.0), 10**6, 10**6)
    assert division == other_day
    assert division.training_flops is not None
    assert math.isclose(division.training_flops * families, (1 - MEASURING_SHARE) * flops)


@pytest.mark.parametrize("budget", [Budget("b", seconds=3600.0), Budget("b", flops=1e15)])
def test_reading_again_for_a_mixture_is_paid_for(budget: Budget) -> None:
    alone, mixed = (divide(budget, 10.0, 2, COSTS, 10**8, 10**7, combined=many) for many in (0, 1))

    def measuring(division: Division, marks: int, ends: int) -> float:
        return marks * division.validation_bytes + ends * division.heldout_bytes

    assert measuring(mixed, mixed.marks + 2, 2) <= measuring(alone, alone.marks, 1) * 1.001
    assert mixed.training_flops == alone.training_flops
    short = [divide(budget, 10.0, 2, COSTS, 10**6, 10**6, combined=many).training_seconds for many in (0, 1)]
    assert budget.seconds is None or (short[0] or 0) > (short[1] or 0)


def test_the_clock_counts_earlier_starts_and_leaves_out_waiting() -> None:
    now = 100.0
    clock = BudgetClock(spent_before=40.0, clock=lambda: now)
    now = 110.0
    assert clock.spent == 50.0
    with clock.not_counted():
        now = 500.0
    assert clock.spent == 50.0
    now = 501.0
    assert clock.spent == 51.0


@given(size=st.integers(1, 10**12))
def test_the_vocabulary_is_a_power_of_two_that_grows_with_the_text(size: int) -> None:
    vocabulary = tokenizer_preset(size).values["tokenizer.vocabulary"]
    assert 512 <= vocabulary <= 16_384
    assert vocabulary & (vocabulary - 1) == 0
    assert tokenizer_preset(2 * size).values["tokenizer.vocabulary"] >= vocabulary


@given(compute=st.floats(1e8, 1e22), tokens=st.integers(100, 10**12))
def test_more_compute_never_means_a_smaller_model(compute: float, tokens: int) -> None:
    assert parameters_for(2 * compute, tokens) >= parameters_for(compute, tokens)
    assert 1e-5 < learning_rate(parameters_for(compute, tokens)) <= 4e-3
    batch = batch_tokens(compute / 1e7, tokens)
    assert batch % row_length(batch) == 0
    assert most_steps(tokens, batch) >= 200


def test_dropout_follows_from_how_often_the_text_is_read() -> None:
    assert [dropout_for(passes)[0] for passes in (1, 4, 8, 40)] == [0.0, 0.0, 0.1, 0.2]


@pytest.mark.parametrize("name", ["lstm", "gpt", "bert", "xlnet"])
@pytest.mark.parametrize("compute", [1e9, 3e12, 1e14])
def test_every_setting_of_a_network_preset_has_a_reason_and_can_be_built(name: str, compute: float) -> None:
    kind = family(name)
    preset = network_preset(kind, compute, 600_000, 4096)
    assert preset.values.keys() == preset.reasons.keys()
    assert all(preset.reasons.values())
    shape = {key.removeprefix(f"models.{name}."): v for key, v in preset.values.items() if key.startswith("models.")}
    counts = kind.counts(kind.settings(**shape), 4096, 64)
    assert counts.parameters == pytest.approx(parameters_for(compute, 600_000), rel=0.6) or counts.parameters < 1e6


def test_rows_follow_a_context_or_a_length_that_the_user_set() -> None:
    preset = network_preset(family("gpt"), 3e12, 600_000, 4096)
    short = fitting_rows(family("gpt"), preset, {"models.gpt.context": 48})
    assert short.values["training.gpt.length"] == 48
    assert short.values["training.gpt.batch_tokens"] % 48 == 0
    long = fitting_rows(family("gpt"), preset, {"training.gpt.length": 512})
    assert long.values["models.gpt.context"] == 512
    assert long.values["training.gpt.batch_tokens"] % 512 == 0
    assert fitting_rows(family("gpt"), preset, {}).values == preset.values


def test_the_context_of_a_bert_holds_the_special_tokens_of_its_rows_too() -> None:
    preset = network_preset(family("bert"), 3e12, 600_000, 4096)
    assert preset.values["models.bert.context"] == preset.values["training.bert.length"] + 3
    assert fitting_rows(family("bert"), preset, {"models.bert.context": 48}).values["training.bert.length"] == 45
    assert fitting_rows(family("bert"), preset, {"training.bert.length": 512}).values["models.bert.context"] == 515


def test_a_larger_budget_adds_generations_and_a_small_one_none() -> None:
    def families(budget: str) -> tuple[str, ...]:
        return families_preset(Budget.parse(budget)).values.get("families", ())

    assert families("6m") == families("10m") == families("1e13FLOP") == ()
    assert families("30m") == ("ngram", "lstm", "gpt", "bert", "xlnet")
    assert families("10h") == ("ngram", "lstm", "gpt", "bert", "xlnet", "palm")
    assert families("4e13FLOP") == ("ngram", "lstm", "gpt", "bert")
    assert "1e+13 FLOP" in families_preset(Budget.parse("2h")).reasons["families"]
