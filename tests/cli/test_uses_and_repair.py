"""`etymon lineage --uses`, `repair` and `rm` as typed: words, answers for machines, exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from command_line import digests, etymon
from planted import check_message

from etymon.storage import Store


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_uses_tell_people_and_machines_what_has_seen_a_file(shared: Store) -> None:
    said = etymon("lineage", "--uses", "one.txt")
    assert (said.code, said.err) == (0, "")
    model = shared.open("tiny/ngram")
    for part in (
        f"one.txt: 15 documents in corpus {shared.open('tiny/corpus').id[:12]}",
        "What has seen it:",
        f"  model        {model.id[:12]}  tiny/ngram; its counts include",
        "  run          tiny  its journal, metrics and report",
        "To have it gone:",
        "  etymon rm tiny",
        "  etymon gc",
    ):
        assert part in said.out
    answer = json.loads(etymon("lineage", "--uses", "one.txt", "--json").out)
    assert set(answer) == {"question", "documents", "artifacts", "runs", "unknown", "unfinished", "remedy"}
    assert len(answer["documents"]) == 15
    assert {each["kind"] for each in answer["artifacts"]} == {
        "corpus",
        "tokenizer",
        "shards",
        "model",
        "measurement",
        "report",
    }
    assert all(
        {"id", "kind", "name", "how", "documents", "exact", "ways"} <= each.keys() for each in answer["artifacts"]
    )


def test_uses_of_what_nobody_read_and_of_nothing_are_mistakes(shared: Store) -> None:
    said = etymon("lineage", "--uses", "onne.txt")
    assert said.code == 1
    check_message(said, ["no corpus of this store has read onne.txt", "did you mean one.txt"])
    for words in ((), ("tiny/ngram", "--uses", "one.txt")):
        said = etymon("lineage", *words)
        assert said.code == 1
        check_message(said, ["one artifact or of one document", "etymon lineage --uses ID|URL|PATH"])


def test_repair_puts_right_what_verify_finds_and_says_where_it_is_from(copy: Store, text: Path) -> None:
    before = digests(copy.root)
    assert etymon("repair").out == "nothing to repair: every byte is as written\n"
    flip(copy.open("tiny/shards").path / "train.ids")
    flip(copy.open("tiny/report").path / "report.html")
    listed = etymon("verify")
    assert listed.code == 1 and "`etymon repair` puts right what it can" in listed.out

    would = json.loads(etymon("repair", "--dry-run", "--json").out)
    assert would["dry_run"] and {each["file"] for each in would["repaired"]} == {"report.html", "train.ids"}
    said = etymon("repair")
    assert (said.code, said.err) == (0, "")
    report, shards = copy.open("tiny/report").label, copy.open("tiny/shards").label
    assert set(said.out.splitlines()) == {
        f"repaired: {report}: report.html, block 0: the same bytes stand in runs/tiny/report.html",
        f"repaired: {shards}: train.ids, block 0: made once more",
    }
    assert digests(copy.root) == before
    assert etymon("verify").code == 0


def test_what_cannot_be_repaired_is_listed_with_what_to_do(copy: Store, finished: Path) -> None:
    report = copy.open("tiny/report")
    flip(report.path / "report.html")
    flip(copy.root / "runs" / "tiny" / "report.html")
    said = etymon("repair", report.label)
    assert said.code == 1
    assert said.out.startswith(f"not repaired: {report.label}: report.html, block 0: its bytes are in no other file")
    assert f"  help: name a copy of the store with --from; else remove {report.path}, then `etymon run" in said.out
    answer = json.loads(etymon("repair", report.label, "--json").out)
    assert [each["owner"] for each in answer["left"]] == [report.label] and answer["repaired"] == []
    assert etymon("repair", "--from", finished, report.label).code == 0
    assert etymon("repair", "--from", finished / "nowhere").code == 1


def test_rm_names_what_goes_and_gc_takes_the_rest(copy: Store) -> None:
    would = etymon("rm", "tiny", "--dry-run")
    assert would.out.startswith("would be removed: run tiny, ") and "  events.jsonl" in would.out
    assert "still there: model/ngram" in would.out
    assert [run.name for run in copy.runs()] == ["tiny"]
    with copy.run("tiny").lock():
        said = etymon("rm", "tiny")
        assert said.code == 1
        check_message(said, ["The run tiny", "in use", "wait until it ends"])
    answer = json.loads(etymon("rm", "tiny", "--json").out)
    assert answer["run"] == "tiny" and answer["bytes"] == sum(answer["files"].values())
    assert set(answer["refers_to"]) >= {"corpus", "tokenizer", "shards", "model/ngram"}
    assert copy.runs() == []
    assert etymon("gc").code == 0 and copy.artifacts() == []
    assert etymon("lineage", "--uses", "one.txt").code == 1
    said = etymon("rm", "tiny")
    assert said.code == 1
    check_message(said, ["no run 'tiny'", "there are none yet"])


def test_verify_tells_what_is_referred_to_and_not_there(copy: Store) -> None:
    tokenizer, shards = copy.open("tiny/tokenizer"), copy.open("tiny/shards")
    shutil.rmtree(tokenizer.path)
    said = etymon("verify")
    assert said.code == 1
    missing = f"its 'tokenizer' ({tokenizer.id[:16]}) is not in this store"
    assert f"{shards.label}: manifest.json: {missing}" in said.out
    assert f"The run tiny: artifacts.json: {missing}" in said.out
    assert etymon("repair").code == 1
