"""Real text, real evaluation sets: nothing raises, everything is accounted for."""

from __future__ import annotations

import resource
import tarfile
from pathlib import Path

import pytest

from etymon.corpus import Corpus, build
from etymon.storage import Store


def test_novels_lose_not_a_byte(public_data: Path, store: Store) -> None:
    artifact = build(store, [str(public_data / "text/austen")])
    whole = {path.name: path.read_text("utf-8") for path in (public_data / "text/austen").iterdir()}
    for name, text in whole.items():
        assert "".join(each.text for each in Corpus.open(artifact).documents() if each.source_file == name) == text
    assert artifact.statistics["documents"]["quarantined"] == {}


def test_speeches_out_of_their_archive_are_all_kept(public_data: Path, store: Store, tmp_path: Path) -> None:
    with tarfile.open(public_data / "text/sotu.tar.xz") as archive:
        archive.extractall(tmp_path / "sotu", filter="data")
    counts = build(store, [str(tmp_path / "sotu")]).statistics["documents"]
    assert counts["in"] == counts["kept"] > 233


def test_a_folder_of_evaluation_sets_is_accounted_for(public_data: Path, store: Store) -> None:
    artifact = build(store, [str(public_data / "evals")])
    counts = artifact.statistics["documents"]
    assert counts["in"] == counts["kept"] + sum(counts["dropped"].values()) + sum(counts["quarantined"].values())
    decided = {each.source_file for each in Corpus.open(artifact).decisions()}
    there = {path.relative_to(public_data / "evals").as_posix() for path in (public_data / "evals").rglob("*.*")}
    assert {name for name in there if (public_data / "evals" / name).is_file()} <= decided


@pytest.mark.slow
def test_a_file_of_a_hundred_megabytes_needs_less_than_half_a_gigabyte(
    public_data: Path, store: Store, tmp_path: Path
) -> None:
    text = (public_data / "text/tinyshakespeare.txt").read_text("utf-8")
    with (tmp_path / "large.txt").open("w") as stream:
        for number in range(90):
            stream.write(text.replace(" the ", f" the {number} "))
    artifact = build(store, [str(tmp_path / "large.txt")])
    assert artifact.statistics["bytes"]["kept"] > 100_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 500 << 10
