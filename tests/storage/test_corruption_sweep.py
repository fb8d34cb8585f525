"""The corruption sweep: a byte changed anywhere in what is stored is detected by whoever loads it."""

from __future__ import annotations

import argparse
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from safetensors.numpy import load as tensors_of
from safetensors.numpy import save as safetensors

from etymon.corpus import CorpusSettings, build
from etymon.errors import EtymonError
from etymon.recipe import Count
from etymon.storage import Artifact, Checkpoint, Store, artifact, blocks, folder, records
from etymon.storage.canonical import seal, unseal
from etymon.storage.folder import MANIFEST
from etymon.tokens import TokenizerSettings, build_shards, open_shards, train_tokenizer
from harness.corruption import Load, Sweep, changes, flipped, inverted, sampled, sweep, zeroed

SIZE = 1 << 16
WEIGHTS = "weights.safetensors"


def state_of(size: int) -> bytes:
    """A file of tensors of exactly that size."""
    values = np.random.default_rng(0).standard_normal(size // 4 - 100, np.float32)
    tensors: dict[str, Any] = {"blocks.0.weight": values[: len(values) // 2], "head.weight": values[len(values) // 2 :]}
    spare = size - len(safetensors({**tensors, "spare": np.zeros(100, np.uint8)})) + 100
    return safetensors({**tensors, "spare": np.zeros(spare, np.uint8)})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store.at(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def saved(store: Store) -> Checkpoint:
    files = {WEIGHTS: state_of(SIZE), "state.json": b'{"step": 7}'}
    return store.run("demo").checkpoints("gpt").save(7, files, {"loss": 2.5})


@pytest.fixture(scope="module")
def shards(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """Shards of real text; train.ids has a little more than 64 KiB."""
    sources = [inspect.getsource(argparse), inspect.getsource(inspect), inspect.getsource(json)]
    paragraphs = [part for part in "\n\n".join(sources).split("\n\n") if len(part) > 80]
    file = tmp_path_factory.mktemp("corpus") / "documents.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in paragraphs), encoding="utf-8")
    corpus = build(store, [str(file)], CorpusSettings(validation=0.1, test=0.1))
    return build_shards(store, corpus, train_tokenizer(store, corpus, TokenizerSettings(vocabulary=Count(400))))


def as_training_does(saved: Checkpoint) -> Load:
    """Opens the checkpoint and reads its tensors."""
    return lambda: tensors_of(Checkpoint(saved.path, saved.label).read(WEIGHTS))


def as_the_loader_does(shards: Artifact) -> Load:
    """Maps the streams of shards whose manifest has been read, in a process that has mapped them before."""
    opened = Artifact.stored(shards.path)
    return lambda: open_shards(opened)


def all_detected(result: Sweep) -> bool:
    assert result.silent == []
    assert result.crashed == []
    return result.detected == result.tried > 0


# Checkpoints and shards


def test_bytes_changed_in_a_checkpoint_are_detected(saved: Checkpoint) -> None:
    path = saved.path / WEIGHTS
    assert path.stat().st_size == SIZE
    assert all_detected(sweep(path, as_training_does(saved), sampled(path, 1000)))


def test_bytes_changed_in_a_token_shard_are_detected(shards: Artifact) -> None:
    path = shards.path / "train.ids"
    assert path.stat().st_size >= SIZE
    assert all_detected(sweep(path, as_the_loader_does(shards), sampled(path, 1000)))


@pytest.mark.ci
def test_every_byte_changed_in_a_checkpoint_is_detected(
    saved: Checkpoint, record_property: Callable[[str, object], None]
) -> None:
    result = sweep(saved.path / WEIGHTS, as_training_does(saved))
    record_property("found", f"{result.detected:,} of {result.tried:,} changed bytes of a checkpoint detected")
    assert result.tried == SIZE
    assert all_detected(result)


@pytest.mark.ci
def test_every_byte_changed_in_a_token_shard_is_detected(
    shards: Artifact, record_property: Callable[[str, object], None]
) -> None:
    result = sweep(shards.path / "train.ids", as_the_loader_does(shards), range(SIZE))
    record_property("found", f"{result.detected:,} of {result.tried:,} changed bytes of a token shard detected")
    assert result.tried == SIZE
    assert all_detected(result)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize("part", ["ids", "starts", "bytes", "documents.json"])
def test_bytes_changed_in_any_file_of_the_shards_are_detected(shards: Artifact, split: str, part: str) -> None:
    path = shards.path / f"{split}.{part}"
    assert all_detected(sweep(path, as_the_loader_does(shards), sampled(path, 40), inverted))


def test_a_shard_changed_right_after_it_was_verified_is_detected(shards: Artifact) -> None:
    """The time of a change has steps of milliseconds; within one, a file that was found whole may change."""
    path, load = shards.path / "train.ids", as_the_loader_does(shards)
    result = Sweep()
    for turn in range(40):
        load()
        for position in changes(path, [turn * 1000]):
            result.look(position, load)
    assert all_detected(result)


def test_a_shard_that_has_rested_is_verified_once_by_each_process(shards: Artifact) -> None:
    read: list[int] = []
    hash_block = blocks.hash_block
    with (
        mock.patch.object(folder, "_SETTLED", -1),
        mock.patch.object(blocks, "hash_block", lambda data: read.append(len(data)) or hash_block(data)),
    ):
        open_shards(shards)
        mapped = sum(read)
        read.clear()
        open_shards(shards)
    assert mapped > SIZE
    assert sum(read) < mapped / 2  # the lists of documents are read again


# Manifests and records


@pytest.mark.parametrize("change", [flipped, inverted, zeroed])
def test_every_byte_changed_in_a_manifest_is_detected(
    saved: Checkpoint, shards: Artifact, change: Callable[[int, int], int]
) -> None:
    assert all_detected(sweep(saved.path / MANIFEST, as_training_does(saved), change=change))
    path = shards.path / MANIFEST
    assert all_detected(sweep(path, lambda: Artifact.stored(shards.path), change=change))


def test_every_byte_changed_in_the_list_of_artifacts_is_detected(store: Store, shards: Artifact) -> None:
    run = store.run("listed")
    run.record("shards", shards.id)
    assert all_detected(sweep(run.path / "artifacts.json", run.artifacts))


class TornTail(EtymonError):
    """What a reader is told of a tail that the next writer will cut."""


@pytest.fixture
def record_files(store: Store, tmp_path: Path) -> dict[str, tuple[Path, Load]]:
    """A journal and metrics of a run, and how they are loaded: damage and a torn tail are told."""
    run = Store.at(tmp_path / "store").run("demo")
    for number in range(20):
        run.journal.append("event", number=number)
        run.metrics.append({"series": "gpt", "step": number, "loss": 1 / (number + 1)})
    run.journal.close()
    run.metrics.close()

    def load(name: str, synced: bool) -> None:
        scan = records.RecordFile(run.path / name, "The run demo", synced=synced).scan()
        if scan.torn:
            raise TornTail(f"{scan.torn} bytes were torn")

    names = {"events.jsonl": True, "metrics.jsonl": False}
    return {
        name: (run.path / name, lambda name=name, synced=synced: load(name, synced)) for name, synced in names.items()
    }


@pytest.mark.parametrize("name", ["events.jsonl", "metrics.jsonl"])
@pytest.mark.parametrize("change", [flipped, inverted, zeroed])
def test_every_byte_changed_in_records_is_damage_or_told_as_torn(
    record_files: dict[str, tuple[Path, Load]], name: str, change: Callable[[int, int], int]
) -> None:
    path, load = record_files[name]
    assert all_detected(sweep(path, load, change=change))


# Mutations: a storage that does not compare would let changes through, and the sweep shows it


def test_without_the_hashes_of_blocks_changes_would_be_silent(store: Store) -> None:
    with mock.patch.object(blocks, "hash_block", lambda data: "0" * 32):
        kept = store.run("constant").checkpoints("gpt").save(1, {WEIGHTS: state_of(SIZE)}, {})
        path = kept.path / WEIGHTS
        checkpoint = sweep(path, as_training_does(kept), sampled(path, 50))
        with store.create("shards", {}, {}, stage_version=1) as draft:
            draft.write("train.ids", bytes(SIZE))
            made = draft.seal()
        shard = sweep(made.path / "train.ids", lambda: made.map("train.ids", "<u2"), sampled(path, 50))
    assert len(checkpoint.silent) > 40
    assert len(shard.silent) > 40


def unchecked(data: bytes) -> Any:
    """What `unseal` would be without its digest."""
    return {key: value for key, value in json.loads(data).items() if key != "check"}


def test_without_the_digest_of_manifests_changes_would_be_silent(saved: Checkpoint) -> None:
    path = saved.path / MANIFEST
    with mock.patch.object(folder, "unseal", unchecked):
        misses = sweep(path, as_training_does(saved)).silent
    assert len(misses) > 20


@pytest.mark.parametrize("name", ["events.jsonl", "metrics.jsonl"])
def test_without_the_checksum_of_records_changes_would_be_silent(
    record_files: dict[str, tuple[Path, Load]], name: str
) -> None:
    def trusting(line: bytes, sequence: int, link: int) -> Any:
        if not line.endswith(b"\n") or b"\0" in line:
            raise records.Torn("it was not written to its end")
        return json.loads(line)["record"], link

    path, load = record_files[name]
    with mock.patch.object(records, "decode", trusting):
        misses = sweep(path, load, sampled(path, 200)).silent
    assert len(misses) > 50


@pytest.mark.parametrize("skipped", [False, True])
def test_a_content_hash_of_other_files_is_detected_by_its_comparison_alone(store: Store, skipped: bool) -> None:
    """A manifest sealed anew with the content hash of something else: its digest fits, its files are whole."""
    with store.create("corpus", {"skipped": skipped}, {}, stage_version=1) as draft:
        draft.write("text", b"text")
        made = draft.seal()
    manifest = unseal((made.path / MANIFEST).read_bytes())
    (made.path / MANIFEST).write_bytes(seal({**manifest, "content_hash": "0" * 64}))
    with mock.patch.object(artifact, "content_hash", (lambda files: "0" * 64) if skipped else artifact.content_hash):
        damages = Artifact.stored(made.path).verify()
    assert [damage.file for damage in damages] == ([] if skipped else [MANIFEST])


def test_the_sha256_of_a_file_sees_what_the_hashes_of_its_blocks_do_not(store: Store) -> None:
    """Two blocks exchanged together with their hashes in a manifest that was sealed anew."""
    run = store.run("exchanged")
    one, two = bytes(blocks.BLOCK), b"\1" * blocks.BLOCK
    kept = run.checkpoints("gpt").save(1, {"weights": one + two}, {})
    manifest = unseal((kept.path / MANIFEST).read_bytes())
    manifest["files"]["weights"]["xxh3_128"].reverse()
    (kept.path / MANIFEST).write_bytes(seal(manifest))
    (kept.path / "weights").write_bytes(two + one)
    opened = Checkpoint(kept.path, kept.label)
    assert [damage.file for damage in opened.verify()] == ["weights"]
    assert opened.read("weights") == two + one
