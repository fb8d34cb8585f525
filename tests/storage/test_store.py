"""The store: where it is, what it refuses, and how an artifact in it is named, found and traced."""

from __future__ import annotations

from pathlib import Path

import pytest
from filled_store import sealed

from etymon.errors import EtymonError
from etymon.storage import Artifact, Store


def test_a_store_is_where_it_is_said_else_in_the_environment_else_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ETYMON_STORE", raising=False)
    assert Store.at().root == tmp_path / "etymon-store"
    monkeypatch.setenv("ETYMON_STORE", str(tmp_path / "set"))
    assert Store.at().root == tmp_path / "set"
    assert Store.at("said").root == tmp_path / "said"
    assert (tmp_path / "said" / "store.json").read_bytes() == b'{"format":1}'


def test_a_store_is_made_only_when_asked(tmp_path: Path) -> None:
    with pytest.raises(EtymonError, match="no store here"):
        Store.at(tmp_path / "new", create=False)
    assert not (tmp_path / "new").exists()
    Store.at(tmp_path / "new")
    assert Store.at(tmp_path / "new", create=False).artifacts() == []


@pytest.mark.parametrize("left", ["artifacts", "runs"])
def test_a_store_that_lost_its_file_is_told_from_no_store(tmp_path: Path, left: str) -> None:
    (tmp_path / left).mkdir()
    with pytest.raises(EtymonError, match="lost its file") as caught:
        Store.at(tmp_path, create=False)
    assert 'write {"format":1} into its store.json' in caught.value.help


def test_a_new_store_is_empty_and_looking_writes_nothing(store: Store) -> None:
    assert (store.artifacts(), store.runs(), store.verify(), store.gc(dry_run=True)) == ([], [], [], [])
    assert [path.name for path in store.root.iterdir()] == ["store.json"]


@pytest.mark.parametrize("text", ['{"format":2}', '{"format":"1"}', "{}", "[]"])
def test_a_store_of_another_format_is_refused_with_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / "store.json").write_text(text)
    with pytest.raises(EtymonError, match="this Etymon reads format 1") as caught:
        Store.at(tmp_path)
    assert "ETYMON_STORE" in caught.value.help
    assert caught.value.where == str(tmp_path / "store.json")


def test_a_store_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.json").write_text("{")
    with pytest.raises(EtymonError, match="not the file of a store"):
        Store.at(tmp_path)


def test_the_same_work_is_found_and_other_work_is_not(store: Store) -> None:
    text = sealed(store, "corpus", size=1)
    made = sealed(store, "shards", None, text, length=2)
    inputs = {"input0": text.id}
    assert store.find("shards", {"length": 2}, inputs, stage_version=1) == made
    assert store.find("shards", {"length": 3}, inputs, stage_version=1) is None
    assert store.find("shards", {"length": 2}, inputs, stage_version=2) is None
    assert store.find("tokens", {"length": 2}, inputs, stage_version=1) is None
    assert store.find("shards", {"length": 2}, {"other": text.id}, stage_version=1) is None


@pytest.mark.parametrize("name", ["manifest.json", "data.bin"])
def test_work_that_is_damaged_at_first_sight_counts_as_not_done(store: Store, name: str) -> None:
    made = sealed(store, size=1)
    (made.path / name).write_bytes(b"{}")
    assert store.find("corpus", {"size": 1}, {}, stage_version=1) is None
    assert sealed(store, size=1).verify() == []
    assert store.find("corpus", {"size": 1}, {}, stage_version=1) == made


def test_an_artifact_is_opened_by_any_of_its_names(store: Store) -> None:
    made = sealed(store, "model", size=1)
    store.run("demo").record("model/gpt", made.id)
    store.run("demo").record("best", made.id)
    digits = made.id
    names = [digits, digits[:6], digits[:20], f"model-{digits[:8]}", made.label, "demo/gpt", "demo/model/gpt"]
    for name in [*names, "demo/best", "latest", str(made.path), made.path]:
        assert store.open(name) == made


def test_the_latest_model_is_the_one_made_last(store: Store) -> None:
    with pytest.raises(EtymonError, match="no model yet"):
        store.open("latest")
    for size in range(3):
        last = sealed(store, "model", size=size)
        sealed(store, "corpus", size=size)
    assert store.open("latest") == last


def test_the_beginning_of_two_ids_is_refused_with_both(store: Store) -> None:
    made = sealed(store)
    twin = made.path.with_name(f"{made.label[:-6]}000000")
    twin.mkdir()
    with pytest.raises(EtymonError, match="more than one id") as caught:
        store.open(made.id[:8])
    assert made.label in caught.value.why
    assert twin.name in caught.value.why
    assert store.open(made.id) == made


@pytest.mark.parametrize(
    ("reference", "told", "help"),
    [
        ("abc", "too short", "at least 6 digits"),
        ("model-000000", "no artifact", "there are: "),
        ("0123456789", "no artifact", "there are: "),
        ("demmo/gpt", "no run 'demmo'", "did you mean demo?"),
        ("demo/gptt", "has no 'gptt'", "did you mean gpt?"),
        ("lates", "no artifact", "did you mean latest?"),
        ("demo", "no artifact", "demo/gpt"),
        ("../../etc/passwd", "no artifact", ""),
        ("/no/such/place", "no artifact", ""),
    ],
)
def test_a_name_that_leads_nowhere_is_told_with_the_near_ones(
    store: Store, reference: str, told: str, help: str
) -> None:
    store.run("demo").record("model/gpt", sealed(store, "model").id)
    with pytest.raises(EtymonError, match=told) as caught:
        store.open(reference)
    assert help in caught.value.help


def test_a_longer_id_that_differs_later_is_not_opened(store: Store) -> None:
    made = sealed(store)
    other = made.id[:-1] + ("0" if made.id[-1] != "0" else "1")
    with pytest.raises(EtymonError, match="no artifact"):
        store.open(other)


def diamond(store: Store) -> dict[str, Artifact]:
    """text -> (tokenizer, shards) -> model; shards also from tokenizer."""
    text = sealed(store, "corpus")
    tokenizer = sealed(store, "tokenizer", None, text)
    shards = sealed(store, "shards", None, text, tokenizer)
    model = sealed(store, "model", None, shards, tokenizer)
    return {"text": text, "tokenizer": tokenizer, "shards": shards, "model": model}


def test_lineage_and_uses_are_nearest_first_and_each_once(store: Store) -> None:
    made = diamond(store)
    assert store.lineage(made["model"]) == [made["shards"], made["tokenizer"], made["text"]]
    assert store.lineage(made["text"]) == []
    assert store.uses(made["text"]) == [made["tokenizer"], made["shards"], made["model"]]
    assert store.uses(made["model"]) == []


def test_lineage_with_a_missing_link_says_which(store: Store) -> None:
    made = diamond(store)
    made["text"].path.rename(store.root / "elsewhere")
    with pytest.raises(EtymonError, match=made["text"].id[:16]):
        store.lineage(made["model"])


def test_artifacts_are_listed_by_kind_oldest_first(store: Store) -> None:
    made = diamond(store)
    assert store.artifacts() == list(made.values())
    assert store.artifacts("shards") == [made["shards"]]
    assert store.artifacts("shard") == []


def test_kinds_with_a_hyphen_are_told_apart(store: Store) -> None:
    one = sealed(store, "law-fit")
    two = sealed(store, "law")
    assert store.artifacts("law") == [two]
    assert store.open(f"law-fit-{one.id[:6]}") == one
