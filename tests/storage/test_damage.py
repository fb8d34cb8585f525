"""Damage: any byte changed, any cut, any file missing or added is found before anything is given out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from filled_store import sealed

from etymon.storage import Artifact, Checkpoint, Damage, Damaged, Store
from etymon.storage.folder import MANIFEST
from harness.corruption import changes, cuts, swapped


def what_is_wrong(open_it: Callable[[], Artifact | Checkpoint]) -> list[Damage]:
    try:
        return open_it().verify()
    except Damaged as error:
        return [error.damage]


@pytest.fixture(params=["artifact", "checkpoint"])
def open_it(request: pytest.FixtureRequest, store: Store) -> Callable[[], Artifact | Checkpoint]:
    files = {"one.bin": bytes(range(200)), "two.bin": b"two"}
    if request.param == "artifact":
        path = sealed(store, files=files).path
        return lambda: Artifact(path)
    saved = store.run("demo").checkpoints("gpt").save(7, files, {"loss": 2.5})
    return lambda: Checkpoint(saved.path, saved.label)


@pytest.mark.parametrize("name", [MANIFEST, "one.bin", "two.bin"])
def test_every_flipped_byte_is_found(open_it: Callable[[], Artifact | Checkpoint], name: str) -> None:
    path = open_it().path / name
    missed = [position for position in changes(path) if [damage.file for damage in what_is_wrong(open_it)] != [name]]
    assert missed == []
    assert open_it().verify() == []


@pytest.mark.parametrize("name", [MANIFEST, "one.bin", "two.bin"])
def test_every_cut_is_found(open_it: Callable[[], Artifact | Checkpoint], name: str) -> None:
    path = open_it().path / name
    missed = [length for length in cuts(path) if [damage.file for damage in what_is_wrong(open_it)] != [name]]
    assert missed == []
    assert open_it().verify() == []


def test_reading_a_changed_or_cut_file_gives_no_byte_of_it(store: Store) -> None:
    made = sealed(store, files={"one.bin": bytes(range(200))})
    path = made.path / "one.bin"
    given = []
    for damage in (changes, cuts):
        for place in damage(path):
            try:
                given.append((place, made.read("one.bin")))
            except Damaged as error:
                assert error.damage.file == "one.bin"
    assert given == []
    assert made.read("one.bin") == bytes(range(200))


def test_bytes_added_are_found(open_it: Callable[[], Artifact | Checkpoint]) -> None:
    sound = open_it()
    for name in (MANIFEST, "one.bin"):
        data = (sound.path / name).read_bytes()
        (sound.path / name).write_bytes(data + b"\n")
        assert [damage.file for damage in what_is_wrong(open_it)] == [name]
        (sound.path / name).write_bytes(data)


def test_missing_swapped_and_foreign_files_are_found(open_it: Callable[[], Artifact | Checkpoint]) -> None:
    sound = open_it()
    (sound.path / "foreign").write_bytes(b"")
    assert [damage.file for damage in sound.verify()] == ["foreign"]
    (sound.path / "foreign").unlink()
    one, two = sound.path / "one.bin", sound.path / "two.bin"
    swapped(one, two)
    assert [damage.file for damage in sound.verify()] == ["one.bin", "two.bin"]
    one.unlink()
    assert [damage.file for damage in sound.verify()] == ["one.bin", "two.bin"]


def test_the_store_tells_all_damage_at_once(store: Store) -> None:
    good, bad, broken = (sealed(store, number=number) for number in range(3))
    (bad.path / "data.bin").write_bytes(b"dat!")
    (broken.path / MANIFEST).write_bytes(b"{}")
    run = store.run("demo")
    run.record("corpus", good.id)
    run.journal.append("started")
    run.metrics.append({"series": "gpt", "step": 1})
    saved = run.checkpoints("gpt").save(1, {"weights": b"1"}, {})
    kept = run.checkpoints("gpt").snapshot(1, {"weights": b"1"}, {})
    assert {damage.owner for damage in store.verify()} == {bad.label, broken.label}
    for path in (saved.path / "weights", kept.path / "weights"):
        path.write_bytes(b"2")
    for name in ("artifacts.json", "events.jsonl", "metrics.jsonl"):
        data = (run.path / name).read_bytes()
        (run.path / name).write_bytes(data.replace(b"1", b"2").replace(b"started", b"starteD"))
    found = store.verify()
    assert [damage.file for damage in found if damage.owner == "The run demo"] == [
        "artifacts.json",
        "events.jsonl",
        "metrics.jsonl",
    ]
    assert sum(damage.owner == "demo/gpt/step-000000001" for damage in found) == 2
    assert "data.bin, block 0" in " ".join(map(str, found))


def test_a_store_counts_the_bytes_it_has_verified(store: Store) -> None:
    sealed(store, files={"a": b"12345"})
    told: list[tuple[float, float | None]] = []
    assert store.verify(progress=lambda done, total=None, note="": told.append((done, total))) == []
    assert told == [(5, 5)]
