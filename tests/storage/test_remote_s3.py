"""A real S3 client against a service that fails in many ways: nothing half shows, and what was begun is completed."""

from __future__ import annotations

import json
import os
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
from etymon.storage import Artifact, NetworkFault, Remote, Store, bucket
from harness.groups import ranks
from harness.s3_server import Fault, S3Server, serving

pytestmark = [
    pytest.mark.ci,
    pytest.mark.skipif(
        find_spec("s3fs") is None and os.environ.get("CI") != "true", reason="s3fs is not installed (the extra s3)"
    ),
]

URL = "s3://models/etymon"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    with serving("models") as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def other(tmp_path: Path) -> Store:
    return Store.at(tmp_path / "other")


@pytest.fixture
def model(store: Store) -> Artifact:
    text = sealed(store, "corpus", {"text": b"text" * 1000, "none": b""})
    return sealed(store, "model", {"weights": bytes(range(256)) * 20_000, "config": b"{}"}, text)


def as_it_is(artifact: Artifact) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in artifact.path.iterdir()}


def shown(server: S3Server) -> list[str]:
    """The artifacts that show in the bucket, straight from the service."""
    return sorted(key.split("/")[3] for key in server.objects if key.endswith("/manifest.json"))


def check_all_that_shows_is_whole(server: S3Server, into: Store) -> None:
    remote = laid_out(server, into.root.with_name(f"{into.root.name} laid out"))
    for label in shown(server):
        remote.pull(into, label)
    assert into.verify() == []


