"""Artifacts and runs in a bucket: each shows whole or not at all, and comes back as it went, or is refused by name."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from filled_store import sealed

from etymon.errors import EtymonError
from etymon.storage import Artifact, Damaged, Remote, Run, Store, bucket, commit
from etymon.storage.bucket import NetworkFault, persist
from etymon.storage.canonical import seal, unseal
from etymon.storage.commit import Operation
from etymon.storage.objects import PIECE
from harness.groups import ranks


@pytest.fixture(params=["folder", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty bucket."""
    if request.param == "folder":
        yield str(tmp_path / "bucket")
        return
    memory = pytest.importorskip("fsspec").filesystem("memory")
    memory.store.clear()
    yield "memory://bucket/folder"
    memory.store.clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for a bucket."""
    return tmp_path / "bucket"


@pytest.fixture
def other(tmp_path: Path) -> Store:
    """Another machine's store."""
    return Store.at(tmp_path / "other")


@pytest.fixture
def model(store: Store) -> Artifact:
    """A model of two kinds of files, made from a corpus and from a tokenizer that was made from the corpus, too."""
    text = sealed(store, "corpus", {"text": b"text" * 400_000, "none": b""})
    tokenizer = sealed(store, "tokenizer", {"merges": b"merges"}, text)
    return sealed(store, "model", {"weights": bytes(range(256)) * 20_000, "config": b"{}"}, tokenizer, text)


def as_it_is(artifact: Artifact) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in artifact.path.iterdir()}


def shows_whole(url: str, into: Store) -> list[str]:
    """What shows in the bucket; all of it can be had, and is as it was."""
    remote = Remote(url)
    labels = remote.artifacts()
    for label in labels:
        remote.pull(into, label)
    assert into.verify() == []
    return labels


def objects_of(folder: Path, artifact: Artifact, name: str) -> list[Path]:
    return sorted((folder / "objects" / artifact.records[name].sha256).iterdir())


# Artifacts


def test_what_was_pushed_comes_back_to_the_byte_with_all_it_was_made_from(
    store: Store, other: Store, model: Artifact, url: str
) -> None:
    labels = Remote(url).push(store, model)
    assert labels == [one.label for one in (*reversed(store.lineage(model)), model)]
    found = Remote(url).pull(other, model.id[:8])
    assert found.path == other.root / "artifacts" / model.label
    assert as_it_is(found) == as_it_is(model)
    assert {as_it_is(one)["manifest.json"] for one in other.lineage(found)} == {
        as_it_is(one)["manifest.json"] for one in store.lineage(model)
    }
    assert other.verify() == []


def test_large_files_go_in_pieces(store: Store, other: Store, url: str) -> None:
    large = sealed(store, "corpus", {"data": os.urandom(PIECE + 1), "exact": bytes(PIECE)})
    told: list[tuple[float, float | None]] = []
    Remote(url).push(store, large, progress=lambda done, total=None, note="": told.append((done, total)))
    assert told[-1] == (2 * PIECE + 1, 2 * PIECE + 1)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert as_it_is(Remote(url).pull(other, large.label)) == as_it_is(large)


def test_pushing_and_pulling_again_moves_nothing(store: Store, other: Store, model: Artifact, url: str) -> None:
    remote = Remote(url)
    remote.push(store, model)
    assert remote.push(store, model) == []
    found = remote.pull(other, model.id)
    before = {path: path.stat().st_mtime_ns for path in other.root.rglob("*") if path.name != "artifacts"}
    assert remote.pull(other, model.id) == found
    assert {path: path.stat().st_mtime_ns for path in other.root.rglob("*") if path.name != "artifacts"} == before
    assert remote.push(other, found) == []


def test_one_pushed_alone_is_pulled_only_where_its_inputs_are(
    store: Store, other: Store, model: Artifact, url: str
) -> None:
    assert Remote(url).push(store, model, alone=True) == [model.label]
    with pytest.raises(EtymonError, match=r"neither here nor there.*\n.*\n.*without --alone"):
        Remote(url).pull(other, model.id)
    assert other.artifacts() == []
    commit.remove_folder(model.path)
    assert Remote(url).pull(store, model.id).id == model.id
    assert store.verify() == []


