"""Describing: explanations in words, the schema for editors, and declarations that say too little."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from example_recipe import Probing, Recipe, Training

from etymon.recipe import RecipeError, Setting, explain, keys, load, schema, to_json


def test_keys_are_listed_in_declared_order() -> None:
    assert keys(Recipe)[:7] == [
        "seed",
        "budget",
        "families",
        "sizes",
        "prompt",
        "training.learning_rate",
        "training.optimizer",
    ]
    assert keys(Recipe)[-2:] == ["models.lstm.width", "models.lstm.dropout"]
    assert "probing.every" in keys(Recipe)


def test_a_setting_is_explained_with_all_there_is_to_know() -> None:
    assert explain(Recipe, "models.gpt.layers").split("\n") == [
        "models.gpt.layers",
        "  number of blocks",
        "  type     a whole number",
        "  unit     blocks",
        "  limits   at least 1 and at most 96",
        "  default  4",
        "  read by  Network in example_recipe",
    ]


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("training.learning_rate", "  default  0.001"),
        ("training.batch", "  default  4096"),
        ("training.memory", '  default  "64 MiB"'),
        ("training.compute", "  default  none"),
        ("budget", '  default  "2h"'),
        ("budget", "  limits   at least 1m and at most 30d"),
        ("families", '  default  ["ngram"]'),
        ("training.optimizer", "  limits   one of adamw, muon"),
        ("probing.note", '  type     text, or "none"'),
        ("probing.every", "  default  none"),
        ("seed", "  read by  _Common in example_recipe"),
        ("training", "  table of learning_rate, optimizer, batch, memory, compute, strict"),
        ("probing", '  optional yes: "none" leaves it out'),
    ],
)
def test_an_explanation_tells_the_default_as_one_would_write_it(key: str, line: str) -> None:
    assert line in explain(Recipe, key).split("\n")


@pytest.mark.parametrize(
    ("key", "help"),
    [
        ("training.learning_rat", "did you mean training.learning_rate?"),
        ("layers", "did you mean models.gpt.layers or models.lstm.layers?"),
        ("trainin", "did you mean training?"),
        ("seed.x", "did you mean seed?"),
    ],
)
def test_an_unknown_key_is_answered_with_what_may_have_been_meant(key: str, help: str) -> None:
    with pytest.raises(RecipeError, match="there is no such setting") as caught:
        explain(Recipe, key)
    assert help in caught.value.help


def test_every_key_can_be_explained() -> None:
    assert all("read by" in explain(Recipe, key) for key in keys(Recipe))


def test_the_schema_describes_every_setting() -> None:
    found = json.loads(json.dumps(schema(Recipe)))
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for key in keys(Recipe):
        place = found
        for part in key.split("."):
            place = place["anyOf"][0] if "anyOf" in place else place
            assert place["additionalProperties"] is False
            place = place["properties"][part]
        assert place["description"]
    training = found["properties"]["training"]["properties"]
    assert training["learning_rate"] == {
        "description": "peak learning rate",
        "default": 0.001,
        "type": "number",
        "exclusiveMinimum": 0,
    }
    assert training["optimizer"]["enum"] == ["adamw", "muon"]
    assert found["properties"]["families"]["items"]["enum"] == ["ngram", "gpt", "lstm"]
    assert training["batch"]["anyOf"][0] == {"type": "integer", "minimum": 1}
    assert found["properties"]["probing"]["anyOf"][1] == {"enum": ["none", None]}


def test_the_schema_is_valid_and_takes_what_load_takes() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator
    validator.check_schema(schema(Recipe))
    check = validator(schema(Recipe)).is_valid
    assert check(to_json(Recipe(probing=Probing())))
    assert check({"budget": "1h", "probing": "none", "training": {"memory": "64 MiB", "compute": "none"}})
    assert not check({"sede": 1})
    assert not check({"models": {"gpt": {"layers": 0}}})
    assert not check({"budget": "soon"})


@dataclass(frozen=True, kw_only=True)
class Needy:
    size: Annotated[int, Setting("how large")]
    inner: Training


def test_the_schema_says_what_must_be_set() -> None:
    assert schema(Needy)["required"] == ["size"]


def test_a_type_may_also_be_optional_outside_of_its_annotation() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Outside:
        size: Annotated[int, Setting("how large")] | None = None

    Outside.__annotations__["size"] = Annotated[int, Setting("how large")] | None
    assert load(Outside, overrides=["size=3"]).size == 3
    assert load(Outside).size is None


def untold() -> type[Any]:
    @dataclass(frozen=True)
    class Untold:
        size: int = 3

    Untold.__annotations__["size"] = int
    return Untold


def unkind() -> type[Any]:
    @dataclass(frozen=True)
    class Unkind:
        size: object = None

    Unkind.__annotations__["size"] = Annotated[dict[str, int], Setting("a mapping")]
    return Unkind


@pytest.mark.parametrize(
    ("cls", "why"),
    [
        (untold(), "needs an Annotated"),
        (unkind(), "is not a kind of setting"),
        (int, "is not a settings dataclass"),
    ],
)
def test_a_declaration_that_says_too_little_is_refused(cls: type[Any], why: str) -> None:
    with pytest.raises(TypeError, match=why):
        keys(cls)


def test_a_setting_says_what_it_is_and_leaves_room_for_a_value() -> None:
    with pytest.raises(ValueError, match="its help is empty"):
        Setting(" ")
    with pytest.raises(ValueError, match="no value is at least 2 and at most 1"):
        Setting("something", low=2, high=1)
