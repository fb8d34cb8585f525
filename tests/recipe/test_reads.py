"""Recording which settings are read, so that one that does nothing can be found."""

from __future__ import annotations

import copy
import threading
from dataclasses import asdict, replace
from operator import attrgetter

import pytest
from example_recipe import Network, Probing, Recipe, Training

from etymon.recipe import check, diff, from_json, keys, recording_reads, to_json, to_toml, watch


def test_a_read_of_a_nested_setting_is_recorded_under_its_dotted_key() -> None:
    settings = Recipe()
    with watch(settings) as reads:
        assert settings.seed == 0
        gpt = settings.models.gpt
        assert gpt.layers == 4
        assert attrgetter("training.strict")(settings) is False
    assert reads.keys == {"seed", "models.gpt.layers", "training.strict"}
    assert reads.unread == [key for key in keys(Recipe) if key not in reads.keys]


def test_only_the_watched_tree_counts_and_each_place_by_itself() -> None:
    settings, other = Recipe(), Recipe()
    with watch(settings) as reads:
        assert other.seed == 0
        assert settings.models.lstm.heads == 4
    assert reads.keys == {"models.lstm.heads"}


def test_for_a_class_all_settings_count_also_those_made_meanwhile() -> None:
    with recording_reads(Recipe) as reads:
        settings = from_json(Recipe, {"seed": 3})
        assert replace(settings, prompt="x").prompt == "x"
        assert Training().strict is False
        assert Network().heads == 4
        assert Probing().note is None
    assert reads.keys == {"prompt", "training.strict", "models.gpt.heads", "models.lstm.heads", "probing.note"}


def test_carrying_settings_about_is_no_use_of_them() -> None:
    settings = Recipe(probing=Probing())
    with watch(settings) as reads, recording_reads(Recipe) as all_reads:
        assert from_json(Recipe, to_json(settings)) == settings
        assert to_toml(settings)
        assert diff(settings, Recipe()) != []
        assert hash(settings) == hash(replace(settings))
        assert repr(settings).startswith("Recipe(")
        assert asdict(settings)["seed"] == 0
        assert copy.deepcopy(settings) == settings
        check(settings)
    assert reads.keys == set()
    assert all_reads.keys == set()


def test_settings_stay_what_they_are_while_and_after_they_are_watched() -> None:
    settings = Recipe()
    before = type(settings).__getattribute__
    with watch(settings):
        assert settings == Recipe()
        assert type(settings) is Recipe
        with pytest.raises(AttributeError):
            settings.seed = 3
        with pytest.raises(AttributeError):
            settings.sede  # noqa: B018
    assert type(settings).__getattribute__ is before
    assert Network.__getattribute__ is object.__getattribute__


def test_recordings_may_overlap_and_end_in_any_order() -> None:
    settings = Recipe()
    outer, inner = watch(settings), watch(settings)
    first, second = outer.__enter__(), inner.__enter__()
    assert settings.seed == 0
    outer.__exit__(None, None, None)
    assert settings.prompt == ""
    inner.__exit__(None, None, None)
    assert settings.budget == 7200
    assert (first.keys, second.keys) == ({"seed"}, {"seed", "prompt"})


def test_reads_in_other_threads_count_and_an_error_ends_the_recording() -> None:
    settings = Recipe()
    with pytest.raises(RuntimeError, match="stop"), watch(settings) as reads:
        thread = threading.Thread(target=lambda: settings.seed)
        thread.start()
        thread.join()
        raise RuntimeError("stop")
    assert reads.keys == {"seed"}
    assert Recipe.__getattribute__ is object.__getattribute__


def test_a_setting_that_does_nothing_is_found() -> None:
    def train(settings: Training) -> float:
        return settings.learning_rate * settings.batch if settings.strict else len(settings.optimizer) + settings.memory

    settings = Training()
    with watch(settings) as reads:
        assert train(settings) > 0
        assert train(replace(settings, strict=True)) > 0
    assert reads.unread == ["learning_rate", "batch", "compute"]
