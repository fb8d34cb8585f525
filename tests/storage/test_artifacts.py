"""Drafts and artifacts: invisible until sealed, sealed once, and never changed by what fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from filled_store import sealed

from etymon.errors import EtymonError
from etymon.storage import Artifact, Damaged, Store, artifact_id, canonical
from etymon.storage.folder import MANIFEST


def folders(store: Store) -> list[str]:
    return sorted(path.name for path in (store.root / "artifacts").iterdir())


def test_a_sealed_artifact_says_what_it_was_made_by_and_from(store: Store) -> None:
    text = sealed(store, "corpus", {"text": b"hello"}, source="here")
    with store.create("shards", {"size": 4}, {"corpus": text.id}, stage_version=3, name="small") as draft:
        draft.write("a.ids", [b"one", b"two"])
        draft.write("empty", b"")
        made = draft.seal({"tokens": 2})
    again = Artifact(made.path)
    assert again.id == artifact_id("shards", {"size": 4}, {"corpus": text.id}, 3)
    assert again.path == store.root / "artifacts" / f"shards-{again.id[:16]}"
    assert (again.kind, again.name, again.stage_version) == ("shards", "small", 3)
    assert (again.recipe, again.inputs, again.statistics) == ({"size": 4}, {"corpus": text.id}, {"tokens": 2})
    assert again.files == {"a.ids": 6, "empty": 0}
    assert again.read("a.ids") == b"onetwo"
    assert again.read("empty") == b""
    assert again.verify() == []
    assert again == made
    assert len({again, made}) == 1
    assert again.versions["etymon"]


def test_the_manifest_is_canonical_json_with_its_digest_in_front(store: Store) -> None:
    made = sealed(store)
    data = (made.path / MANIFEST).read_bytes()
    manifest = json.loads(data)
    assert data == canonical(manifest)
    assert next(iter(manifest)) == "check"


def test_the_content_hash_is_of_the_files_alone(store: Store) -> None:
    one = sealed(store, files={"a": b"1", "b": b"2"}, recipe=1)
    same = sealed(store, files={"b": b"2", "a": b"1"}, recipe=2)
    other = sealed(store, files={"a": b"1", "b": b"3"}, recipe=3)
    assert one.id != same.id
    assert one.content_hash == same.content_hash != other.content_hash


def test_json_files_read_as_values(store: Store) -> None:
    made = sealed(store, files={"settings.json": b'{"depth": 4}'})
    assert made.read_json("settings.json") == {"depth": 4}


def test_a_draft_is_invisible_until_it_is_sealed(store: Store) -> None:
    with store.create("corpus", {}, {}, stage_version=1) as draft:
        draft.write("data", b"data")
        assert store.artifacts() == []
        assert store.find("corpus", {}, {}, stage_version=1) is None
        draft.seal()
    assert len(store.artifacts()) == 1


def test_a_draft_left_without_sealing_leaves_nothing(store: Store) -> None:
    with store.create("corpus", {}, {}, stage_version=1) as draft:
        draft.write("data", b"data")
    assert folders(store) == []
    with pytest.raises(RuntimeError, match="stop"), store.create("corpus", {}, {}, stage_version=1) as draft:
        draft.write("data", b"data")
        raise RuntimeError("stop")
    assert folders(store) == []


def test_a_draft_that_has_ended_takes_no_more(store: Store) -> None:
    draft = store.create("corpus", {}, {}, stage_version=1)
    draft.abandon()
    for use in (draft.seal, lambda: draft.write("data", b""), lambda: draft.writer("data")):
        with pytest.raises(EtymonError, match="has ended"):
            use()
    draft.abandon()
    assert folders(store) == []


def test_the_same_work_sealed_again_gives_the_first_artifact(store: Store) -> None:
    first = sealed(store, files={"data": b"first"})
    created = first.created
    second = sealed(store, files={"data": b"second"})
    assert second == first
    assert second.read("data") == b"first"
    assert second.created == created
    assert folders(store) == [first.path.name]


def test_a_damaged_artifact_makes_room_for_the_same_work_done_again(store: Store) -> None:
    first = sealed(store, files={"data": b"first"})
    (first.path / "data").write_bytes(b"firsT")
    second = sealed(store, files={"data": b"first"})
    assert second.path == first.path
    assert second.verify() == []


def test_two_drafts_of_the_same_work_do_not_disturb_each_other(store: Store) -> None:
    one = store.create("corpus", {}, {}, stage_version=1)
    other = store.create("corpus", {}, {}, stage_version=1)
    one.write("data", b"one")
    other.write("data", b"other")
    assert one.seal().read("data") == b"one"
    assert other.seal().read("data") == b"one"
    assert len(folders(store)) == 1


def test_a_file_still_open_cannot_be_sealed(store: Store) -> None:
    with store.create("corpus", {}, {}, stage_version=1) as draft:
        file = draft.writer("data")
        with pytest.raises(EtymonError, match="data is still being written"):
            draft.seal()
        file.close()
        assert draft.seal().files == {"data": 0}


def test_a_file_whose_writing_failed_is_not_in_the_artifact(store: Store) -> None:
    with store.create("corpus", {}, {}, stage_version=1) as draft:
        with pytest.raises(RuntimeError, match="stop"), draft.writer("data") as file:
            file.write(b"half")
            raise RuntimeError("stop")
        draft.write("data", b"whole")
        assert draft.seal().read("data") == b"whole"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc/x", ".hidden", "a\0b", "a b", "é", "x" * 97, "a\n"]
)
def test_file_names_that_could_leave_the_folder_are_refused(store: Store, name: str) -> None:
    with (
        store.create("corpus", {}, {}, stage_version=1) as draft,
        pytest.raises(EtymonError, match="cannot be the name"),
    ):
        draft.write(name, b"")


@pytest.mark.parametrize("name", ["data", "DATA", MANIFEST, "Manifest.JSON"])
def test_a_name_is_written_once_also_where_disks_ignore_capitals(store: Store, name: str) -> None:
    with store.create("corpus", {}, {}, stage_version=1) as draft:
        draft.write("data", b"")
        with pytest.raises(EtymonError, match="is there already"):
            draft.write(name, b"")


@pytest.mark.parametrize("kind", ["", "Corpus", "../x", "a/b", "9a", "a" * 41, "a\n"])
def test_kinds_that_could_leave_the_folder_are_refused(store: Store, kind: str) -> None:
    with pytest.raises(EtymonError, match="cannot be the kind"):
        store.create(kind, {}, {}, stage_version=1)


def test_inputs_must_be_in_the_store(store: Store) -> None:
    with pytest.raises(EtymonError, match=r"'text' .* is not in this store"):
        store.create("shards", {}, {"text": "0" * 64}, stage_version=1)
    with pytest.raises(EtymonError, match="not an artifact's id"):
        store.create("shards", {}, {"text": "corpus-12"}, stage_version=1)
    assert folders(store) == []


def test_a_file_that_is_not_there_is_told_with_the_near_names(store: Store) -> None:
    made = sealed(store, files={"train.ids": b"", "test.ids": b""})
    with pytest.raises(EtymonError, match="has no file trian") as caught:
        made.read("trian.ids")
    assert "did you mean train.ids" in caught.value.help


def test_statistics_that_json_cannot_hold_are_refused_before_anything_is_sealed(store: Store) -> None:
    with store.create("corpus", {}, {}, stage_version=1) as draft, pytest.raises(EtymonError, match="cannot be kept"):
        draft.seal({"mean": float("nan")})
    assert folders(store) == []


def test_a_manifest_whose_id_is_not_that_of_its_work_is_damage(store: Store) -> None:
    made = sealed(store, number=1)
    other = sealed(store, number=2)
    moved = made.path.with_name(f"corpus-{'0' * 16}")
    made.path.rename(moved)
    with pytest.raises(Damaged, match="manifest"):
        store.artifacts()
    assert [damage.file for damage in store.verify()] == [MANIFEST]
    assert store.open(other.id) == other


def test_a_relative_path_opens_too(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    made = sealed(store)
    monkeypatch.chdir(made.path.parent)
    assert store.open(Path(made.path.name)) == made
    assert store.open(f"./{made.path.name}").path == made.path