def test_references_are_found_or_the_near_ones_named(store: Store, other: Store, model: Artifact, url: str) -> None:
    with pytest.raises(EtymonError, match="Nothing was pushed here yet"):
        Remote(url).pull(other, model.id)
    Remote(url).push(store, model)
    assert Remote(url).pull(other, f"model-{model.id[:6]}").id == model.id
    for wrong in ("corpus-" + model.id[:9], "0" * 16, "demo/gpt", model.label[:-1] + "x"):
        with pytest.raises(EtymonError, match="There is no artifact"):
            Remote(url).pull(other, wrong)


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone", "another's"])
def test_a_damaged_object_is_refused_by_its_name_and_mended_by_a_checking_push(
    store: Store, other: Store, model: Artifact, folder: Path, damage: str
) -> None:
    remote = Remote(str(folder))
    remote.push(store, model)
    path = objects_of(folder, model, "weights")[0]
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        changed = data[: 3 << 20] + bytes([data[3 << 20] ^ 1]) + data[(3 << 20) + 1 :]
        path.write_bytes({"flipped": changed, "cut": data[: 3 << 20], "another's": b"merges"}[damage])
    block = 3 if damage in ("flipped", "cut") else 0
    with pytest.raises(NetworkFault) as raised:
        remote.pull(other, model.id)
    assert f"{path}, block {block} of weights" in str(raised.value)
    assert raised.value.exit_code == 74
    assert [one.kind for one in other.artifacts()] == ["corpus", "tokenizer"]
    assert remote.push(store, model) == []  # its manifest is there: no object is looked at
    assert remote.push(store, model, check=True) == []
    assert as_it_is(remote.pull(other, model.id)) == as_it_is(model)


@pytest.mark.parametrize("damage", ["flipped", "another's"])
def test_a_damaged_manifest_is_refused_and_mended(
    store: Store, other: Store, model: Artifact, folder: Path, damage: str
) -> None:
    remote = Remote(str(folder))
    remote.push(store, model)
    path = folder / "artifacts" / model.label / "manifest.json"
    data = path.read_bytes()
    corpus = store.artifacts("corpus")[0]
    path.write_bytes(data[:-9] + b"!" + data[-8:] if damage == "flipped" else as_it_is(corpus)["manifest.json"])
    for act in (lambda: remote.pull(other, model.id), lambda: remote.push(store, model)):
        with pytest.raises(NetworkFault, match=model.label):
            act()
    if damage == "flipped":
        remote.push(store, model, check=True)
        assert path.read_bytes() == data


HOSTILE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "file name": lambda told: told["files"].update({"../../x": told["files"].pop("weights")}),
    "absolute": lambda told: told["files"].update({"/tmp/x": told["files"].pop("weights")}),
    "kind": lambda told: told.update(kind="../x"),
    "id": lambda told: told.update(id="0" * 64),
    "format": lambda told: told.update(format=99),
    "size": lambda told: told["files"]["weights"].update(size=-1),
    "no files": lambda told: told.pop("files"),
    "inputs": lambda told: told.update(inputs=[]),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_manifest_made_up_by_someone_else_is_refused(
    store: Store, other: Store, folder: Path, tmp_path: Path, what: str
) -> None:
    made = sealed(store, "model", {"weights": b"w", "config": b"c"})
    Remote(str(folder)).push(store, made)
    path = folder / "artifacts" / made.label / "manifest.json"
    told = unseal(path.read_bytes())
    HOSTILE[what](told)
    path.write_bytes(seal(told))
    before = set(tmp_path.rglob("*"))
    with pytest.raises(EtymonError):
        Remote(str(folder)).pull(other, made.label)
    assert other.artifacts() == []
    assert {path for path in set(tmp_path.rglob("*")) - before if not path.is_relative_to(other.root)} == set()


def test_a_damaged_artifact_is_not_pushed(store: Store, other: Store, model: Artifact, url: str) -> None:
    (model.path / "config").write_bytes(b"[]")
    with pytest.raises(Damaged, match=model.label):
        Remote(url).push(store, model)
    assert model.label not in shows_whole(url, other)


def test_pulling_mends_a_damaged_artifact(store: Store, model: Artifact, url: str) -> None:
    Remote(url).push(store, model)
    whole = as_it_is(model)
    (model.path / "config").write_bytes(b"[]")
    assert as_it_is(Remote(url).pull(store, model.id)) == whole
    assert store.verify() == []


