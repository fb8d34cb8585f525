"""Commands in processes of their own: on a terminal, into a pipe that closes, and stopped by signals."""

from __future__ import annotations

import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import paragraphs

from etymon.cli.terminal import Pace
from etymon.storage import Artifact, Store

ETYMON = [sys.executable, "-m", "etymon"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "TERM": "xterm-256color", "COLUMNS": "100"}


def on_a_terminal(*words: str | Path) -> tuple[int, str]:
    """Exit code and all that a command draws on a terminal of its own."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*ETYMON, *map(str, words)], stdin=theirs, stdout=theirs, stderr=theirs, env=ENVIRONMENT
    ) as process:
        os.close(theirs)
        drawn = bytearray()
        while select.select([ours], [], [], 60)[0]:
            try:
                drawn += os.read(ours, 1 << 16)
            except OSError:  # the other side is closed
                break
        code = process.wait()
    os.close(ours)
    return code, drawn.decode(errors="replace")


def test_bars_are_drawn_on_a_terminal_and_nothing_of_them_is_left(text: Path, tmp_path: Path) -> None:
    code, drawn = on_a_terminal("run", text, "--budget", "60s", "families=ngram", "--store", tmp_path / "store")
    assert code == 0, drawn
    assert "━" in drawn and "\x1b[" in drawn
    assert "reading the text" in drawn and "counting for the n-gram" in drawn
    assert "Three commands to try next" in drawn


def test_the_time_that_remains_follows_from_what_was_done_since_it_went_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([100.0, 102.0, 112.0])
    monkeypatch.setattr("etymon.cli.terminal.time.monotonic", lambda: next(seconds))
    pace = Pace()
    assert pace.line(80, 100, "loss 2.31") == "0:02 so far, loss 2.31"
    assert pace.line(85, 100, "") == "85%, 0:30 remaining"


def test_text_of_a_model_cannot_steer_the_terminal(finished: Path) -> None:
    code, drawn = on_a_terminal("generate", "tiny/ngram", "\x1b[31mred", "max_tokens=3", "--store", finished)
    assert code == 0
    assert "\x1b[31m" not in drawn and "\\x1b[31mred" in drawn


@pytest.mark.parametrize("command", [("ls",), ("corpus", "decisions", "tiny/corpus")])
def test_a_reader_that_goes_away_is_no_error(finished: Path, command: tuple[str, ...]) -> None:
    environment = ENVIRONMENT | {"ETYMON_STORE": str(finished)}
    with subprocess.Popen(
        [*ETYMON, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


def training(text: Path, store: Path) -> list[str]:
    """A command that trains a small GPT for some seconds, the same amount of arithmetic wherever it runs."""
    settings = ["families=gpt", "models.gpt.width=96", "models.gpt.layers=2", "training.gpt.batch_tokens=2048"]
    return ["run", str(text), "--name", "stopped", "--budget", "1.2e11FLOP", "--store", str(store), *settings]


@pytest.fixture(scope="module")
def more_text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough text for a training of some seconds."""
    path = tmp_path_factory.mktemp("more") / "more.txt"
    path.write_text(paragraphs(150, 7))
    return path


@pytest.fixture(scope="module")
def whole(more_text: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The model of the same training, never stopped."""
    store = tmp_path_factory.mktemp("whole") / "store"
    finish(training(more_text, store))
    return Store.at(store).open("stopped/gpt")


def started(words: list[str], store: Path) -> subprocess.Popen[str]:
    """A process that has done some steps of its training."""
    process = subprocess.Popen(
        [*ETYMON, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    metrics = store / "runs" / "stopped" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not metrics.exists() or metrics.read_bytes().count(b"learning_rate") < 3:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.02)
    return process


def finish(words: list[str]) -> None:
    """Run to the end."""
    done = subprocess.run([*ETYMON, *words], capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 0, done


@pytest.mark.ci
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_stopped_run_names_the_command_that_ends_in_the_same_bytes(
    more_text: Path, whole: Artifact, tmp_path: Path, number: signal.Signals
) -> None:
    words = training(more_text, tmp_path / "store")
    process = started(words, tmp_path / "store")
    process.send_signal(number)
    _, told = process.communicate()
    assert process.returncode == 75, told
    assert "stopping after this step" in told and "stopped: gpt" in told and "Traceback" not in told
    command = shlex.split(told.rpartition("help: `")[2].partition("`")[0])
    assert command[0] == "etymon"
    finish(command[1:])
    resumed = Store.at(tmp_path / "store").open("stopped/gpt")
    assert (resumed.id, resumed.content_hash) == (whole.id, whole.content_hash)
    assert Store.at(tmp_path / "store").verify() == []


@pytest.mark.ci
def test_a_second_signal_ends_the_process_at_once_and_the_run_still_goes_on(more_text: Path, tmp_path: Path) -> None:
    words = training(more_text, tmp_path / "store")
    process = started(words, tmp_path / "store")
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    # Of two that come at once the system may hand over either first.
    assert process.returncode in (-signal.SIGINT, -signal.SIGTERM)
    finish(words)
    assert Store.at(tmp_path / "store").verify() == []


def test_ctrl_c_within_code_that_c_has_run_ends_with_our_number(tmp_path: Path) -> None:
    codes: list[int] = []
    for forget in ("pass", "forget_interrupt()"):
        (tmp_path / "stopped.py").write_text(
            "import sys\nfrom ctypes import pythonapi\nfrom etymon.cli.signals import forget_interrupt\n"
            f"pythonapi.PyRun_SimpleString(b'raise KeyboardInterrupt')\n{forget}\nsys.exit(130)\n"
        )
        command = [sys.executable, "-m", "stopped"]  # as a module, as `python -m etymon` is
        codes.append(subprocess.run(command, cwd=tmp_path, capture_output=True).returncode)
    assert codes == [-signal.SIGINT, 130]


def test_ctrl_c_where_nothing_has_to_be_saved_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "large.txt").write_text(paragraphs(1000, 1) * 800)
    words = ["corpus", "build", str(tmp_path / "large.txt"), "--store", str(tmp_path / "store")]
    with subprocess.Popen([*ETYMON, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not (tmp_path / "store" / "store.json").exists():
            time.sleep(0.01)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate()
    assert process.returncode == 130, told
    assert told == "stopped: by Ctrl-C; everything finished before is kept\n"
    assert Store.at(tmp_path / "store").artifacts() == []
