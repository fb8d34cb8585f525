"""Commands that may have little: small files, few open files, little memory, no streams, no home, odd places."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import Said, digests, etymon
from every_command import do, words_of
from planted import check_message

from etymon.storage import Store
from harness import faults, limits
from harness.small_disk import needed_or_skip

ETYMON = [sys.executable, "-m", "etymon"]


def environment(**changed: str) -> dict[str, str]:
    """What a command is started with; "" takes a variable away."""
    given = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"} | changed
    return {name: value for name, value in given.items() if value}


@pytest.fixture
def root(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the filled store, in which all that was there must be whole afterwards."""
    root = tmp_path / "store"
    shutil.copytree(filled, root)
    monkeypatch.setenv("ETYMON_STORE", str(root))
    before = digests(root)
    yield root
    after = digests(root)
    assert {name: after.get(name) for name in before} == before
    assert Store.at(root).verify() == []


def check_told(told: Said, code: int, *words: str) -> None:
    """One error in words, with this exit code."""
    assert told.code == code, told
    check_message(told, list(words))
    assert "help: " in told.err


@pytest.mark.parametrize("kilobytes", [1, 3, 20, 60])
def test_a_file_that_would_be_too_large_is_told(kilobytes: int, root: Path, texts: Path) -> None:
    with limits.largest_file(kilobytes * 1000):
        told = do("run", texts)
    check_told(
        told, 74, "larger than is allowed", "where: ", str(root), "File too large; ", "bytes needed", "ulimit -f"
    )
    assert do("run", texts).code == 0


@pytest.mark.parametrize("left", [0, 2, pytest.param(1, marks=pytest.mark.ci), pytest.param(4, marks=pytest.mark.ci)])
@pytest.mark.parametrize("name", ["corpus build", "tokenizer train", "generate", "verify"])
def test_too_few_open_files_are_told_and_nothing_is_taken_for_damaged(
    name: str, left: int, root: Path, filled: Path, texts: Path
) -> None:
    assert do(name, texts).code == 0  # a command loads the libraries it needs, and keeps them
    shutil.rmtree(root)
    shutil.copytree(filled, root)
    with limits.open_files_left(left):
        told = do(name, texts)
    if told.code != 0 or left == 0:
        check_told(told, 74, "Too many files are open", "where: ", "Too many open files", "ulimit -n")
    assert do(name, texts).code == 0


@pytest.mark.parametrize("name", ["generate", "corpus build", "run"])
def test_a_process_without_means_to_read_takes_nothing_for_damaged(name: str, root: Path, texts: Path) -> None:
    journals = {path: path.read_bytes() for path in root.glob("runs/*/events.jsonl")}
    for code in (errno.EMFILE, errno.ENOMEM, errno.EACCES):
        with faults.unreadable(
            lambda path: path.suffix in (".json", ".safetensors", ".ids") and "-" in str(path), code
        ):
            told = do(name, texts)
        assert "damaged" not in told.out + told.err
        if told.code:
            check_told(told, 74, "where: ", str(root), "why: ", os.strerror(code))
    assert all(b"damaged" not in path.read_bytes() for path in journals)


def run(words: list[str | Path], **options: Any) -> Said:
    """A command in a process of its own that may have little; see `limited`."""
    done = limits.limited([*ETYMON, *words], **{"environment": environment()} | options)
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.mark.ci
def test_too_little_memory_for_a_step_is_told_and_nothing_is_lost(root: Path, texts: Path) -> None:
    large = ("models.gpt.width=2048", "models.gpt.layers=12", "models.gpt.heads=8")
    words = [word for word in words_of("run", texts) if not word.startswith("models.gpt.")]
    told = run([*words, *large], memory_bytes=3_000_000_000)
    check_told(told, 1, "memory", "why: ")
    assert do("run", texts).code == 0


@pytest.mark.ci
@pytest.mark.parametrize("megabytes", [120, 250, 500, 900, 1400])
def test_too_little_memory_anywhere_is_told(megabytes: int, root: Path, texts: Path) -> None:
    told = run(words_of("run", texts), memory_bytes=megabytes * 1_000_000)
    if told.code != 0:
        message = told.err[told.err.index("error: ") :]  # a library may have its own say before
        assert "Traceback" not in told.err
        check_told(Said(told.code, told.out, message), 1, "memory", "why: ")
    assert do("run", texts).code == 0


NOT_TAKEN = "Standard output takes no more of what is written"


@pytest.mark.parametrize("name", ["ls", pytest.param("run", marks=pytest.mark.ci)])
def test_standard_output_that_is_closed_is_told(name: str, root: Path, texts: Path) -> None:
    check_told(run(words_of(name, texts), closed=[1]), 74, NOT_TAKEN, "Bad file descriptor")
    assert do(name, texts).code == 0