def died(work: Callable[[], Any], number: int) -> bool:
    """Does the work in a process of its own, which is killed at its operation of that number; False if it came to its
    end before."""
    seen: list[Operation] = []

    def fault(operation: Operation) -> None:
        seen.append(operation)
        if len(seen) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def alone(group: object) -> None:
        commit.fault = fault
        work()

    outcome = ranks(1, alone)[0]
    assert outcome.error == ""
    return outcome.signal == signal.SIGKILL


def test_a_push_killed_at_any_operation_shows_nothing_that_is_not_whole(
    store: Store, tmp_path: Path, folder: Path
) -> None:
    text = sealed(store, "corpus", {"text": b"text"})
    made = sealed(store, "model", {"weights": b"w", "config": b"c"}, text)
    number, shown = 0, set()
    while died(lambda: Remote(str(folder)).push(store, made), number := number + 1):
        if (folder / "remote.json").exists():
            shown.add(len(shows_whole(str(folder), Store.at(tmp_path / f"other{number}"))))
        Remote(str(folder)).push(store, made)
        assert len(shows_whole(str(folder), Store.at(tmp_path / f"other{number}"))) == 2
        shutil.rmtree(folder)
    assert number > 40
    assert shown == {0, 1, 2}


def test_a_pull_killed_at_any_operation_shows_nothing_that_is_not_whole(
    store: Store, other: Store, folder: Path
) -> None:
    text = sealed(store, "corpus", {"text": b"text"})
    made = sealed(store, "model", {"weights": b"w", "config": b"c"}, text)
    Remote(str(folder)).push(store, made)
    number = 0
    while died(lambda: Remote(str(folder)).pull(other, made.id), number := number + 1):
        assert other.verify() == []
        for path in (other.root / "artifacts").glob("[!.]*"):
            commit.remove_folder(path)
    assert number > 15
    assert as_it_is(other.open(made.id)) == as_it_is(made)
    other.gc(keep=[made.id])
    assert len(list((other.root / "artifacts").iterdir())) == 2


def test_of_many_who_push_the_same_one_is_first_and_all_succeed(tmp_path: Path, folder: Path, other: Store) -> None:
    def work(group: Any) -> list[str]:
        store = Store.at(tmp_path / f"store{group.rank}")
        text = sealed(store, "corpus", {"text": b"text" * 1000})
        made = sealed(store, "model", {"weights": b"w" * 5000}, text)
        group.gather({})  # so that all begin at once
        return Remote(str(folder)).push(store, made)

    outcomes = ranks(4, work)
    assert [outcome.error for outcome in outcomes] == [""] * 4
    assert len(shows_whole(str(folder), other)) == 2
    assert len([label for outcome in outcomes for label in outcome.gave]) == 2


# Kinds of buckets


@pytest.mark.parametrize("url", ["http://host/x", "ftp://host/x", "sftp://host/x", "simplecache::s3://b", "hdfs://x"])
def test_kinds_of_buckets_that_may_give_a_name_twice_are_refused(url: str) -> None:
    with pytest.raises(EtymonError, match=r"given only once.*\n.*s3://.*file://"):
        Remote(url)


@pytest.mark.parametrize("user", ["me:hunter2", "me:with/hunter2/slashes", ":hunter2"])
@pytest.mark.parametrize("kind", ["s3", "ftp"])
def test_passwords_in_addresses_are_refused_and_not_shown(kind: str, user: str) -> None:
    with pytest.raises(EtymonError) as raised:
        Remote(f"{kind}://{user}@bucket/x?token=hunter3")
    assert "hunter" not in str(raised.value)
    assert bucket.shown("s3://me:hunter2@b/x?sig=abc failed at 'http://u@h/y?z=1'") == "s3://b/x failed at 'http://h/y'"


def test_file_addresses_and_paths_are_the_same_folder(
    store: Store, other: Store, model: Artifact, folder: Path
) -> None:
    Remote(f"file://{folder}").push(store, model)
    assert Remote(str(folder)).pull(other, model.id).id == model.id


