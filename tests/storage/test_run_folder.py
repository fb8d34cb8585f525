"""The run's folder: files put in place whole, and a list of artifacts that can be trusted."""

from __future__ import annotations

import pytest
from filled_store import sealed

from etymon.errors import EtymonError
from etymon.storage import Damaged, Store, commit


def test_a_runs_folder_is_made_by_its_first_write(store: Store) -> None:
    run = store.run("demo")
    assert (run.artifacts(), run.journal.events(), run.metrics.rows(), run.exists("recipe.toml")) == ({}, [], [], False)
    assert store.runs() == []
    run.write("recipe.toml", b"a = 1")
    assert [found.name for found in store.runs()] == ["demo"]
    assert run.exists("recipe.toml")
    assert store.run("demo").read("recipe.toml") == b"a = 1"


def test_files_may_lie_in_folders_and_are_replaced_whole(store: Store) -> None:
    run = store.run("demo")
    path = run.write("results/gpt/bits.json", b"1")
    assert path == run.path / "results" / "gpt" / "bits.json"
    run.write("results/gpt/bits.json", b"22")
    assert run.read("results/gpt/bits.json") == b"22"
    assert [one.name for one in path.parent.iterdir()] == ["bits.json"]


def test_what_a_file_browser_leaves_among_the_checkpoints_is_no_series(store: Store) -> None:
    run = store.run("demo")
    run.checkpoints("gpt").save(1, {"weights": b"1"}, {})
    (run.path / "checkpoints" / ".DS_Store").write_bytes(b"\0")
    assert run.series() == ["gpt"]
    assert store.verify() == []


@pytest.mark.parametrize("failing", range(1, 5))
def test_a_write_that_fails_leaves_the_earlier_file(store: Store, failing: int) -> None:
    run = store.run("demo")
    run.write("report.html", b"earlier")
    seen: list[str] = []

    def fail(operation: commit.Operation) -> None:
        seen.append(operation.name)
        if len(seen) == failing:
            raise OSError(28, "No space left on device")

    commit.fault = fail
    with pytest.raises(commit.DiskFault, match="disk is full"):
        run.write("report.html", b"later")
    commit.fault = None
    assert seen[:4] == ["create", "write", "sync", "rename"][: len(seen)] or failing < 4
    assert run.read("report.html") == b"earlier"
    assert [path.name for path in run.path.iterdir()] == ["report.html"]


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "/etc/x", "a//b", "a/../b", ".hidden", "a/.b", "a\0b", "a\\b"])
def test_names_that_could_leave_the_folder_are_refused(store: Store, name: str) -> None:
    run = store.run("demo")
    for use in (lambda: run.write(name, b""), lambda: run.read(name), lambda: run.exists(name)):
        with pytest.raises(EtymonError, match="cannot be the name"):
            use()


@pytest.mark.parametrize("name", ["events.jsonl", "metrics.jsonl", "artifacts.json", "lock", "checkpoints/gpt/x"])
def test_the_runs_own_files_are_not_written_past_it(store: Store, name: str) -> None:
    with pytest.raises(EtymonError, match="the run's own file"):
        store.run("demo").write(name, b"")
    assert store.runs() == []


@pytest.mark.parametrize("name", ["", ".", "..", ".x", "a/b", "../x", "a b", "é", "x" * 97, "a\n", "nul\0"])
def test_run_names_that_could_leave_the_folder_are_refused(store: Store, name: str) -> None:
    with pytest.raises(EtymonError, match="cannot be the name of a run"):
        store.run(name)


@pytest.mark.parametrize("name", ["a", "A-1_b.c", "x" * 96, "2026-10-04"])
def test_other_run_names_are_fine(store: Store, name: str) -> None:
    store.run(name).write("notes", b"")
    assert [run.name for run in store.runs()] == [name]


def test_a_missing_file_is_told_with_the_near_ones(store: Store) -> None:
    run = store.run("demo")
    with pytest.raises(EtymonError, match="no file report"):
        run.read("report.html")
    run.write("report.html", b"")
    with pytest.raises(EtymonError, match="no file reprot") as caught:
        run.read("reprot.html")
    assert "did you mean report.html?" in caught.value.help


def test_artifacts_are_recorded_by_role(store: Store) -> None:
    text, model = sealed(store), sealed(store, "model")
    run = store.run("demo")
    run.record("corpus", text.id)
    run.record("model/gpt", model.id)
    run.record("corpus", text.id)
    assert store.run("demo").artifacts() == {"corpus": text.id, "model/gpt": model.id}
    run.record("model/gpt", text.id)
    assert run.artifacts()["model/gpt"] == text.id


@pytest.mark.parametrize(
    ("role", "id"), [("", "0" * 64), ("../x", "0" * 64), ("corpus", "0" * 16), ("corpus", "x" * 64)]
)
def test_roles_and_ids_that_are_none_are_refused(store: Store, role: str, id: str) -> None:
    with pytest.raises(EtymonError):
        store.run("demo").record(role, id)
    assert store.run("demo").artifacts() == {}


def test_every_changed_byte_of_the_list_of_artifacts_is_found(store: Store) -> None:
    run = store.run("demo")
    run.record("corpus", sealed(store).id)
    path = run.path / "artifacts.json"
    data = path.read_bytes()
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 0x04
        path.write_bytes(changed)
        with pytest.raises(Damaged, match="The run demo is damaged"):
            run.artifacts()


def test_folders_that_cannot_be_runs_are_not_runs(store: Store) -> None:
    store.run("demo").write("notes", b"")
    (store.root / "runs" / "my notes").mkdir()
    (store.root / "runs" / ".trash").mkdir()
    (store.root / "runs" / "file").write_bytes(b"")
    assert [run.name for run in store.runs()] == ["demo"]
