"""Loading: who overrides whom, what is accepted, and that every mistake of every source is told in one run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from example_recipe import Network, Probing, Recipe, Training

from etymon.errors import EtymonError
from etymon.recipe import Duration, Mistake, RecipeError, Setting, load, sources


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str, name: str = "demo.toml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def mistakes(**given: Any) -> list[Mistake]:
    with pytest.raises(RecipeError) as caught:
        load(Recipe, **given)
    return list(caught.value.mistakes)


def only_mistake(**given: Any) -> Mistake:
    found = mistakes(**given)
    assert len(found) == 1, found
    return found[0]


def test_without_anything_given_every_value_is_the_declared_default() -> None:
    assert load(Recipe) == Recipe()
    assert load(Recipe).training.learning_rate == 1e-3  # the default object declared there, not the class's own


def test_overrides_win_over_files_later_files_over_earlier_files_over_the_base(write) -> None:
    first = write("seed = 1\nprompt = 'first'\nbudget = '1h'\n", "first.toml")
    second = write("prompt = 'second'\nbudget = '2h'\n[training]\nbatch = '8k'\n", "second.toml")
    base = {"seed": 9, "sizes": (1, 2), "training": {"strict": True}, "models.gpt.layers": 7}
    settings = load(Recipe, files=[first, second], overrides=["budget=3h"], base=base)
    assert (settings.seed, settings.prompt, settings.budget, settings.sizes) == (1, "second", 10_800, (1, 2))
    assert settings.training == Training(learning_rate=1e-3, batch=8000, strict=True)
    assert settings.models.gpt == Network(layers=7)


def test_where_each_value_comes_from_can_be_asked(write) -> None:
    path = write("\nseed = 1\n[training]\nstrict = true\n")
    found = sources(Recipe, files=[path], overrides=["training.batch=8k", "seed=3"], base={"sizes": [1]})
    assert found == {
        "seed": "command line",
        "sizes": "the preset",
        "training.batch": "command line",
        "training.strict": f"{path}:4",
    }


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("models.gpt.layers=4", "models.gpt.layers", 4),
        ("seed=1_000", "seed", 1000),
        ("training.learning_rate=3e-4", "training.learning_rate", 3e-4),
        ("training.learning_rate=1", "training.learning_rate", 1.0),
        ("families=ngram,gpt", "families", ("ngram", "gpt")),
        ("families=ngram, gpt", "families", ("ngram", "gpt")),
        ('families=["lstm"]', "families", ("lstm",)),
        ("families=", "families", ()),
        ("sizes=1,2", "sizes", (1, 2)),
        ("prompt=Once upon a = time", "prompt", "Once upon a = time"),
        ('prompt="quoted \\n"', "prompt", "quoted \n"),
        ("prompt=", "prompt", ""),
        ("prompt=3", "prompt", "3"),
        ("prompt=none", "prompt", "none"),
        ("training.strict=true", "training.strict", True),
        ("budget=1h30m", "budget", 5400.0),
        ("training.memory=2GB", "training.memory", 2_000_000_000),
        ("training.batch=4k", "training.batch", 4000),
        ("training.compute=3 PFLOP", "training.compute", 3e15),
        ("training.compute=none", "training.compute", None),
        ("training.optimizer=muon", "training.optimizer", "muon"),
        ("probing.note=none", "probing.note", None),
        ("models.gpt={layers = 5, heads = 8}", "models.gpt", Network(layers=5, heads=8)),
        ("probing={}", "probing", Probing()),
        ("probing.every=5m", "probing", Probing(every=Duration(300))),
    ],
)
def test_an_override_spells_its_value_without_quotes(override: str, key: str, value: object) -> None:
    found = load(Recipe, overrides=[override])
    for part in key.split("."):
        found = getattr(found, part)
    assert found == value
    assert type(found) is type(value)


def test_an_optional_table_is_there_when_named_and_gone_when_set_to_none(write) -> None:
    path = write("[probing]\nnote = 'look'\n")
    assert load(Recipe).probing is None
    assert load(Recipe, files=[path]).probing == Probing(note="look")
    assert load(Recipe, files=[write("[probing]\n", "empty.toml")]).probing == Probing()
    assert load(Recipe, files=[path], overrides=["probing=none"]).probing is None
    assert load(Recipe, files=[path, write("probing = 'none'", "none.toml")]).probing is None
    assert load(Recipe, overrides=["probing.every=2m"], base={"probing": None}).probing == Probing(every=Duration(120))


def test_a_base_may_hold_settings_objects() -> None:
    assert load(Recipe, base={"models": {"gpt": Network(layers=9)}}).models.gpt.layers == 9


FULL = """\
sede = 3
seed = -1
budget = "10 parsecs"
families = ["ngram", "gtp"]
prompt = 5
sizes = 3

[training]
learning_rat = 1
learning_rate = nan
optimizer = 'adam'
batch = 1.5
memory = "64M"
strict = "true"
strict = true

[modles.gpt]
layers = 1
heads = 2

