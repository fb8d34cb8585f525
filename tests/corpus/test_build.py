"""Building a corpus: the funnel adds up, the same work is the same artifact, small corpora work."""

from __future__ import annotations

import gzip
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etymon.corpus import DECISIONS, DOCUMENTS, RECORDS, Corpus, CorpusSettings, build, read
from etymon.corpus.passes import reads_here
from etymon.corpus.sources import Source
from etymon.corpus.verdicts import Tally, Verdict
from etymon.errors import EtymonError
from etymon.storage import Artifact, Store

Folder = Callable[[Mapping[str, str | bytes]], Path]


def sentences(count: int, about: str = "rivers") -> str:
    return " ".join(f"Sentence {n} of a text on {about} says {n * n % 97}." for n in range(count))


def pages(count: int, about: str = "rivers") -> dict[str, str]:
    return {f"{about}/{n:03}.txt": sentences(4, f"{about} {n}") for n in range(count)}


def documents(artifact: Artifact) -> list[Any]:
    return list(Corpus.open(artifact).documents())


FILES = st.sampled_from(
    [
        ("txt", sentences(20).encode()),
        ("txt", "Größe".encode("cp1252") * 30),
        ("txt", b""),
        ("md", b"# short"),
        ("txt", b"bin\x00ary"),
        ("jsonl", b'{"text": "a good line of text"}\n{"text": "a good line of text"}\n{bad\n{"title": 3}\n'),
        ("jsonl.gz", gzip.compress(b'{"text": "packed text of some length"}\n')),
        ("txt.gz", gzip.compress(sentences(9).encode())[:-5]),
        ("csv", b"text,label\nfirst row of words,1\nsecond,row,3\n"),
        ("py", b"def f():\n    return 'something'\n"),
        ("parquet", b"PAR1"),
        ("ipynb", b"{}"),
        ("dat", b"\xff\xfe\x00"),
        ("zip", b"PK"),
    ]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(FILES, min_size=1, max_size=12))
