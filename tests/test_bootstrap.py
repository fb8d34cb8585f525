"""`bootstrap.py`: what a bare machine may lack is said in one sentence with the command that helps."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, with a `.venv` of its own in an empty folder, so that nothing real is touched."""
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "bootstrap.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, place in (("VENV", ".venv"), ("STAMP", ".venv/installed"), ("TORCH_STATUS", "s"), ("TORCH_LOG", "l")):
        monkeypatch.setattr(module, name, str(tmp_path / place))
    return module


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence on standard error."""
    text = capsys.readouterr().err
    assert text.startswith("bootstrap: ")
    assert len(text.strip().splitlines()) == 1
    return text


def test_an_old_python_is_told_which_one_is_needed(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 8, 2, "final", 0))
    with pytest.raises(SystemExit):
        bootstrap.main(["demo"])
    text = told(capsys)
    assert "Python 3.8" in text
    assert "python3.11 bootstrap.py demo" in text


def test_an_old_python_can_read_the_file() -> None:
    import ast

    ast.parse((ROOT / "bootstrap.py").read_text(), feature_version=(3, 6))
    assert "from __future__" not in (ROOT / "bootstrap.py").read_text()


OLD = [*sorted(Path.home().glob(".pyenv/versions/[23].[0-9]*/bin/python")), Path("/usr/bin/python2")]
OLD = [python for python in OLD if python.exists() and not re.search(r"/3\.1[1-9]", str(python))]


@pytest.mark.skipif(not OLD, reason="no Python older than 3.11 is installed here")
@pytest.mark.parametrize("python", OLD, ids=str)
def test_a_real_old_python_says_one_sentence(python: Path) -> None:
    done = subprocess.run(
        [str(python), str(ROOT / "bootstrap.py"), "demo"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert re.fullmatch(r"bootstrap: this is Python .* `python3.11 bootstrap.py demo`.\n", done.stderr)


def test_a_python_without_venv_is_told_the_package(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(SystemExit):
        bootstrap.make_venv()
    assert f"apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv" in told(capsys)


def test_a_full_disk_is_told_before_anything_is_installed(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 10, 3e8))
    with pytest.raises(SystemExit):
        bootstrap.install([])
    text = told(capsys)
    assert "0.3 GB are free" in text
    assert "2.5 GB" in text


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (
            "WARNING: Retrying … NewConnectionError: Failed to establish a new connection",
            "package index cannot be reached",
        ),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("ERROR: No matching distribution found for torch==9", "No matching distribution found for torch==9"),
    ],
)
def test_a_failing_pip_is_told_in_one_sentence(bootstrap: ModuleType, output: str, sentence: str) -> None:
    assert sentence in bootstrap.why_pip_failed(output)


def test_no_network_is_told_with_what_to_check(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "python_in_venv", lambda: sys.executable)
    dead = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_NO_CACHE_DIR": "1", "PIP_RETRIES": "1"}
    for name, value in (
        dead | {"PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": "", "PIP_CONFIG_FILE": os.devnull}
    ).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        bootstrap.pip_install("a package", "--target", str(Path(bootstrap.VENV) / "t"), "surely-no-such-package-1")
    assert "package index cannot be reached" in told(capsys)


def test_what_is_installed_is_remembered_until_the_project_changes(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bootstrap, "python_in_venv", lambda: sys.executable)
    project = tmp_path / "project"
    project.mkdir()
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, project / name)
    monkeypatch.setattr(bootstrap, "ROOT", str(project))
    Path(bootstrap.VENV).mkdir()
    assert not bootstrap.is_installed([])
    bootstrap.remember(["dev"])
    assert bootstrap.is_installed([])
    assert bootstrap.is_installed(["dev"])
    assert not bootstrap.is_installed(["bench"])
    (project / "constraints.txt").write_text("torch==2.11.0\n")
    assert not bootstrap.is_installed([])


def test_the_small_packages_are_all_but_torch(bootstrap: ModuleType) -> None:
    project = bootstrap.read_project()
    small = bootstrap.small_packages(project, ["dev"])
    assert not any(need.startswith("torch") for need in small)
    assert len(small) == len(project["dependencies"]) - 1 + len(project["optional-dependencies"]["dev"])


@pytest.mark.ci
@pytest.mark.timeout(1500)
def test_a_fresh_clone_does_the_demo(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    begin = time.monotonic()
    command = [sys.executable, "bootstrap.py", "demo", "--budget", "60s", "--json"]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    assert [row["family"] for row in answer["models"]] == ["ngram", "lstm", "gpt"]
    assert (clone / answer["report"]).stat().st_size > 50_000
    assert "n-gram" in done.stderr
    assert time.monotonic() - begin < 1400
    again = subprocess.run(
        [sys.executable, "bootstrap.py", "doctor"], cwd=clone, capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stdout + again.stderr
    assert "installing" not in again.stdout


def test_a_run_that_ends_first_ends_pip_and_starts_no_other(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started = tmp_path / "started"
    waits = f"import pathlib, time; pathlib.Path({str(started)!r}).open('a').write('x'); time.sleep(60)"
    monkeypatch.setattr(bootstrap, "pip_command", lambda *words: [sys.executable, "-c", waits])
    monkeypatch.setattr(bootstrap, "torch_attempts", lambda: ["torch==1+cpu", "torch==1"])
    torch = bootstrap.TorchInstall()
    while not started.exists():
        time.sleep(0.02)
    begin = time.monotonic()
    torch.end()
    assert time.monotonic() - begin < 20
    assert started.read_text() == "x"
    assert torch.status().startswith("failed")


def test_a_missing_cpu_build_leads_to_the_default_one(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    refuses = "import sys; print('ERROR: No matching distribution found for torch'); sys.exit(1)"
    commands = {"torch==1+cpu": refuses, "torch==1": "print('installed')"}
    monkeypatch.setattr(bootstrap, "pip_command", lambda *words: [sys.executable, "-c", commands[words[-1]]])
    monkeypatch.setattr(bootstrap, "torch_attempts", lambda: list(commands))
    torch = bootstrap.TorchInstall()
    torch.wait()
    assert torch.status() == "ready"