def test_storage_needs_no_library_for_buckets_until_one_is_named(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['fsspec'] = None\n"
        "from etymon.storage import Remote\n"
        "Remote(sys.argv[1])\n"
        "try: Remote('memory://x')\n"
        "except Exception as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True)
    assert "needs the library fsspec" in done.stdout
    assert "pip install fsspec" in done.stdout


def test_a_library_that_refuses_at_once_is_told_without_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec = pytest.importorskip("fsspec")

    def refuse(scheme: str, **options: Any) -> None:
        raise ValueError("no account for abfs://me:hunter2@container/x?sig=hunter3")

    monkeypatch.setattr(fsspec, "filesystem", refuse)
    with pytest.raises(NetworkFault, match="The bucket refused") as raised:
        Remote("abfs://container/x")
    assert "no account" in raised.value.why and "hunter" not in str(raised.value)


@pytest.mark.skipif(find_spec("s3fs") is not None, reason="s3fs is installed")
def test_a_missing_library_is_named() -> None:
    with pytest.raises(EtymonError, match="needs the library s3fs"):
        Remote("s3://bucket")


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.pauses = 0.0, list[float]()
        monkeypatch.setattr(bucket.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(bucket.time, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def test_what_fails_for_a_while_is_asked_for_again_after_growing_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, left = Clock(monkeypatch), list(range(8))

    def ask() -> str:
        if left:
            raise OSError(f"busy {left.pop()}")
        return "answer"

    assert persist(ask, lambda error: False) == "answer"
    assert len(clock.pauses) == 8
    assert all(0.05 * 2**n <= pause <= 0.1 * 2**n for n, pause in enumerate(clock.pauses[:6]))


def test_what_fails_for_good_is_told_at_once_or_when_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)

    def ask() -> str:
        raise OSError("busy")

    with pytest.raises(OSError, match="busy"):
        persist(ask, lambda error: True)
    assert clock.pauses == []
    with pytest.raises(OSError, match="busy"):
        persist(ask, lambda error: False)
    assert bucket.PATIENCE - 10 <= clock.now <= bucket.PATIENCE
    assert max(clock.pauses) <= 10


# Runs


@pytest.fixture
def run(store: Store, model: Artifact) -> Run:
    """A run that has come to step 20."""
    run = store.run("demo")
    run.record("model/gpt", model.id)
    run.write("recipe.toml", b"seed = 1\n")
    run.write("plots/loss.json", b"{}")
    go_on(run, 0, 20)
    return run


def go_on(run: Run, after: int, to: int) -> None:
    """Some steps, with a checkpoint every 5 and a snapshot every 10."""
    run.journal.append("started", after=after)
    for step in range(after + 1, to + 1):
        run.metrics.append({"series": "gpt", "step": step, "loss": 1 / step})
        if step % 5 == 0:
            run.checkpoints("gpt").save(step, {"weights": b"%d" % step * 300_000, "state": b"%d" % step}, {"at": step})
        if step % 10 == 0:
            run.checkpoints("gpt").snapshot(step, {"weights": b"%d" % step * 300_000}, {})


def state_of(run: Run) -> dict[str, Any]:
    latest = run.checkpoints("gpt").latest()
    assert latest is not None
    return {
        "artifacts": run.artifacts(),
        "events": run.journal.events(),
        "rows": run.metrics.rows(),
        "latest": (latest.step, latest.about, latest.read("weights"), latest.read("state")),
        "snapshots": [(one.step, one.read("weights")) for one in run.checkpoints("gpt").snapshots()],
        "files": [run.read("recipe.toml"), run.read("plots/loss.json")],
    }


def test_a_run_goes_on_elsewhere_with_the_same_state(store: Store, other: Store, run: Run, url: str) -> None:
    assert Remote(url).push_run(run) == 1
    there = Remote(url).pull_run(other, "demo")
    assert state_of(there) == state_of(run)
    assert other.verify() == []
    assert other.open("demo/gpt").id == store.open("demo/gpt").id
    assert Remote(url).runs() == ["demo"]
    go_on(there, 20, 30)
    assert Remote(url).push_run(there) == 2
    third = Remote(url).pull_run(Store.at(other.root.with_name("third")), "demo")
    assert state_of(third) == state_of(there)


def test_two_machines_do_not_push_one_run_over_each_other(other: Store, run: Run, url: str) -> None:
    Remote(url).push_run(run)
    there = Remote(url).pull_run(other, "demo")
    go_on(there, 20, 25)
    Remote(url).push_run(there)
    go_on(run, 20, 30)
    with pytest.raises(EtymonError, match="pushed from another folder since"):
        Remote(url).push_run(run)
    assert state_of(Remote(url).pull_run(Store.at(other.root.with_name("third")), "demo"))["latest"][0] == 25


def test_a_run_is_not_pulled_over_another(other: Store, run: Run, url: str) -> None:
    Remote(url).push_run(run)
    assert Remote(url).pull_run(run.store, "demo").path == run.path  # it is the one that was pushed
    other.run("demo").journal.append("started")
    with pytest.raises(EtymonError, match="already, and it does not go on from this one"):
        Remote(url).pull_run(other, "demo")
    with pytest.raises(EtymonError, match=r"no run 'dmeo'.*\n.*\n.*did you mean demo"):
        Remote(url).pull_run(other, "dmeo")
    assert [event["event"] for event in other.run("demo").journal.events()] == ["started"]


def test_two_generations_stay_with_what_they_need_and_no_more(other: Store, run: Run, folder: Path) -> None:
    for to in (25, 30, 35):
        Remote(str(folder)).push_run(run)
        go_on(run, to - 5, to)
    assert Remote(str(folder)).push_run(run) == 4
    there = sorted(path.name for path in (folder / "runs" / "demo").iterdir())
    assert there == ["000003.json", "000004.json", "objects"]
    files = [unseal((folder / "runs" / "demo" / name).read_bytes())["files"].values() for name in there[:2]]
    needed = {entry["sha256"] for entries in files for entry in entries if entry["size"]}
    assert {path.parent.name for path in (folder / "runs" / "demo" / "objects").rglob("000000")} == needed
    earlier = Remote(str(folder)).pull_run(other, "demo", generation=3)
    assert state_of(earlier)["latest"][0] == 30
    with pytest.raises(EtymonError, match=r"no such generation.*\n.*\n.*those there are: 3 and 4"):
        Remote(str(folder)).pull_run(Store.at(other.root.with_name("third")), "demo", generation=2)


def test_an_older_generation_goes_only_after_the_newer_one_was_read_again(other: Store, run: Run, folder: Path) -> None:
    for to in (20, 25):
        go_on(run, to, to + 5)
        Remote(str(folder)).push_run(run)

    def spoil(operation: Operation) -> None:
        if operation.name == "rename" and operation.target == folder / "runs" / "demo" / "000003.json":
            commit.fault = None
            journal = objects_in(folder, run.path / "events.jsonl")
            journal.write_bytes(b"!" + journal.read_bytes()[1:])

    go_on(run, 30, 35)
    commit.fault = spoil
    with pytest.raises(NetworkFault, match=r"block 0 of events\.jsonl"):
        Remote(str(folder)).push_run(run)
    assert sorted(path.name for path in (folder / "runs" / "demo").glob("*.json")) == [
        "000001.json",
        "000002.json",
        "000003.json",
    ]
    assert state_of(Remote(str(folder)).pull_run(other, "demo", generation=2))["latest"][0] == 30
    Remote(str(folder)).push_run(run, check=True)
    assert state_of(Remote(str(folder)).pull_run(Store.at(other.root.with_name("third")), "demo")) == state_of(run)


def objects_in(folder: Path, path: Path) -> Path:
    return folder / "runs" / "demo" / "objects" / hashlib.sha256(path.read_bytes()).hexdigest() / "000000"


def small_run(store: Store) -> Run:
    run = store.run("demo")
    run.record("corpus", sealed(store, "corpus", {"text": b"text"}).id)
    run.journal.append("started")
    run.checkpoints("gpt").save(1, {"weights": b"1"}, {})
    return run


def test_a_killed_push_of_a_run_leaves_the_generation_before_or_the_new_one(
    store: Store, tmp_path: Path, folder: Path
) -> None:
    run = small_run(store)
    Remote(str(folder)).push_run(run)
    run.checkpoints("gpt").save(2, {"weights": b"2"}, {})
    kept = shutil.copytree(folder, tmp_path / "kept"), shutil.copytree(run.path, tmp_path / "kept run")
    number, seen = 0, set()
    while died(lambda: Remote(str(folder)).push_run(run), number := number + 1):
        found = Remote(str(folder)).pull_run(Store.at(tmp_path / f"other{number}"), "demo").checkpoints("gpt").latest()
        assert found is not None
        assert found.read("weights") == b"%d" % found.step
        seen.add(found.step)
        assert Remote(str(folder)).push_run(run) in (2, 3)
        assert len(list((folder / "runs" / "demo").glob("*.json"))) == 2
        for copy, place in zip(kept, (folder, run.path), strict=True):
            shutil.rmtree(place)
            shutil.copytree(copy, place)
    assert seen == {1, 2}
    assert number > 20


def test_a_killed_pull_of_a_run_shows_no_part_of_it(store: Store, other: Store, folder: Path) -> None:
    run = small_run(store)
    Remote(str(folder)).push_run(run)
    number = 0
    while died(lambda: Remote(str(folder)).pull_run(other, "demo"), number := number + 1):
        assert other.verify() == []
        for found in other.runs():
            assert found.journal.events() == run.journal.events()
            assert found.artifacts() == run.artifacts()
            assert other.open("demo/corpus").read("text") == b"text"
            commit.remove_folder(found.path)
    assert number > 20
    assert [path.name for path in (other.root / "runs").glob(".draft-*")] == []


def test_no_garbage_is_collected_while_a_run_and_its_artifacts_are_on_their_way(
    other: Store, run: Run, url: str
) -> None:
    Remote(url).push_run(run)
    refused: list[str] = []

    def collect(done: float, total: float | None = None, note: str = "") -> None:
        with pytest.raises(EtymonError, match="A run is being pulled; nothing was removed") as raised:
            other.gc()
        refused.append(str(raised.value))

    pulled = Remote(url).pull_run(other, "demo", progress=collect)
    assert len(refused) > 4
    assert other.gc() == []
    assert [other.open(id).verify() for id in pulled.artifacts().values()] == [[]]


def test_garbage_collection_removes_what_a_killed_pull_left_and_another_pull_does_not(
    store: Store, other: Store, folder: Path
) -> None:
    Remote(str(folder)).push_run(small_run(store))
    left = [other.root / "runs" / f".draft-{name}-0123456789ab" for name in ("demo", "demo-2")]
    for path in left:
        path.mkdir(parents=True)
        (path / "events.jsonl").write_bytes(b"half")
    Remote(str(folder)).pull_run(other, "demo")
    assert [path.exists() for path in left] == [False, True]
    other.gc()
    assert not left[1].exists()


def test_a_failed_pull_tells_the_first_of_its_faults(store: Store, other: Store, folder: Path) -> None:
    Remote(str(folder)).push_run(small_run(store))
    faulty = {"write": 28, "rmdir": 5}

    def fail(operation: Operation) -> None:
        if operation.name in faulty and "/runs/.draft-" in str(operation.path):
            raise OSError(faulty[operation.name], "")

    commit.fault = fail
    try:
        with pytest.raises(commit.DiskFault, match="The disk is full"):
            Remote(str(folder)).pull_run(other, "demo")
    finally:
        commit.fault = None


@pytest.mark.parametrize("part", ["step-000000020", "snapshots/step-000000010"])
def test_a_run_with_a_damaged_checkpoint_is_carried_without_it(other: Store, run: Run, folder: Path, part: str) -> None:
    file = run.path / f"checkpoints/gpt/{part}/weights"
    file.write_bytes(b"x" + file.read_bytes()[1:])
    Remote(str(folder)).push_run(run)
    pulled = Remote(str(folder)).pull_run(other, "demo")
    assert not (pulled.path / f"checkpoints/gpt/{part}").exists()
    assert pulled.journal.events() == run.journal.events()
    assert pulled.journal.events()[-1]["event"].endswith("damaged")
    assert pulled.verify() == []


def test_a_run_of_several_ranks_is_carried(store: Store, other: Store, folder: Path) -> None:
    run = store.run("demo")

    def work(group: Any) -> None:
        Store.at(store.root).run("demo").checkpoints("gpt").save(1, {"w": b"%d" % group.rank}, {}, group=group)

    assert [outcome.error for outcome in ranks(2, work)] == ["", ""]
    Remote(str(folder)).push_run(run)
    found = Remote(str(folder)).pull_run(other, "demo").checkpoints("gpt").newest_good()
    assert found is not None
    assert found.files == {"rank-000.w": 1, "rank-001.w": 1}
