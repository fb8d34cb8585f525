"""Labelled texts and corpora become classifiers in the store, measured on what they have not seen, each time alike."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.corpus import Fields, Learning, build, classifier_in, train_on_corpora, train_on_files
from etymon.corpus.learning import _Drawn
from etymon.errors import EtymonError
from etymon.storage import Store

GOOD, BAD = "river bridge valley mountain harbour orchard", "casino jackpot bonus viagra discount lottery"


def texts_of(words: str, count: int, first: int = 0) -> list[str]:
    each = words.split()
    return [" ".join(each[(n * k) % len(each)] for k in range(1, 9)) + f" {n}" for n in range(first, first + count)]


def jsonl(path: Path, good: int = 60, bad: int = 60, first: int = 0) -> Path:
    rows = [{"text": text, "label": True} for text in texts_of(GOOD, good, first)]
    rows += [{"text": text, "label": False} for text in texts_of(BAD, bad, first)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_labelled_lines_become_a_classifier_that_tells_how_good_it_is(store: Store, tmp_path: Path) -> None:
    artifact = train_on_files(store, [str(jsonl(tmp_path / "a.jsonl"))], Learning(), name="quality")
    told = artifact.statistics
    assert (artifact.kind, artifact.name, artifact.inputs) == ("classifier", "quality", {})
    assert told["read"] == {"with": 60, "without": 60, "blank": 0}
    assert told["held_out"] == {"with": 12, "without": 12}
    assert told["labels"] == {"true": 60, "false": 60}
    for key in ("accuracy", "auc", "calibration_error"):
        assert told[key]["n"] == 24 and told[key]["low"] <= told[key]["mean"] <= told[key]["high"]
    assert told["accuracy"]["mean"] == 1.0
    good, bad = classifier_in(artifact).scores(["the river and the valley", "jackpot bonus casino"])
    assert good > 0.5 > bad


def test_a_table_and_lines_with_the_same_texts_in_any_order_give_the_same_bytes(store: Store, tmp_path: Path) -> None:
    lines = jsonl(tmp_path / "a.jsonl")
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    with (tmp_path / "b.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("said", "kind"), *((row["text"], "yes" if row["label"] else "no") for row in rows[::-1])])
    first = train_on_files(store, [str(lines)], Learning())
    how = Learning(fields=Fields("said", "kind"), labels=("yes",))
    second = train_on_files(store, [str(tmp_path / "b.csv")], how)
    assert first.id != second.id
    assert first.content_hash == second.content_hash
    assert first.statistics["digest"] == second.statistics["digest"]
    again = train_on_files(Store.at(tmp_path / "other"), [str(lines)], Learning())
    assert (again.id, again.content_hash) == (first.id, first.content_hash)
    assert train_on_files(store, [str(lines)], Learning(seed=1)).content_hash != first.content_hash


def test_copies_count_once_and_stay_on_one_side_with_both_their_labels(store: Store, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in jsonl(tmp_path / "a.jsonl").read_text().splitlines()]
    rows += [{"text": f"  {row['text']}\n", "label": row["label"]} for row in rows] + [{"text": " ", "label": 1}]
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, rows)))
    told = train_on_files(store, [str(tmp_path / "b.jsonl")], Learning()).statistics
    assert told["read"] == {"with": 121, "without": 120, "blank": 1}
    assert told["different"] == {"with": 60, "without": 60}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 200), min_size=1, max_size=150), st.integers(1, 20), st.randoms())
def test_what_is_drawn_does_not_depend_on_the_order_of_reading(numbers: list[int], most: int, random: Any) -> None:
    shuffled = list(numbers)
    random.shuffle(shuffled)
    drawn = [_Drawn(most, 3), _Drawn(most, 3)]
    for one, order in zip(drawn, (numbers, shuffled), strict=True):
        for number in order:
            one.add(f"text {number}")
    assert drawn[0].texts == drawn[1].texts
    assert len(drawn[0].texts) == min(most, len(set(numbers)))


def test_texts_with_one_beginning_are_one_text() -> None:
    drawn = _Drawn(10, 3)
    for number in range(5):
        drawn.add("the same licence " * 2000 + str(number))
    assert len(drawn.texts) == 1


def test_two_corpora_become_a_classifier_of_which_they_are_the_inputs(store: Store, tmp_path: Path) -> None:
    corpora = []
    for name, words in (("good", GOOD), ("bad", BAD)):
        rows = [{"text": text * 3, "id": n} for n, text in enumerate(texts_of(words, 80))]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
        corpora.append(build(store, [str(tmp_path / f"{name}.jsonl")]))
    artifact = train_on_corpora(store, corpora[0], corpora[1], Learning(), name="quality")
    assert artifact.inputs == {"good": corpora[0].id, "bad": corpora[1].id}
    assert artifact.statistics["auc"]["mean"] == 1.0
    assert {each.id for each in store.lineage(artifact)} == {each.id for each in corpora}
    with pytest.raises(EtymonError, match="are the same"):
        train_on_corpora(store, corpora[0], corpora[0], Learning())


@pytest.mark.parametrize(
    ("name", "content", "what", "where"),
    [
        ("a.jsonl", '{"text": "a", "label": 1}\n{bad', "the line cannot be read", "line 2"),
        ("a.jsonl", '{"text": "a", "label": 1}\n[1]', "the line cannot be read", "line 2"),
        ("a.jsonl", '{"text": "a", "label": 1}\n\n{"text": "a"}', "there is no label under label", "line 3"),
        ("a.jsonl", '{"text": "a", "label": null}', "there is no label under label", "line 1"),
        ("a.jsonl", '{"text": 3, "label": 1}', "there is no text under text or content or body", "line 1"),
        ("a.csv", "words,label\nx,1\n", "there is no text under text or content or body", "line 2"),
        ("a.csv", 'text,label\n"x\ny",1\nz\n', "the line cannot be read", "line 4"),
        ("a.csv", "text,label\n", "there are no labelled texts", "a.csv"),
        ("a.csv", "", "the file is empty", "a.csv"),
        ("a.jsonl", b"\x00\x01\x02" * 9, "the file is binary", "a.jsonl"),
        ("a.jsonl.gz", b"no gzip", "the labelled texts cannot be read", "a.jsonl.gz"),
        ("a.txt", "text", "labelled texts are JSON lines or tables", "a.txt"),
        ("a.csv", "text,label\na,0\nb,2\n", "no text has the label 1 or true or yes", "a.csv"),
        ("a.csv", "text,label\na,1\nb,true\n", "every text has the label 1 or true or yes", "a.csv"),
        ("a.csv", "text,label\na,1\nb,2\n", "a classifier needs 40 different texts of each label", ""),
    ],
)
def test_what_cannot_be_learned_from_is_told_with_its_line(
    store: Store, tmp_path: Path, name: str, content: str | bytes, what: str, where: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(EtymonError) as error:
        train_on_files(store, [str(path)], Learning())
    assert error.value.what == what
    assert where in error.value.where
    assert store.artifacts("classifier") == []


def test_numbers_out_of_range_and_other_artifacts_are_refused(store: Store, tmp_path: Path) -> None:
    for given_ in ({"most": 5}, {"seed": -1}):
        with pytest.raises(EtymonError, match=r"too few|no seed"):
            Learning(**given_)
    rows: Mapping[str, Any] = {"text": "a text of some length. " * 9}
    (tmp_path / "c.jsonl").write_text("\n".join(json.dumps({"text": f"{n} {rows['text']}"}) for n in range(9)))
    corpus = build(store, [str(tmp_path / "c.jsonl")])
    with pytest.raises(EtymonError, match="is a corpus, not a classifier"):
        classifier_in(corpus)


def test_it_trains_where_torch_cannot_be_imported(tmp_path: Path) -> None:
    lines = jsonl(tmp_path / "a.jsonl")
    code = (
        "import sys; sys.modules['torch'] = None\nfrom etymon.cli import main\n"
        f"sys.exit(main(['classifier', 'train', {str(lines)!r}, '--store', {str(tmp_path / 's')!r}, '--json']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["accuracy"]["mean"] == 1.0
