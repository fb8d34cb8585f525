"""docs/format.md is exact: a reader written from that page alone reads what storage writes."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from pathlib import Path
from typing import Any

import pytest
import xxhash
from filled_store import sealed
from hypothesis import given
from hypothesis import strategies as st

from etymon.storage import Remote, Store, canonical
from harness.groups import ranks

BLOCK = 1_048_576
ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def spell(value: Any) -> str:
    """Canonical JSON by the page's words."""
    if isinstance(value, str):
        letters = [ESCAPES.get(one) or (f"\\u{ord(one):04x}" if one < " " else one) for one in value]
        return f'"{"".join(letters)}"'
    if isinstance(value, dict):
        return "{" + ",".join(f"{spell(key)}:{spell(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(spell, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read_sealed(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    body = b"{" + data[76:]
    assert data[:10] == b'{"check":"'
    assert data[10:74].decode() == sha256(body)
    assert data[74:76] == b'",'
    value = json.loads(body)
    assert spell(value).encode() == body
    return value


def read_files(folder: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    manifest = read_sealed(folder / "manifest.json")
    assert manifest["format"] == 1
    files = {name: (folder / name).read_bytes() for name in manifest["files"]}
    assert {path.name for path in folder.iterdir()} == {*files, "manifest.json"}
    for name, data in files.items():
        blocks = [data[start : start + BLOCK] for start in range(0, len(data), BLOCK)]
        hashes = [xxhash.xxh3_128(block, seed=0).hexdigest() for block in blocks]
        assert manifest["files"][name] == {"size": len(data), "sha256": sha256(data), "xxh3_128": hashes}
    return manifest, files


def read_records(path: Path) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    so_far = b""
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1]):
        found = re.fullmatch(rb'\{"check":"([0-9a-f]{8})","length":(\d+),(.*)', line)
        assert found is not None
        body = b"{" + found[3]
        so_far += body
        assert (int(found[1], 16), int(found[2])) == (zlib.crc32(so_far), len(body))
        value = json.loads(body)
        assert value["sequence"] == number
        assert spell(value).encode() == body
        records.append(value["record"])
    return records


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(codec="utf-8"), max_size=9)


@given(st.dictionaries(TEXT, SCALARS | TEXT | st.lists(SCALARS, max_size=3), max_size=4))
def test_canonical_json_is_as_described(value: dict[str, Any]) -> None:
    assert canonical(value) == spell(value).encode()


def test_the_store_and_its_artifacts_are_as_described(store: Store) -> None:
    assert (store.root / "store.json").read_bytes() == b'{"format":1}'
    text = sealed(store, "corpus", {"big": bytes(BLOCK + 1), "exact": bytes(BLOCK), "none": b""}, rate=1e-05)
    made = sealed(store, "shards", {"a.ids": b"ids"}, text)
    for artifact in (text, made):
        manifest, files = read_files(artifact.path)
        work = {key: manifest[key] for key in ("inputs", "kind", "recipe", "stage_version")}
        assert manifest["id"] == sha256(spell(work).encode())
        assert artifact.path.name == f"{manifest['kind']}-{manifest['id'][:16]}"
        assert manifest["content_hash"] == sha256(spell({name: sha256(data) for name, data in files.items()}).encode())
        told = {"statistics", "name", "created", "versions", "format", "files", "id", "content_hash"}
        assert set(manifest) == told | set(work)
    assert manifest["inputs"] == {"input0": text.id}


