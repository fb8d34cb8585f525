"""Writing: a recipe file loads back equal, says what each setting is and why, and differences are found."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from example_recipe import Network, Probing, Recipe, Training
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recipe_strategies import recipes

from etymon.recipe import Difference, RecipeError, check, diff, from_json, keys, load, to_json, to_toml


@given(recipes)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_written_recipe_loads_back_equal(tmp_path: Path, recipe: Any) -> None:
    file = tmp_path / "recipe.toml"
    file.write_bytes(to_toml(recipe).encode())
    assert load(Recipe, files=[file]) == recipe


@given(recipes)
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
def test_json_loads_back_equal_and_a_recipe_does_not_differ_from_itself(recipe: Any) -> None:
    text = json.dumps(to_json(recipe), allow_nan=False)
    back = from_json(Recipe, json.loads(text))
    assert back == recipe
    assert diff(recipe, back) == []


@given(recipes, recipes)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_there_are_differences_just_between_recipes_that_are_not_equal(one: Any, other: Any) -> None:
    assert (diff(one, other) == []) == (one == other)
    assert [(each.key, each.b, each.a) for each in diff(other, one)] == [
        (each.key, each.a, each.b) for each in diff(one, other)
    ]


@given(st.text(), st.text())
@settings(max_examples=60)
def test_no_reason_can_break_the_file(reason: str, prompt: str) -> None:
    text = to_toml(Recipe(prompt=prompt), {"seed": reason, "models.gpt": reason})
    assert tomllib.loads(text)["prompt"] == prompt


def test_each_setting_stands_under_its_help_limits_unit_and_reason() -> None:
    recipe = Recipe(models=type(Recipe().models)(gpt=Network(layers=12)), training=Training(batch=1_500_000))
    text = to_toml(recipe, {"models.gpt.layers": "12 suit\nthe budget", "models.gpt": "the largest"})
    assert (
        "# Why: the largest\n[models.gpt]\n# number of blocks (blocks, at least 1 and at most 96)\n"
        "# Why: 12 suit the budget\nlayers = 12\n"
    ) in text
    assert '# tokens in a step (tokens, at least 1)\nbatch = "1.5M"\n' in text
    assert '# time in all (at least 1m and at most 30d)\nbudget = "2h"\n' in text
    assert '# kinds of model (one of ngram, gpt, lstm)\nfamilies = ["ngram"]\n' in text
    assert "# How a network learns.\n[training]\n" in text
    assert 'probing = "none"\n' in text


def test_every_key_of_the_tree_is_in_the_file() -> None:
    tree = tomllib.loads(to_toml(Recipe(probing=Probing())))
    for key in keys(Recipe):
        value: Any = tree
        for part in key.split("."):
            value = value[part]
        assert value != {}


def test_long_reasons_are_wrapped() -> None:
    text = to_toml(Recipe(), {"seed": "because " * 60})
    assert max(map(len, text.splitlines())) <= 120


def test_a_reason_for_what_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="reasons for settings that do not exist: sede"):
        to_toml(Recipe(), {"sede": "a typo"})


@pytest.mark.parametrize(
    ("recipe", "why"),
    [
        (Recipe(seed=-1), "at least 0"),
        (Recipe(prompt=3), "text is wanted"),
        (Recipe(budget=float("nan")), "not a finite number"),
        (Recipe(training=Training(learning_rate=float("inf"))), "not a finite number"),
        (Recipe(probing=Probing(note="none")), "the word none stands for no value"),
        (Recipe(training=Training(optimizer="adam")), "not one of the choices"),
    ],
)
def test_values_built_in_python_are_held_to_the_same_limits(recipe: Any, why: str) -> None:
    for function in (check, to_toml):
        with pytest.raises(RecipeError, match=why) as caught:
            function(recipe)
        assert caught.value.where == "Recipe built in Python"


def test_json_has_seconds_bytes_and_null() -> None:
    found = to_json(Recipe(budget=90.0, sizes=(1, 2)))
    assert (found["budget"], found["sizes"], found["probing"]) == (90.0, [1, 2], None)
    assert found["training"]["compute"] is None
    assert list(found) == ["seed", "budget", "families", "sizes", "prompt", "training", "probing", "models"]


def test_stored_json_that_does_not_fit_is_told_with_all_its_mistakes() -> None:
    with pytest.raises(RecipeError) as caught:
        from_json(Recipe, {"seed": None, "sede": 1, "budget": True, "models": []}, source="manifest.json")
    assert [(str(each.place), each.why) for each in caught.value.mistakes] == [
        ("manifest.json", "a whole number is wanted, this is null"),
        ("manifest.json", "there is no setting 'sede'"),
        ("manifest.json", "an amount of time is wanted, this is true or false"),
        ("manifest.json", "a table is wanted, this is a list"),
    ]


def test_json_may_leave_out_what_has_a_default() -> None:
    assert from_json(Network, {"layers": 2}) == Network(layers=2)


def test_a_difference_names_the_key_and_both_values() -> None:
    one = Recipe()
    other = replace(one, seed=3, training=replace(one.training, strict=True), probing=Probing())
    found = diff(one, other)
    assert found[:2] == [Difference("seed", 0, 3), Difference("training.strict", False, True)]
    assert found[2] == Difference("probing", None, {"every": 60.0, "note": None})
    assert str(found[0]) == "seed: 0 -> 3"
