"""What can be wrong with a store: damage, another's lock, a full or closed disk. Each is told, and nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Said, digests, etymon, paragraphs
from planted import check_message

from etymon.storage import Artifact, Store

RUN = ("--name", "tiny", "--budget", "60s", "families=ngram")
ETYMON = f"{sys.executable} -m etymon"
NOBODY = "65534"


@pytest.fixture
def copy(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A copy of the finished store, to be damaged."""
    root = tmp_path / "store"
    shutil.copytree(finished, root)
    monkeypatch.setenv("ETYMON_STORE", str(root))
    return Store.at(root)


def the(store: Store, kind: str) -> Artifact:
    """The artifact of that kind which the run tiny has made."""
    return store.open("tiny/ngram" if kind == "model" else f"tiny/{kind}")


def flip(path: Path, position: int = -1) -> None:
    """Changes one bit."""
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("kind", "file", "command"),
    [
        ("model", "order.2.counts.codes", ("generate", "tiny/ngram", "The")),
        ("tokenizer", "tokenizer.json", ("generate", "tiny/ngram", "The")),
        ("corpus", "documents.parquet", ("trace", "tiny/ngram", "a small model reads text")),
        ("corpus", "decisions.parquet", ("why", "one.txt")),
    ],
)
def test_a_flipped_bit_is_told_with_artifact_file_and_remedy(
    copy: Store, text: Path, kind: str, file: str, command: tuple[str, ...]
) -> None:
    damaged = the(copy, kind)
    before = digests(copy.root)
    flip(damaged.path / file, len(damaged.read(file)) // 2)
    said = etymon(*command)
    assert said.code == 74
    check_message(said, [damaged.label, file, str(damaged.path), f"remove {damaged.path}"])

    listed = etymon("verify")
    assert listed.code == 1 and listed.out.startswith(f"{damaged.label}: {file}, block 0")

    shutil.rmtree(damaged.path)  # as the message says, and then the command that made it once more
    assert etymon("run", text, *RUN).code == 0
    assert copy.verify() == []
    after = digests(copy.root)
    changed = {name for name, digest in before.items() if after.get(name) != digest}
    assert changed == {f"artifacts/{damaged.label}/manifest.json"}  # which tells when it was made


def test_damage_in_a_model_is_not_passed_on_by_a_run(copy: Store, text: Path) -> None:
    damaged = the(copy, "model")
    flip(damaged.path / "order.3.last")
    said = etymon("run", text, *RUN)
    assert said.code == 74
    check_message(said, [damaged.label, "order.3.last", str(damaged.path)])


def test_a_damaged_manifest_is_told_and_its_artifact_made_again_by_the_same_run(copy: Store, text: Path) -> None:
    damaged = the(copy, "tokenizer")
    flip(damaged.path / "manifest.json", 300)
    for command in (("ls",), ("show", "tiny/tokenizer"), ("generate", "tiny/ngram"), ("gc",)):
        said = etymon(*command)
        assert said.code == 74
        check_message(said, [damaged.label, "manifest.json", str(damaged.path)])
    assert etymon("verify").out.startswith(f"{damaged.label}: manifest.json")
    assert etymon("verify").code == 1

    said = etymon("run", text, *RUN)
    assert said.code == 0
    assert "tokenizer: reused" not in said.out and "model/ngram: reused" in said.out
    assert copy.verify() == []


def test_all_damage_is_listed_at_once(copy: Store) -> None:
    damaged = [the(copy, "tokenizer").path, the(copy, "corpus").path]
    flip(damaged[0] / "manifest.json", 300)
    flip(damaged[1] / "documents.parquet", 100)
    flip(copy.root / "runs" / "tiny" / "artifacts.json", 100)
    said = etymon("verify", "--json")
    assert said.code == 1 and said.err == ""
    answer = json.loads(said.out)
    found = [(each["owner"], each["file"], each["block"]) for each in answer["damages"]]
    tokenizer, corpus = (path.name for path in damaged)
    assert found == [
        (tokenizer, "manifest.json", None),
        (corpus, "documents.parquet", 0),
        ("The run tiny", "artifacts.json", None),
    ]
    assert all(each["why"] and each["remedy"] and Path(each["path"]).is_dir() for each in answer["damages"])
    assert len(answer["damage"]) == 3  # the same in words


def test_a_damaged_journal_is_told_and_not_written_on(copy: Store, text: Path) -> None:
    journal = copy.root / "runs" / "tiny" / "events.jsonl"
    flip(journal, 100)
    before = journal.read_bytes()
    said = etymon("run", text, *RUN)
    assert said.code == 74
    check_message(said, ["events.jsonl", "line 1", "restore it"])
    assert journal.read_bytes() == before


@pytest.mark.parametrize(("content", "says"), [('{"format":99}', "format 99"), ("nonsense", "not the file of a store")])
def test_a_store_of_another_format_is_left_alone(copy: Store, text: Path, content: str, says: str) -> None:
    (copy.root / "store.json").write_text(content)
    before = digests(copy.root)
    for command in (("ls",), ("run", text, *RUN)):
        said = etymon(*command)
        assert said.code == 1
        check_message(said, [says, "store.json", "help"])
    assert digests(copy.root) == before


def test_the_beginning_of_two_ids_is_refused_with_both(copy: Store) -> None:
    model = the(copy, "model")
    twin = model.path.with_name(f"shards-{model.id[:6]}0000000000")
    shutil.copytree(model.path, twin)
    said = etymon("show", model.id[:6])
    assert said.code == 1
    check_message(said, [model.id[:6], "more than one", model.label, twin.name, "more digits"])


def test_a_second_run_of_the_same_name_is_refused_at_once_with_the_holder(copy: Store, text: Path) -> None:
    hold = """
import sys
from etymon.storage import Store
with Store.at().run("tiny").lock():
    print("held", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE, stdin=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        begin = time.monotonic()
        said = etymon("run", text, *RUN)
        assert time.monotonic() - begin < 1
        check_message(said, ["The run tiny", "in use", "lock", f"pid {holder.pid}", "wait until it ends"])
        assert (said.code, etymon("gc").code) == (1, 1)
        holder.communicate()
    assert etymon("run", text, *RUN).code == 0


needs_mounts = pytest.mark.skipif(
    shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0,
    reason="disks of our own need root and unshare",
)
needs_nobody = pytest.mark.skipif(
    shutil.which("setpriv") is None or os.geteuid() != 0, reason="acting as somebody else needs root and setpriv"
)


def mounted(mount: str, *commands: str) -> Said:
    """Commands in a mount namespace of their own, in which `mount` is done first."""
    script = "\n".join([f"{mount} || exit 99", *commands])
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True)
    return Said(done.returncode, done.stdout, done.stderr)


@needs_mounts
def test_a_full_disk_is_told_and_after_making_room_the_run_goes_on(text: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    run = f"{ETYMON} run {text} {' '.join(RUN)} --store {disk}/store"
    said = mounted(
        f"mount -t tmpfs -o size=250k tmpfs {disk}",
        f"{run} >/dev/null; echo $?",
        f"{ETYMON} verify --store {disk}/store",
        f"mount -o remount,size=50m {disk}",
        f"{run} >/dev/null; echo $?",
        f"{ETYMON} verify --store {disk}/store",
    )
    assert said.code == 0, said
    check_message(said, ["The disk is full", f"{disk}/store", "No space left", "bytes free", "free some space"])
    codes_and_words = said.out.splitlines()
    assert (codes_and_words[0], codes_and_words[2]) == ("74", "0")
    assert all("every byte as written" in words for words in codes_and_words[1::2])


@needs_mounts
def test_a_read_only_store_can_be_looked_at_and_refuses_to_be_written(finished: Path, text: Path) -> None:
    said = mounted(
        f"mount --bind {finished} {finished} && mount -o remount,ro,bind {finished}",
        f"export ETYMON_STORE={finished}",
        f"{ETYMON} ls && {ETYMON} generate tiny/ngram The && {ETYMON} why one.txt && {ETYMON} verify || exit 98",
        f"{ETYMON} run {text} {' '.join(RUN)}",
    )
    assert said.code == 74, said
    check_message(said, ["The disk is read-only", str(finished), "Read-only file system", "ETYMON_STORE"])
    assert "every byte as written" in said.out


@pytest.fixture
def open_to_all(tmp_path: Path) -> Iterator[Path]:
    """A folder into which everybody may look and write; pytest's own are closed to others."""
    changed = [path for path in (tmp_path, *tmp_path.parents) if path.is_relative_to("/tmp") and path != Path("/tmp")]
    modes = [path.stat().st_mode for path in changed]
    for path, mode in zip(changed, modes, strict=True):
        path.chmod(mode | 0o077)
    yield tmp_path
    for path, mode in zip(changed, modes, strict=True):
        path.chmod(mode)


def as_nobody(*words: str | Path) -> Said:
    """A command of a user who has no rights."""
    rights = ["setpriv", f"--reuid={NOBODY}", "--clear-groups"]
    command = [*rights, sys.executable, "-m", "etymon", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    return Said(done.returncode, done.stdout, done.stderr)


@needs_nobody
def test_a_store_of_somebody_else_is_told(open_to_all: Path) -> None:
    (open_to_all / "a.txt").write_text(paragraphs(20, 3))
    (open_to_all / "closed").mkdir(mode=0o755)
    said = as_nobody("corpus", "build", open_to_all / "a.txt", "--store", open_to_all / "closed" / "store")
    assert said.code == 74, said
    check_message(said, ["closed to you", str(open_to_all / "closed"), "Permission denied", "ETYMON_STORE"])


@needs_nobody
def test_files_that_may_not_be_read_are_named_one_by_one_and_cost_only_themselves(open_to_all: Path) -> None:
    texts = open_to_all / "texts"
    texts.mkdir(mode=0o755)
    for name in ("closed.txt", "open.txt"):
        (texts / name).write_text(paragraphs(20, len(name)))
    (texts / "closed.txt").chmod(0o600)
    said = as_nobody("corpus", "build", texts, "--store", open_to_all / "store")
    assert said.code == 0, said
    assert "closed.txt: unreadable (Permission denied)" in said.out

    (texts / "open.txt").chmod(0o600)
    said = as_nobody("corpus", "build", texts, "--store", open_to_all / "store")
    assert said.code == 1
    check_message(said, ["at least 1,000 are needed", "closed.txt", "Permission denied", "open.txt", "2 unreadable"])