@pytest.mark.ci
@pytest.mark.parametrize("name", ["ls", "corpus decisions", "generate", "run"])
def test_standard_output_on_a_full_disk_is_told(name: str, root: Path, texts: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*ETYMON, *words_of(name, texts)], stdout=full, stderr=subprocess.PIPE, text=True, env=environment()
        )
    check_told(Said(done.returncode, "", done.stderr), 74, NOT_TAKEN, "No space left on device")
    assert do(name, texts).code == 0


@pytest.mark.ci
def test_a_run_without_any_standard_stream_but_output_works_and_writes_no_message_into_the_store(
    root: Path, texts: Path
) -> None:
    told = run([*words_of("run", texts), "--json"], closed=[0, 2])
    assert (told.code, told.out.count("\n")) == (0, 1)
    assert run(["ls", "--store", root / "none"], closed=[0, 1, 2]).code == 1
    assert run(["ls"], closed=[0, 1, 2]).code == 74


@pytest.mark.ci
def test_the_message_of_a_signal_goes_into_no_file_of_the_store(root: Path, texts: Path) -> None:
    words = [*words_of("run", texts), "--budget", "3e9FLOP"]
    process = subprocess.Popen(
        [*ETYMON, *words], stdout=subprocess.DEVNULL, env=environment(), preexec_fn=lambda: os.close(2)
    )
    metrics = root / "runs" / "second" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not metrics.exists() or metrics.read_bytes().count(b"learning_rate") < 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 75
    found = [path for path in root.rglob("*") if path.is_file() and b"stopping after this step" in path.read_bytes()]
    assert found == []


@pytest.mark.ci
def test_a_user_without_a_home_is_told_where_one_is_needed_and_only_there(root: Path, texts: Path) -> None:
    needed_or_skip(limits.why_nobody_cannot_be(), ci=True)
    homeless = environment(HOME="")
    words = ["corpus", "build", str(texts / "new"), "--store"]
    assert run([*words, root / "other"], environment=homeless).code == 0
    with limits.open_to_all(texts.parent):
        done = limits.as_nobody([*ETYMON, *words, "~/store"], user=54321, environment=homeless)
    check_told(Said(done.returncode, done.stdout, done.stderr), 1, "no home folder", "~/store", "whole path")


@pytest.mark.ci
def test_a_run_needs_no_folder_for_temporary_files(root: Path, texts: Path) -> None:
    told = run(words_of("run", texts), environment=environment(TMPDIR="/nowhere", TEMP="", TMP=""))
    assert (told.code, told.err) == (0, "")


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("file.txt/store", "A part of the path is a file"),
        ("x" * 300, "The path is too long"),
        ("y/" * 2500, "too long"),
    ],
    ids=["through a file", "a long name", "a long path"],
)
def test_a_store_where_none_can_be_is_told(place: str, says: str, texts: Path, tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("text")
    told = etymon("corpus", "build", texts / "new", "--store", tmp_path / place)
    check_told(told, 74, says, "where: ", str(tmp_path), "why: ", "ETYMON_STORE")
    assert (tmp_path / "file.txt").read_text() == "text"


@pytest.mark.parametrize("place", ["mit Leerzeichen", "ünïcödé 本文 🙂", "-begins with a dash", "new\nline", "z" * 255])
def test_a_store_may_have_any_name(place: str, texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETYMON_STORE", str(tmp_path / place))
    assert etymon("tokenizer", "train", texts / "new", "tokenizer.vocabulary=280").code == 0
    assert etymon("verify").code == 0
    assert len(Store.at(tmp_path / place, create=False).artifacts()) == 2


@pytest.mark.ci
def test_a_folder_without_the_right_to_write_is_told(root: Path, texts: Path) -> None:
    needed_or_skip(limits.why_nobody_cannot_be(), ci=True)
    (root / "runs" / "second").mkdir(exist_ok=True)
    for path in root.rglob("*"):
        path.chmod(0o777 if path.is_dir() else 0o666)
    root.chmod(0o777)
    folder = root / "runs" / "second"
    with limits.open_to_all(root.parent), limits.open_to_all(texts):
        folder.chmod(0o555)
        done = limits.as_nobody([*ETYMON, *words_of("run", texts)], environment=environment())
        check_told(Said(done.returncode, "", done.stderr), 74, "closed to you", str(folder), "Permission denied")
        folder.chmod(0o777)
        again = limits.as_nobody([*ETYMON, *words_of("run", texts)], environment=environment())
        assert again.returncode == 0, again


@pytest.mark.ci
def test_a_file_of_the_store_that_may_not_be_read_is_told_as_that_and_not_as_damage(root: Path) -> None:
    needed_or_skip(limits.why_nobody_cannot_be(), ci=True)
    manifest = Store.at(root).open("first/gpt").path / "manifest.json"
    with limits.open_to_all(root.parent):
        manifest.chmod(0o600)
        done = limits.as_nobody([*ETYMON, "show", "first/gpt"], environment=environment())
        manifest.chmod(0o644)
    told = Said(done.returncode, done.stdout, done.stderr)
    check_told(told, 74, "closed to you", str(manifest), "Permission denied")
    assert "damaged" not in told.err