def test_whatever_the_mix_every_document_is_accounted_for(files: list[tuple[str, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "data")
        root.mkdir()
        (root / "base.txt").write_text(sentences(60, "base"))
        for number, (suffix, data) in enumerate(files):
            (root / f"{number}.{suffix}").write_bytes(data)
        artifact = build(Store.at(Path(scratch, "store")), [str(root)], CorpusSettings())
        counts, decisions = artifact.statistics["documents"], list(Corpus.open(artifact).decisions())
        assert counts["in"] == len(decisions)
        assert counts["in"] == counts["kept"] + sum(counts["dropped"].values()) + sum(counts["quarantined"].values())
        assert {each.source_file for each in decisions} == {path.name for path in root.iterdir()}
        assert len({each.id for each in decisions}) == len(decisions)
        kept = [each.id for each in decisions if each.outcome == "kept"]
        assert kept == [document.id for document in documents(artifact)]
        assert sum(each.bytes for each in documents(artifact)) == artifact.statistics["bytes"]["kept"]


def test_a_tally_that_does_not_add_up_is_refused() -> None:
    tally = Tally()
    tally.add(Verdict("kept"), 10)
    tally.read += 1
    with pytest.raises(EtymonError, match="does not add up"):
        tally.to_json()


def test_the_tables_have_their_declared_columns(store: Store, folder: Folder) -> None:
    artifact = build(store, [str(folder(pages(40)))])
    for name, schema in (("documents.parquet", DOCUMENTS), ("decisions.parquet", DECISIONS)):
        with artifact.open(name) as stream:
            assert pq.read_schema(stream).equals(schema)


def test_statistics_count_domains_and_splits(store: Store, folder: Folder) -> None:
    artifact = build(store, [str(folder({**pages(40), **pages(20, "hills"), "a.py": "x = 1\n" * 20}))])
    statistics = artifact.statistics
    assert {name: each["documents"] for name, each in statistics["domains"].items()} == {
        "rivers": 40,
        "hills": 20,
        "code": 1,
    }
    assert sum(each["bytes"] for each in statistics["splits"].values()) == statistics["bytes"]["kept"]
    assert all(each["documents"] for each in statistics["splits"].values())


def test_the_same_files_are_built_once_and_a_changed_file_anew(store: Store, folder: Folder) -> None:
    root = folder(pages(40))
    first = build(store, [str(root)])
    assert build(store, [str(root)]).created == first.created
    (root / "rivers/000.txt").write_text(sentences(5, "something else"))
    changed = build(store, [str(root)])
    assert changed.id != first.id
    assert len(store.artifacts("corpus")) == 2


def test_a_setting_makes_another_corpus(store: Store, folder: Folder) -> None:
    root = folder(pages(40))
    assert build(store, [str(root)]).id != build(store, [str(root)], CorpusSettings(validation=0.1)).id


def test_the_same_files_elsewhere_give_the_same_ids_and_bytes(tmp_path: Path, folder: Folder) -> None:
    root = folder({**pages(40), "broken.jsonl": "{", "same.txt": pages(1)["rivers/000.txt"]})
    shutil.copytree(root, tmp_path / "elsewhere")
    here = build(Store.at(tmp_path / "store-1"), [str(root)])
    there = build(Store.at(tmp_path / "store-2"), [str(tmp_path / "elsewhere")])
    assert here.id == there.id
    assert here.content_hash == there.content_hash


def test_a_recipe_file_that_says_something_else_makes_another_corpus(
    store: Store, folder: Folder, tmp_path: Path
) -> None:
    root, recipe = folder(pages(40)), tmp_path / "recipes" / "own.toml"
    recipe.parent.mkdir()

    def built(language: str) -> Artifact:
        rule = '[[rule]]\nname = "short"\ncolumn = "bytes"\nop = "<"\nthreshold = 16\nsource = "mine"\n'
        recipe.write_text(f'languages = ["{language}"]\n{rule}')
        return build(store, [str(root)], CorpusSettings(recipe=str(recipe)))

    english = built("en")
    assert english.statistics["documents"]["kept"] == 40
    with pytest.raises(EtymonError, match="language not asked for"):
        built("de")
    assert str(recipe.parent) not in json.dumps(english.recipe)
    moved = recipe.rename(recipe.parent.parent / "own.toml")
    built_there = CorpusSettings(recipe=str(moved))
    moved.write_text(moved.read_text().replace('"de"', '"en"'))
    assert build(store, [str(root)], built_there).id == english.id


def test_test_items_that_change_are_read_anew_in_the_same_process(store: Store, folder: Folder, tmp_path: Path) -> None:
    question = (
        "Which of the seven keepers of the old lighthouse first wrote down how far the storm had moved the rocks?"
    )
    root, items = (
        folder({**pages(39), "asked.txt": f"Somebody asks. {question} Nobody knows."}),
        tmp_path / "items.jsonl",
    )
    asked = CorpusSettings(contamination=str(items))
    items.write_text(json.dumps({"id": "q", "text": question}) + "\n")
    assert build(store, [str(root)], asked).statistics["documents"]["dropped"] == {"holds test items": 1}
    items.write_text(json.dumps({"id": "q", "text": "nothing of this stands anywhere " * 5}) + "\n")
    assert build(store, [str(root)], asked).statistics["documents"]["kept"] == 40


def test_what_may_swell_is_read_by_workers() -> None:
    def source(name: str, size: int) -> Source:
        return Source(Path(name), name, "jsonl", Path(name).suffix, size)

    assert reads_here([source("a.gz", 10_000)])
    assert not reads_here([source("a.gz", 1 << 20)])
    assert not reads_here([source("a.xz", 100)])


def test_a_corpus_too_large_to_hold_is_read_by_workers_to_the_same_bytes(
    tmp_path: Path, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder(pages(60))
    held = build(Store.at(tmp_path / "store-1"), [str(root)])
    monkeypatch.setattr("etymon.corpus.passes.HERE_BYTES", 0)
    assert build(Store.at(tmp_path / "store-2"), [str(root)]).content_hash == held.content_hash


@pytest.mark.parametrize("here_bytes", [0, 1 << 20])
def test_a_file_that_changes_while_it_is_read_is_told(
    store: Store, folder: Folder, monkeypatch: pytest.MonkeyPatch, here_bytes: int
) -> None:
    monkeypatch.setattr("etymon.corpus.passes.HERE_BYTES", here_bytes)
    root = folder(pages(60))

    def meddle(done: float, total: float | None = None, note: str = "") -> None:
        (root / "rivers/001.txt").write_text(sentences(4, "changed"))

    with pytest.raises(EtymonError, match="changed while it was being read"):
        build(store, [str(root)], progress=meddle)
    assert store.artifacts() == []


def test_one_file_of_two_kilobytes_gives_all_three_splits(store: Store, folder: Folder) -> None:
    text = sentences(50)
    assert 1_900 < len(text) < 2_200
    artifact = build(store, [str(folder({"only.txt": text}) / "only.txt")])
    found = documents(artifact)
    assert {each.split for each in found} == {"train", "validation", "test"}
    assert "".join(each.text for each in found) == text
    for each in found:
        assert text[each.source_offset :].startswith(each.text)


@pytest.mark.parametrize("name", ["one.jsonl", "one.csv", "one.ipynb", "one.py"])
def test_a_single_long_record_of_any_format_is_cut_finer(store: Store, folder: Folder, name: str) -> None:
    text = sentences(200)
    notebook = json.dumps({"cells": [{"cell_type": "markdown", "source": text}]})
    files = {"one.jsonl": json.dumps({"text": text}), "one.csv": f"text,n\n{text},1\n", "one.py": text}
    artifact = build(store, [str(folder({name: {**files, "one.ipynb": notebook}[name]}))])
    found = documents(artifact)
    assert len(found) > 20
    assert "".join(each.text for each in found) == text
    assert {each.split for each in found} == {"train", "validation", "test"}


def test_too_little_text_is_told_with_both_numbers(store: Store, folder: Folder) -> None:
    with pytest.raises(EtymonError, match="there are 300 bytes of text; at least 1,000 are needed") as caught:
        build(store, [str(folder({"a.txt": "word " * 60, "b.txt": "", "c.txt": "\0"}))])
    assert "1 empty, 1 binary" in caught.value.why


def test_records_without_a_text_field_lead_to_the_setting(store: Store, folder: Folder) -> None:
    rows = "\n".join(json.dumps({"question": sentences(3, str(n))}) for n in range(50))
    root = folder({"a.jsonl": rows})
    with pytest.raises(EtymonError) as caught:
        build(store, [str(root)])
    assert "text_field=NAME" in caught.value.help
    assert len(documents(build(store, [str(root)], CorpusSettings(text_field="question")))) == 50


def test_copies_alone_are_no_corpus(store: Store, folder: Folder) -> None:
    line = "The very same sentence, again and again, in every single file there is, without any change at all. " * 2
    with pytest.raises(EtymonError, match="gives 1 different documents; at least 3"):
        build(store, [str(folder({f"{n}.jsonl": json.dumps({"text": line * 9}) for n in range(20)}))])


def test_copies_are_never_on_two_sides(store: Store, folder: Folder) -> None:
    files = {**pages(60), **{f"copies/{n}.txt": f"  {sentences(4, f'rivers {n}')}\n" for n in range(60)}}
    artifact = build(store, [str(folder(files))])
    assert artifact.statistics["documents"]["dropped"] == {"exact duplicate": 60}


def test_read_yields_batches_of_the_declared_columns_with_faults_as_rows(folder: Folder) -> None:
    (batch,) = read([str(folder({"a.txt": "some words", "b.txt": ""}))])
    assert batch.schema.equals(RECORDS)
    assert batch.column("fault").to_pylist() == [None, "empty"]


def test_the_progress_counts_bytes_and_ends_at_the_total(store: Store, folder: Folder) -> None:
    told: list[tuple[float, float | None]] = []
    build(store, [str(folder(pages(40)))], progress=lambda done, total=None, note="": told.append((done, total)))
    assert told[-1][0] == told[-1][1] == sum(len(text) for text in pages(40).values())


def test_hosts_and_folders_name_domains(store: Store, folder: Folder) -> None:
    rows = [{"text": sentences(3, str(n)), "url": f"https://www.example{n % 2}.org/{n}"} for n in range(40)]
    rows += [{"text": sentences(3, "bad"), "url": "https://[broken"}, {"text": sentences(2), "domain": "poems"}]
    artifact = build(store, [str(folder({"a.jsonl": "\n".join(map(json.dumps, rows))}))])
    assert {name: each["documents"] for name, each in artifact.statistics["domains"].items()} == {
        "example0.org": 20,
        "example1.org": 20,
        "text": 1,
        "poems": 1,
    }


def test_the_genre_is_the_records_own_or_told_by_cues_of_kept_and_dropped_alike(store: Store, folder: Folder) -> None:
    rows = [{"text": sentences(9, str(n)), "url": f"https://example.org/wiki/{n}"} for n in range(20)]
    rows += [{"text": sentences(9, "verse"), "genre": "poetry"}, {"text": "short", "url": "https://example.org/shop/1"}]
    artifact = build(store, [str(folder({"a.jsonl": "\n".join(map(json.dumps, rows))}))])
    decided = {(each.outcome, each.genre) for each in Corpus.open(artifact).decisions()}
    assert decided == {("kept", "reference"), ("kept", "poetry"), ("dropped", "shop")}
    assert {each.genre for each in documents(artifact)} == {"reference", "poetry"}
    assert "genre poetry" in next(d for d in Corpus.open(artifact).decisions() if d.genre == "poetry").in_words()


def test_many_domains_are_shown_up_to_fifty(store: Store, folder: Folder) -> None:
    rows = [{"text": sentences(2, str(n)), "domain": f"d{n}"} for n in range(70)]
    domains = build(store, [str(folder({"a.jsonl": "\n".join(map(json.dumps, rows))}))]).statistics["domains"]
    assert len(domains) == 51
    assert domains["(other)"]["documents"] == 20