def test_runs_are_as_described(store: Store) -> None:
    run = store.run("demo")
    with run.lock():
        assert json.loads((run.path / "lock").read_bytes())["pid"]
        run.record("model/gpt", sealed(store, "model").id)
        run.journal.append("started", machine="é", cores=2)
        run.journal.append("ended")
        run.metrics.append({"series": "gpt", "step": 1, "loss": 2.5})
        run.metrics.append({"series": "gpt", "step": 2, "loss": float("nan")})
        run.checkpoints("gpt").save(123, {"weights": b"w"}, {"tokens": 7})
        run.checkpoints("gpt").snapshot(1_234_567_890, {"weights": b"w"}, {})
    assert (run.path / "lock").read_bytes() == b""
    assert set(read_sealed(run.path / "artifacts.json")["roles"]) == {"model/gpt"}
    events = read_records(run.path / "events.jsonl")
    assert [(event["event"], event.get("machine")) for event in events] == [("started", "é"), ("ended", None)]
    assert [row["loss"] for row in read_records(run.path / "metrics.jsonl")] == [2.5, None]
    manifest, files = read_files(run.path / "checkpoints" / "gpt" / "step-000000123")
    assert (manifest["step"], manifest["about"], files) == (123, {"tokens": 7}, {"weights": b"w"})
    assert read_files(run.path / "checkpoints" / "gpt" / "snapshots" / "step-1234567890")[0]["step"] == 1_234_567_890


def test_checkpoints_of_several_ranks_are_as_described(store: Store) -> None:
    def work(group: Any) -> None:
        files = {"weights": b"%d" % group.rank}
        Store.at(store.root).run("demo").checkpoints("gpt").save(5, files, {"tokens": 7}, group=group)

    assert [outcome.error for outcome in ranks(2, work)] == ["", ""]
    manifest, files = read_files(store.root / "runs" / "demo" / "checkpoints" / "gpt" / "step-000000005")
    assert (manifest["step"], manifest["about"], manifest["ranks"]) == (5, {"tokens": 7}, 2)
    assert files == {"rank-000.weights": b"0", "rank-001.weights": b"1"}


def read_pieces(objects: Path, files: dict[str, Any]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name, entry in files.items():
        pieces = sorted((objects / entry["sha256"]).iterdir()) if entry["size"] else []
        assert [piece.name for piece in pieces] == [f"{number:06d}" for number in range(len(pieces))]
        assert all(piece.stat().st_size == 16_777_216 for piece in pieces[:-1])
        found[name] = b"".join(piece.read_bytes() for piece in pieces)
        assert (len(found[name]), sha256(found[name])) == (entry["size"], entry["sha256"])
    return found


def test_buckets_are_as_described(store: Store, tmp_path: Path) -> None:
    bucket, run = tmp_path / "bucket", store.run("demo")
    made = sealed(store, "corpus", {"big": bytes(range(256)) * 70_000, "none": b""})
    run.record("corpus", made.id)
    run.write("plots/loss.json", b"{}")
    run.checkpoints("gpt").save(5, {"weights": b"w"}, {})
    Remote(str(bucket)).push_run(run)
    assert (bucket / "remote.json").read_bytes() == b'{"format":1}'
    manifest = (bucket / "artifacts" / made.path.name / "manifest.json").read_bytes()
    assert manifest == (made.path / "manifest.json").read_bytes()
    assert read_pieces(bucket / "objects", json.loads(manifest)["files"]) == read_files(made.path)[1]
    told = read_sealed(bucket / "runs" / "demo" / "000001.json")
    assert set(told) == {"format", "run", "generation", "token", "created", "files"}
    assert (told["format"], told["run"], told["generation"]) == (1, "demo", 1)
    files = read_pieces(bucket / "runs" / "demo" / "objects", told["files"])
    saved = "checkpoints/gpt/step-000000005"
    assert set(files) == {"artifacts.json", "plots/loss.json", f"{saved}/manifest.json", f"{saved}/weights"}
    assert all(data == (run.path / name).read_bytes() for name, data in files.items())
    assert read_sealed(run.path / "remote.json")["tokens"] == {str(bucket): [told["token"]]}


@pytest.mark.parametrize("name", ["store.json", "manifest.json", "artifacts.json", "events.jsonl", "metrics.jsonl"])
def test_the_page_names_every_file(name: str) -> None:
    page = Path(__file__).parents[2] / "docs" / "format.md"
    assert name in page.read_text(encoding="utf-8")