def laid_out(server: S3Server, folder: Path) -> Remote:
    """The bucket as a folder with the same names and bytes, which is much faster to read."""
    for key, data in server.objects.items():
        path = folder / key.removeprefix("models/etymon/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return Remote(str(folder))


def test_what_was_pushed_comes_back_to_the_byte(store: Store, other: Store, model: Artifact, server: S3Server) -> None:
    assert len(Remote(URL).push(store, model)) == 2
    assert Remote(URL).push(store, model) == []
    assert as_it_is(Remote(URL).pull(other, model.id[:9])) == as_it_is(model)
    assert not any(method == "POST" for method, _ in server.seen)  # no upload in parts, which others could see half


def test_the_manifest_is_put_after_all_objects_and_those_of_its_inputs(
    store: Store, model: Artifact, server: S3Server
) -> None:
    Remote(URL).push(store, model)
    kinds = [key.split("/")[2].replace("remote.json", "format") for key in server.put_first]
    assert kinds == ["format", "objects", "artifacts", *["objects"] * 2, "artifacts"]
    assert [key for key in server.put_first if "artifacts" in key][-1].split("/")[3] == model.label


def test_listings_of_many_pages_show_what_was_put(store: Store, other: Store, server: S3Server) -> None:
    server.page = 2
    made = [sealed(store, "corpus", {"data": b"%d" % number}, number=number) for number in range(5)]
    for one in made:
        Remote(URL).push(store, one)
        assert one.label in Remote(URL).artifacts()
    assert Remote(URL).artifacts() == sorted(one.label for one in made)


@pytest.mark.parametrize("fault", ["busy", "cut before", "cut after", "cut within"])
def test_every_request_may_fail_once(
    store: Store, other: Store, model: Artifact, server: S3Server, fault: Fault
) -> None:
    asked: set[tuple[str, str]] = set()

    def first_time(number: int, method: str, key: str) -> Fault | None:
        again = (method, key) in asked
        asked.add((method, key))
        return None if again else fault

    server.fault = first_time
    Remote(URL).push(store, model)
    asked.clear()
    assert as_it_is(Remote(URL).pull(other, model.id)) == as_it_is(model)
    assert len(asked) > 5


def test_a_service_that_stays_away_is_told_with_the_deadline(
    store: Store, other: Store, model: Artifact, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket, "PATIENCE", 0.5)
    server.fault = lambda number, method, key: "busy" if "objects" in key and method == "PUT" else None
    with pytest.raises(NetworkFault, match="The bucket cannot be reached") as raised:
        Remote(URL).push(store, model)
    assert f"where: {URL}/objects/" in str(raised.value)
    assert "reduce your request rate" in str(raised.value)
    assert raised.value.exit_code == 74
    assert shown(server) == []
    server.fault = lambda number, method, key: None
    Remote(URL).push(store, model)
    check_all_that_shows_is_whole(server, other)


def killed_at(server: S3Server, work: Callable[[], Any], number: int, fault: Fault, pid_file: Path) -> bool:
    """Does the work in a process that is killed at its request of that number; False if it came to its end before."""
    start = len(server.seen)

    def kill(count: int, method: str, key: str) -> Fault | None:
        if count - start != number:
            return None
        os.kill(int(pid_file.read_text()), signal.SIGKILL)
        return fault

    def alone(group: object) -> None:
        pid_file.write_text(str(os.getpid()))
        work()

    server.fault = kill
    outcome = ranks(1, alone)[0]
    server.fault = lambda count, method, key: None
    assert outcome.error == ""
    return outcome.signal == signal.SIGKILL


@pytest.mark.parametrize("fault", ["cut before", "cut after"])
def test_a_push_killed_at_any_request_shows_nothing_that_is_not_whole_and_completes(
    tmp_path: Path, server: S3Server, fault: Fault
) -> None:
    store = Store.at(tmp_path / "store")
    text = sealed(store, "corpus", {"text": b"text"})
    made = sealed(store, "model", {"weights": b"w" * 3000}, text)
    remote, number, seen = Remote(URL), 0, set()
    while killed_at(server, lambda: Remote(URL).push(store, made), number, fault, tmp_path / "pid"):
        seen.add(len(shown(server)))
        other = Store.at(tmp_path / f"other{number}")
        check_all_that_shows_is_whole(server, other)
        remote.push(store, made)
        check_all_that_shows_is_whole(server, other)
        assert as_it_is(other.open(made.id)) == as_it_is(made)
        server.objects.clear()
        number += 1
    assert number > 12
    assert seen >= {0, 1}


def test_a_run_is_pushed_whole_or_not_whatever_request_it_is_killed_at(tmp_path: Path, server: S3Server) -> None:
    run = Store.at(tmp_path / "store").run("demo")
    run.journal.append("started")
    run.checkpoints("gpt").save(1, {"weights": b"1"}, {})
    remote = Remote(URL)
    remote.push_run(run)
    number, before = 0, 1
    while killed_at(server, lambda: Remote(URL).push_run(run), number, "cut after", tmp_path / "pid"):
        there = laid_out(server, tmp_path / f"laid out {number}")
        found = there.pull_run(Store.at(tmp_path / f"other{number}"), "demo").checkpoints("gpt").latest()
        assert found is not None
        assert found.step in (before, number + 1)
        assert found.read("weights") == b"%d" % found.step
        number += 1
        before = number + 1
        run.checkpoints("gpt").save(before, {"weights": b"%d" % before}, {})
        remote.push_run(run)
    assert number > 12


def test_of_two_who_push_at_once_one_is_first_and_both_succeed(tmp_path: Path, other: Store, server: S3Server) -> None:
    def work(group: Any) -> list[str]:
        store = Store.at(tmp_path / f"store{group.rank}")
        made = sealed(store, "model", {"weights": b"w" * 5_000_000}, sealed(store, "corpus", {"text": b"text"}))
        group.gather({})  # so that both begin at once
        return Remote(URL).push(store, made)

    outcomes = ranks(3, work)
    assert [outcome.error for outcome in outcomes] == ["", "", ""]
    assert sorted(label for outcome in outcomes for label in outcome.gave) == shown(server)
    assert len(shown(server)) == len([key for key in server.put_first if key.endswith("manifest.json")]) == 2
    check_all_that_shows_is_whole(server, other)


def test_a_flipped_byte_is_refused_by_object_and_block(
    store: Store, other: Store, model: Artifact, server: S3Server
) -> None:
    Remote(URL).push(store, model)
    key = f"models/etymon/objects/{model.records['weights'].sha256}/000000"
    data = server.objects[key]
    server.objects[key] = data[: 2 << 20] + b"!" + data[(2 << 20) + 1 :]
    with pytest.raises(NetworkFault, match=f"s3://{key}, block 2 of weights"):
        Remote(URL).pull(other, model.id)
    assert [one.kind for one in other.artifacts()] == ["corpus"]
    Remote(URL).push(store, model, check=True)
    assert as_it_is(Remote(URL).pull(other, model.id)) == as_it_is(model)


def test_a_service_that_gives_a_name_twice_is_refused(store: Store, model: Artifact, server: S3Server) -> None:
    server.keeps_promise = False
    with pytest.raises(EtymonError, match="gives a name twice"):
        Remote(URL).push(store, model)
    assert shown(server) == []


def test_a_missing_bucket_is_told_at_once_and_no_secret_is_shown(
    store: Store, model: Artifact, server: S3Server
) -> None:
    with pytest.raises(NetworkFault, match="The bucket refused") as raised:
        Remote("s3://nowhere/x").push(store, model)
    assert "bucket does not exist" in str(raised.value)
    assert "not-to-be-shown" not in str(raised.value)
    assert len(server.seen) == 1


def etymon(*words: str | Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "etymon", *map(str, words), "--json"], capture_output=True, text=True, check=False
    )
    return {"code": done.returncode, "said": done.stderr, **(json.loads(done.stdout) if done.stdout else {})}


def test_the_commands_push_and_pull(store: Store, other: Store, model: Artifact, server: S3Server) -> None:
    run = store.run("demo")
    run.record("model/gpt", model.id)
    run.journal.append("started")
    told = etymon("push", "demo/gpt", URL, "--store", store.root)
    assert (told["code"], told["id"], len(told["pushed"])) == (0, model.id, 2)
    assert etymon("push", "demo", URL, "--store", store.root)["generation"] == 1
    assert etymon("pull", model.id[:6], URL, "--store", other.root)["path"] == str(other.open(model.id).path)
    assert etymon("pull", "demo", URL, "--store", other.root)["run"] == "demo"
    assert other.run("demo").artifacts() == run.artifacts()
    assert other.verify() == []
    run.journal.append("went on")
    other.run("demo").journal.append("went on elsewhere")
    assert etymon("push", "demo", URL, "--store", other.root)["generation"] == 2
    refused = etymon("push", "demo", URL, "--store", store.root)
    assert refused["code"] == 1
    assert "pushed from another folder since" in refused["said"]
    refused = etymon("push", "demo/gpt", "s3://nowhere/x", "--store", store.root)
    assert refused["code"] == 74
    assert "not-to-be-shown" not in refused["said"]
