"""A model family that another package brings: at most a hundred lines, and no other edit anywhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "nplm"
LAWS = """
import json, torch, numpy as np
from etymon.models import family, families
from etymon.tokens import Batch
kind = family("nplm")
torch.manual_seed(0)
network = kind.build(kind.settings(order=4, width=8, hidden=16), 11).eval()
ids = np.random.default_rng(0).integers(0, 11, (3, 20))
batch = Batch(ids=ids[:, :-1], targets=ids[:, 1:], weights=np.ones((3, 19)))
whole, state, pieces = network.log_probs(batch), None, []
for t in range(19):
    log_probs, state = network.next_log_probs(ids[:, t : t + 1], state)
    pieces.append(log_probs[np.arange(3), ids[:, t + 1]])
print(json.dumps({
    "last": list(families())[-1],
    "apart": float(np.abs(whole - np.stack(pieces, 1)).max()),
    "parameters": sum(each.numel() for each in network.parameters()),
    "counted": network.counts(19).parameters,
}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process in which the example is installed, as a wheel of its own."""
    place = tmp_path_factory.mktemp("packages")
    source = shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("source") / "nplm")  # building leaves files behind
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(place), str(source)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    there = {name: value for name, value in os.environ.items() if name != "ETYMON_STORE"}
    paths = [str(place), *filter(None, [there.get("PYTHONPATH")])]
    return there | {"PYTHONPATH": os.pathsep.join(paths)}


def etymon(*words: str, here: Path, there: dict[str, str]) -> str:
    command = [sys.executable, "-m", "etymon", *words]
    done = subprocess.run(command, cwd=here, env=there, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_short() -> None:
    assert sum(len(path.read_text().splitlines()) for path in EXAMPLE.iterdir() if path.is_file()) <= 100


@pytest.mark.ci
def test_it_keeps_the_laws_of_a_language_model(installed: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, "-c", LAWS], env=installed, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    assert said["last"] == "nplm"
    assert said["apart"] < 1e-5
    assert said["parameters"] == said["counted"]


@pytest.mark.ci
def test_it_appears_in_run_generate_and_report(installed: dict[str, str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = ["the", "cat", "sat", "on", "a", "mat", "and", "ate", "fish", "."]
    (tmp_path / "texts").mkdir()
    for number in range(40):
        (tmp_path / "texts" / f"{number}.txt").write_text(" ".join(rng.choice(words, 300)))
    run = ("run", "texts", "--budget", "3e9FLOP", "--name", "mine", "--no-open", "--json", "families=ngram,nplm")
    said = json.loads(etymon(*run, "models.nplm.order=4", here=tmp_path, there=installed))
    model = next(each for each in said["models"] if each["family"] == "nplm")
    assert 0 < model["bits_per_byte"]["low"] <= model["bits_per_byte"]["mean"] < 4
    report = (tmp_path / "etymon-store" / "runs" / "mine" / "report.html").read_text()
    assert "NPLM (neural n-gram)" in report
    assert etymon("generate", "mine/nplm", "the cat", here=tmp_path, there=installed).strip()