[models.gpt]
layers = 0
width = { x = 1 }
heads = 4.0
dropout = 1

[training.batch]
x = 1
[models.lstm
x = 1
"""

EXPECTED = [
    (1, "there is no setting 'sede'", "did you mean seed?"),
    (2, "it must be at least 0", "it takes a whole number, at least 0"),
    (3, "there is no unit 'parsecs' for it", '"1h30m" or "2 days", at least 1m and at most 30d'),
    (
        4,
        "gtp is not one of the choices",
        "did you mean gpt? it takes a list, each element text, one of ngram, gpt, lstm",
    ),
    (5, "text is wanted, this is a whole number", 'put it in quotes: "5"'),
    (6, "a list is wanted, this is a whole number", "put it in brackets: [3]"),
    (9, "there is no setting 'learning_rat'", "did you mean training.learning_rate?"),
    (10, "it is not a finite number", "it takes a number, above 0"),
    (11, "adam is not one of the choices", "did you mean adamw? it takes text, one of adamw, muon"),
    (12, "a whole number is wanted, this is a decimal number", "in tokens"),
    (13, "M may mean MB (thousands) or MiB (1024s)", "at least 1 MiB"),
    (14, "true or false is wanted, this is text", "it takes true or false"),
    (15, "training.strict is set twice, first on line 14", ""),
    (17, "there is no table 'modles'", "did you mean models?"),
    (22, "it must be at least 1", "it takes a whole number, at least 1 and at most 96, in blocks"),
    (23, "a value is wanted, this is a table", "models.gpt.width takes a whole number"),
    (24, "a whole number is wanted, this is a decimal number", "it takes a whole number"),
    (25, "it must be below 1", "it takes a number, at least 0 and below 1"),
    (27, "training.batch is set twice, first on line 12", ""),
    (29, "the [ is never closed", ""),
    (30, "there is no setting 'x'", "there are: models.lstm.layers"),
]


def test_every_mistake_of_a_file_is_told_in_one_run_with_its_line_and_what_is_allowed(write) -> None:
    path = write(FULL)
    found = mistakes(files=[path])
    assert [mistake.place.line for mistake in found] == [line for line, _, _ in EXPECTED]
    for mistake, (line, why, help) in zip(found, EXPECTED, strict=True):
        assert str(mistake.place) == f"{path}:{line}"
        assert why in mistake.why
        assert help in mistake.help


def test_mistakes_of_all_sources_come_in_one_error_in_order(write) -> None:
    first, second = write("seed = x\n", "first.toml"), write("a = 1\n", "second.toml")
    found = mistakes(files=[second, first], overrides=["b=1", "seed=y"], base={"c": 1})
    assert [str(each.place) for each in found] == [
        "the preset",
        f"{second}:1",
        f"{first}:1",
        "command line",
        "command line",
    ]


def test_one_mistake_is_an_error_with_all_its_parts_and_many_are_a_list(write) -> None:
    path = write("\nseed = -1\n")
    with pytest.raises(EtymonError) as caught:
        load(Recipe, files=[path])
    assert caught.value.what == "seed = -1: it must be at least 0"
    assert caught.value.where == f"{path}:2"
    assert caught.value.help == "it takes a whole number, at least 0"
    with pytest.raises(EtymonError) as caught:
        load(Recipe, files=[path], overrides=["sede=3"])
    assert str(caught.value) == (
        f"2 mistakes in the recipe\n  {path}:2: seed = -1: it must be at least 0\n      it takes a whole number, "
        "at least 0\n  command line: sede=3: there is no setting 'sede'\n      did you mean seed?"
    )


@pytest.mark.parametrize(
    ("override", "why", "help"),
    [
        ("seed", "it is not key=value", "write it like"),
        ("=3", "it is not key=value", "write it like"),
        ("a..b=3", "it is not key=value", "write it like"),
        ("layers=4", "there is no setting 'layers'", "did you mean models.gpt.layers or models.lstm.layers?"),
        ("model.gpt.layers=4", "there is no table 'model'", "did you mean models?"),
        ("models.gpt.layer=4", "there is no setting 'layer'", "did you mean models.gpt.layers?"),
        ("zzz=4", "there is no setting 'zzz'", "there are: seed, budget"),
        ("seed=four", "a whole number is wanted", "at least 0"),
        ("seed=1.5", "a whole number is wanted", "at least 0"),
        ("seed=99999999999999999999", "it does not fit into 64 bits", ""),
        ("training.learning_rate=inf", "it is not a finite number", "above 0"),
        ("training.learning_rate=1e999", "it is not a finite number", "above 0"),
        ("training.learning_rate=fast", "a number is wanted", "above 0"),
        ("training.learning_rate=0", "it must be above 0", "above 0"),
        ("training.strict=yes", "true or false is wanted", "true or false"),
        ("training.batch=2m", "m may mean thousandths or millions", "in tokens"),
        ("budget=90", "the unit is missing", '"1h30m"'),
        ("budget=5s", "it must be at least 1m", "at most 30d"),
        ("budget=60d", "it must be at most 30d", "at most 30d"),
        ("families=ngram,GPT", "GPT is not one of the choices", "did you mean gpt?"),
        ("families=ngram,,", "is not one of the choices", "one of ngram"),
        ('families=["gpt"', "it is not TOML", "one of ngram"),
        ("sizes=1,b", 'element "b": a whole number is wanted', "at least 1"),
        ("sizes=1,0", "it must be at least 1", "at least 1"),
        ('prompt="a"b"', "it is not TOML", "it takes text"),
        ("models=3", "a table is wanted, this is text", "its settings are models.gpt, models.lstm"),
        ("models=none", "a table is wanted, this is text", "its settings are"),
        ("models.gpt={layers = }", "invalid value", "a table is written {key = value, ...}"),
        ("models.gpt={heds = 3}", "there is no setting 'heds'", "did you mean models.gpt.heads?"),
        ("seed.x=3", "a value is wanted, this is a table", "seed takes a whole number"),
    ],
)
def test_a_wrong_override_is_told_as_such(override: str, why: str, help: str) -> None:
    mistake = only_mistake(overrides=[override])
    assert str(mistake.place) == "command line"
    assert why in mistake.why
    assert help in mistake.help


def test_the_same_key_twice_on_one_command_line_is_a_mistake() -> None:
    assert only_mistake(overrides=["seed=1", "seed=2"]).why == "seed is set twice, first by seed=1"


def test_a_bad_value_is_told_even_where_a_good_one_overrides_it(write) -> None:
    assert only_mistake(files=[write("seed = 'x'\n")], overrides=["seed=1"]).place.line == 1


def test_a_header_that_is_wrong_is_told_once_and_not_for_each_key_below(write) -> None:
    text = "[seed]\na = 1\nb = 2\n[modles]\na = 1\nb = 2\n[training]\nc = {d = 1, e = 2}\n"
    assert [mistake.place.line for mistake in mistakes(files=[write(text)])] == [1, 4, 8]


def test_files_that_cannot_be_read_are_mistakes_too(write, tmp_path: Path) -> None:
    write("seed = 1\n")
    missing = only_mistake(files=[tmp_path / "dmo.toml"])
    assert "No such file" in missing.why
    assert missing.help == f"did you mean {tmp_path / 'demo.toml'}?"
    assert "there is no folder" in only_mistake(files=[tmp_path / "nowhere" / "demo.toml"]).help
    (tmp_path / "latin.toml").write_bytes(b"seed = 1\nprompt = 'caf\xe9'\n")
    latin = only_mistake(files=[tmp_path / "latin.toml"])
    assert (latin.place.line, latin.subject, latin.why) == (2, "byte 0xe9", "it is not UTF-8")


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "windows.toml").write_bytes(b"\xef\xbb\xbfseed = 3\r\nprompt = '''a\r\nb'''\r\n")
    settings = load(Recipe, files=[tmp_path / "windows.toml"])
    assert (settings.seed, settings.prompt) == (3, "a\nb")


def test_a_cross_check_of_the_dataclass_is_laid_at_a_key_that_it_names(write) -> None:
    path = write("[models.gpt]\nlayers = 2\nheads = 5\n")
    mistake = only_mistake(files=[path])
    assert (str(mistake.place), mistake.subject) == (f"{path}:3", "models.gpt.heads = 5")
    assert mistake.why == "a width of 64 is not a multiple of 5 heads"


def test_a_cross_check_comes_in_the_same_run_as_other_mistakes(write) -> None:
    path = write("seed = -1\n[models.gpt]\nheads = 5\n")
    assert [mistake.place.line for mistake in mistakes(files=[path])] == [1, 3]


@dataclass(frozen=True, kw_only=True)
class Needy:
    """Something that has no default."""

    size: Annotated[int, Setting("how large", unit="m")]
    name: Annotated[str, Setting("its name")] = "x"


@dataclass(frozen=True, kw_only=True)
class Whole:
    """All of it."""

    count: Annotated[int, Setting("how many")]
    part: Needy
    spare: Needy | None


def test_what_has_no_default_must_be_set(write) -> None:
    path = write("[part]\nname = 'y'\n")
    with pytest.raises(RecipeError) as caught:
        load(Whole, files=[path])
    assert [(str(each.place), each.subject) for each in caught.value.mistakes] == [
        (str(path), "count"),
        (str(path), "spare"),
        (f"{path}:1", "part.size"),
    ]
    assert caught.value.mistakes[2].help == "it takes a whole number, in m"
    assert load(Whole, overrides=["count=1", "part.size=2", "spare=none"]) == Whole(
        count=1, part=Needy(size=2), spare=None
    )


def test_a_value_that_cannot_be_read_counts_as_set(write) -> None:
    with pytest.raises(RecipeError) as caught:
        load(Needy, files=[write("size = = 3\n")])
    assert [each.place.line for each in caught.value.mistakes] == [1]
